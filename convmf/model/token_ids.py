"""The token ids of many texts, in which one long text takes no room in all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convmf.data.text import PAD


@dataclass(frozen=True, eq=False)
class TokenIds:
    """Token ids of texts one after the other; padded only a batch at a time.

    Attributes
    ----------
    ids
        Of all texts, (n_tokens,).
    starts, lengths
        Where each text begins in ``ids``, and its words, (n_texts,).
    width
        Words of the longest text that there was.
    """

    ids: NDArray[np.int64]
    starts: Tensor
    lengths: Tensor
    width: int

    @classmethod
    def of(cls, texts: Sequence[Sequence[int]]) -> TokenIds:
        """The token ids of each text, none of them PAD."""
        lengths = torch.tensor([len(text) for text in texts], dtype=torch.int64)
        ids = np.fromiter(chain.from_iterable(texts), np.int64, count=int(lengths.sum()))
        return cls(ids, lengths.cumsum(0) - lengths, lengths, int(lengths.max()) if len(texts) else 0)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Token ids of the texts in ``rows``, int64, (n_rows, their longest), PAD behind each."""
        lengths = self.lengths[rows]
        return self._padded(self.starts[rows], lengths, int(lengths.max()) if len(rows) else 0)

    def take(self, rows: Tensor) -> TokenIds:
        """The texts in ``rows``; their ids are shared."""
        return TokenIds(self.ids, self.starts[rows], self.lengths[rows], self.width)

    def batches(self, size: int) -> Iterator[Tensor]:
        """All texts in their order, ``size`` at a time, (batch, width): as wide as if they came at once."""
        for starts, lengths in zip(self.starts.split(size), self.lengths.split(size), strict=True):
            yield self._padded(starts, lengths, self.width)

    def _padded(self, starts: Tensor, lengths: Tensor, width: int) -> Tensor:
        padded = np.full((len(starts), width), PAD, dtype=np.int64)
        for row, (start, length) in enumerate(zip(starts.tolist(), lengths.tolist(), strict=True)):
            padded[row, :length] = self.ids[start : start + length]
        return torch.from_numpy(padded)
