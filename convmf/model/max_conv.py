"""Convolution over words and max over time, in two forms that give the same numbers.

For the word vectors x_t = E[word t] of one text (PAD counts as the zero vector), one window size and one kernel k:

    c[t, k] = b[k] + Σ_o W[k, :, o] · x_{t+o}                 t = 0 … max(n − window, 0)
    feature[k] = relu(max_t c[t, k])

with n the text's length: the position of its last word + 1. A text shorter than the window has one
window, filled up with zero vectors; windows that reach further into the padding don't exist.

``dense_max_conv`` says this with Embedding, conv1d and max. ``sparse_max_conv`` uses that words repeat within
a batch, and that one window in each text and kernel wins and gets all of the gradient. It is many times
faster on a CPU; on a GPU the dense form is the better one. ``max_conv`` chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from convmf.data.text import PAD

# Windows are pooled in blocks of this many, then the blocks of each text. Smaller blocks waste less on the
# last one of a text, larger ones leave less to the second stage; 16 and 32 take the same time.
_BLOCK = 16

# A product is said as a convolution of so many images: of fewer, torch keeps it to itself on one thread. Its rows are
# filled up to a multiple of so many: oneDNN compiles each shape that it hasn't met, in 2 ms and 0.3 MB.
_IMAGES, _ROWS = 16, 128


def max_conv(
    token_ids: Tensor,
    embedding: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    *,
    sparse_grad: bool = False,
) -> Tensor:
    """relu(max over windows of the convolution), by the form that suits the device.

    Parameters
    ----------
    token_ids : (batch, length) int64, PAD = 0 at the end of each row
    embedding : (vocab, embedding_dim), the weight of an nn.Embedding; row 0 isn't read and gets no gradient
    weights : one (n_kernels, embedding_dim, window) a window size, as in nn.Conv1d
    biases : one (n_kernels,) a window size
    sparse_grad : give the embedding's gradient as sparse COO rows, on the CPU each word of the batch once, ascending

    Returns
    -------
    (batch, Σ n_kernels), the window sizes in the order given

    Raises
    ------
    IndexError, RuntimeError
        A token id is outside the vocabulary, or the shapes don't fit.
    """
    form = sparse_max_conv if token_ids.device.type == "cpu" else dense_max_conv
    return form(token_ids, embedding, weights, biases, sparse_grad=sparse_grad)


def dense_max_conv(
    token_ids: Tensor,
    embedding: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    *,
    sparse_grad: bool = False,
) -> Tensor:
    """``max_conv`` as Embedding → conv1d → mask → max: any device, time and memory grow with the padding."""
    lengths = text_lengths(token_ids)
    token_ids = _padded(token_ids, max(weight.shape[2] for weight in weights))
    words = F.embedding(token_ids, embedding, padding_idx=PAD, sparse=sparse_grad)
    words = words.masked_fill((token_ids == PAD).unsqueeze(2), 0.0).transpose(1, 2)  # (batch, dim, length)
    features = []
    for weight, bias in zip(weights, biases, strict=True):
        convolved = F.conv1d(words, weight, bias)  # (batch, n_kernels, windows)
        last_start = (lengths - weight.shape[2]).clamp(min=0)
        starts = torch.arange(convolved.shape[2], device=token_ids.device)
        beyond = (starts > last_start.unsqueeze(1)).unsqueeze(1)  # (batch, 1, windows)
        features.append(convolved.masked_fill(beyond, float("-inf")).max(dim=2).values)
    return torch.cat(features, dim=1).relu()


def sparse_max_conv(
    token_ids: Tensor,
    embedding: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    *,
    sparse_grad: bool = False,
) -> Tensor:
    """``max_conv`` by distinct words and winning windows, for the CPU; can be differentiated once.

    Forward. A convolution over word vectors is a sum over the window's offsets of per-word projections, so each
    distinct word of the batch is projected once: P = E[distinct] · W, then c[t] = Σ_o P_o[word t+o] is an
    embedding_bag over P, with one bag a window that exists. No text is padded to another's length.

    Backward. The gradient of P is sparse, with ``window`` entries for each (text, kernel), about 4 % of it at 128
    texts. Of the ways to use that, times for windows 3/4/5 × 100 kernels, 128 texts, one thread: two
    embedding_bags with the entries as weights 3 ms (and 0.3 ms to sort the entries by word), CSR products 5 ms,
    filling a dense P gradient and two matrix products 20 ms. Each bag sums in a fixed order, so results are
    the same in every run, where scatter-adds by several threads need not be.

    Places are numbers of 32 bits: embedding_bag takes half of the time with them.
    """
    if len(token_ids) == 0:
        return dense_max_conv(token_ids, embedding, weights, biases, sparse_grad=sparse_grad)
    return _SparseMaxConv.apply(token_ids, sparse_grad, len(weights), embedding, *weights, *biases)  # type: ignore[no-any-return, no-untyped-call]


@torch.no_grad()
def winning_windows(
    token_ids: Tensor, embedding: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """What ``max_conv`` gives, and where in the text it comes from; on the CPU.

    Parameters
    ----------
    token_ids, embedding, weights, biases
        As in :func:`max_conv`; at least one text.

    Returns
    -------
    features (batch, Σ n_kernels) and the position of the first word of each one's window, of the same shape. A
    feature of 0 comes from no window. The window of a text that is shorter reaches beyond its end.
    """
    convolved = _convolve(token_ids, embedding, weights, biases)
    starts = torch.cat(convolved.winners, dim=1) % convolved.distinct.texts.shape[1]
    return convolved.features.relu_(), starts.long()


class _Distinct(NamedTuple):
    """The distinct words of a batch, PAD always the first, and the batch's texts in their numbers."""

    ids: Tensor  # (distinct,) token ids, ascending
    texts: Tensor  # (batch, length), row numbers in ``ids``


class _Convolved(NamedTuple):
    """The convolution's maxima, and what its gradient needs."""

    features: Tensor  # (batch, Σ n_kernels), before the ReLU
    winners: list[Tensor]  # (batch, n_kernels) a window size: where in distinct.texts.flatten() the window starts
    vectors: Tensor  # (distinct, dim), and up to a multiple of _ROWS rows that nothing refers to
    kernels: Tensor  # (Σ window·n_kernels, dim)
    distinct: _Distinct


def _convolve(token_ids: Tensor, embedding: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> _Convolved:
    lengths = text_lengths(token_ids)
    windows = [weight.shape[2] for weight in weights]
    token_ids = token_ids[:, : int(lengths.max())]
    distinct = _distinct_words(_padded(token_ids, max(windows)), len(embedding))
    vectors = embedding.index_select(0, F.pad(distinct.ids, (0, -len(distinct.ids) % _ROWS), value=PAD))
    vectors[PAD] = 0.0
    kernels = torch.cat([_kernel_rows(weight) for weight in weights])
    blocks = _blocks(lengths, min(windows))
    maxima: list[Tensor] = []
    winners: list[Tensor] = []
    first_row = 0
    # One product for all sizes of as many kernels takes less time than one for each.
    for n_kernels, alike in groupby(weights, key=len):
        windows = [weight.shape[2] for weight in alike]
        n_rows = n_kernels * sum(windows)
        projected = _product(vectors, kernels[first_row : first_row + n_rows]).view(-1, n_kernels)
        first_row += n_rows
        # A word has sum(windows) rows in P: the offsets of the first size, then those of the next.
        words = distinct.texts * sum(windows)
        for window in windows:
            best, winner = _max_over_windows(projected, words, window, (lengths - window).clamp(min=0), blocks)
            maxima.append(best)
            winners.append(winner)
            words = words + window
    features = torch.cat(maxima, dim=1).add_(torch.cat(list(biases)))
    return _Convolved(features, winners, vectors, kernels, distinct)


class _SparseMaxConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, token_ids: Tensor, sparse_grad: bool, n_sizes: int, *tensors: Tensor) -> Tensor:
        embedding, weights, biases = tensors[0], tensors[1 : 1 + n_sizes], tensors[1 + n_sizes :]
        features, winners, vectors, kernels, distinct = _convolve(token_ids, embedding, weights, biases)
        output = features.relu_()
        ctx.sparse_grad, ctx.vocab = sparse_grad, len(embedding)
        ctx.shapes = [weight.shape for weight in weights]
        ctx.save_for_backward(output, vectors, kernels, distinct.ids, distinct.texts, *winners)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        output, vectors, kernels, distinct_ids, texts, *winners = ctx.saved_tensors
        gradient = grad_output.masked_fill(output <= 0, 0.0)  # (batch, Σ n_kernels)
        by_size = gradient.split([shape[0] for shape in ctx.shapes], dim=1)
        entries, words = _gradient_entries(by_size, winners, texts, ctx.shapes)
        needs_embedding, needs_weights = ctx.needs_input_grad[3], any(ctx.needs_input_grad[4:])
        grad_embedding = None
        if needs_embedding:
            grad_embedding = _embedding_gradient(entries, words, kernels, distinct_ids, ctx.vocab, ctx.sparse_grad)
        grad_weights: list[Tensor | None] = [None] * len(winners)
        if needs_weights:
            summed = F.embedding_bag(words, vectors, mode="sum", per_sample_weights=entries)
            parts = summed.split([shape[0] * shape[2] for shape in ctx.shapes])
            grad_weights = [_from_kernel_rows(*pair) for pair in zip(parts, ctx.shapes, strict=True)]
        return None, None, None, grad_embedding, *grad_weights, *(part.sum(0) for part in by_size)


def text_lengths(token_ids: Tensor) -> Tensor:
    """Position of each text's last word + 1, 0 for an empty one: (batch,)."""
    if token_ids.shape[1] == 0:
        return token_ids.new_zeros(len(token_ids))
    positions = torch.arange(1, token_ids.shape[1] + 1, device=token_ids.device)
    return ((token_ids != PAD) * positions).amax(dim=1)


def _padded(token_ids: Tensor, width: int) -> Tensor:
    """``token_ids`` with PAD columns up to ``width``, so that one window fits into every text."""
    return F.pad(token_ids, (0, max(width - token_ids.shape[1], 0)), value=PAD)


def _distinct_words(token_ids: Tensor, vocab: int) -> _Distinct:
    seen = torch.zeros(vocab, dtype=torch.bool).scatter_(0, token_ids.flatten(), True)
    seen[PAD] = True
    number = seen.cumsum(0, dtype=torch.int32) - 1  # (vocab,)
    return _Distinct(seen.nonzero().squeeze(1), number.index_select(0, token_ids.flatten()).view_as(token_ids))


def _kernel_rows(weight: Tensor) -> Tensor:
    """(n_kernels, dim, window) → (window·n_kernels, dim): row o·n_kernels + k is kernel k at offset o."""
    return weight.permute(2, 0, 1).reshape(-1, weight.shape[1])


def _from_kernel_rows(rows: Tensor, shape: torch.Size) -> Tensor:
    """The inverse of ``_kernel_rows``, in the memory order of an nn.Conv1d weight."""
    n_kernels, dim, window = shape
    return rows.view(window, n_kernels, dim).permute(1, 2, 0).contiguous()


def _product(rows: Tensor, columns: Tensor) -> Tensor:
    """rows @ columns.T, for a multiple of _ROWS rows.

    Said as a convolution with windows of one place, which torch gives to oneDNN. That takes vectors as wide as the
    processor has, where MKL, which computes ``@``, takes them half as wide on processors not made by Intel: 2,838 × 200
    by 200 × 1,200 on one thread 6 ms instead of 14 on an AMD EPYC with AVX-512.
    """
    if rows.dtype != torch.float32 or not torch.backends.mkldnn.is_available():
        return rows @ columns.T
    dim = rows.shape[1]
    images = rows.view(_IMAGES, -1, 1, dim).permute(0, 3, 1, 2)
    products = F.conv2d(images, columns.view(-1, 1, 1, dim).permute(0, 3, 1, 2))  # (_IMAGES, n_columns, height, 1)
    return products.permute(0, 2, 3, 1).reshape(len(rows), len(columns))


class _Blocks(NamedTuple):
    """Every text's windows in blocks of _BLOCK; the texts' blocks one after the other."""

    text: Tensor  # (blocks,), the row of the text
    window: Tensor  # (blocks, _BLOCK), the window's number in its text
    of_text: Tensor  # (batch, most blocks of a text), each text's blocks; a shorter text's last one again


def _blocks(lengths: Tensor, narrowest: int) -> _Blocks:
    n_blocks = (lengths - narrowest).clamp(min=0) // _BLOCK + 1  # (batch,), of the size with most windows
    first_block = n_blocks.cumsum(0) - n_blocks
    text = torch.repeat_interleave(n_blocks)
    window = (torch.arange(len(text)) - first_block[text]).unsqueeze(1) * _BLOCK + torch.arange(_BLOCK)
    most = int(n_blocks.max()) if len(n_blocks) else 1
    of_text = first_block.unsqueeze(1) + torch.arange(most).minimum(n_blocks.unsqueeze(1) - 1)
    return _Blocks(text, window, of_text)


def _max_over_windows(
    projected: Tensor, words: Tensor, window: int, last_starts: Tensor, blocks: _Blocks
) -> tuple[Tensor, Tensor]:
    """The best window of every text and kernel.

    Parameters
    ----------
    projected : (rows, n_kernels), P
    words : (batch, length), each word's row in P at the first offset, the other offsets' come after it; batch ≥ 1
    last_starts : (batch,), where each text's last window starts

    Returns
    -------
    (batch, n_kernels) the maxima, and where in ``words.flatten()`` each winning window starts
    """
    (batch, width), n_kernels = words.shape, projected.shape[1]
    # Beyond a text's last window stands that window again, which changes no maximum and needs no mask.
    starts = blocks.window.minimum(last_starts[blocks.text].unsqueeze(1)) + blocks.text.unsqueeze(1) * width
    starts = starts.int()  # (blocks, _BLOCK)
    offsets = torch.arange(window, dtype=torch.int32)
    bags = _looked_up(words, starts.view(-1, 1) + offsets) + offsets  # (blocks·_BLOCK, window)
    convolved = F.embedding_bag(bags, projected, mode="sum")
    best, place = _pool(convolved.view(1, -1, _BLOCK, n_kernels), (1, _BLOCK))  # (1, blocks, 1, n_kernels)
    best, place = best.view(-1, n_kernels), place.view(-1, n_kernels)

    most = blocks.of_text.shape[1]
    candidates = best.index_select(0, blocks.of_text.view(-1)).view(batch, most, 1, n_kernels)
    maxima, chosen = _pool(candidates, (most, 1))  # (batch, 1, 1, n_kernels)
    winning_block = blocks.of_text.gather(1, chosen.view(batch, n_kernels))
    return maxima.view(batch, n_kernels), _looked_up(starts, place.gather(0, winning_block))


def _looked_up(values: Tensor, places: Tensor) -> Tensor:
    """``values.flatten()`` at ``places``; index_select takes half of the time of ``[]``."""
    return values.view(-1).index_select(0, places.reshape(-1)).view(places.shape)


def _pool(values: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Maxima of (n, height, width, channels) and their flat places in height · width.

    Pooling with channels last is vectorised over the channels, places too; ``Tensor.max(dim)`` is not
    and takes ten times as long.
    """
    best, place = F.max_pool2d(values.permute(0, 3, 1, 2), size, return_indices=True)
    return best.permute(0, 2, 3, 1).contiguous(), place.permute(0, 2, 3, 1).contiguous()


def _gradient_entries(
    gradients: Sequence[Tensor], winners: Sequence[Tensor], texts: Tensor, shapes: Sequence[torch.Size]
) -> tuple[Tensor, Tensor]:
    """The non-zero entries of P's gradient: their values and words, both (Σ window·n_kernels, batch)."""
    entries, words = [], []
    for gradient, winner, (n_kernels, _, window) in zip(gradients, winners, shapes, strict=True):
        entries.append(gradient.T.repeat(window, 1))
        places = winner.T + torch.arange(window, dtype=torch.int32).view(-1, 1, 1)  # (window, n_kernels, batch)
        words.append(_looked_up(texts, places).view(window * n_kernels, -1))
    return torch.cat(entries), torch.cat(words)


def _embedding_gradient(
    entries: Tensor, words: Tensor, kernels: Tensor, distinct_ids: Tensor, vocab: int, sparse: bool
) -> Tensor:
    """(vocab, dim), each word's sum over the kernels it won for; of sparse layout, only rows of distinct words."""
    (n_rows, batch), n_distinct = words.shape, len(distinct_ids)
    won_by_kernel = scipy.sparse.csr_array(
        (entries.flatten().numpy(), words.flatten().numpy(), np.arange(0, words.numel() + 1, batch, dtype=np.int32)),
        shape=(n_rows, n_distinct),
    )
    by_word = won_by_kernel.tocsc()  # words that won twice for a kernel keep both entries
    first = int(by_word.indptr[PAD + 1])
    kernel, values = torch.from_numpy(by_word.indices[first:]), torch.from_numpy(by_word.data[first:])
    ends = torch.from_numpy(by_word.indptr[1:]) - first
    if not sparse:  # a bag for every word of the vocabulary, most of them empty
        counts = ends.new_zeros(vocab).index_copy_(0, distinct_ids[1:], ends.diff())
        ends = F.pad(counts.cumsum(0, dtype=ends.dtype), (1, 0))
    rows = F.embedding_bag(kernel, kernels, ends, mode="sum", per_sample_weights=values, include_last_offset=True)
    if not sparse:
        return rows
    ids = distinct_ids[1:].unsqueeze(0)
    return torch.sparse_coo_tensor(ids, rows, (vocab, kernels.shape[1]), is_coalesced=True, check_invariants=False)
