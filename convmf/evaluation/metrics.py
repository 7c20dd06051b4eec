"""Pure measures of predicted against true ratings. They refuse empty input."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convmf.errors import DataError


def rmse(predicted: ArrayLike, true: ArrayLike) -> float:
    """Root of the mean squared error, in the unit of the ratings."""
    return float(np.sqrt(np.square(_errors(predicted, true)).mean()))


def mae(predicted: ArrayLike, true: ArrayLike) -> float:
    """Mean absolute error, in the unit of the ratings."""
    return float(np.abs(_errors(predicted, true)).mean())


def _errors(predicted: ArrayLike, true: ArrayLike) -> NDArray[np.float64]:
    guesses, ratings = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if guesses.shape != ratings.shape:
        raise DataError(f"There are {guesses.size} predictions for {ratings.size} ratings; each rating needs one.")
    if not guesses.size:
        raise DataError("There is no rating to measure on; hold out a larger share.")
    return np.subtract(guesses, ratings)
