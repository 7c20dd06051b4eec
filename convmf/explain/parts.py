"""What a prediction is made of, part by part, and how much of an item the text makes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from convmf.errors import ModelError
from convmf.explain.taste import raw_rating, slope, user_vector
from convmf.model.convmf import ConvMF


@dataclass(frozen=True)
class PredictionParts:
    """A predicted rating as a sum: mean + user_bias + item_bias + text_part + rating_part + clipping = rating.

    All in rating points.

    Attributes
    ----------
    mean
        Mean of the training ratings; 0 in the paper's model, which has no levels.
    user_bias, item_bias
        How far the user rates above it, and the item is rated above it. A user's is another for an item with few
        ratings, see :meth:`ConvMF.user_factors_at`.
    item_bias_from_text
        Part of ``item_bias``, no further summand: what the text alone says of the item's level.
    text_part
        uᵀθ: how the user likes what the CNN reads in the text.
    rating_part
        uᵀ(v − θ): how the user likes what the item's own ratings say beyond its text; 0 for an unrated item.
        (θ is the calibrated reading where the model is calibrated; v was drawn to the one before.)
    clipping
        What cuts the sum to the scale; 0 for a sum that lies on it.
    rating
        The prediction.
    text_trust
        How much of the item's factors comes from the text, 0…1; None where the model doesn't know.
    """

    item_id: str
    title: str
    mean: float
    user_bias: float
    item_bias: float
    item_bias_from_text: float
    text_part: float
    rating_part: float
    clipping: float
    rating: float
    text_trust: float | None

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the command line, without item_id and title."""
        return {key: value for key, value in asdict(self).items() if key not in ("item_id", "title")}


def split_prediction(model: ConvMF, user: str | Tensor, item: str) -> PredictionParts:
    """The parts of the rating that ``user`` would give to ``item``, equation (10) with v = θ + (v − θ).

    Parameters
    ----------
    user
        A user id, or factors (D,) from :meth:`ConvMF.fold_in`.

    Raises
    ------
    ModelError
        The user or the item is unknown.
    """
    row = int(model.item_rows([item])[0])
    factors, theta = model.item_factors[row].double(), model.text_factors[row].double()  # (D,)
    n_ratings = int(model.item_counts[row])
    weights = slope(model, user, n_ratings=n_ratings)  # (D,)
    first = int(model.config.biases)
    std, levels = model.scale.std, bool(first)
    raw = float(raw_rating(model, factors[None], user, n_ratings=n_ratings)[0])
    rating = min(max(raw, model.scale.lowest), model.scale.highest)
    return PredictionParts(
        item_id=item,
        title=model.titles[row],
        mean=model.scale.mean,
        user_bias=std * float(user_vector(model, user, n_ratings=n_ratings)[0]) if levels else 0.0,
        item_bias=std * float(factors[0]) if levels else 0.0,
        item_bias_from_text=std * float(theta[0]) if levels else 0.0,
        text_part=float(weights[first:] @ theta[first:]),
        rating_part=float(weights[first:] @ (factors - theta)[first:]),
        clipping=rating - raw,
        rating=rating,
        text_trust=None if model.text_trust is None else float(model.text_trust[row]),
    )


def text_trust(model: ConvMF) -> NDArray[np.float32]:
    """How much of each item's factors comes from its text, (n_items,): 1 without ratings, towards 0 with many.

    By equation (8) v = A⁻¹ Σ r u + A⁻¹ Λ θ with A = Σ u uᵀ + Λ, so the text's share is A⁻¹ Λ. The gauge is its
    mean over the dimensions, each counted by how much it moves the users' ratings: trace(A⁻¹ Λ C) / trace(C) with
    C = Σ u uᵀ over all users. Σ u uᵀ in A goes over the item's training ratings, in the best iteration.

    Raises
    ------
    ModelError
        The model was trained without texts, or saved before this was kept.
    """
    if model.cnn is None:
        raise ModelError("This model was trained without texts, so there is no text to trust.")
    if model.text_trust is None:
        raise ModelError(
            "This model was saved before the trust in each text was kept with it; train it again to see it."
        )
    trust: NDArray[np.float32] = model.text_trust.numpy()
    return trust
