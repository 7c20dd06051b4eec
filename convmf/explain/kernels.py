"""What each kernel of the CNN reads in the catalogue, and what it does with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from convmf.explain.taste import check_texts, text_parts
from convmf.explain.windows import CatalogueWindows, read_windows
from convmf.model.convmf import ConvMF

_SAME_VALUES, _SAME_WORDS = 0.6, 0.5
"""Kernels read the same if their values over the catalogue correlate by this much, and of the words in their strong
phrases this share is common to both (of the one with fewer words). Two kernels for one word, alone and with its
neighbours, correlate by about 0.7."""
_N_FACTORS = 5


@dataclass(frozen=True)
class KernelPhrase:
    """A phrase that a kernel picked out, how strongly, and an item in whose text it stands."""

    phrase: str
    activation: float
    item_id: str
    title: str


@dataclass(frozen=True)
class FactorMove:
    """How far a kernel moves one column of θ; column 0 is the item's level in a model with biases."""

    factor: int
    change: float


@dataclass(frozen=True)
class Kernel:
    """What a kernel, or several that read the same, looks for.

    Changes are those from the kernels' mean over the catalogue to where they are strongest, all others at their mean,
    and so is what a linear reader beside them says: a phrase's words may do more than its kernel does.

    Attributes
    ----------
    numbers
        Which of the CNN's kernels, counted over all window sizes, the one that the phrases are of first.
    size
        Words in its window.
    phrases
        The phrases with the highest activation, each once.
    factors
        The columns of θ that it moves most.
    effect
        Change of the average user's rating, in rating points.
    spread
        Standard deviation of that change over the users: how much opinions on it differ.
    """

    numbers: tuple[int, ...]
    size: int
    phrases: tuple[KernelPhrase, ...]
    factors: tuple[FactorMove, ...]
    effect: float
    spread: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def kernel_readings(model: ConvMF, texts: Sequence[str], top: int = 10) -> list[Kernel]:
    """Each kernel with its ``top`` phrases, those that move ratings most first; near-duplicates are one.

    Parameters
    ----------
    texts
        The text of every item, in the model's order.

    Raises
    ------
    ModelError
        The model was trained without texts, or the number of texts isn't that of its items.
    """
    check_texts(model, texts)
    windows = read_windows(model, texts)
    mean = windows.pooled.mean(dim=0)  # (n_features,)
    high = windows.pooled.topk(min(top, len(texts)), dim=0).values.mean(dim=0)
    alive = (high - mean > 0).nonzero().squeeze(1).tolist()
    moves = _moves(model, windows, mean, high, [[kernel] for kernel in alive])
    strength = _user_changes(model, moves).square().mean(dim=1)
    ranked = [alive[place] for place in strength.argsort(descending=True, stable=True).tolist()]
    phrases = {kernel: _top_phrases(model, windows, kernel, top) for kernel in ranked}
    groups = _same_readings(windows.pooled, phrases)
    moves = _moves(model, windows, mean, high, groups)  # (n_groups, D)
    changes = _user_changes(model, moves)  # (n_groups, n_users)
    order = changes.square().mean(dim=1).argsort(descending=True, stable=True).tolist()
    return [
        Kernel(
            numbers=tuple(groups[place]),
            size=windows.sizes[groups[place][0]],
            phrases=phrases[groups[place][0]],
            factors=_largest(moves[place]),
            effect=float(changes[place].mean()),
            spread=float(changes[place].std(correction=0)),
        )
        for place in order
    ]


@torch.no_grad()
def _moves(model: ConvMF, windows: CatalogueWindows, mean: Tensor, high: Tensor, groups: list[list[int]]) -> Tensor:
    """Change of θ when the kernels of a group go from their mean to their height, (n_groups, D)."""
    cnn, _ = text_parts(model)
    pooled = mean.repeat(len(groups) + 1, 1)  # the last row stays at the mean
    for place, group in enumerate(groups):
        pooled[place, group] = high[group]
    theta = cnn.factors(pooled, windows.linear_output)
    return theta[:-1] - theta[-1]


def _user_changes(model: ConvMF, moves: Tensor) -> Tensor:
    """What the changes of θ (n_groups, D) do to every user's rating, in rating points: (n_groups, n_users)."""
    users = model.user_factors_at(0).clone()
    users[:, : int(model.config.biases)] = 1.0
    return model.scale.std * moves @ users.T


def _same_readings(pooled: Tensor, phrases: dict[int, tuple[KernelPhrase, ...]]) -> list[list[int]]:
    """The kernels, strongest first, in groups: each joins the first stronger one that reads the same."""
    ranked = list(phrases)
    values = pooled[:, ranked] - pooled[:, ranked].mean(dim=0)
    values = values / values.norm(dim=0).clamp(min=1e-12)
    alike = (values.T @ values > _SAME_VALUES).tolist()
    words = [_strong_words(phrases[kernel], float(pooled[:, kernel].mean())) for kernel in ranked]
    groups: dict[int, list[int]] = {}
    for place, kernel in enumerate(ranked):
        leader = next(
            (first for first in groups if alike[first][place] and _common(words[first], words[place]) >= _SAME_WORDS),
            place,
        )
        groups.setdefault(leader, []).append(kernel)
    return list(groups.values())


def _strong_words(phrases: tuple[KernelPhrase, ...], usual: float) -> set[str]:
    """The words of the phrases that excite a kernel at least half as far beyond the usual as its strongest."""
    half = (usual + phrases[0].activation) / 2 if phrases else 0.0
    return {word for found in phrases if found.activation >= half for word in found.phrase.split()}


def _common(one: set[str], other: set[str]) -> float:
    return len(one & other) / max(min(len(one), len(other)), 1)


def _top_phrases(model: ConvMF, windows: CatalogueWindows, kernel: int, top: int) -> tuple[KernelPhrase, ...]:
    found: dict[str, KernelPhrase] = {}
    activations, order = windows.pooled[:, kernel].sort(descending=True, stable=True)
    read: set[tuple[int, ...]] = set()
    # Many texts share their strongest words, and a phrase takes longer to write than its ids to compare.
    for activation, row, ids in zip(
        activations.tolist(), order.tolist(), map(tuple, windows.ids(kernel)[order].tolist()), strict=True
    ):
        if len(found) == top or activation <= 0:
            break
        if ids in read:
            continue
        read.add(ids)
        phrase = windows.phrase(model, row, windows.span(row, kernel))
        if phrase and phrase not in found:
            found[phrase] = KernelPhrase(phrase, activation, model.item_ids[row], model.titles[row])
    return tuple(found.values())


def _largest(move: Tensor) -> tuple[FactorMove, ...]:
    columns = move.abs().topk(min(_N_FACTORS, len(move))).indices.tolist()
    return tuple(FactorMove(column, float(move[column])) for column in columns)
