"""How an item that nobody has rated would be received, from its description alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from convmf.explain.taste import text_parts
from convmf.explain.words import Phrase, TextEffects, WordWeight, text_effects
from convmf.model.convmf import ConvMF, Floats, ScoredItem, score_matrix
from convmf.model.intervals import LEVEL


@dataclass(frozen=True)
class ScoredUser:
    """A user with a predicted rating."""

    user_id: str
    rating: float


@dataclass(frozen=True, eq=False)
class TextReading:
    """How an item with this description would be received by the users of the model.

    Attributes
    ----------
    ratings
        Predicted rating of every user, (n_users,).
    mean, p10, p90
        Over the users: the mean, and the ratings that a tenth lies below and above. They describe
        how much tastes differ, not how sure the model is.
    low, high
        Between them lies the rating of a user picked at random, with probability ``level``: error and
        taste together. None for a model without intervals.
    evidence
        Phrases by the size of their effect on the average user's rating, see :class:`TextEffects`.
    words
        Every word of the text with its weight for the average user.
    effects
        What each word does, from which phrases and colours for any user or group come at once.
    """

    known_words: tuple[str, ...]
    unknown_words: tuple[str, ...]
    ratings: NDArray[np.float32]
    mean: float
    p10: float
    p90: float
    low: float | None
    high: float | None
    level: float
    top_users: tuple[ScoredUser, ...]
    nearest_items: tuple[ScoredItem, ...]
    evidence: tuple[Phrase, ...]
    words: tuple[WordWeight, ...]
    effects: TextEffects = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the command line."""
        return {
            "known_words": list(self.known_words),
            "unknown_words": list(self.unknown_words),
            "rating": {
                "mean": self.mean,
                "p10": self.p10,
                "p90": self.p90,
                "low": self.low,
                "high": self.high,
                "level": self.level,
            },
            "top_users": [asdict(user) for user in self.top_users],
            "nearest_items": [
                {"item_id": item.item_id, "title": item.title, "similarity": item.score} for item in self.nearest_items
            ],
            "evidence": [phrase.to_dict() for phrase in self.evidence],
            "words": [word.to_dict() for word in self.words],
        }


def read_text(model: ConvMF, text: str, top: int = 10) -> TextReading:
    """Rate a description that belongs to no known item.

    Raises
    ------
    ModelError
        The model was trained without texts.
    """
    _, vocabulary = text_parts(model)
    known, unknown = vocabulary.known_and_unknown(text)
    factors = model.encode([text])  # (1, D)
    effects = text_effects(model, text)
    users = model.user_factors_at(0)
    ratings = model.rate(users, factors)[0]  # (n_users,)
    # Unclipped scores order users at the top of the scale too.
    scores = score_matrix(users, factors, biases=model.config.biases)[:, 0]
    best = torch.topk(scores, min(top, len(scores))).indices.tolist()
    p10, p90 = np.percentile(ratings, [10, 90])
    low, high = of_somebody(model, ratings) or (None, None)
    return TextReading(
        known_words=tuple(known),
        unknown_words=tuple(unknown),
        ratings=ratings,
        mean=float(ratings.mean()),
        p10=float(p10),
        p90=float(p90),
        low=low,
        high=high,
        level=LEVEL,
        top_users=tuple(ScoredUser(model.user_ids[row], float(ratings[row])) for row in best),
        nearest_items=tuple(model.similar_items(factors[0], top, by="text")),
        evidence=tuple(effects.evidence()[:top]),
        words=tuple(effects.words()),
        effects=effects,
    )


def of_somebody(model: ConvMF, ratings: Floats) -> tuple[float, float] | None:
    """Bounds for the rating that an unrated item gets from a user picked at random, with probability ``LEVEL``.

    ``ratings`` are the predictions for all users, (n_users,). None for a model without intervals.
    """
    if model.intervals is None:
        return None
    low, high = model.intervals.of_anyone(float(ratings.mean()), float(ratings.var()), LEVEL)
    scale = model.scale
    return max(low, scale.lowest), min(high, scale.highest)
