"""Putting right what the CNN says of texts that it wasn't fitted to: how far it goes, and at what level.

For a model with levels; without them there is none to put right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from scipy.optimize import brentq, lsq_linear
from torch import Tensor

from convmf.model.convmf import row_scores

# Slopes go from 0 to this.
_STEEPEST = 2.0
# The correction counts by half where as many items as these were measured.
_PRIOR_ITEMS = 20.0
# artanh of anything closer to 1 is no number to reckon with.
_MOST = 0.99


class ScoredPairs(NamedTuple):
    """Ratings on the model's scale: the rows of users and items, and the scores; (n_ratings,) each, on the CPU."""

    users: Tensor
    items: Tensor
    scores: Tensor


@dataclass(frozen=True)
class Calibration:
    """θ' = tanh(s · artanh θ + o).

    The CNN is fitted to items that weigh √n_j each, and knows their texts by heart. What it says of other texts is
    asked for once a rating, so mostly of much rated items, which people also like better; those who rate an item are
    also those whose taste it is, of which an unread text tells less; and a network that learned by heart goes too
    far. All of it is seen in what is read of items by networks and linear readers that weren't fitted to them.

    Attributes
    ----------
    slope
        s, (D,): one for the levels and one for all other factors.
    offset
        o, (D,): of the levels; 0 for all other factors.
    """

    slope: Tensor
    offset: Tensor

    @classmethod
    def measure(
        cls, reading: Tensor, user_factors: Tensor, item_factors: Tensor, train: ScoredPairs, valid: ScoredPairs
    ) -> Calibration:
        """Slopes by least squares of the validation ratings; the level by the mean of all training ratings.

        The training ratings tell the mean best, as they are the most, but nothing of slopes: users' factors were
        fitted to them. Without validation ratings slopes stay as they are.

        Parameters
        ----------
        reading
            θ of each item as read by what hadn't been fitted to it, (n_items, D).
        user_factors, item_factors
            u and v, (n_users, D) and (n_items, D).
        """
        steps = _steps_of_levels_and_tastes(reading, user_factors, valid) * _trust(_counts(valid, len(reading)))
        slope = 1 + torch.cat([steps[:1], steps[1:].expand(reading.shape[1] - 1)]).to(reading)
        tastes = torch.tanh(slope[1:] * artanh(reading[:, 1:]))  # (n_items, D − 1)
        counts = _counts(train, len(reading))
        share = counts / counts.sum()
        mean = float((share * reading[:, 0]).sum())
        # Whatever of an item's score isn't read in its taste has to be in its level, on average over the ratings.
        unread = _tastes(user_factors, item_factors[:, 1:] - tastes, train).double().mean()
        true_mean = float((share * item_factors[:, 0]).sum() + unread)
        true_mean = mean + float(_trust(counts)) * (true_mean - mean)
        true_mean = max(-_MOST, min(_MOST, true_mean))
        # Least squares is in θ, and artanh is steeper the further from 0.
        slope[0] *= (1 - mean**2) / (1 - true_mean**2)
        levels = slope[0] * artanh(reading[:, 0])
        farthest = float(levels.abs().max()) + 2 * math.atanh(_MOST)
        offset = torch.zeros_like(slope)
        offset[0] = brentq(
            lambda shift: float((share * torch.tanh(levels + shift)).sum()) - true_mean, -farthest, farthest
        )
        return cls(slope=slope, offset=offset)

    def apply(self, text_factors: Tensor) -> Tensor:
        """θ' of θ, (n, D)."""
        return torch.tanh(self.slope * artanh(text_factors) + self.offset)

    def into(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weights of the CNN that reads θ' where the one with ``weights`` reads θ: only last layers differ, and all
        of a linear reader but its idf."""
        new = dict(weights)
        for name, weight in weights.items():
            if name.endswith("fc_layer2.weight"):
                new[name] = self.slope.to(weight).unsqueeze(1) * weight
            elif name.endswith("fc_layer2.bias"):
                new[name] = self.slope.to(weight) * weight + self.offset.to(weight)
            elif name == "linear.coefficients":
                new[name] = self.slope.to(weight) * weight
            elif name == "linear.level":
                new[name] = self.slope.to(weight) * weight + self.offset.to(weight)
        return new


def _steps_of_levels_and_tastes(reading: Tensor, user_factors: Tensor, valid: ScoredPairs) -> Tensor:
    """By how much each of the two slopes should differ from 1, (2,)."""
    if not len(valid.scores):
        return torch.zeros(2)
    levels, tastes = reading[valid.items, 0], _tastes(user_factors, reading[:, 1:], valid)
    parts = torch.stack([levels, tastes], dim=1).double()  # (n_ratings, 2)
    missing = valid.scores.double() - user_factors[valid.users, 0] - parts.sum(dim=1)
    bounds = -1.0, _STEEPEST - 1
    found = lsq_linear((parts - parts.mean(dim=0)).numpy(), (missing - missing.mean()).numpy(), bounds)
    return torch.from_numpy(found.x)


def _tastes(user_factors: Tensor, tastes: Tensor, pairs: ScoredPairs) -> Tensor:
    """pᵀq of each rating, (n_ratings,), for ``tastes`` q, (n_items, D − 1)."""
    return row_scores(user_factors[:, 1:], tastes, pairs.users.numpy(), pairs.items.numpy(), biases=False)


def _counts(pairs: ScoredPairs, n_items: int) -> Tensor:
    """Ratings of each item, (n_items,)."""
    return torch.bincount(pairs.items, minlength=n_items).double()


def _trust(counts: Tensor) -> Tensor:
    """How much what so many ratings of each item say of items counts, from 0 to 1."""
    # A few much rated items weigh nearly all there is: as many equal ones would tell as much (Kish, 1965).
    n_effective = counts.sum().square() / counts.square().sum().clamp(min=1.0)
    return n_effective / (n_effective + _PRIOR_ITEMS)


def artanh(values: Tensor) -> Tensor:
    """Of factors in (−1, 1), of any shape, as far as they are told from ±1."""
    return torch.atanh(values.clamp(-_MOST, _MOST))
