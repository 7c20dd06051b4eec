"""What if the text said something else: the rating with a word or phrase replaced.

A substitute changes only the windows that it stands in. So networks read only its surroundings, and each kernel's
value is the larger one of these and of the rest of the text, which is read once. That is exactly what reading each
whole text would give. A linear reader, which is fast, reads whole texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from convmf.data.text import tokenize, written_words
from convmf.errors import ModelError
from convmf.explain.taste import Users, known_tokens, raw_rating, text_parts
from convmf.model.cnn import encode_texts
from convmf.model.convmf import ConvMF
from convmf.model.ensemble import TextNetwork

KEEPS = 0.01
"""A substitute that moves the rating by less than this share of the scale keeps it."""


@dataclass(frozen=True)
class Substitute:
    """A word or phrase in the place of another.

    Attributes
    ----------
    effect
        Change of the users' mean rating before clipping, in rating points.
    rating
        That rating with the substitute, clipped to the scale.
    verdict
        'raises', 'keeps' or 'lowers'; a change below one hundredth of the scale keeps it.
    """

    word: str
    effect: float
    rating: float
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the command line."""
        return asdict(self)


def substitutes(
    model: ConvMF,
    text: str,
    start: int,
    end: int,
    candidates: Sequence[str] | None = None,
    users: Users = None,
) -> list[Substitute]:
    """The effect of other words in the place of ``text[start:end]``, from the one that raises most to the one that
    lowers most.

    Parameters
    ----------
    start, end
        The stretch; a word that it cuts is replaced whole.
    candidates
        Words or phrases, in which "" is leaving it out; None tries every word of the vocabulary.
    users
        A user, a group, or None for all users.

    Raises
    ------
    ModelError
        The stretch is no part of the text, or the model was trained without texts.
    """
    cnn, vocabulary = text_parts(model)
    if not 0 <= start < end <= len(text):
        raise ModelError(f"Characters {start} to {end} are no stretch of a text of {len(text)} characters.")
    chosen = vocabulary.words if candidates is None else tuple(candidates)
    ids = known_tokens(model, text)[0]
    before = float(raw_rating(model, encode_texts(cnn, torch.tensor([ids], dtype=torch.int64)), users)[0])
    after = raw_rating(model, _theta_with(model, text, start, end, chosen), users).tolist()
    low, high = model.scale.lowest, model.scale.highest
    found = [
        Substitute(word, value - before, min(max(value, low), high), _verdict(value - before, high - low))
        for word, value in zip(chosen, after, strict=True)
    ]
    return sorted(found, key=lambda substitute: (-substitute.effect, substitute.word))


def occurrence(text: str, phrase: str) -> tuple[int, int]:
    """Where ``phrase`` stands first in the text as whole words, whatever their case: (start, end).

    Raises
    ------
    ModelError
        It doesn't stand there, or has no word in it.
    """
    wanted, tokens = written_words(phrase), tokenize(text)
    found = [token.word for token in tokens]
    for first in range(len(found) - len(wanted) + 1):
        if wanted and found[first : first + len(wanted)] == wanted:
            return tokens[first].start, tokens[first + len(wanted) - 1].end
    raise ModelError(f"{phrase!r} doesn't stand in the text; give a word or a phrase of it.")


def _theta_with(model: ConvMF, text: str, start: int, end: int, candidates: Sequence[str]) -> Tensor:
    """θ of the text with each candidate in the place of the stretch, (n_candidates, D)."""
    cnn, vocabulary = text_parts(model)
    tokens = vocabulary.read(text)
    left = [vocabulary.token_id(token.word) for token in tokens if token.end <= start]
    right = [vocabulary.token_id(token.word) for token in tokens if token.start >= end]
    spoken = [[vocabulary.token_id(token.word) for token in vocabulary.read(candidate)] for candidate in candidates]
    theta = torch.zeros(len(candidates), cnn.output_dimension)
    for length in {len(ids) for ids in spoken}:
        rows = [row for row, ids in enumerate(spoken) if len(ids) == length]
        middle = torch.tensor([spoken[row] for row in rows], dtype=torch.int64).view(len(rows), length)
        theta[rows] = _theta_between(cnn, left, middle, right, model.config.max_length)
    return theta


@torch.no_grad()
def _theta_between(cnn: TextNetwork, left: list[int], middle: Tensor, right: list[int], max_length: int) -> Tensor:
    """θ of the texts left + middle + right, (n_texts, D), cut to ``max_length``; ``middle`` is (n_texts, length)."""
    left, middle = left[:max_length], middle[:, : max(max_length - len(left), 0)]
    right = right[: max_length - len(left) - middle.shape[1]]
    # Wide enough that every window of the surroundings is one of the whole text too, and none is padded.
    width = max(cnn.window_sizes)
    near = torch.cat([_repeated(left[-width:], middle), middle, _repeated(right[:width], middle)], dim=1)
    pooled = cnn.pooled(near)  # (n_texts, n_features)
    for side in (left, right):
        if len(side) >= width:
            pooled = torch.maximum(pooled, cnn.pooled(torch.tensor([side])))
    whole = torch.cat([_repeated(left, middle), middle, _repeated(right, middle)], dim=1)
    return cnn.factors(pooled, cnn.linear_output(whole))


def _repeated(ids: list[int], texts: Tensor) -> Tensor:
    """``ids`` once for each text, (n_texts, n_ids)."""
    return torch.tensor(ids, dtype=torch.int64).expand(len(texts), -1)


def _verdict(effect: float, width: float) -> str:
    if abs(effect) < KEEPS * width:
        return "keeps"
    return "raises" if effect > 0 else "lowers"
