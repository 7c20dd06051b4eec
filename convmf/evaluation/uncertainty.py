"""Predictive intervals measured on validation ratings, and checked on ratings held out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls
from torch import Tensor

from convmf.data.dataset import Ratings
from convmf.data.splits import Split
from convmf.model.convmf import ConvMF
from convmf.model.intervals import LEVEL, LEVELS, PRIOR_RATINGS, RatingIntervals

Array = NDArray[np.float64]

FEWEST_RATINGS = 30
"""Validation ratings that intervals need; fewer say too little about a quantile."""

# A user's own scatter counts in full only after many ratings; before that it is drawn to the mean of all.
_SPREAD_RATINGS = 20.0
_REWEIGHTINGS = 3
# Some users speak for all where only their mean and variance are asked for.
_MOST_USERS = 2000
_ITEMS_AT_ONCE = 1024
_GROUPS = (1, 5, 20, 100)


def measure_intervals(model: ConvMF, split: Split, held_out_text_factors: Tensor) -> RatingIntervals | None:
    """The intervals of a trained model, from its training and validation ratings alone.

    The variance s² of an error is a sum of three parts – the user's scatter, 1 / (n_i + 5) and
    1 / (n_j + 5) – weighed so that they fit the squared errors of the validation ratings (non-negative
    least squares). The text's part is what the validation errors have beyond the user's when each item is
    predicted from its text alone. Each kind of item has its own quantiles of the error.

    Parameters
    ----------
    held_out_text_factors
        (n_items, D): θ of each rated item, as read by what hadn't been fitted to that item.
        The model's own θ won't do: it knows these items too well to tell how it errs on others.

    Returns
    -------
    The intervals, or None with fewer than FEWEST_RATINGS validation ratings.
    """
    valid = split.valid.take(np.flatnonzero(model.item_counts.numpy()[split.valid.item_index] > 0))
    if len(valid) < FEWEST_RATINGS:
        return None
    user_counts = np.bincount(split.train.user_index, minlength=len(model.user_ids))
    user_parts = np.stack([_spread(model, split.train, user_counts), 1 / (user_counts + PRIOR_RATINGS)], axis=1)
    item_part = 1 / (model.item_counts.numpy() + PRIOR_RATINGS)
    error = np.abs(valid.rating - model.predict_rows(valid.user_index, valid.item_index)).astype(np.float64)
    parts = np.column_stack([user_parts[valid.user_index], item_part[valid.item_index]])  # (n_valid, 3)
    weights = _variance_weights(parts, error**2)
    smallest = 1e-6 * max(float((error**2).mean()), 1e-6)
    user_variance = np.maximum(user_parts @ weights[:2], smallest)  # (n_users,)

    read = model.predict_rows_from_text(held_out_text_factors, valid.user_index, valid.item_index)
    text_error = np.abs(valid.rating - read).astype(np.float64)
    text = max(0.0, float((text_error**2 - user_variance[valid.user_index]).mean()))
    mean, variance = _over_users(model, held_out_text_factors)
    anyone_deviation = np.sqrt(variance + user_variance.mean() + text)  # (n_items,)
    anyone_error = np.abs(valid.rating - mean[valid.item_index])
    rated_deviation = np.sqrt(user_variance[valid.user_index] + weights[2] * item_part[valid.item_index])
    return RatingIntervals(
        user_variance=torch.from_numpy(user_variance.astype(np.float32)),
        item=float(weights[2]),
        text=text,
        rated=_quantiles(error / rated_deviation),
        unrated=_quantiles(text_error / np.sqrt(user_variance[valid.user_index] + text)),
        anyone=_quantiles(anyone_error / anyone_deviation[valid.item_index]),
        n_ratings=len(valid),
    )


def interval_report(model: ConvMF, split: Split, level: float = LEVEL) -> dict[str, Any] | None:
    """How many held-out ratings the intervals hold: {level, test, cold}; None for a model without intervals.

    Each part is {coverage, width, by_item_ratings}, or None without ratings. ``coverage`` is the share of
    ratings with low ≤ r ≤ high, ``width`` the mean of high − low; ``by_item_ratings`` has both by
    the number of training ratings of the item.
    """
    if model.intervals is None:
        return None
    parts = {"test": split.test, "cold": split.cold}
    return {"level": level, **{name: _coverage(model, part, level) for name, part in parts.items()}}


def _coverage(model: ConvMF, part: Ratings, level: float) -> dict[str, Any] | None:
    if not len(part):
        return None
    low, high = model.interval_rows(part.user_index, part.item_index, level)
    held, width = (low <= part.rating) & (part.rating <= high), high - low
    counts = model.item_counts.numpy()[part.item_index]
    group = np.searchsorted(_GROUPS, counts, side="right")  # 0: no ratings
    return {
        "coverage": float(held.mean()),
        "width": float(width.mean(dtype=np.float64)),
        "by_item_ratings": [
            {
                "from": (0, *_GROUPS)[number],
                "n": int((group == number).sum()),
                "coverage": float(held[group == number].mean()),
                "width": float(width[group == number].mean(dtype=np.float64)),
            }
            for number in np.unique(group).tolist()
        ],
    }


def _spread(model: ConvMF, train: Ratings, user_counts: NDArray[np.int64]) -> Array:
    """Mean squared training error of each user against that of all, drawn to 1 where ratings are few, (n_users,)."""
    squared = (train.rating - model.predict_rows(train.user_index, train.item_index)).astype(np.float64) ** 2
    usual = float(squared.mean()) or 1.0
    sums = np.bincount(train.user_index, weights=squared, minlength=len(user_counts))
    spread: Array = (sums / usual + _SPREAD_RATINGS) / (user_counts + _SPREAD_RATINGS)
    return spread


def _over_users(model: ConvMF, item_factors: Tensor) -> tuple[Array, Array]:
    """Mean and variance over the users of the ratings that they would give to such texts, (n_items,) each."""
    n_users = len(model.user_ids)
    some = np.linspace(0, n_users - 1, min(n_users, _MOST_USERS)).astype(np.int64)
    users = model.user_factors_at(0, some)
    pieces = [model.rate(users, part) for part in item_factors.split(_ITEMS_AT_ONCE)]
    means = np.concatenate([piece.mean(axis=1, dtype=np.float64) for piece in pieces])
    return means, np.concatenate([piece.var(axis=1, dtype=np.float64) for piece in pieces])


def _variance_weights(parts: Array, squared_error: Array) -> Array:
    """Weights ≥ 0 with parts · weights ≈ squared_error. A square scatters as much as it is large, so each counts by
    the inverse of what is expected of it."""
    inverse = np.ones(len(squared_error))
    for _ in range(_REWEIGHTINGS):
        # The triangle of a QR decomposition stands for all rows: nnls then has three equations to solve.
        q, r = np.linalg.qr(parts * inverse[:, None])
        weights, _ = nnls(r, q.T @ (squared_error * inverse))
        expected = parts @ weights
        inverse = 1 / np.maximum(expected, 1e-3 * expected.mean() + 1e-12)
    return np.asarray(weights, dtype=np.float64)


def _quantiles(scaled_error: Array) -> tuple[float, ...]:
    """Quantiles at LEVELS with the (n + 1) / n of conformal prediction: the next rating counts as well.

    Above n / (n + 1) there is none; the largest error stands there, and :class:`RatingIntervals` refuses the level.
    """
    n = len(scaled_error)
    values = np.quantile(scaled_error, np.minimum(1.0, LEVELS * (n + 1) / n), method="higher")
    return tuple(float(value) for value in values)
