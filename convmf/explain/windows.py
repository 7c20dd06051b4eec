"""What every kernel picks out in every text of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from convmf.data.text import PAD, UNK, as_written
from convmf.explain.taste import text_parts
from convmf.model.convmf import ConvMF
from convmf.model.max_conv import text_lengths

_BATCH = 256


@dataclass(frozen=True, eq=False)
class CatalogueWindows:
    """The arg-max windows of some texts.

    Attributes
    ----------
    token_ids
        (n_texts, longest).
    pooled
        The value that each kernel found, (n_texts, n_features); 0 where it found nothing.
    starts
        The position of the window's first word, (n_texts, n_features).
    sizes
        Words in the window of each kernel, n_features of them.
    lengths
        Words of each text.
    linear_output
        What a linear reader beside the networks says of these texts on average, (D,); None without one.
    """

    token_ids: Tensor
    pooled: Tensor
    starts: Tensor
    sizes: tuple[int, ...]
    lengths: tuple[int, ...]
    linear_output: Tensor | None

    def span(self, row: int, kernel: int) -> tuple[int, int]:
        """First token, and last + 1, of what the kernel picked out in the text."""
        first = int(self.starts[row, kernel])
        return first, min(first + self.sizes[kernel], self.lengths[row])

    def ids(self, kernel: int) -> Tensor:
        """The token ids of what the kernel picked out in each text, (n_texts, words of its window), PAD beyond it."""
        size = self.sizes[kernel]
        places = self.starts[:, kernel].unsqueeze(1) + torch.arange(size)
        return F.pad(self.token_ids, (0, size), value=PAD).gather(1, places)

    def phrase(self, model: ConvMF, row: int, span: tuple[int, int]) -> str:
        """The words of a span of a text; a word outside the vocabulary is left out of a text anyway."""
        _, vocabulary = text_parts(model)
        ids = self.token_ids[row, span[0] : span[1]].tolist()
        return as_written([vocabulary.words[token_id - UNK - 1] for token_id in ids if token_id > UNK])


def read_windows(model: ConvMF, texts: Sequence[str]) -> CatalogueWindows:
    """Read the texts and keep where each kernel's value comes from.

    Raises
    ------
    ModelError
        The model was trained without texts.
    """
    cnn, vocabulary = text_parts(model)
    token_ids = torch.from_numpy(vocabulary.encode(texts, model.config.max_length))
    sizes = tuple(cnn.window_sizes)
    pooled = torch.zeros(len(texts), len(sizes))
    starts = torch.zeros(len(texts), len(sizes), dtype=torch.int64)
    lengths = text_lengths(token_ids)
    outputs: list[Tensor] = []
    for rows in torch.argsort(lengths, stable=True).split(_BATCH) if len(texts) else ():
        pooled[rows], starts[rows] = cnn.winning_windows(token_ids[rows])
        if (output := cnn.linear_output(token_ids[rows])) is not None:
            outputs.append(output)
    linear_output = torch.cat(outputs).mean(dim=0) if outputs else None
    return CatalogueWindows(token_ids, pooled, starts, sizes, tuple(lengths.tolist()), linear_output)
