"""Which words and phrases of a text raise or lower a rating, and by how much.

The value of a set of a text's words is θ of the text with only these words left, in their order. The Shapley value
of a word (Shapley, 1953) is what it adds to θ when the words come one after the other, averaged over the orders in
which they may come. It is estimated from a few orders and their reverses (Štrumbelj and Kononenko, 2014). In each
order the additions sum to θ(text) − θ(empty text), so the words' weights add up to the whole effect of the text
exactly. Ratings before clipping are linear in θ, so one reading of the text serves every user and every group.
In a long text it is runs of words that come one after the other, and the words of a run share what it adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convmf.data.text import Token, as_written, tokenize
from convmf.explain.taste import Users, known_tokens, slope, text_parts
from convmf.model.cnn import encode_texts
from convmf.model.convmf import ConvMF
from convmf.model.ensemble import TextNetwork

# Texts that may be read for one explanation, but for one an order: 4 orders and their reverses for 75 words, 2 and
# theirs for 150; of more words several come at once.
_MOST_READINGS = 600
_MOST_PAIRS, _FEWEST_PAIRS = 8, 2
_MOST_RUNS = _MOST_READINGS // (2 * _FEWEST_PAIRS)


@dataclass(frozen=True)
class Phrase:
    """A stretch ``text[start:end]`` and how much it raises (or lowers) the rating, in rating points."""

    phrase: str
    weight: float
    start: int
    end: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the command line."""
        return {"phrase": self.phrase, "weight": self.weight}


@dataclass(frozen=True)
class WordWeight:
    """A word ``text[start:end]`` and how much it raises (or lowers) the rating, in rating points.

    ``known`` says whether the model reads it; a word outside the vocabulary, or behind the ``max_length``
    words that the model reads, has no weight.
    """

    word: str
    weight: float
    known: bool
    start: int
    end: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the command line."""
        return {"word": self.word, "weight": self.weight, "known": self.known}


@dataclass(frozen=True, eq=False)
class TextEffects:
    """What each word of a text does to θ: the one source of phrases and colours for all users.

    Attributes
    ----------
    tokens
        The words that the model reads, in their order.
    effects
        What each adds to θ, (n_tokens, D) in float64; the sum is θ(text) − θ(empty text).
    windows
        The distinct windows that the kernels picked out, as (first token, last token + 1).
    """

    text: str
    tokens: tuple[Token, ...]
    effects: Tensor
    windows: tuple[tuple[int, int], ...]
    model: ConvMF = field(repr=False)

    def words(self, users: Users = None) -> list[WordWeight]:
        """Every word of the text with its weight; they add up to what the text does to the rating before clipping."""
        weight_of: dict[int, float] = {}  # of a year and its decade, which stand in the same place, the sum
        for token, weight in zip(self.tokens, self._weights(users).tolist(), strict=True):
            weight_of[token.start] = weight_of.get(token.start, 0.0) + weight
        return [
            WordWeight(token.word, weight_of.get(token.start, 0.0), token.start in weight_of, token.start, token.end)
            for token in tokenize(self.text)
        ]

    def evidence(self, users: Users = None) -> list[Phrase]:
        """The phrases by the size of their effect, strongest first; the weights are sums of the words' weights.

        Phrases are windows that the CNN's kernels picked out. Of windows that overlap the one with the larger
        effect stays, and words that are left over stand for themselves, so that no word counts twice.
        """
        weights = self._weights(users)
        phrases = [
            Phrase(
                self.phrase(first, last),
                float(weights[first:last].sum()),
                self.tokens[first].start,
                self.tokens[last - 1].end,
            )
            for first, last in self.spans(np.abs(window_sums(weights, self.windows)))
        ]
        return sorted((phrase for phrase in phrases if phrase.weight), key=lambda phrase: -abs(phrase.weight))

    def spans(self, strengths: NDArray[np.float64]) -> list[tuple[int, int]]:
        """Windows that share no word, those with the largest strength (n_windows,) first, then the words left over.

        The strength counts by the root of a window's words, so that none is chosen for its length alone.
        """
        taken = np.zeros(len(self.tokens), dtype=bool)
        chosen = []
        lengths = np.diff(np.array(self.windows, dtype=np.int64).reshape(-1, 2), axis=1)[:, 0]
        for place in np.argsort(-strengths / np.sqrt(lengths), kind="stable"):
            first, last = self.windows[place]
            if not taken[first:last].any():
                taken[first:last] = True
                chosen.append((first, last))
        left = {_uncut(self.tokens, place, place + 1) for place in np.flatnonzero(~taken).tolist()}
        return chosen + sorted(left)

    def phrase(self, first: int, last: int) -> str:
        """The words from token ``first`` up to, not with, token ``last``."""
        return as_written([token.word for token in self.tokens[first:last]])

    def _weights(self, users: Users) -> NDArray[np.float64]:
        """Rating points of each token, (n_tokens,)."""
        weights: NDArray[np.float64] = (self.effects @ slope(self.model, users)).numpy()
        return weights


def text_effects(model: ConvMF, text: str, *, most_pairs: int = _MOST_PAIRS) -> TextEffects:
    """Read a text for explanations: some hundred times, with ever other words left out.

    Parameters
    ----------
    most_pairs
        At most so many orders and their reverses; fewer are faster and less exact.

    Raises
    ------
    ModelError
        The model was trained without texts.
    """
    cnn, _ = text_parts(model)
    ids, tokens = known_tokens(model, text)
    if not ids:
        return TextEffects(text, (), torch.zeros(0, cnn.output_dimension, dtype=torch.float64), (), model)
    token_ids = torch.tensor(ids)
    effects = _shapley_values(cnn, token_ids, most_pairs)
    windows = {_uncut(tokens, *window) for window in _windows(cnn, token_ids)}
    return TextEffects(text, tuple(tokens), effects, tuple(sorted(windows)), model)


def evidence(model: ConvMF, text: str, users: Users = None) -> list[Phrase]:
    """The phrases that raise or lower the users' rating of this text, see :meth:`TextEffects.evidence`.

    To explain one text to several users, take :func:`text_effects` once.
    """
    return text_effects(model, text).evidence(users)


def word_weights(model: ConvMF, text: str, users: Users = None) -> list[WordWeight]:
    """Every word of this text and its weight, see :meth:`TextEffects.words`."""
    return text_effects(model, text).words(users)


def _shapley_values(cnn: TextNetwork, token_ids: Tensor, most_pairs: int) -> Tensor:
    """What each word adds to θ, (n_tokens, D) in float64, over random orders from a fixed seed."""
    n = len(token_ids)
    n_runs = min(n, _MOST_RUNS)
    run = torch.arange(n) * n_runs // n  # (n,), of each word
    generator = torch.Generator().manual_seed(0)
    n_pairs = min(max(_MOST_READINGS // (2 * n_runs), _FEWEST_PAIRS), most_pairs)
    forth = torch.stack([torch.randperm(n_runs, generator=generator) for _ in range(n_pairs)])
    orders = torch.cat([forth, forth.flip(1)])  # (n_orders, n_runs): the run that comes k-th
    rank = orders.argsort(dim=1)
    kept = rank[:, None, run] < torch.arange(n_runs + 1)[None, :, None]  # (n_orders, n_runs + 1, n)
    first = (~kept).long().argsort(dim=2, stable=True)  # the kept words' places, in the text's order, in front
    beyond = torch.arange(n) >= kept.sum(dim=2, keepdim=True)
    texts = token_ids[first].masked_fill(beyond, 0).view(-1, n)
    theta = encode_texts(cnn, texts).double().view(len(orders), n_runs + 1, -1)
    added = theta.diff(dim=1)  # (n_orders, n_runs, D), by place in the order
    by_run = added.gather(1, rank[:, :, None].expand_as(added)).mean(dim=0)
    return (by_run / run.bincount().unsqueeze(1))[run]


def _windows(cnn: TextNetwork, token_ids: Tensor) -> set[tuple[int, int]]:
    """The distinct windows from which a kernel's value comes."""
    pooled, starts = cnn.winning_windows(token_ids[None])
    spans = zip(starts[0].tolist(), cnn.window_sizes, pooled[0].tolist(), strict=True)
    return {(first, min(first + size, len(token_ids))) for first, size, value in spans if value > 0}


def _uncut(tokens: Sequence[Token], first: int, last: int) -> tuple[int, int]:
    """The window, wide enough not to end between a year and its decade, which are one word of the text."""
    first -= first > 0 and tokens[first - 1].start == tokens[first].start
    last += last < len(tokens) and tokens[last].start == tokens[last - 1].start
    return first, last


def window_sums(values: NDArray[np.float64], windows: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Sums of ``values`` (n_tokens, …) over each window, (n_windows, …)."""
    sums = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    bounds = np.array(windows, dtype=np.int64).reshape(-1, 2)
    result: NDArray[np.float64] = sums[bounds[:, 1]] - sums[bounds[:, 0]]
    return result
