"""Why a new user gets these recommendations: what each of their ratings does to each item's score.

A user's factors by equation (7) are linear in the ratings, u = A⁻¹ Σ_j s_j z_j with A = Σ_j z_j z_jᵀ + Λ, and so is
the score of item i, uᵀ z_i = Σ_j s_j z_jᵀ A⁻¹ z_i: each rating's share is exact (Hu, Koren and Volinsky, 2008).
With biases z = (1, q), and s is the rating less the mean and the item's own level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convmf.model.convmf import ConvMF


@dataclass(frozen=True)
class RatingShare:
    """A rating that was given, and its share in rating points."""

    item_id: str
    title: str
    given: float
    share: float


@dataclass(frozen=True)
class ExplainedItem:
    """A recommended item: base + Σ shares + clipping = rating, in rating points.

    ``base`` is what a user without ratings would be predicted, ``shares`` what each given rating adds, the
    strongest first.
    """

    item_id: str
    title: str
    rating: float
    base: float
    clipping: float
    shares: tuple[RatingShare, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the command line, without item_id, title and rating."""
        return {"base": self.base, "clipping": self.clipping, "shares": [asdict(share) for share in self.shares]}


@dataclass(frozen=True, eq=False)
class FoldIn:
    """A new user, their recommendations, and what each of their ratings did.

    Attributes
    ----------
    user_factors
        (D,), see :meth:`ConvMF.fold_in`.
    items
        The recommendations, best first.
    effects
        Each given rating; its share is the mean of the absolute shares in the list, the strongest first.
    """

    user_factors: Tensor
    items: tuple[ExplainedItem, ...]
    effects: tuple[RatingShare, ...]


def explain_fold_in(model: ConvMF, ratings: Mapping[str, float], n: int = 10) -> FoldIn:
    """Recommend ``n`` items to a new user, and say what each of their ratings does to the list.

    Raises
    ------
    ModelError
        There is no rating, an item is unknown, or a rating is off the scale.
    """
    user = model.fold_in(ratings)
    recommended = model.recommend(user, n, exclude=list(ratings))
    rows = model.item_rows([item.item_id for item in recommended])
    base, shares = _shares(model, ratings, rows)
    raw = base + shares.sum(axis=1)
    clipped = np.clip(raw, model.scale.lowest, model.scale.highest)
    items = tuple(
        ExplainedItem(
            item_id=item.item_id,
            title=item.title,
            rating=float(clipped[place]),
            base=float(base[place]),
            clipping=float(clipped[place] - raw[place]),
            shares=_strongest_first(model, ratings, shares[place]),
        )
        for place, item in enumerate(recommended)
    )
    effects = np.abs(shares).mean(axis=0) if len(items) else np.zeros(len(ratings))
    return FoldIn(user, items, _strongest_first(model, ratings, effects))


def _shares(
    model: ConvMF, ratings: Mapping[str, float], rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Base (n_rows,) and shares (n_rows, n_ratings) in the items' ratings, in rating points."""
    first, scale = int(model.config.biases), model.scale
    factors = model.item_factors.double()
    level = factors[:, 0] if first else factors.new_zeros(len(factors))  # (n_items,)
    design = factors.clone()
    design[:, :first] = 1.0
    given = torch.as_tensor(model.item_rows(list(ratings)))
    z = design[given]  # (n_ratings, D)
    scores = (torch.tensor(list(ratings.values()), dtype=torch.float64) - scale.mean) / scale.std - level[given]
    gram = z.T @ z + torch.diag(model.user_penalty(len(given)).double())
    per_score = design[rows] @ torch.linalg.solve(gram, z.T)  # (n_rows, n_ratings)
    base = scale.mean + scale.std * level[rows]
    return base.numpy(), (scale.std * per_score * scores).numpy()


def _strongest_first(
    model: ConvMF, ratings: Mapping[str, float], shares: NDArray[np.float64]
) -> tuple[RatingShare, ...]:
    titles = [model.titles[row] for row in model.item_rows(list(ratings))]
    every = [
        RatingShare(item_id, title, float(given), float(share))
        for (item_id, given), title, share in zip(ratings.items(), titles, shares, strict=True)
    ]
    return tuple(sorted(every, key=lambda share: -abs(share.share)))
