"""Train: settings of a training, its start and stop, its curves while it runs, its figures when it has ended."""

from __future__ import annotations

import streamlit as st

from pages.shared import frame

frame.page(
    "Train",
    "Let the model learn from the ratings and the descriptions, and watch its error fall.",
)
# The title is on the screen before what follows is imported: on a fresh server that takes a second.
from convmf.config import PRESET_HELP, PRESETS, ConvMFConfig
from convmf.data.splits import SplitSettings, n_cold_items
from convmf.data.vectors import WordVectors
from convmf.errors import ConvMFError
from convmf.labels import in_percent
from convmf.runs.store import DatasetRecord, RunRecord
from pages.shared import (
    address,
    device,
    forecast_view,
    new_training,
    run_details,
    run_view,
    run_words,
    settings,
    word_vectors,
)
from pages.shared.distinct import dataset_labels, run_labels
from pages.shared.run_view import NEW, RUNS
from pages.shared.workspace import jobs, read_only, store

DEVICE_SECONDS = 1.0


def main() -> None:
    """The page below its heading."""
    datasets, runs = store().listing()
    if read_only():
        frame.read_only_note("no training can be started, stopped or resumed.")
        if not runs:
            frame.empty_state("No model is trained in this workspace yet.", "pages/data.py", "Look at the data")
            return
        _runs(runs, {record.id: record for record in datasets})
        return
    if not datasets:
        frame.empty_state(
            "There is nothing to train on yet. Take the built-in data set with one click, or load your own files.",
            "pages/data.py",
            "Choose data",
        )
        return
    view = NEW
    if runs:
        _choose_view()
        view = st.radio("Show", [RUNS, NEW], key="train_view", horizontal=True, label_visibility="collapsed")
    if view == NEW:
        _new_training(datasets)
    else:
        _runs(runs, {record.id: record for record in datasets})


def _choose_view() -> None:
    """Show the run that was just started, else, on the first look at the page, what the address asks for."""
    state = st.session_state
    started = state.pop("train_started", None)
    if started is not None:
        state["train_view"], state["train_run"] = RUNS, started
    elif "train_view" not in state:
        state["train_view"] = NEW if "dataset" in st.query_params and "run" not in st.query_params else RUNS


# A new training -----------------------------------------------------------------------------------


def _new_training(datasets: list[DatasetRecord]) -> None:
    st.header("New training", anchor=False)
    new_training.fill_from_address()
    data = _choose_dataset(datasets)
    if data is None:
        return
    preset = st.radio(
        "Preset",
        list(PRESETS),
        format_func=str.capitalize,
        captions=[frame.plain(PRESET_HELP[name]) for name in PRESETS],
        key="train_preset",
        help="A set of settings that belong together. Each of them can be changed below.",
        persist_state="session",
    )
    cold_percent, seed, chosen_device = _main_settings()
    config = vectors = None
    with st.expander("All settings", key="train_settings"):
        st.caption("They start at the values of the preset. Letters are the symbols of the paper.")
        try:
            config = settings.draw_settings(preset)
            config = ConvMFConfig.from_dict({**config.to_dict(), "seed": seed, "device": chosen_device})
            vectors, config = word_vectors.draw(data, config)
        except ConvMFError as error:
            st.error(frame.plain(str(error)))
    if config is not None:
        changed = settings.changed_settings(config, preset)
        if changed:
            st.caption(f"Changed from the preset: {', '.join(settings.setting_name(name) for name in changed)}.")
    else:
        st.error("One of the settings can't be used. Open “All settings” to see which.")
    split = SplitSettings(cold_items=cold_percent / 100, seed=seed)
    all_baselines = st.checkbox(
        "Train every comparison too",
        key="train_baselines",
        persist_state="session",
        help="After the model: the same with ratings alone (PMF), with shuffled and with empty descriptions, and a "
        "linear model of word counts. The Results page shows the model beside them. They take about as long as three "
        "more trainings.",
    )
    if config is not None:
        address.remember_only(new_training.address(data.id, preset, config, cold_percent, all_baselines))
    _warn_of_too_few_items(data, split)
    time = st.container()
    _start_button(data, config, split, vectors, all_baselines)
    if config is not None:
        with st.expander("The same from the command line", key="train_command"):
            run_details.show_command(data, config, split, "" if vectors is None else vectors.name)
        with time:  # drawn last, because it may have to read the data first
            forecast_view.draw(data, config, split)


def _choose_dataset(datasets: list[DatasetRecord]) -> DatasetRecord | None:
    """The data set to train on; None, and no form, where the chosen one was deleted elsewhere: a press of the start
    button that comes with that run must not train another one."""
    by_id = {record.id: record for record in datasets}
    state, asked = st.session_state, st.query_params.get("dataset")
    if "train_dataset" not in state:
        if asked is not None and asked not in by_id:
            st.warning(
                "The data set in this address is not in the workspace any more. The latest one is chosen instead."
            )
        state["train_dataset"] = asked if asked in by_id else datasets[0].id
    elif state["train_dataset"] not in by_id:
        state["train_dataset"] = None
        st.warning("The data set that was chosen here has been deleted meanwhile. Choose another one to train on.")
    labels = dataset_labels(datasets)
    chosen = st.selectbox(
        "Data set",
        list(by_id),
        index=0 if state["train_dataset"] else None,
        format_func=lambda key: labels.get(key, ""),
        key="train_dataset",
        persist_state="page",
        placeholder="Choose a data set",
    )
    if chosen is None:
        return None
    data = by_id[chosen]
    st.caption(
        f"{data.n_users:,} users, {data.n_items:,} items, {data.n_items_with_text:,} of them with a description. "
        + frame.plain(data.note)
    )
    if not data.n_items_with_text:
        st.warning(
            "This data set has no descriptions. The model learns from the ratings alone, and can't tell anything "
            "about new items. Load a file of descriptions on the Data page to change that."
        )
    return data


def _main_settings() -> tuple[int, int, str]:
    """Percent of the items held out, seed, device."""
    with frame.row("main_settings"):
        held_out, seed_column, device_column = (st.container(width=width) for width in (300, 210, 180))
    with held_out:
        cold_percent = st.slider(
            "Items held out “as if new”",
            0,
            new_training.MOST_COLD_PERCENT,
            format="%d %%",
            key="train_cold",
            persist_state="session",
            help="The model never sees a rating of these items, only their descriptions. Afterwards its predictions "
            "for them are compared with the real ratings: this shows how well it does on new items.",
        )
    with seed_column:
        seed = settings.draw_setting("seed", 0, key="train_seed")
    with device_column:
        chosen = _choose_device()
    st.caption(
        "Of the other ratings, 80 % are learned from, 10 % choose the best iteration (validation), and 10 % are "
        "kept for one final measurement (test)."
    )
    return int(cold_percent), int(seed), chosen


def _warn_of_too_few_items(data: DatasetRecord, split: SplitSettings) -> None:
    if split.cold_items and not n_cold_items(split.cold_items, data.n_items):
        items = f"{data.n_items} item{'s' * (data.n_items != 1)}"
        st.warning(
            f"{in_percent(split.cold_items)} of {items} is none: nothing will be measured on new items. Hold out more "
            "of them, or train on more data."
        )


def _choose_device() -> str:
    """Auto, or one of this machine's devices, which become known a moment after the server has started."""
    options, asked = device.options(), st.session_state.get("train_device", "auto")
    if asked not in options and not device.is_known():
        options.append(asked)
    elif asked not in options:
        st.session_state["train_device"] = "auto"
        st.warning(f"This machine has no device {frame.plain(asked)}; the fastest that it has is taken.")
    name = st.selectbox(
        "Device",
        options,
        key="train_device",
        persist_state="session",
        format_func=device.label,
        help=f"Where to train. Auto takes the fastest of this machine: {device.describe() or 'looking …'}.",
    )
    if not device.is_known():
        st.fragment(_wait_for_devices, run_every=DEVICE_SECONDS)()
    return str(name)


def _wait_for_devices() -> None:
    if device.is_known():
        st.rerun()


def _start_button(
    data: DatasetRecord,
    config: ConvMFConfig | None,
    split: SplitSettings,
    vectors: WordVectors | None,
    all_baselines: bool,
) -> None:
    active = jobs().active()
    if active is not None:
        st.info(
            f"{frame.plain(active.name)} is in training. One training runs at a time, so a new one waits "
            "until the others have ended, then begins by itself."
        )
    label = "Start training" if active is None else "Add to the queue"
    if st.button(label, type="primary", disabled=config is None, key="train_start") and config is not None:
        run = jobs().start(data.id, config, split, word_vectors=vectors, all_baselines=all_baselines)
        st.session_state["train_started"] = run.id
        st.rerun()


# Runs ---------------------------------------------------------------------------------------------


def _runs(runs: list[RunRecord], datasets: dict[str, DatasetRecord]) -> None:
    run = _choose_run(runs, datasets)
    run_view.show_run(run)
    st.divider()
    st.header("All runs", anchor=False)
    st.dataframe(run_words.runs_table(runs, datasets), hide_index=True, width="stretch", key="train_table")


def _choose_run(runs: list[RunRecord], datasets: dict[str, DatasetRecord]) -> RunRecord:
    by_id = {run.id: run for run in runs}
    asked = st.query_params.get("run")
    if "train_run" not in st.session_state or st.session_state["train_run"] not in by_id:
        if asked is not None and asked not in by_id:
            st.warning("The run in this address is not in the workspace any more. The latest one is shown instead.")
        active = jobs().active()
        st.session_state["train_run"] = asked if asked in by_id else (active or runs[0]).id
    labels = run_labels(runs, {key: record.name for key, record in datasets.items()})
    chosen = st.selectbox(
        "Run",
        list(by_id),
        format_func=lambda key: labels.get(key, ""),
        key="train_run",
    )
    address.remember_only({"run": chosen})
    return by_id[chosen]


try:
    main()
except ConvMFError as error:
    st.error(frame.plain(str(error)))
address.write()
