"""What a run came to, in figures: its error beside simple averages and, where it is known, the lowest possible one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from convmf.data.sample import SAMPLE_NOTE, sample_truth
from convmf.evaluation.comparison import MODEL, PREDICTORS, WITHOUT_TEXTS, comparison, reads_texts
from convmf.evaluation.findings import against_simple
from convmf.labels import in_percent
from convmf.runs.store import DatasetRecord, RunRecord
from pages.shared import frame
from pages.shared.run_words import figure
from pages.shared.workspace import store

_ROWS = {
    MODEL: PREDICTORS[MODEL],
    "biases": ("User and item averages", "Knows only how generous a user is and how liked an item is; no tastes."),
    "user_mean": ("User average", "Gives every item the user's own average."),
    "global_mean": ("Global average", "Gives everything the average of all ratings."),
    "floor": ("Lowest possible", "No model can do better: the rest is chance, known because the data are invented."),
}


def show(run: RunRecord, report: Mapping[str, Any]) -> None:
    """The result of a run with a report, in a sentence and a table."""
    if is_unmeasured(report):
        st.info(unmeasured(report))
        return
    st.markdown("**Result: typical error in rating points (RMSE), lower is better**")
    st.markdown(frame.plain(insight(report)))
    if told := not_ready(report):
        st.caption(told)
    known = lowest_possible(store().dataset_record(run.dataset_id))
    floor = (known["test"], known["cold"]) if known else None
    st.table(result_table(report, floor), width="stretch", border="horizontal")
    st.caption(_parts(run.split["cold_items"], report))


def is_unmeasured(report: Mapping[str, Any]) -> bool:
    """Whether no rating was left for a final measurement."""
    return report["rmse"].get("test") is None and report["rmse"].get("cold") is None


def unmeasured(report: Mapping[str, Any]) -> str:
    """Why nothing was measured, and what to do about it."""
    split = report["split"]
    shares = [(split["test"], "the ratings"), (split["cold_items"], "the items")]
    asked = " and ".join(f"{in_percent(share)} of {what}" for share, what in shares if share)
    told = "No rating was held out of this training, so nothing can be said of its errors."
    if not asked:
        return f"{told} Train again with ratings kept for the test, or with items held out “as if new”."
    return (
        f"{told} It was to be {asked}; of so few, where every user and item keeps one to learn from, that is none. "
        "Train again on more ratings, or with more of the items held out “as if new”."
    )


def _parts(cold_items: float, report: Mapping[str, Any]) -> str:
    """What known and new items are."""
    known = "Known items: ratings kept for this one measurement"
    if not cold_items:
        return f"{known}. No items were held out as if new."
    if report["rmse"].get("cold") is None:
        return f"{known}. No items were held out as if new: {in_percent(cold_items)} of so few is none."
    how = "predicted from their descriptions alone" if reads_texts(report) else "of which this model knows nothing"
    return (
        f"{known}, of items that have other ratings to learn from. New items: all ratings of the "
        f"{in_percent(cold_items)} of the items held out as if new, {how}."
    )


def insight(report: Mapping[str, Any]) -> str:
    """What the run is worth, in a sentence or two: on new items where it was measured there, else on known ones."""
    counts = report.get("n_ratings") or {}
    found = (against_simple(part, comparison(report, part), counts.get(part)) for part in ("cold", "test"))
    return next((finding.text for finding in found if finding is not None), "")


def not_ready(report: Mapping[str, Any]) -> str:
    """What to try where the settings left the model as it was for new items, as preset quick does; else nothing."""
    config = report["config"]
    if config.get("calibration") or config.get("text") != "real" or report["rmse"].get("cold") is None:
        return ""
    return (
        "These settings leave out what makes the text network ready for new items (“calibration”). Preset default does "
        "it, and usually errs less on them; it takes longer."
    )


def result_table(report: Mapping[str, Any], floor: tuple[float, float] | None) -> pd.DataFrame:
    """Test and cold RMSE of the model, the baselines and the floor, as text, with what each of them is."""
    figures = {MODEL: report["rmse"], **report["baselines"]}
    if floor is not None:
        figures["floor"] = {"test": floor[0], "cold": floor[1]}
    rows = {}
    for key, (name, meaning) in _ROWS.items():
        parts = figures.get(key)
        if key == MODEL and not reads_texts(report):
            meaning = WITHOUT_TEXTS
        if parts is not None:
            values = [figure(parts.get(part)) for part in ("test", "cold")]
            rows[name] = [*(f"**{value}**" if key == MODEL else value for value in values), meaning]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["Known items", "New items", "What it is"])


def lowest_possible(record: DatasetRecord) -> dict[str, float] | None:
    """The lowest possible RMSE on known ("test") and new ("cold") items, where the data were made and it is known."""
    if record.note != SAMPLE_NOTE:
        return None
    truth = sample_truth()
    return {"test": truth.rmse_floor_warm, "cold": truth.rmse_floor_cold}
