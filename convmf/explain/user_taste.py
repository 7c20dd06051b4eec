"""What somebody likes, as far as their ratings tell: what they rated, and which phrases speak to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convmf.explain.taste import check_texts, slope
from convmf.explain.words import text_effects, window_sums
from convmf.model.convmf import ConvMF

_N_TEXTS = 16
_ORDER_PAIRS = 2
"""As for neighbours: many texts are read for one answer, and a few orders tell which phrases count."""


@dataclass(frozen=True)
class RatedItem:
    """A rating, and how far it lies above the user's own mean, in rating points."""

    item_id: str
    title: str
    rating: float
    above_mean: float


@dataclass(frozen=True)
class UserRatings:
    """All ratings of a user, the highest first; ``usual`` is the mean of everybody's ratings."""

    user_id: str
    mean: float
    usual: float
    items: tuple[RatedItem, ...]


@dataclass(frozen=True)
class TastePhrase:
    """A phrase in the text of an item, and what it adds to this user's rating and to the average user's, in points."""

    phrase: str
    item_id: str
    title: str
    weight: float
    usual: float

    @property
    def difference(self) -> float:
        """How much more it does for this user."""
        return self.weight - self.usual


def user_ratings(model: ConvMF, user_id: str) -> UserRatings:
    """What the user rated, of all ratings of the data set; equal ratings keep the data set's order.

    Raises
    ------
    ModelError
        The user is unknown.
    """
    own = np.flatnonzero(model.ratings.user_index == int(model.user_rows([user_id])[0]))
    ratings = model.ratings.rating[own].astype(np.float64)
    mean = float(ratings.mean()) if len(ratings) else float("nan")
    items = [
        RatedItem(model.item_ids[row], model.titles[row], float(rating), float(rating - mean))
        for row, rating in zip(model.ratings.item_index[own].tolist(), ratings.tolist(), strict=True)
    ]
    usual = float(model.ratings.rating.mean(dtype=np.float64))
    return UserRatings(user_id, mean, usual, tuple(sorted(items, key=lambda item: -item.rating)))


def taste_phrases(
    model: ConvMF, user_id: str, texts: Sequence[str], *, n_texts: int = _N_TEXTS
) -> tuple[TastePhrase, ...]:
    """The phrases that do most for this user beyond what they do for the average one, then less and less.

    They stand in the texts of what the user rated: half of ``n_texts`` with their highest ratings, half with their
    lowest. The last ones put this user off more than others. A phrase that stands in several texts is shown once,
    where the difference is largest.

    Parameters
    ----------
    texts
        The text of every item, in the model's order.

    Raises
    ------
    ModelError
        The user is unknown, the model was trained without texts, or the number of texts isn't that of its items.
    """
    check_texts(model, texts)
    own, everybody = slope(model, user_id), slope(model)
    rated = [item for item in user_ratings(model, user_id).items if texts[_row(model, item.item_id)].strip()]
    if len(rated) > n_texts:
        rated = rated[: n_texts - n_texts // 2] + rated[len(rated) - n_texts // 2 :]
    found: dict[str, TastePhrase] = {}
    for item in rated:
        effects = text_effects(model, texts[_row(model, item.item_id)], most_pairs=_ORDER_PAIRS)
        weights, usual = (effects.effects @ own).numpy(), (effects.effects @ everybody).numpy()  # (n_tokens,)
        spans = effects.spans(np.abs(window_sums(weights - usual, effects.windows)))
        for span, weight, average in zip(spans, window_sums(weights, spans), window_sums(usual, spans), strict=True):
            phrase = TastePhrase(effects.phrase(*span), item.item_id, item.title, float(weight), float(average))
            before = found.get(phrase.phrase)
            if before is None or abs(phrase.difference) > abs(before.difference):
                found[phrase.phrase] = phrase
    return tuple(sorted(found.values(), key=lambda phrase: -phrase.difference))


def _row(model: ConvMF, item_id: str) -> int:
    return int(model.item_rows([item_id])[0])
