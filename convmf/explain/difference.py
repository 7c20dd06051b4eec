"""Two texts compared: which words make the one's rating higher than the other's.

The words' weights of each text (see ``words``) add up to what it does to the rating, against an empty one. The empty
text is the same for both, so the difference of the two ratings is the sum, over all words, of a word's weight in the
second text less its weight in the first; a word that a text hasn't got weighs nothing there.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from convmf.explain.taste import Users, raw_rating
from convmf.explain.words import TextEffects, text_effects
from convmf.model.convmf import ConvMF

FIRST, SECOND, BOTH = "first", "second", "both"


@dataclass(frozen=True)
class WordDifference:
    """A word of one text or of both: its weight in each, summed over its places, in rating points.

    ``stands_in`` is 'first', 'second' or 'both'; ``effect`` is what it adds to second − first.
    """

    word: str
    stands_in: str
    first: float
    second: float

    @property
    def effect(self) -> float:
        """Rating points that the word adds to second − first."""
        return self.second - self.first


@dataclass(frozen=True)
class TextDifference:
    """Two texts' ratings and the words behind their difference.

    Attributes
    ----------
    first, second
        The users' mean rating of each text before clipping, which is what the words add up to.
    words
        The strongest first; their effects sum to second − first.
    """

    first: float
    second: float
    words: tuple[WordDifference, ...]

    @property
    def difference(self) -> float:
        """second − first, in rating points."""
        return self.second - self.first

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        words = [{**asdict(word), "effect": word.effect} for word in self.words]
        return {"first": self.first, "second": self.second, "difference": self.difference, "words": words}


def compare_texts(model: ConvMF, first: str, second: str, users: Users = None) -> TextDifference:
    """Why the users would rate the second text higher, or lower, than the first.

    Raises
    ------
    ModelError
        The model was trained without texts, or a user is unknown.
    """
    return compare_effects(text_effects(model, first), text_effects(model, second), users)


def compare_effects(first: TextEffects, second: TextEffects, users: Users = None) -> TextDifference:
    """As :func:`compare_texts`, of two texts that were read already by the same model."""
    sums = [_sums(effects, users) for effects in (first, second)]
    words = [
        WordDifference(word, _place(word, *sums), sums[0].get(word, 0.0), sums[1].get(word, 0.0))
        for word in dict.fromkeys([*sums[0], *sums[1]])
    ]
    theta = first.model.encode([first.text, second.text])  # (2, D)
    ratings = raw_rating(first.model, theta, users)
    return TextDifference(
        float(ratings[0]), float(ratings[1]), tuple(sorted(words, key=lambda word: (-abs(word.effect), word.word)))
    )


def _sums(effects: TextEffects, users: Users) -> dict[str, float]:
    """Each word that the model reads, and its weight over all its places."""
    sums: dict[str, float] = {}
    for word in effects.words(users):
        if word.known:
            sums[word.word] = sums.get(word.word, 0.0) + word.weight
    return sums


def _place(word: str, first: dict[str, float], second: dict[str, float]) -> str:
    if word in first and word in second:
        return BOTH
    return FIRST if word in first else SECOND
