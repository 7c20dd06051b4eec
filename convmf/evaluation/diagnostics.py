"""Where a model is wrong: errors by group, calibration, spread, single predictions and users.

Everything here works on arrays of one length, (n_ratings,): a held-out rating and what was predicted for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convmf.evaluation.bootstrap import Estimate, drawn_sums, estimate, group_sums

MAX_VALUES = 12
"""Ratings with more different values than this are put into ranges."""

N_BINS = 10
MIN_USER_RATINGS = 5

Floats = NDArray[np.floating]
Index = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group each rating belongs to: ``codes`` (n_ratings,) are positions in ``labels``."""

    codes: NDArray[np.int64]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Slice:
    """The errors of the ratings of one group.

    ``mean_error`` is predicted minus real: above 0 where the model promises too much. ``baseline_rmse`` is
    that of user and item averages on the same ratings.
    """

    label: str
    n_ratings: int
    rmse: Estimate
    mean_error: Estimate
    baseline_rmse: float


@dataclass(frozen=True)
class Spread:
    """Mean and percentiles of the predictions for the ratings of one group."""

    label: str
    n_ratings: int
    mean: float
    p10: float
    p25: float
    median: float
    p75: float
    p90: float


@dataclass(frozen=True)
class CalibrationBin:
    """A tenth of the predictions: their mean, and that of the real ratings, whose standard error is ``actual_se``."""

    n_ratings: int
    predicted: float
    actual: Estimate
    actual_se: float


@dataclass(frozen=True)
class UserError:
    """The errors of one user's held-out ratings."""

    user_index: int
    n_ratings: int
    rmse: float
    mean_error: float


def count_groups(counts: Index) -> Groups:
    """Ranges of counts that grow as 0, 1, 5, 10, 20, 50, 100, …"""
    highest = int(counts.max())
    starts = [0, 1, 5]
    while starts[-1] <= highest:
        starts += [starts[-1] * factor for factor in (2, 4, 10)]
    labels = [_range_label(first, after - 1) for first, after in zip(starts, starts[1:], strict=False)]
    return Groups(np.searchsorted(starts, counts, side="right") - 1, tuple(labels))


def rating_groups(ratings: Floats) -> Groups:
    """Each rating that occurs, or ten ranges of one width where there are very many different ones."""
    values, codes = np.unique(ratings, return_inverse=True)
    if len(values) <= MAX_VALUES:
        return Groups(codes.astype(np.int64), tuple(f"{value:g}" for value in values))
    edges = np.linspace(float(values[0]), float(values[-1]), N_BINS + 1)
    codes = np.clip(np.searchsorted(edges, ratings, side="right") - 1, 0, N_BINS - 1)
    labels = tuple(f"{low:.3g}–{high:.3g}" for low, high in zip(edges, edges[1:], strict=False))
    return Groups(codes.astype(np.int64), labels)


def slices(drawn_groups: Index, error: Floats, baseline_error: Floats, groups: Groups) -> list[Slice]:
    """The errors of each group that has ratings, with intervals by draws of whole ``drawn_groups`` (users, or items),
    for all groups at once."""
    present = [code for code in range(len(groups.labels)) if (groups.codes == code).any()]
    columns: list[Floats] = []
    for code in present:
        inside = (groups.codes == code).astype(np.float64)
        columns += [inside * error**2, inside * error, inside]
    sums = group_sums(drawn_groups, *columns)
    totals, drawn = sums.sum(axis=0), drawn_sums(sums)
    found = []
    for position, code in enumerate(present):
        squared, signed, count = range(3 * position, 3 * position + 3)
        counts, rows = sums[:, count], groups.codes == code
        with np.errstate(divide="ignore", invalid="ignore"):  # a draw may hold nothing of this group
            rmse = np.sqrt(drawn[:, squared] / drawn[:, count])
            mean = drawn[:, signed] / drawn[:, count]
        found.append(
            Slice(
                label=groups.labels[code],
                n_ratings=int(totals[count]),
                rmse=estimate(np.sqrt(totals[squared] / totals[count]), rmse, counts),
                mean_error=estimate(totals[signed] / totals[count], mean, counts),
                baseline_rmse=float(np.sqrt(np.square(baseline_error[rows]).mean())),
            )
        )
    return found


def spreads(predicted: Floats, groups: Groups) -> list[Spread]:
    """What was predicted in each group that has ratings."""
    found = []
    for code, label in enumerate(groups.labels):
        inside = predicted[groups.codes == code].astype(np.float64)
        if len(inside):
            quantiles = np.quantile(inside, [0.1, 0.25, 0.5, 0.75, 0.9]).tolist()
            found.append(Spread(label, len(inside), float(inside.mean()), *quantiles))
    return found


def calibration(drawn_groups: Index, predicted: Floats, ratings: Floats) -> list[CalibrationBin]:
    """Real ratings by tenths of the predictions, the lowest first; equal predictions stay together."""
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    codes = np.searchsorted(edges, predicted, side="right")
    found = []
    for code in np.unique(codes):
        rows = codes == code
        sums = group_sums(drawn_groups[rows], ratings[rows], np.ones(rows.sum()))
        drawn = drawn_sums(sums)
        means = drawn[:, 0] / drawn[:, 1]
        actual = estimate(float(ratings[rows].mean(dtype=np.float64)), means, sums[:, 1])
        expected = float(predicted[rows].mean(dtype=np.float64))
        found.append(CalibrationBin(int(rows.sum()), expected, actual, float(means.std())))
    return found


def calibration_gap(bins: Sequence[CalibrationBin]) -> float:
    """Mean distance between predicted and real mean, weighted by ratings (expected calibration error)."""
    total = sum(part.n_ratings for part in bins)
    return sum(part.n_ratings * abs(part.predicted - part.actual.value) for part in bins) / total


def calibration_noise(bins: Sequence[CalibrationBin]) -> float | None:
    """The gap to be expected of predictions that promise just what comes true, by chance alone: with few ratings a
    mean lies beside its expectation. None where a bin has too little for an interval.

    For a mean with a normal error of standard deviation s the distance is s·√(2/π) on average.
    """
    if any(part.actual.interval is None for part in bins):
        return None
    total = sum(part.n_ratings for part in bins)
    return math.sqrt(2 / math.pi) * sum(part.n_ratings * part.actual_se for part in bins) / total


def extremes(error: Floats, baseline_error: Floats, kind: str, n: int = 20) -> NDArray[np.int64]:
    """Positions of the ``n`` most telling predictions, the most telling first.

    ``kind``: "worst" and "best" go by the size of the error; "gained" and "lost" by how much smaller or
    larger it is than that of user and item averages.
    """
    size, beside = np.abs(error), np.abs(baseline_error)
    order = {"worst": -size, "best": size, "gained": size - beside, "lost": beside - size}[kind]
    found: NDArray[np.int64] = np.argsort(order, kind="stable")[:n]
    return found


def user_errors(user_index: Index, error: Floats) -> list[UserError]:
    """The errors of each user with at least ``MIN_USER_RATINGS`` held-out ratings, the largest RMSE first."""
    users = np.unique(user_index)
    squared, signed, count = group_sums(user_index, error**2, error, np.ones(len(error))).T
    rmse, mean = np.sqrt(squared / count), signed / count
    enough = np.flatnonzero(count >= MIN_USER_RATINGS)
    order = enough[np.argsort(-rmse[enough], kind="stable")]
    return [UserError(int(users[row]), int(count[row]), float(rmse[row]), float(mean[row])) for row in order]


def _range_label(first: int, last: int) -> str:
    return f"{first:,}" if first == last else f"{first:,}–{last:,}"
