"""A linear reader of texts: what each word tells by itself, wherever it stands."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LinearReader(nn.Module):
    """artanh θ as a linear regression on which words a text has:

        level + Σ_w idf_w · coefficients_w / ‖idf‖    over the distinct words w of the text

    with ‖idf‖ the length of the vector of their idf, so that a long text says no more than a short one. Its errors are
    others than a CNN's: together they tell more of unseen texts than either.

    Parameters
    ----------
    coefficients
        (vocab_size, output_dimension).
    idf
        Inverse document frequency of each word, (vocab_size,); 0 for what isn't read, such as PAD and UNK.
    level
        What a text without words says, (output_dimension,).
    """

    coefficients: Tensor
    idf: Tensor
    level: Tensor

    def __init__(self, coefficients: Tensor, idf: Tensor, level: Tensor) -> None:
        super().__init__()
        self.register_buffer("coefficients", coefficients)
        self.register_buffer("idf", idf)
        self.register_buffer("level", level)

    @classmethod
    def empty(cls, vocab_size: int, output_dimension: int) -> LinearReader:
        """One of this size whose weights are still to be loaded."""
        sizes = (vocab_size, output_dimension), (vocab_size,), (output_dimension,)
        return cls(*(torch.zeros(size) for size in sizes))

    def forward(self, token_ids: Tensor) -> Tensor:
        """artanh θ, (batch, output_dimension), from token ids (batch, length) with PAD behind each text."""
        weights, words = text_weights(token_ids, self.idf)
        said = F.embedding_bag(words, self.coefficients, mode="sum", per_sample_weights=weights)
        return said + self.level


def text_weights(token_ids: Tensor, idf: Tensor) -> tuple[Tensor, Tensor]:
    """How much each word of a text counts, and the words, both (batch, length + 1).

    It is idf / ‖idf‖ where a word comes first, and 0 where it comes again.
    """
    words, first = distinct_words(token_ids)
    weights = idf[words] * first
    return weights / weights.norm(dim=1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny), words


def distinct_words(token_ids: Tensor) -> tuple[Tensor, Tensor]:
    """The words of each text, sorted, and where each of them but PAD comes first; both (batch, length + 1)."""
    words = F.pad(token_ids, (1, 0)).sort(dim=1).values  # with a PAD in front, also of a text without a place
    return words, words.diff(dim=1, prepend=words[:, :1]) != 0
