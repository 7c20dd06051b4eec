"""A run in words, the same on every page: its state, how far it is, how long it takes, its row in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from convmf.runs.progress import TRAINING, Progress
from convmf.runs.store import DatasetRecord, RunRecord

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

UNCORRECTED = (
    "This model was stopped before its end. Its text network was not corrected for new descriptions, so what it says "
    "of them is rougher, and intervals are wider. Resume it to finish it."
)
"""Said wherever a model is shown that ``is_uncorrected``."""

NONE = "–"
"""What stands where there is no figure."""


def duration(seconds: float) -> str:
    """Seconds in words: '45 s', '3 min 20 s', '1 h 5 min'."""
    whole = int(round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole < 600 else f"{round(whole / 60)} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def time_left(progress: Progress) -> str:
    """The time left for the iterations in words, honest about its two ends; empty where nothing is known yet."""
    if progress.seconds_left is None or progress.seconds_left_soonest is None:
        return ""
    soonest, longest = duration(progress.seconds_left_soonest), duration(progress.seconds_left)
    return f"about {longest} left" if soonest == longest else f"at least {soonest}, at most {longest} left"


def show_progress(progress: Progress) -> None:
    """How far a run at work is: a bar with words."""
    if progress.state == "queued":
        st.progress(0.0, text="Waiting: another training is running. This one begins by itself.")
        return
    words = [progress.phase or "starting"]
    if progress.is_learning:
        words.append(f"iteration {progress.iteration} of at most {progress.n_iterations}")
    else:
        words.append(f"{progress.iteration} iterations are done")
    left = time_left(progress)
    if progress.state == "stopping":
        words[0] = f"stopping: {progress.phase}" if progress.phase not in ("", TRAINING) else "stopping"
    elif left:
        words.append(f"{left}, then it is measured")
    text = " · ".join(words)
    st.progress(progress.done, text=text[0].upper() + text[1:])


def reads_texts(run: RunRecord) -> bool:
    """Whether the run's model reads descriptions; one of data without any learns from ratings alone."""
    return bool(run.config["text"] != "none")


def link_to_predictions(run: RunRecord) -> None:
    """The way to what the run's model is for: new descriptions, or users where it reads none."""
    if reads_texts(run):
        st.page_link("pages/cold_start.py", label="**Describe a new item** →", query_params={"run": run.id})
    else:
        st.page_link("pages/recommend.py", label="**See recommendations** →", query_params={"run": run.id})


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
                "Iterations": NONE if run.is_active else f"{run.iterations_done}",  # above it they are counted live
                "RMSE, known items": figure(rmse.get("test")),
                "RMSE, new items": figure(rmse.get("cold")),
                "Created (UTC)": run.created.replace(microsecond=0, tzinfo=None),
            }
        )
    return pd.DataFrame(rows)


def figure(value: float | None) -> str:
    """An error with three digits, as everywhere on the pages."""
    return NONE if value is None else f"{value:.3f}"
