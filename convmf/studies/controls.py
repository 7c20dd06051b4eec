"""Real, shuffled, empty and no text: whether it is the text that helps, and for which items."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
from plotly.graph_objects import Figure

from convmf.data.dataset import Ratings
from convmf.data.splits import Split, SplitSettings
from convmf.evaluation.metrics import rmse
from convmf.studies.figures import RMSE, add_series, figure, signed, spread_note
from convmf.studies.plan import Planned, Row, Study, StudySettings, Trained
from convmf.studies.results import differences, summarize

TEXTS = {"real": "Real texts", "shuffled": "Shuffled texts", "empty": "Empty texts", "none": "No text (PMF)"}
LEVELS = "averages"
BUCKETS = {"0 (cold)": (0, 0), "1–5": (1, 5), "6–20": (6, 20), "21–100": (21, 100), "over 100": (101, math.inf)}
ALL_WARM = "all but cold"
"""Items by their training ratings: label, fewest and most."""


def plan(settings: StudySettings) -> list[Planned]:
    """The four kinds of text and the averages, with a tenth of the items held out whole."""
    trainings = []
    for seed in settings.seeds:
        split = SplitSettings(valid=0.1, test=0.1, cold_items=0.1, seed=seed)
        for text in TEXTS:
            trainings.append(Planned({"text": text}, replace(settings.config, seed=seed, text=text), split))
        trainings.append(Planned({"text": LEVELS}, None, split))
    return trainings


def measure(trained: Trained) -> list[Row]:
    """Test RMSE of the items in each bucket; those of no training rating are the cold ones."""
    rows: list[Row] = []
    for bucket, part in ratings_by_bucket(trained.split).items():
        error = rmse(trained.predict(part), part.rating) if len(part) else None
        rows.append({"item_ratings": bucket, "n_test": len(part), "test_rmse": error})
    return rows


def ratings_by_bucket(split: Split) -> dict[str, Ratings]:
    """Test and cold ratings by the training ratings of their item; test ratings alone as ``ALL_WARM``."""
    joined = Ratings(
        *(
            np.concatenate([getattr(split.test, name), getattr(split.cold, name)])
            for name in ("user_index", "item_index", "rating")
        )
    )
    counts = np.bincount(split.train.item_index, minlength=split.dataset.n_items)[joined.item_index]
    ends = BUCKETS | {ALL_WARM: (1, math.inf)}
    return {
        label: joined.take(np.flatnonzero((counts >= low) & (counts <= high))) for label, (low, high) in ends.items()
    }


def figures(rows: pd.DataFrame, settings: StudySettings) -> list[Figure]:
    """What each text changes against no text, and the errors themselves."""
    note = spread_note(settings.n_seeds)
    gains = figure(
        "Where text helps: test error less that of the same model without text",
        f"Below 0 is better than without text. Items by the number of their training ratings; {note}",
        "Training ratings of the item",
        "Difference in RMSE (rating points)",
    )
    errors = figure(
        "Test error by how many ratings the item has",
        f"“Averages” are the users' and items' own levels alone; {note}",
        "Training ratings of the item",
        RMSE,
    )
    gap = differences(rows, "text", "none", ("item_ratings",), ("test_rmse",))
    names = TEXTS | {LEVELS: "Averages"}
    for chart, table, shown in ((gains, gap, ("real", "shuffled", "empty")), (errors, rows, tuple(names))):
        summary = summarize(table, STUDY.keys, ("test_rmse",))
        for text in shown:
            part = summary[(summary.text == text) & summary.item_ratings.isin(list(BUCKETS))]
            hover = f"{names[text]}, items with %{{x}} ratings<br>RMSE %{{y:.4f}}%{{customdata}}"
            columns = (part.item_ratings, part.test_rmse_mean, part.test_rmse_sd)
            add_series(chart, names[text], list(names).index(text), *columns, hover=hover)
        chart.update_xaxes(categoryorder="array", categoryarray=list(BUCKETS))
    gains.add_hline(y=0, line={"color": "#9AA4B2", "width": 1})
    return [gains, errors]


def findings(rows: pd.DataFrame, settings: StudySettings) -> list[str]:
    """What real and shuffled texts change on cold and on other items."""
    gap = differences(rows, "text", "none", ("item_ratings",), ("test_rmse",))
    summary = summarize(gap, STUDY.keys, ("test_rmse",))
    notes = []
    for bucket, name in (("0 (cold)", "items without ratings"), (ALL_WARM, "all other items")):
        part = summary[summary.item_ratings == bucket].dropna(subset="test_rmse_mean").set_index("text")
        changes = [
            f"{text} texts change the test RMSE by {signed(part.test_rmse_mean[text], part.test_rmse_sd[text])}"
            for text in ("real", "shuffled")
            if text in part.index
        ]
        if changes:
            notes.append(f"On {name}, against no text: {'; '.join(changes)}.")
    return notes


STUDY = Study(
    name="controls",
    title="Is it the text that helps, and for which items?",
    question=(
        "The same model learns with the items' own texts, with texts shuffled between the items, with empty texts and "
        "with none (PMF). A tenth of the items is held out with all their ratings: for these the text is all there is. "
        "What shuffled or empty texts gain on no text is the work of the prior, not of what the texts say."
    ),
    plan=plan,
    measure=measure,
    keys=("text", "item_ratings"),
    measures=("n_test", "test_rmse"),
    figures=figures,
    findings=findings,
)
