"""What a description leads to, and which of its phrases lead there."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from convmf.data.text import Token
from convmf.errors import ModelError
from convmf.model.cnn import CnnNlpModel
from convmf.model.convmf import ConvMF, ScoredItem, score_matrix

_PATH_STEPS = 64


@dataclass(frozen=True)
class Phrase:
    """A stretch ``text[start:end]`` and how much it raises (or lowers) the rating, in rating points."""

    phrase: str
    weight: float
    start: int
    end: int


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
    evidence
        Phrases by the size of their effect on the average user's rating.
    """

    known_words: tuple[str, ...]
    unknown_words: tuple[str, ...]
    ratings: NDArray[np.float32]
    mean: float
    p10: float
    p90: float
    top_users: tuple[ScoredUser, ...]
    nearest_items: tuple[ScoredItem, ...]
    evidence: tuple[Phrase, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the command line."""
        return {
            "known_words": list(self.known_words),
            "unknown_words": list(self.unknown_words),
            "rating": {"mean": self.mean, "p10": self.p10, "p90": self.p90},
            "top_users": [asdict(user) for user in self.top_users],
            "nearest_items": [
                {"item_id": item.item_id, "title": item.title, "similarity": item.score} for item in self.nearest_items
            ],
            "evidence": [{"phrase": phrase.phrase, "weight": phrase.weight} for phrase in self.evidence],
        }


def read_text(model: ConvMF, text: str, top: int = 10) -> TextReading:
    """Rate a description that belongs to no known item.

    Raises
    ------
    ModelError
        The model was trained without texts.
    """
    if model.vocabulary is None:
        raise ModelError("This model was trained without texts, so it can't rate a description.")
    known, unknown = model.vocabulary.known_and_unknown(text)
    # The model never learned what an unknown word means, so nothing but an empty text is left to rate.
    text = text if known else ""
    factors = model.encode([text])  # (1, D)
    ratings = model.rate(model.user_factors, factors)[0]  # (n_users,)
    # Unclipped scores order users at the top of the scale too.
    scores = score_matrix(model.user_factors, factors, biases=model.config.biases)[:, 0]
    best = torch.topk(scores, min(top, len(scores))).indices.tolist()
    low, high = np.percentile(ratings, [10, 90])
    return TextReading(
        known_words=tuple(known),
        unknown_words=tuple(unknown),
        ratings=ratings,
        mean=float(ratings.mean()),
        p10=float(low),
        p90=float(high),
        top_users=tuple(ScoredUser(model.user_ids[row], float(ratings[row])) for row in best),
        nearest_items=tuple(model.similar_items(factors[0], top, by="text")),
        evidence=tuple(evidence(model, text)[:top]),
    )


def evidence(model: ConvMF, text: str, user_factors: Tensor | None = None) -> list[Phrase]:
    """The phrases that the CNN's kernels picked out, by the size of their effect on the rating.

    Each kernel reads one window of the text, its arg-max. The effect of all kernels together, the
    rating of this text less that of an empty one before clipping, is shared among the kernels by
    integrated gradients (Sundararajan et al., 2017) over the pooled activations, and each share goes
    to the phrase that the kernel read. So the weights add up to the whole effect.

    Parameters
    ----------
    user_factors
        (D,) of one user; None is the average user.
    """
    if model.cnn is None or model.vocabulary is None:
        raise ModelError("This model was trained without texts, so there is no evidence in a text.")
    ids, tokens = model.vocabulary.encode_text(text, model.config.max_length)
    if not ids:
        return []
    pooled, windows = _arg_max_windows(model.cnn, torch.tensor([ids]))
    nothing, _ = _arg_max_windows(model.cnn, torch.zeros(1, 0, dtype=torch.int64))
    user = model.user_factors.mean(dim=0) if user_factors is None else user_factors
    shares = _integrated_gradients(model, pooled[0], nothing[0], user)
    weights: dict[tuple[int, int], float] = {}
    for (first, size), share in zip(windows, shares.tolist(), strict=True):
        span = (first, min(first + size, len(tokens)))
        weights[span] = weights.get(span, 0.0) + share * model.scale.std
    phrases = [_phrase(text, tokens[first:last], weight) for (first, last), weight in weights.items()]
    return sorted(phrases, key=lambda phrase: -abs(phrase.weight))


def _phrase(text: str, tokens: list[Token], weight: float) -> Phrase:
    start, end = tokens[0].start, tokens[-1].end
    return Phrase(" ".join(token.word for token in tokens), weight, start, end)


@torch.no_grad()
def _arg_max_windows(cnn: CnnNlpModel, token_ids: Tensor) -> tuple[Tensor, list[tuple[int, int]]]:
    """Pooled activations of one text, (1, n_features), and (first token, size) of each kernel's window."""
    windows: list[tuple[int, int]] = []
    n_tokens = token_ids.shape[1]
    for layer in cnn.conv1d_layers:
        assert isinstance(layer, nn.Conv1d)
        size = layer.kernel_size[0]
        padded = nn.functional.pad(token_ids, (0, max(0, size - n_tokens)))
        activation = layer(cnn.embedding_layer.weight[padded].transpose(1, 2))  # (1, n_kernels, n_windows)
        windows += [(first, size) for first in activation[0].argmax(dim=1).tolist()]
    return cnn.pooled(token_ids), windows


def _integrated_gradients(model: ConvMF, pooled: Tensor, start: Tensor, user: Tensor) -> Tensor:
    """Each pooled activation's share in the score's way from ``start`` to ``pooled``, (n_features,)."""
    assert model.cnn is not None
    places = (torch.arange(_PATH_STEPS) + 0.5) / _PATH_STEPS
    path = (start + places[:, None] * (pooled - start)).requires_grad_()  # (steps, n_features)
    with torch.enable_grad():
        hidden = torch.tanh(model.cnn.fc_layer1(path))
        factors = torch.tanh(model.cnn.fc_layer2(hidden))
        scores = score_matrix(user[None], factors, biases=model.config.biases)
        (gradient,) = torch.autograd.grad(scores.sum(), path)
    return (pooled - start) * gradient.mean(dim=0)
