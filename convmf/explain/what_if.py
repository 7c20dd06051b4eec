"""What if an item that nobody has rated had some ratings: its factors move from its text towards them.

By equation (8) v = A⁻¹ Σ r u + A⁻¹ Λ θ with A = Σ u uᵀ + Λ: what the text says is the mean that the ratings pull away
from. λ_V and the item's weight are the training's, so the answer is what the half-step of the best iteration would
give.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from convmf.errors import ModelError, quoted
from convmf.model.als import RatingRows, half_step, prior_shares
from convmf.model.convmf import ConvMF, Floats, score_matrix


@dataclass(frozen=True)
class GivenRating:
    """A user's rating of the item, and what the model would have said before and after all the ratings."""

    user_id: str
    given: float
    before: float
    after: float


@dataclass(frozen=True, eq=False)
class WhatIf:
    """An item with some ratings, beside the same item by its text alone.

    Attributes
    ----------
    text_factors, item_factors
        θ and v, (D,); without ratings they are the same.
    text_trust
        How much of v comes from the text, 0…1; 1 without ratings.
    before, after
        Predicted rating of every user, (n_users,), clipped to the scale.
    given
        The ratings, in the order in which they were given.
    """

    text_factors: Tensor
    item_factors: Tensor
    text_trust: float
    before: Floats
    after: Floats
    given: tuple[GivenRating, ...]

    @property
    def movement(self) -> Tensor:
        """v − θ, (D,): where the ratings moved the factors to."""
        return self.item_factors - self.text_factors

    @property
    def largest_movements(self) -> list[int]:
        """The dimensions by the size of their movement, the largest first."""
        return [int(place) for place in torch.argsort(-self.movement.abs(), stable=True)]


def what_if_rated(model: ConvMF, text: str, ratings: Mapping[str, float]) -> WhatIf:
    """The item of this text when the given users had rated it; without a rating it stays with its text.

    Parameters
    ----------
    ratings
        User id → rating on the model's scale.

    Raises
    ------
    ModelError
        The ratings are no mapping, a user is unknown, a rating is off the scale, or the model was trained without
        texts.
    """
    _check(model, ratings)
    theta = model.encode([text])  # (1, D)
    factors, trust = _half_step(model, theta, ratings) if ratings else (theta, 1.0)
    before = model.rate(model.user_factors_at(0), theta)[0]
    after = model.rate(model.user_factors_at(len(ratings)), factors)[0]
    rows = model.user_rows(list(ratings))
    return WhatIf(
        text_factors=theta[0],
        item_factors=factors[0],
        text_trust=trust,
        before=before,
        after=after,
        given=tuple(
            GivenRating(user_id, float(given), float(before[row]), float(after[row]))
            for (user_id, given), row in zip(ratings.items(), rows.tolist(), strict=True)
        ),
    )


def spread_users(model: ConvMF, text: str, n: int) -> list[str]:
    """``n`` users whose predicted ratings of the text lie evenly from the lowest to the highest.

    Raises
    ------
    ModelError
        The model was trained without texts.
    """
    scores = score_matrix(model.user_factors_at(0), model.encode([text]), biases=model.config.biases)[:, 0]
    order = torch.argsort(scores, stable=True)
    places = np.linspace(0, len(order) - 1, min(n, len(order))).round().astype(int)
    return [model.user_ids[int(order[place])] for place in places]


def _half_step(model: ConvMF, theta: Tensor, ratings: Mapping[str, float]) -> tuple[Tensor, float]:
    """v (1, D) by equation (8), and the text's share of it."""
    rows = model.user_rows(list(ratings))
    plan = RatingRows.plan(
        np.zeros(len(rows), np.int32),
        rows.astype(np.int32),
        model.scale.to_scores(np.array(list(ratings.values()), dtype=np.float32)),
        n_rows=1,
        n_columns=len(model.user_ids),
    )
    penalty, biases = model.item_penalty(len(rows))[None], model.config.biases
    factors, _ = half_step(plan, model.user_factors, penalty, theta, biases=biases)
    return factors, float(prior_shares(plan, model.user_factors, penalty, biases=biases)[0])


def _check(model: ConvMF, ratings: Mapping[str, float]) -> None:
    low, high = model.scale.lowest, model.scale.highest
    if not isinstance(ratings, Mapping):
        raise ModelError(f"Ratings are a mapping such as {{'user 7': {high:g}}}, not {quoted(ratings)}.")
    for user_id, rating in ratings.items():
        if not model.scale.holds(rating):
            raise ModelError(
                f"Ratings are numbers and go from {low:g} to {high:g}; user {quoted(user_id)} gave {quoted(rating)}."
            )
