"""One run on the page: its state, progress and curves while it trains, its figures when it has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from convmf.errors import ConvMFError
from convmf.runs.jobs import Progress
from convmf.runs.store import RunRecord
from pages.shared import curves, device, frame, metrics, new_training, run_curves, run_details, run_result, run_words
from pages.shared.run_words import NONE, STATES, UNCORRECTED, duration, show_progress
from pages.shared.workspace import jobs, read_only, store

RUNS, NEW = "Runs", "New training"
"""The two views of the Train page."""
CHANGE = "Change and train anew"


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
    elif run.is_uncorrected and not run.is_active:
        st.info(UNCORRECTED)
    if run.is_active:
        show_progress(progress)
    if history or run.is_active:
        _figures(run, progress, history)
    if run.report is not None and not run.is_active:
        run_result.show(run, run.report)
    run_curves.show(run, history)
    run_details.show(run)


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
            run_words.link_to_predictions(run)
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


def _figures(run: RunRecord, progress: Progress, history: Sequence[Mapping[str, Any]]) -> None:
    best = curves.best_iteration(history)
    seconds = progress.seconds_elapsed
    level = ((run.baselines or {}).get("biases") or {}).get("valid")
    delta = metrics.against(best[1], level, "against averages", digits=3, good=-1) if best and level else {}
    with st.container(horizontal=True):
        st.metric(
            "Iterations",
            f"{len(history)}",
            width=110,
            help=f"Finished rounds of learning, at most {run.n_iterations}. It ends sooner when the validation error "
            f"hasn't fallen for {run.config['patience']} of them.",
        )
        st.metric("Best one", f"{best[0]}" if best else NONE, width=110, help="The model of this iteration is kept.")
        st.metric("Time", duration(seconds), width=150, help="Since it last went to work.")
        st.metric(
            "Best validation RMSE",
            f"{best[1]:.3f}" if best else NONE,
            **delta,
            width=230,
            help="Typical error in rating points on ratings it doesn't learn from; lower is better. Averages: what "
            "user and item averages alone reach.",
        )
        st.metric("Device", device.label(run.device), width=150, help="Where it is trained.")
