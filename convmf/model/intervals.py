"""Predictive intervals: how far a rating may lie from its prediction. Nothing here learns.

The error of a prediction for user i and item j has the variance, in squared rating points,

    s² = σ_i² + item / (n_j + 5)      for an item with n_j training ratings
    s² = σ_i² + text                  for an item that nobody rated: the spread of the text's error

σ_i² is what user i's ratings scatter by, and what is still unknown of a user with few ratings. The
interval is r̂ ± q·s, cut to the scale, where q is a quantile of |r − r̂| / s over validation ratings (split
conformal prediction, Lei et al., JASA 2018): no distribution is assumed, so steps, ends and skew of a scale
are accounted for on the average. :mod:`convmf.evaluation.uncertainty` measures all of this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from convmf.errors import ModelError

LEVEL = 0.8
"""The share of ratings that an interval holds unless told otherwise."""

LEVELS = np.arange(1, 100) / 100
"""Where quantiles are kept."""

PRIOR_RATINGS = 5.0
"""Added to a number of ratings before it divides: what is known of a row before its first rating."""

_KINDS = ("rated", "unrated", "anyone")


@dataclass(frozen=True, eq=False)
class RatingIntervals:
    """What the intervals of one model are made of.

    Attributes
    ----------
    user_variance
        σ_i², (n_users,), in squared rating points.
    item, text
        The item's part of s²: item / (n_j + 5) with n_j ratings, text without any.
    rated, unrated, anyone
        The 1 %, 2 %, …, 99 % quantiles of |r − r̂| / s: for items with ratings, for items without, and for
        items without where all that is known of the user is that they are one of all.
    n_ratings
        Validation ratings that told them, n: no level above n / (n + 1) could be kept. None in models saved before this
        was kept, whose intervals have any level up to 99 %.

    Raises
    ------
    ValueError
        A variance or quantile is negative or not finite, or quantiles are missing or fall.
    """

    user_variance: Tensor
    item: float
    text: float
    rated: tuple[float, ...]
    unrated: tuple[float, ...]
    anyone: tuple[float, ...]
    n_ratings: int | None = None

    def __post_init__(self) -> None:
        for name in _KINDS:
            quantiles = np.asarray(getattr(self, name), dtype=np.float64)
            if quantiles.shape != LEVELS.shape or not (np.diff(quantiles, prepend=0.0) >= 0).all():
                raise ValueError(f"{name} must be {len(LEVELS)} quantiles that don't fall")
        numbers = (*self.rated, *self.unrated, *self.anyone, self.item, self.text, float(self.user_variance.min()))
        if not np.isfinite(numbers).all() or min(numbers) < 0 or not bool(self.user_variance.isfinite().all()):
            raise ValueError("the variances and quantiles of intervals are finite and not below zero")
        if self.n_ratings is not None and not (isinstance(self.n_ratings, int) and self.n_ratings > 0):
            raise ValueError("the number of ratings behind intervals is a whole number from 1")

    def half_width(self, user_variance: Tensor, item_counts: Tensor, level: float = LEVEL) -> Tensor:
        """q·s in rating points, in the shape that ``user_variance`` and ``item_counts`` broadcast to.

        Raises
        ------
        ModelError
            No interval has this level.
        """
        self._check_level(level)
        rated = item_counts > 0
        known = self.item / (item_counts + PRIOR_RATINGS)
        variance = user_variance + torch.where(rated, known, self.text)
        quantile = torch.where(rated, _at(self.rated, level), _at(self.unrated, level))
        return quantile * variance.sqrt()

    def of_anyone(self, mean: float, variance: float, level: float = LEVEL) -> tuple[float, float]:
        """Bounds for the rating that an unrated item gets from somebody, before they are cut to the scale.

        Parameters
        ----------
        mean, variance
            Of the predicted ratings of all users: how far tastes differ adds to the error.

        Raises
        ------
        ModelError
            No interval has this level.
        """
        self._check_level(level)
        half = float(_at(self.anyone, level)) * (variance + float(self.user_variance.mean()) + self.text) ** 0.5
        return mean - half, mean + half

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; ``user_variance`` is kept with the tensors."""
        quantiles = {name: list(getattr(self, name)) for name in _KINDS}
        return {"item": self.item, "text": self.text, "n_ratings": self.n_ratings, **quantiles}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], user_variance: Tensor) -> RatingIntervals:
        """What :meth:`to_dict` gave."""
        return cls(
            user_variance=user_variance,
            item=float(values["item"]),
            text=float(values["text"]),
            rated=tuple(map(float, values["rated"])),
            unrated=tuple(map(float, values["unrated"])),
            anyone=tuple(map(float, values["anyone"])),
            n_ratings=values.get("n_ratings"),
        )

    def _check_level(self, level: float) -> None:
        n, lowest, highest = self.n_ratings, float(LEVELS[0]), float(LEVELS[-1])
        if not isinstance(level, Real) or not lowest <= level <= highest:
            raise ModelError(f"The level of an interval is a share from {lowest:g} to {highest:g}, not {level!r}.")
        if n is not None and level > n / (n + 1):
            told = math.floor(1000 * n / (n + 1)) / 1000
            raise ModelError(
                f"{n} validation ratings tell of no interval of level {level:g}, the highest is {told:g}; "
                "ask for that at most, or train with more validation ratings."
            )


def _at(quantiles: tuple[float, ...], level: float) -> Tensor:
    return torch.tensor(np.interp(level, LEVELS, quantiles), dtype=torch.float32)
