"""Which items are near, by text and by ratings, and which phrases they share.

The similarity by text is the cosine of θ − θ̄, θ̄ being the catalogue's mean. Both sides of it are sums over the
phrases of a text (see ``words``), so the cosine is a sum over pairs of phrases, one of each text. The pairs that
add most to it are what the two texts share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmf.explain.taste import check_texts, text_parts
from convmf.explain.words import text_effects, window_sums
from convmf.model.convmf import ConvMF

_N_SHARED = 3
_ORDER_PAIRS = 2
"""Twenty texts are read for one answer; a few orders tell which phrases are alike."""


@dataclass(frozen=True)
class SharedPhrase:
    """A phrase of the item and one of the neighbour, and what the pair adds to the cosine of their texts."""

    own: str
    other: str
    similarity: float


@dataclass(frozen=True)
class Neighbour:
    """A near item: the cosine by text factors and by item factors, and what makes the texts alike."""

    item_id: str
    title: str
    text_similarity: float
    item_similarity: float
    shared: tuple[SharedPhrase, ...]


@dataclass(frozen=True)
class Neighbours:
    """The nearest items by what the CNN reads (``by_text``), and by ratings and text together (``by_item``)."""

    by_text: tuple[Neighbour, ...]
    by_item: tuple[Neighbour, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def neighbours(model: ConvMF, item_id: str, texts: Sequence[str], n: int = 10) -> Neighbours:
    """The ``n`` nearest items by text factors and by item factors, and why.

    Parameters
    ----------
    texts
        The text of every item, in the model's order.

    Raises
    ------
    ModelError
        The item is unknown, the model was trained without texts, or the number of texts isn't that of its items.
    """
    text_parts(model)
    check_texts(model, texts)
    lists = {by: model.similar_items(item_id, len(model.item_ids), by=by) for by in ("text", "item")}
    similarity = {by: {item.item_id: item.score for item in items} for by, items in lists.items()}
    own = _phrases(model, texts[model.item_rows([item_id])[0]])
    found: dict[str, Neighbour] = {}
    for item in (*lists["text"][:n], *lists["item"][:n]):
        if item.item_id not in found:
            other = _phrases(model, texts[model.item_rows([item.item_id])[0]])
            found[item.item_id] = Neighbour(
                item.item_id,
                item.title,
                similarity["text"][item.item_id],
                similarity["item"][item.item_id],
                _shared(own, other),
            )
    return Neighbours(*(tuple(found[item.item_id] for item in lists[by][:n]) for by in ("text", "item")))


def _phrases(model: ConvMF, text: str) -> tuple[list[str], NDArray[np.float64]]:
    """The phrases of a text, and each one's part of (θ − θ̄) / ‖θ − θ̄‖, (n_phrases, n_factors)."""
    effects = text_effects(model, text, most_pairs=_ORDER_PAIRS)
    first = int(model.config.biases)
    values = effects.effects[:, first:].numpy()
    spans = effects.spans(np.linalg.norm(window_sums(values, effects.windows), axis=1))
    parts = window_sums(values, spans)
    empty = model.encode([""])[0, first:].double().numpy()
    usual = model.text_factors[:, first:].double().mean(dim=0).numpy() - empty
    # What any text says has nothing to do with this one; it comes off all of its phrases alike.
    parts = parts - usual / max(len(parts), 1)
    length = float(np.linalg.norm(parts.sum(axis=0)))
    return [effects.phrase(*span) for span in spans], parts / (length or 1.0)


def _shared(
    own: tuple[list[str], NDArray[np.float64]], other: tuple[list[str], NDArray[np.float64]]
) -> tuple[SharedPhrase, ...]:
    """The pairs that add most, no phrase twice."""
    (own_phrases, own_parts), (other_phrases, other_parts) = own, other
    products = own_parts @ other_parts.T  # (n_own, n_other), their sum is the cosine
    shared: list[SharedPhrase] = []
    for _ in range(min(_N_SHARED, *products.shape)):
        row, column = np.unravel_index(int(products.argmax()), products.shape)
        if products[row, column] <= 0:
            break
        shared.append(SharedPhrase(own_phrases[row], other_phrases[column], float(products[row, column])))
        products[row, :] = products[:, column] = -np.inf
    return tuple(shared)
