"""One run on the page: its state, progress and curves while it trains, its figures when it has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from convmf.config import ConvMFConfig
from convmf.data.sample import SAMPLE_NOTE, sample_truth
from convmf.data.splits import SplitSettings
from convmf.errors import ConvMFError
from convmf.evaluation.comparison import comparison
from convmf.evaluation.findings import against_simple
from convmf.runs.command import train_command
from convmf.runs.jobs import Progress
from convmf.runs.store import DatasetRecord, RunRecord
from pages.shared import curves, data_manage, device, frame, new_training, settings
from pages.shared.workspace import jobs, read_only, store

STATES = {
    "queued": ("waiting", "blue"),
    "running": ("training", "green"),
    "stopping": ("stopping", "orange"),
    "stopped": ("stopped", "orange"),
    "done": ("finished", "green"),
    "failed": ("failed", "red"),
    "interrupted": ("interrupted", "orange"),
}
"""Each state in a word for people, and the colour of its badge."""

_ROWS = {
    "model": ("This model", "Ratings and descriptions together: what you have just trained."),
    "biases": ("User and item averages", "Knows only how generous a user is and how liked an item is; no tastes."),
    "user_mean": ("User average", "Gives every item the user's own average."),
    "global_mean": ("Global average", "Gives everything the average of all ratings."),
    "floor": ("Lowest possible", "No model can do better: the rest is chance, known because the data are invented."),
}
_NONE = "–"
RUNS, NEW = "Runs", "New training"
"""The two views of the Train page."""
CHANGE = "Change and train anew"

LOG_LINES = 40
CURVE_WIDTH = 482

_ZOOM = "Drag to move along the iterations, Ctrl and the wheel (or a pinch) to zoom, double click to see all again."
_TERMS_HELP = (
    "What the training makes smaller, in the model's own unit: the squared error on the training ratings, the pull on "
    "the users' factors, the pull of the items' factors towards what the network reads, and the penalty on its weights."
)
_CNN_HELP = (
    "λ_V/2 times the squared distance between an item's factors and what the network reads in its text: the mean over "
    "the rated items, in the model's own unit."
)
_SPLIT = (
    ("valid", "Validation share", "Share of the ratings that choose the best iteration."),
    ("test", "Test share", "Share of the ratings that are read once, at the end."),
    ("cold_items", "Items held out as if new", "Share of the rated items that lose all their ratings."),
    ("seed", "Seed of the split", "Start of the random choice of these parts."),
)

GROWING_ERROR = (
    " The training error may rise on the way: the pulls grow, and the model lets go of what it had learnt by heart."
)
STEADY_OBJECTIVE = "The sum that the training makes smaller. Its height says nothing by itself; its fall does."
GROWING_OBJECTIVE = (
    "The sum that each step makes smaller. In this run the pulls in it grow from iteration to iteration, so it may "
    "rise between them; judge the training by the validation error above."
)
"""Captions of the curves, for runs whose λ stays (as in the paper) and for those whose λ grows."""


def show_run(run: RunRecord) -> None:
    """Draw the run; one that is waiting or training is looked at again every second until it has ended.

    An ended run is no fragment: its Resume then draws the whole page anew, without a ``st.rerun``, which would
    outrun a click on the menu in the same moment.
    """
    if run.is_active:
        st.fragment(_watch, run_every=1.0)(run.id)
    else:
        with st.container():  # as a fragment has one: so the charts stay in place when the run ends
            _draw(run)


def _watch(run_id: str) -> None:
    try:
        run = store().run(run_id)
        _draw(run)
    except ConvMFError as error:
        st.error(frame.plain(str(error)))
        return
    if not run.is_active:
        st.rerun()  # the list of runs follows, and the clock stands still


def runs_table(runs: Sequence[RunRecord], datasets: Mapping[str, DatasetRecord]) -> pd.DataFrame:
    """A row a run: name, data set, state, iterations, test RMSE on known and on new items, begin."""
    rows = []
    for run in runs:
        rmse = (run.report or {}).get("rmse", {})
        rows.append(
            {
                "Run": run.name,
                "Data set": datasets[run.dataset_id].name,
                "State": STATES[run.state][0],
                "Iterations": run.iterations_done,
                "RMSE, known items": _figure(rmse.get("test")),
                "RMSE, new items": _figure(rmse.get("cold")),
                "Created (UTC)": run.created.replace(microsecond=0, tzinfo=None),
            }
        )
    return pd.DataFrame(rows)


def duration(seconds: float) -> str:
    """Seconds in words: '45 s', '3 min 20 s', '1 h 5 min'."""
    whole = int(round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole < 600 else f"{round(whole / 60)} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _figure(value: float | None) -> str:
    return _NONE if value is None else f"{value:.4f}"


def time_left(progress: Progress) -> str:
    """The time left in words, honest about its two ends; empty where nothing is known yet."""
    if progress.seconds_left is None or progress.seconds_left_soonest is None:
        return ""
    soonest, longest = duration(progress.seconds_left_soonest), duration(progress.seconds_left)
    return f"about {longest} left" if soonest == longest else f"at least {soonest}, at most {longest} left"


# The parts of the view ----------------------------------------------------------------------------


def _draw(run: RunRecord) -> None:
    progress = jobs().progress(run.id)
    history = store().history(run.id)
    _head(run)
    if run.state == "failed":
        st.error(f"This training failed: {frame.plain(run.reason)}")
        if not read_only():
            st.caption(f"Choose “{CHANGE}”, change what the message names, and start it.")
    elif run.reason:
        st.info(frame.plain(run.reason))
    if run.is_active:
        show_progress(progress)
    if history or run.is_active:
        _figures(run, progress, history)
    if run.report is not None and not run.is_active:
        _results(run, run.report)
    _curves(run, history)
    _details(run)


def _head(run: RunRecord) -> None:
    word, color = STATES[run.state]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(frame.plain(run.name), anchor=False, width="content")
        st.badge(word, color=color)
        locked = read_only()
        if run.state in ("queued", "running"):
            help_text = "Keeps the best model."
            st.button("Stop training", key="run_stop", on_click=_stop, args=(run.id,), help=help_text, disabled=locked)
        elif run.state == "stopping":
            st.button("Stopping …", key="run_stop", disabled=True)
        elif run.state != "done":
            label, help_text = "Resume" if run.iterations_done else "Start again", "From its checkpoint."
            st.button(label, key="run_resume", on_click=_resume, args=(run.id,), help=help_text, disabled=locked)
        if not run.is_active:
            help_text = "Opens the form of a new training, filled with the settings of this one."
            st.button(CHANGE, key="run_again", on_click=_again, args=(run,), help=help_text, disabled=locked)
        if run.report is not None and not run.is_active:
            st.page_link("pages/results.py", label="**See the results** →", query_params={"run": run.id})
            st.page_link("pages/cold_start.py", label="**Describe a new item** →", query_params={"run": run.id})
    refused = st.session_state.pop("run_refused", "")
    if refused:
        st.error(frame.plain(refused))


def _stop(run_id: str) -> None:
    try:
        jobs().stop(run_id)
    except ConvMFError as error:
        st.session_state["run_refused"] = str(error)


def _resume(run_id: str) -> None:
    try:
        jobs().resume(run_id)
    except ConvMFError as error:
        st.session_state["run_refused"] = str(error)


def _again(run: RunRecord) -> None:
    try:
        new_training.fill_from_run(run)
    except ConvMFError as error:  # a run of an older version may have settings that aren't known any more
        st.session_state["run_refused"] = str(error)
    else:
        st.session_state["train_view"] = NEW


def show_progress(progress: Progress) -> None:
    """How far a run at work is: a bar with words."""
    if progress.state == "queued":
        st.progress(0.0, text="Waiting: another training is running. This one begins by itself.")
        return
    words = [progress.phase or "starting", f"iteration {progress.iteration} of at most {progress.n_iterations}"]
    left = time_left(progress)
    if progress.state == "stopping":
        words[0] = f"stopping: {progress.phase}" if progress.phase not in ("", "training") else "stopping"
    elif left:
        words.append(left)
    text = " · ".join(words)
    st.progress(min(1.0, progress.iteration / progress.n_iterations), text=text[0].upper() + text[1:])


def _figures(run: RunRecord, progress: Progress, history: Sequence[Mapping[str, Any]]) -> None:
    best = curves.best_iteration(history)
    seconds = progress.seconds_elapsed
    level = ((run.baselines or {}).get("biases") or {}).get("valid")
    delta = f"{best[1] - level:+.3f} against averages" if best and level else None
    with st.container(horizontal=True):
        st.metric(
            "Iterations",
            f"{len(history)}",
            width=110,
            help=f"Finished rounds of learning, at most {run.n_iterations}. It ends sooner when the validation error "
            f"hasn't fallen for {run.config['patience']} of them.",
        )
        st.metric("Best one", f"{best[0]}" if best else _NONE, width=110, help="The model of this iteration is kept.")
        st.metric("Time", duration(seconds), width=150, help="Since it last went to work.")
        st.metric(
            "Best validation RMSE",
            f"{best[1]:.4f}" if best else _NONE,
            delta=delta,
            delta_color="inverse",
            width=230,
            help="Typical error in rating points on ratings it doesn't learn from; lower is better. Averages: what "
            "user and item averages alone reach.",
        )
        st.metric("Device", device.label(run.device), width=150, help="Where it is trained.")


def _curves(run: RunRecord, history: Sequence[Mapping[str, Any]]) -> None:
    if not history and not run.is_active:
        st.caption("It ended before its first iteration was finished, so there are no curves.")
        return
    grows = run.config.get("lambda_growth", 1.0) > 1.0
    st.markdown("**Error**", help=f"RMSE: typical distance between predicted and real rating. Lower is better. {_ZOOM}")
    table, words = curves.rmse_table(history, run.baselines), curves.rmse_words(_told(run, history), run.baselines)
    curves.draw(curves.rmse_spec(), table, "run_rmse", words, live=run.is_active)
    st.caption(
        "Dashed lines: simple averages, on the validation ratings. A useful model comes to lie below them."
        + (GROWING_ERROR if grows else "")
    )
    with st.container(horizontal=True):
        with st.container(width=CURVE_WIDTH):
            _objective(run, history, grows)
        with st.container(width=CURVE_WIDTH):
            _cnn_loss(run, history)


def _told(run: RunRecord, history: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """What the words for a chart tell of: nothing that changes while it is live, as other words draw it anew."""
    return [] if run.is_active else history


def _objective(run: RunRecord, history: Sequence[Mapping[str, Any]], grows: bool) -> None:
    st.markdown("**Objective and its four terms**", help=f"{_TERMS_HELP} {_ZOOM}")
    table, words = curves.terms_table(history), curves.objective_words(_told(run, history))
    curves.draw(curves.objective_spec(), table, "run_objective", words, live=run.is_active)
    st.caption(GROWING_OBJECTIVE if grows else STEADY_OBJECTIVE)


def _cnn_loss(run: RunRecord, history: Sequence[Mapping[str, Any]]) -> None:
    st.markdown("**Loss of the text network**", help=f"{_CNN_HELP} {_ZOOM}")
    if run.config["text"] == "none":
        st.caption("This run reads no texts, so it has no text network.")
        return
    words = curves.cnn_words(_told(run, history))
    curves.draw(curves.cnn_spec(), curves.cnn_table(history), "run_cnn", words, live=run.is_active)
    st.caption(
        "How far the text of a rated item is from telling what its ratings say. It can't reach zero: a text doesn't "
        "tell everything. It grows with the pull of the text."
        if run.config.get("lambda_growth", 1.0) > 1.0
        else "How far the text of a rated item is from telling what its ratings say. It can't reach zero: a text "
        "doesn't tell everything."
    )


def _results(run: RunRecord, report: Mapping[str, Any]) -> None:
    st.markdown("**Result: typical error in rating points (RMSE), lower is better**")
    st.markdown(frame.plain(insight(report)))
    known = lowest_possible(store().dataset_record(run.dataset_id))
    floor = (known["test"], known["cold"]) if known else None
    st.table(result_table(report, floor), width="stretch", border="horizontal")
    held_out = f"{run.split['cold_items']:.0%}"
    st.caption(
        "Known items: ratings kept for this one measurement, of items that have other ratings to learn from. "
        f"New items: all ratings of the {held_out} of the items held out as if new, predicted from their descriptions "
        "alone."
        if run.split["cold_items"]
        else "Known items: ratings kept for this one measurement. No items were held out as if new."
    )


def insight(report: Mapping[str, Any]) -> str:
    """What the run is worth, in a sentence or two: on new items where it was measured there, else on known ones."""
    found = (against_simple(part, comparison(report, part)) for part in ("cold", "test"))
    return next((finding.text for finding in found if finding is not None), "")


def result_table(report: Mapping[str, Any], floor: tuple[float, float] | None) -> pd.DataFrame:
    """Test and cold RMSE of the model, the baselines and the floor, as text, with what each of them is."""
    figures = {"model": report["rmse"], **report["baselines"]}
    if floor is not None:
        figures["floor"] = {"test": floor[0], "cold": floor[1]}
    rows = {}
    for key, (name, meaning) in _ROWS.items():
        parts = figures.get(key)
        if parts is not None:
            values = [_figure(parts.get(part)) for part in ("test", "cold")]
            rows[name] = [*(f"**{value}**" if key == "model" else value for value in values), meaning]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["Known items", "New items", "What it is"])


def lowest_possible(record: DatasetRecord) -> dict[str, float] | None:
    """The lowest possible RMSE on known ("test") and new ("cold") items, where the data were made and it is known."""
    if record.note != SAMPLE_NOTE:
        return None
    truth = sample_truth()
    return {"test": truth.rmse_floor_warm, "cold": truth.rmse_floor_cold}


def _details(run: RunRecord) -> None:
    with st.expander("Log", key="run_log"):
        _log(run.id)
    with st.expander("Settings of this run", key="run_settings"):
        # A table, not a dataframe: it breaks its lines, so the meanings can be read in narrow windows, too.
        table = settings_table(run).map(frame.plain).set_index("Setting")
        st.table(table, border="horizontal")
    with st.expander("The same from the command line", key="run_command"):
        data = store().dataset_record(run.dataset_id)
        vectors = "" if run.report is None else (run.report.get("word_vectors") or {}).get("file", "")
        show_command(data, ConvMFConfig.from_dict(run.config), SplitSettings.from_dict(run.split), vectors)


def _log(run_id: str) -> None:
    """The end of what the run has logged; it is kept with the run."""
    lines = jobs().log(run_id)
    if not lines:
        st.caption("Nothing has been logged yet.")
        return
    st.code("\n".join(lines[-LOG_LINES:]), language=None, wrap_lines=True)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"The last {min(LOG_LINES, len(lines))} lines, in this machine's time. The log is kept with the run."
        )
        st.download_button(
            "Download the log",
            partial(_log_file, run_id),
            file_name="log.txt",
            mime="text/plain",
            key="run_log_file",
            on_click="ignore",
        )


def _log_file(run_id: str) -> bytes:
    return "\n".join(jobs().log(run_id)).encode("utf-8")


def settings_table(run: RunRecord) -> pd.DataFrame:
    """A row a setting: its name in words with the paper's symbol, its value, what it means, its name in the library."""
    rows = [
        (_with_symbol(name, field.metadata["symbol"]), _value(run.config[name]), field.metadata["help"], name)
        for name, field in settings.FIELDS.items()
        if name in run.config
    ]
    rows += [(name, _value(run.split[key]), meaning, key) for key, name, meaning in _SPLIT if key in run.split]
    table = [(setting, value, f"{meaning} In the library: {name}.") for setting, value, meaning, name in rows]
    return pd.DataFrame(table, columns=["Setting", "Value", "What it is"])


def _with_symbol(name: str, symbol: str) -> str:
    return f"{settings.setting_name(name)} ({symbol})" if symbol else settings.setting_name(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def show_command(data: DatasetRecord, config: ConvMFConfig, split: SplitSettings, vectors: str) -> None:
    """The command that trains the same model, to copy, and the two files that it reads."""
    st.code(train_command(config, split, vectors=vectors), language="bash", wrap_lines=True)
    st.caption(
        "On the CPU it gives the same figures as here. It reads these two files of the data set, from the folder in "
        "which it is called" + (", and the file of word vectors that you chose." if vectors else ":")
    )
    with st.container(horizontal=True):
        data_manage.download_buttons(data, "command")
