"""The model beside everything that it has to beat, row by row, with what each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from convmf.evaluation.bootstrap import Compared, Estimate

MODEL, FLOOR = "model", "floor"

PREDICTORS: Mapping[str, tuple[str, str]] = {
    MODEL: ("This model", "Ratings and descriptions together."),
    "biases": ("User and item averages", "How generous the user is and how liked the item is; no tastes, no texts."),
    "user_mean": ("User average", "Gives every item the user's own average."),
    "global_mean": ("Global average", "Gives everything the average of all ratings."),
    "pmf": ("Ratings alone (PMF)", "The same model without any description."),
    "tfidf_ridge": (
        "Word counts (tf-idf ridge)",
        "The user's level, and a linear model of the words in the description; it sees no rating of the item.",
    ),
    "shuffled_text": (
        "Shuffled descriptions",
        "The same model, but each item has the description of another one: what a text gains without its meaning.",
    ),
    "empty_text": ("Empty descriptions", "The same model, with every description left blank."),
    FLOOR: ("Lowest possible", "No model can do better: the rest is chance, known because the data are invented."),
}
"""Name and meaning of each predictor of a report, in the order in which they are shown."""

WITHOUT_TEXTS = "Ratings alone; it reads no descriptions."
"""What the model is where :func:`reads_texts` is False."""

TEXT_CONTROLS = ("shuffled_text", "empty_text")
"""The model with other texts, which tells what descriptions are worth to it: there is none of one that reads none."""

COSTLY = ("pmf", "tfidf_ridge", "shuffled_text", "empty_text")
"""Predictors that a run trains, one after the other, where it is asked for all."""

SIMPLE = ("biases", "user_mean", "global_mean")
"""Predictors that need no training, so that every run has them."""


@dataclass(frozen=True)
class Row:
    """A predictor on one part of the split; ``rmse`` is None where it wasn't measured in this run."""

    key: str
    label: str
    meaning: str
    rmse: Estimate | None = None
    gain: Estimate | None = None

    @property
    def is_model(self) -> bool:
        return self.key == MODEL


def reads_texts(report: Mapping[str, Any]) -> bool:
    """Whether the model of this report reads descriptions."""
    return (report.get("config") or {}).get("text") != "none"


def comparison(
    report: Mapping[str, Any],
    part: str,
    measured: Mapping[str, Compared] | None = None,
    floor: float | None = None,
) -> list[Row]:
    """A row for each predictor on ``part`` ("test" or "cold").

    Parameters
    ----------
    report
        Of the run; intervals come from its "bootstrap", where it has that. Older reports have a "user_bootstrap", in
        which the intervals on new items are of draws of users, and too narrow: of those none is taken.
    measured
        What was measured again from the saved model; comes before the report.
    floor
        The lowest possible RMSE, where the data were made and it is known.
    """
    old = {"test": (report.get("user_bootstrap") or {}).get("test")}
    stored = (report.get("bootstrap") or old).get(part) or {}
    found = {key: Compared.from_dict(values) for key, values in stored.items() if values} | dict(measured or {})
    plain = {MODEL: report["rmse"], **report["baselines"], FLOOR: {part: floor}}
    rows = []
    for key, (label, meaning) in PREDICTORS.items():
        if key in TEXT_CONTROLS and not reads_texts(report):
            continue
        value = (plain.get(key) or {}).get(part)
        if key == MODEL and not reads_texts(report):
            meaning = WITHOUT_TEXTS
        compared = found.get(key) or (None if value is None else Compared(Estimate(float(value))))
        if compared is not None:
            rows.append(Row(key, label, meaning, compared.rmse, compared.gain))
        elif key != FLOOR:
            rows.append(Row(key, label, meaning))
    return rows


def best_simple(rows: list[Row]) -> Row | None:
    """The simple rule with the lowest RMSE."""
    measured = [row for row in rows if row.key in SIMPLE and row.rmse is not None]
    return min(measured, key=lambda row: row.rmse.value if row.rmse else 0.0, default=None)
