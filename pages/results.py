"""Results: how good a trained model is, where it is wrong, how runs compare, and all of it to take away."""

from __future__ import annotations

import streamlit as st

from pages.shared import frame

frame.page(
    "Results",
    "How good the predictions are, where they are wrong, and how runs compare.",
)
# The title is on the screen before what follows is imported: on a fresh server that takes a second.
from convmf.errors import ConvMFError
from convmf.runs.store import DatasetRecord, RunRecord
from pages.shared import address, results_manage, results_runs, results_view, run_words
from pages.shared.distinct import run_labels
from pages.shared.workspace import jobs, store

ONE, ALL = "one", "all"
VIEWS = {ONE: "One run", ALL: "All runs"}
REFRESH_SECONDS = 2.0


def main() -> None:
    """The page below its heading."""
    records, runs = store().listing()
    datasets = {record.id: record for record in records}
    results_manage.show_message()
    frame.read_only_note("runs can't be renamed, tagged or deleted.")
    if not runs:
        _nothing_yet(bool(datasets))
        return
    view = address.choice("Show", VIEWS, "view", ONE, show_label=False)
    if view == ALL:
        results_runs.show(runs, datasets)
    else:
        _one(runs, datasets)


def _nothing_yet(has_data: bool) -> None:
    if has_data:
        frame.empty_state(
            "There are no results yet, because nothing has been trained. A quick training takes less than a minute on "
            "the built-in data.",
            "pages/train.py",
            "Train a model",
        )
    else:
        frame.empty_state(
            "There are no results yet. Take the built-in data set with one click, or load your own files; then train.",
            "pages/data.py",
            "Choose data",
        )


def _one(runs: list[RunRecord], datasets: dict[str, DatasetRecord]) -> None:
    run = _choose_run(runs, datasets)
    if run.is_active:
        st.fragment(_wait_for, run_every=REFRESH_SECONDS)(run.id)
    elif run.report is None:
        _without_report(run)
    else:
        results_view.show(run, datasets[run.dataset_id])


def _choose_run(runs: list[RunRecord], datasets: dict[str, DatasetRecord]) -> RunRecord:
    """The run in the address, else the latest one with results, else the latest one."""
    by_id = {run.id: run for run in runs}
    if st.session_state.get("results_run") not in by_id:
        asked = st.session_state.get("results_run", st.query_params.get("run"))
        if asked is not None and asked not in by_id:
            st.warning("The run that was asked for is not in the workspace any more. The latest one is shown instead.")
        measured = (run for run in runs if run.is_trained)
        st.session_state["results_run"] = asked if asked in by_id else next(measured, runs[0]).id
    labels = run_labels(runs, {key: record.name for key, record in datasets.items()})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Run",
            list(by_id),
            format_func=lambda key: labels.get(key, ""),
            key="results_run",
            width=420,
        )
        results_manage.draw(by_id[chosen])
    address.remember("run", chosen)
    return by_id[chosen]


def _wait_for(run_id: str) -> None:
    """A run at work, looked at again until it has ended."""
    try:
        run, progress = store().run(run_id), jobs().progress(run_id)
    except ConvMFError as error:
        st.error(frame.plain(str(error)))
        return
    if not run.is_active:
        st.rerun()
    run_words.show_progress(progress)
    frame.empty_state(
        f"{frame.plain(run.name)} is {run_words.STATES[run.state][0]}. Its results appear here by themselves when it "
        "has ended, or when you stop it.",
        "pages/train.py",
        "Watch the training",
    )


def _without_report(run: RunRecord) -> None:
    """A run that ended without figures: why, and what to do."""
    if run.state == "failed":
        st.error(f"This training failed, so it has no results: {frame.plain(run.reason)}")
    else:
        st.info(f"This training ended before it could be measured. {frame.plain(run.reason)}")
    frame.empty_state(
        f"{'Resume it' if run.iterations_done else 'Start it again'} or start a new training on the Train page, or "
        "choose another run above.",
        "pages/train.py",
        "Go to Train",
    )
    results_view.show_curves(run)


try:
    main()
except ConvMFError as error:
    st.error(frame.plain(str(error)))
address.write()
