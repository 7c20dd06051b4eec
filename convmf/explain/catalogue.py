"""The items of a model as a catalogue: figures of each, their genres, and a few to begin with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from convmf.model.convmf import ConvMF

OTHER, NO_GENRE = "Other", "No genre"
_POPULAR = 100


@dataclass(frozen=True, eq=False)
class CatalogueFigures:
    """Figures of all items, each (n_items,).

    ``n_ratings`` and ``mean_rating`` (NaN without a rating) are of all ratings in the data set; ``text_trust``
    is None in a model without texts, or of before it was kept.
    """

    n_ratings: NDArray[np.int64]
    mean_rating: NDArray[np.float64]
    text_trust: NDArray[np.float32] | None


@dataclass(frozen=True)
class ItemFigures:
    """Figures of an item; ``expected`` is the mean of all users' predicted ratings, the rest as in the catalogue."""

    n_ratings: int
    mean_rating: float | None
    text_trust: float | None
    expected: float


def catalogue_figures(model: ConvMF) -> CatalogueFigures:
    """The figures of every item."""
    n_items, ratings = len(model.item_ids), model.ratings
    counts = np.bincount(ratings.item_index, minlength=n_items)
    sums = np.bincount(ratings.item_index, weights=ratings.rating.astype(np.float64), minlength=n_items)
    means = np.divide(sums, counts, out=np.full(n_items, np.nan), where=counts > 0)
    return CatalogueFigures(counts, means, None if model.text_trust is None else model.text_trust.numpy())


def item_figures(model: ConvMF, item_id: str) -> ItemFigures:
    """The figures of one item.

    Raises
    ------
    ModelError
        The item is unknown.
    """
    row = int(model.item_rows([item_id])[0])
    own = model.ratings.rating[model.ratings.item_index == row]
    users = model.user_factors_at(int(model.item_counts[row]))
    predicted = model.rate(users, model.item_factors[row : row + 1])  # (1, n_users)
    return ItemFigures(
        n_ratings=len(own),
        mean_rating=float(own.mean(dtype=np.float64)) if len(own) else None,
        text_trust=None if model.text_trust is None else float(model.text_trust[row]),
        expected=float(predicted.mean(dtype=np.float64)),
    )


def main_genres(genres: Sequence[str], most: int = 8) -> tuple[str, ...]:
    """One genre for each item, of at most ``most``: of its genres among the most frequent ones the rarest.

    The rarest, because it tells most: nearly everything may be a drama as well. ``OTHER`` where none of an item's
    genres is among them, ``NO_GENRE`` where it has none.

    Parameters
    ----------
    genres
        A string an item, such as "Comedy|Crime".
    """
    split = [[name for part in text.split("|") if (name := part.strip())] for text in genres]
    counts = Counter(name for names in split for name in set(names))
    frequent = dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:most])

    def main(names: Sequence[str]) -> str:
        known = [name for name in names if name in frequent]
        return min(known, key=lambda name: (frequent[name], name)) if known else OTHER if names else NO_GENRE

    return tuple(main(names) for names in split)


def varied_items(model: ConvMF, n: int = 6, *, exclude: Collection[str] = ()) -> list[str]:
    """Ids of ``n`` popular items that are far from each other, for somebody new to rate.

    Of the hundred items with most ratings the most rated one, and then each time the one whose largest cosine with
    those before it (centred factors, without level) is smallest.
    """
    hidden = set(exclude)
    counts = np.bincount(model.ratings.item_index, minlength=len(model.item_ids))
    ranked = np.argsort(-counts, kind="stable").tolist()
    pool = [row for row in ranked if model.item_ids[row] not in hidden][:_POPULAR]
    factors = model.item_factors[:, int(model.config.biases) :].double()
    centred = torch.nn.functional.normalize(factors - factors.mean(dim=0), dim=1)[pool]  # (n_pool, n_factors)
    cosines = centred @ centred.T
    chosen: list[int] = []
    nearest = torch.full((len(pool),), -torch.inf, dtype=torch.float64)  # largest cosine with those chosen
    for _ in range(min(n, len(pool))):
        place = int(nearest.argmin())  # of equal ones the most popular
        chosen.append(place)
        nearest = torch.maximum(nearest, cosines[place])
        nearest[chosen] = torch.inf
    return [model.item_ids[pool[place]] for place in chosen]
