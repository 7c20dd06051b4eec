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
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from llvmlite.binding import get_host_cpu_name
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from convmf.compiled import takes
from convmf.data.text import PAD
from convmf.model import loops

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
    sparse_grad : give the embedding's gradient as sparse COO rows, on the CPU each word of the batch once

    Returns
    -------
    (batch, Σ n_kernels), the window sizes in the order given

    Raises
    ------
    IndexError, RuntimeError
        A token id is outside the vocabulary, or the shapes don't fit.
    """
    loops_fit = takes(embedding) and not torch.is_autocast_enabled("cpu")
    form = sparse_max_conv if loops_fit else dense_max_conv
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
    distinct word of the batch is projected once: P = E[distinct] · W, then c[t] = Σ_o P_o[word t+o] is summed and
    compared a window at a time, and kept nowhere. No text is padded to another's length.

    Backward. The gradient of P is sparse, with ``window`` entries for each (text, kernel), about 4 % of it at 128
    texts. Of the ways to use that, times for windows 3/4/5 × 100 kernels, 128 texts, one thread: two
    embedding_bags with the entries as weights 3 ms (and 1 ms to sort the entries by word), CSR products 5 ms,
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
    return convolved.features, convolved.winners.long()


def compile_loops() -> None:
    """Compile what ``sparse_max_conv`` needs in single precision, where it isn't yet.

    By itself, not by a step: within autograd, in C++, a thread that Python ends while it compiles ends the process.
    """
    token_ids, weight = torch.ones(1, 1, dtype=torch.int64), torch.zeros(1, 1, 1)
    _, winners, _, kernels, distinct = _convolve(token_ids, torch.zeros(2, 1), [weight], [torch.zeros(1)])
    _gradient_entries(torch.zeros(1, 1), winners, distinct.texts, [weight.shape], len(distinct.ids))
    _from_kernel_rows(kernels, [weight.shape])


class _Distinct(NamedTuple):
    """The distinct words of a batch, PAD always the first, and the batch's texts in their numbers."""

    ids: Tensor  # (distinct,) token ids, in the order of _mixed
    texts: Tensor  # (batch, length) int32, row numbers in ``ids``
    lengths: Tensor  # (batch,)


class _Convolved(NamedTuple):
    """What ``max_conv`` gives, and what its gradient needs."""

    features: Tensor  # (batch, Σ n_kernels)
    winners: Tensor  # (batch, Σ n_kernels) int32, where in the text the winning window starts
    vectors: Tensor  # (distinct, dim), and up to a multiple of _ROWS rows that nothing refers to
    kernels: Tensor  # (Σ window·n_kernels, dim)
    distinct: _Distinct


def _convolve(token_ids: Tensor, embedding: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> _Convolved:
    distinct = _distinct_words(_padded(token_ids, max(weight.shape[2] for weight in weights)), len(embedding))
    vectors = embedding.index_select(0, F.pad(distinct.ids, (0, -len(distinct.ids) % _ROWS), value=PAD))
    vectors[PAD] = 0.0
    kernels = _kernel_rows(weights)
    projected = _product(vectors, kernels)  # P, (distinct, Σ window·n_kernels)
    sizes = np.array([(weight.shape[0], weight.shape[2]) for weight in weights])
    n_biases = [len(bias) for bias in biases]
    if n_biases != sizes[:, 0].tolist():
        raise RuntimeError(f"each kernel has one bias: {n_biases} for {sizes[:, 0].tolist()} kernels")
    features = vectors.new_empty(len(token_ids), sum(n_biases))
    winners = torch.empty(features.shape, dtype=torch.int32)
    loops.max_over_windows(
        projected.numpy(),
        distinct.texts.numpy(),
        distinct.lengths.numpy(),
        sizes,
        torch.cat(list(biases)).numpy(),
        features.numpy(),
        winners.numpy(),
    )
    return _Convolved(features, winners, vectors, kernels, distinct)


class _SparseMaxConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, token_ids: Tensor, sparse_grad: bool, n_sizes: int, *tensors: Tensor) -> Tensor:
        embedding, weights, biases = tensors[0], tensors[1 : 1 + n_sizes], tensors[1 + n_sizes :]
        output, winners, vectors, kernels, distinct = _convolve(token_ids, embedding, weights, biases)
        ctx.sparse_grad, ctx.vocab = sparse_grad, len(embedding)
        ctx.shapes = [weight.shape for weight in weights]
        ctx.save_for_backward(output, vectors, kernels, distinct.ids, distinct.texts, winners)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        output, vectors, kernels, distinct_ids, texts, winners = ctx.saved_tensors
        gradient = grad_output.masked_fill(output <= 0, 0.0)  # (batch, Σ n_kernels)
        entries = _gradient_entries(gradient, winners, texts, ctx.shapes, len(distinct_ids))
        needs_embedding, needs_weights = ctx.needs_input_grad[3], any(ctx.needs_input_grad[4:])
        grad_embedding = None
        if needs_embedding:
            grad_embedding = _embedding_gradient(entries, kernels, distinct_ids, ctx.vocab, ctx.sparse_grad)
        grad_weights: list[Tensor | None] = [None] * len(ctx.shapes)
        if needs_weights:
            summed = F.embedding_bag(entries.words, vectors, mode="sum", per_sample_weights=entries.values)
            grad_weights = list(_from_kernel_rows(summed, ctx.shapes))
        grad_biases = gradient.sum(0).split([shape[0] for shape in ctx.shapes])
        return None, None, None, grad_embedding, *grad_weights, *grad_biases


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
    texts, lengths = torch.empty(token_ids.shape, dtype=torch.int32), torch.empty(len(token_ids), dtype=torch.int64)
    ids = torch.empty(vocab, dtype=torch.int64)
    arrays = (tensor.numpy() for tensor in (token_ids.contiguous(), _mixed(vocab), texts, lengths, ids))
    n_distinct = loops.number_words(*arrays)
    if n_distinct < 0:
        raise IndexError(f"token id out of range: they lie from 0 to {vocab - 1}")
    return _Distinct(ids[:n_distinct], texts, lengths)


@lru_cache(maxsize=8)
def _mixed(vocab: int) -> Tensor:
    """The words of a vocabulary, PAD first, frequent and rare ones mixed: (vocab,).

    Threads take equal parts of the words. In a vocabulary's own order, by frequency, the first has most of the work.
    """
    generator = torch.Generator().manual_seed(0)
    return F.pad(1 + torch.randperm(vocab - 1, generator=generator), (1, 0), value=PAD)


def _kernel_rows(weights: Sequence[Tensor]) -> Tensor:
    """Each size's (n_kernels, dim, window), one after the other: (Σ window·n_kernels, dim).

    Within a size, row o·n_kernels + k is kernel k at the offset window − 1 − o. The next window reads a word at one
    offset less, so that it goes on in P where this one, and what the processor fetches ahead, left off.
    """
    if not all(weight.shape[2] for weight in weights):
        raise RuntimeError(f"a window has at least one word: {[tuple(weight.shape) for weight in weights]}")
    return torch.cat([weight[:, :, o] for weight in weights for o in reversed(range(weight.shape[2]))]).detach()


def _from_kernel_rows(rows: Tensor, shapes: Sequence[torch.Size]) -> list[Tensor]:
    """The inverse of ``_kernel_rows``."""
    weights = [rows.new_empty(shape) for shape in shapes]
    for part, weight in zip(rows.split([shape[0] * shape[2] for shape in shapes]), weights, strict=True):
        loops.from_rows(part.numpy(), weight.numpy())
    return weights


def _product(rows: Tensor, columns: Tensor) -> Tensor:
    """rows @ columns.T, for a multiple of _ROWS rows.

    On AMD's processors said as a convolution with windows of one place, which torch gives to oneDNN. That takes vectors
    as wide as the processor has, where MKL, which computes ``@``, takes them half as wide on processors not made by
    Intel: 2,838 × 200 by 200 × 1,200 on one thread 6 ms instead of 14 on an EPYC with AVX-512. On Intel's, ``@`` is
    a tenth faster.
    """
    if rows.dtype != torch.float32 or not _onednn_is_faster():
        return rows @ columns.T
    dim = rows.shape[1]
    images = rows.view(_IMAGES, -1, 1, dim).permute(0, 3, 1, 2)
    products = F.conv2d(images, columns.view(-1, 1, 1, dim).permute(0, 3, 1, 2))  # (_IMAGES, n_columns, height, 1)
    return products.permute(0, 2, 3, 1).reshape(len(rows), len(columns))


@cache
def _onednn_is_faster() -> bool:
    return torch.backends.mkldnn.is_available() and str(get_host_cpu_name()).startswith("znver")


class _Entries(NamedTuple):
    """The non-zero entries of P's gradient, in the order of P's columns and of their words."""

    values: Tensor  # (Σ window·n_kernels, batch)
    words: Tensor  # (Σ window·n_kernels, batch) int32, rows in _Distinct.ids
    ends: Tensor  # (distinct,) int32, where in the following each word's entries end; PAD's are the first
    columns_by_word: Tensor  # (Σ window·n_kernels · batch,) int32
    values_by_word: Tensor  # (Σ window·n_kernels · batch,)


def _gradient_entries(
    gradient: Tensor, winners: Tensor, texts: Tensor, shapes: Sequence[torch.Size], n_distinct: int
) -> _Entries:
    features_offsets = _columns(tuple((shape[0], shape[2]) for shape in shapes))
    n_columns, batch = len(features_offsets), len(gradient)
    if n_columns * batch > torch.iinfo(torch.int32).max:
        raise RuntimeError(f"{batch} texts at once are too many for {n_columns} places in windows")
    values, words = gradient.new_empty(n_columns, batch), texts.new_empty(n_columns, batch)
    ends, columns_by_word = texts.new_empty(n_distinct), texts.new_empty(n_columns * batch)
    values_by_word = values.new_empty(n_columns * batch)
    bits = torch.int32 if values.element_size() == 4 else torch.int64
    loops.sort_entries(
        gradient.T.contiguous().view(bits).numpy(),
        winners.T.contiguous().numpy(),
        texts.numpy(),
        features_offsets,
        values.view(bits).numpy(),
        words.numpy(),
        ends.numpy(),
        columns_by_word.numpy(),
        values_by_word.view(bits).numpy(),
    )
    return _Entries(values, words, ends, columns_by_word, values_by_word)


@lru_cache(maxsize=8)
def _columns(sizes: tuple[tuple[int, int], ...]) -> NDArray[np.int64]:
    """The feature and the offset of each column of P, (Σ window·n_kernels, 2); ``sizes`` are n_kernels and windows."""
    parts, first = [], 0
    for n_kernels, window in sizes:
        place, kernel = np.divmod(np.arange(n_kernels * window), n_kernels)
        parts.append(np.stack([first + kernel, window - 1 - place], axis=1))
        first += n_kernels
    return np.concatenate(parts)


def _embedding_gradient(entries: _Entries, kernels: Tensor, distinct_ids: Tensor, vocab: int, sparse: bool) -> Tensor:
    """(vocab, dim), each word's sum over the kernels it won for; of sparse layout, only rows of distinct words."""
    first = int(entries.ends[PAD])
    columns, values, ends = entries.columns_by_word[first:], entries.values_by_word[first:], entries.ends - first
    rows = F.embedding_bag(columns, kernels, ends, mode="sum", per_sample_weights=values, include_last_offset=True)
    ids = distinct_ids[1:]
    if not sparse:
        gradient = kernels.new_zeros(vocab, kernels.shape[1])
        gradient.numpy()[ids.numpy()] = rows.numpy()  # a row at a time, five times as fast as index_copy_
        return gradient
    return torch.sparse_coo_tensor(ids.unsqueeze(0), rows, (vocab, kernels.shape[1]), check_invariants=False)
