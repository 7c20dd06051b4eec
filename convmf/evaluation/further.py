"""The other figures of a report in words: absolute error, predictive intervals, and how good the top of a list is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from convmf.labels import in_percent

NONE = "–"
PERCENT = "%"

_RANKERS = (("model", "this model"), ("popularity", "the most rated first"), ("random", "by chance"))


@dataclass(frozen=True)
class FurtherRow:
    """A figure on the two parts as text, and what it is."""

    label: str
    cold: str
    test: str
    meaning: str

    def value(self, part: str) -> str:
        """The text of "cold" or "test"."""
        return self.cold if part == "cold" else self.test


def further_rows(report: Mapping[str, Any]) -> list[FurtherRow]:
    """What there is of them in a report; older reports have none."""
    rows = [
        _mae(report.get("mae") or {}),
        *_intervals(report.get("intervals") or {}),
        *_ranking(report.get("ranking") or {}),
    ]
    return [row for row in rows if (row.cold, row.test) != (NONE, NONE)]


def _row(label: str, figures: Mapping[str, Any], form: str, meaning: str) -> FurtherRow:
    """``figures`` holds a number, or None, for "cold" and for "test"."""
    cold, test = (_text(figures.get(part), form) for part in ("cold", "test"))
    return FurtherRow(label, cold, test, meaning)


def _text(value: float | None, form: str) -> str:
    if value is None:
        return NONE
    return format(value, form) if form != PERCENT else in_percent(value, 1)


def _mae(parts: Mapping[str, Any]) -> FurtherRow:
    return _row(
        "Mean absolute error (MAE)",
        parts,
        ".3f",
        "How far off a prediction is on average, in rating points; large errors weigh less than in the RMSE.",
    )


def _intervals(intervals: Mapping[str, Any]) -> list[FurtherRow]:
    if not intervals:
        return []
    level = in_percent(intervals["level"])
    return [
        _row(
            f"Ratings inside their {level} interval",
            _by_part(intervals, "coverage"),
            PERCENT,
            f"The model gives each prediction a range. It is honest where about {level} of the ratings lie within.",
        ),
        _row(
            "Width of the interval",
            _by_part(intervals, "width"),
            ".2f",
            "In rating points, on average; narrower says more.",
        ),
    ]


def _ranking(ranking: Mapping[str, Any]) -> list[FurtherRow]:
    if not ranking:
        return []
    k, rows = ranking["k"], []
    for figure, label, meaning in (
        ("recall", "Recall", "Share of what a user liked that is among the first"),
        ("ndcg", "nDCG", "The same, but the higher in the list, the more it counts; 1 is the best order. Of the first"),
    ):
        for key, who in _RANKERS:
            ranked = {part: (ranking.get(part) or {}).get(key) for part in ("cold", "test")}
            text = f"{meaning} {k} of a list of all items that the user hasn't rated." if key == "model" else ""
            rows.append(_row(f"{label}@{k}, {who}", _by_part(ranked, figure), ".3f", text))
    return rows


def _by_part(parts: Mapping[str, Any], figure: str) -> dict[str, Any]:
    return {part: (parts.get(part) or {}).get(figure) for part in ("cold", "test")}
