"""Pure measures of predicted against true ratings. They refuse empty input."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmf.errors import DataError

_RESAMPLES = 500


def rmse(predicted: ArrayLike, true: ArrayLike) -> float:
    """Root of the mean squared error, in the unit of the ratings."""
    return float(np.sqrt(np.square(_errors(predicted, true)).mean()))


def mae(predicted: ArrayLike, true: ArrayLike) -> float:
    """Mean absolute error, in the unit of the ratings."""
    return float(np.abs(_errors(predicted, true)).mean())


def rmse_interval(
    predicted: ArrayLike, true: ArrayLike, groups: ArrayLike, *, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Bounds of the RMSE by the bootstrap over groups: what it would be with other users, or other items.

    Ratings of one group (n_ratings,), say one user, stand and fall together, since they err alike.
    """
    squared = np.square(_errors(predicted, true))
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    sums, counts = np.bincount(group, weights=squared), np.bincount(group)
    generator = np.random.default_rng(seed)
    means = np.empty(_RESAMPLES)
    for resample in range(_RESAMPLES):
        drawn = generator.integers(len(counts), size=len(counts))
        means[resample] = sums[drawn].sum() / counts[drawn].sum()
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(np.sqrt(low)), float(np.sqrt(high))


def _errors(predicted: ArrayLike, true: ArrayLike) -> NDArray[np.float64]:
    guesses, ratings = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if guesses.shape != ratings.shape:
        raise DataError(f"There are {guesses.size} predictions for {ratings.size} ratings; each rating needs one.")
    if not guesses.size:
        raise DataError("There is no rating to measure on; hold out a larger share.")
    return np.subtract(guesses, ratings)
