"""The loops of ``sparse_max_conv``, on numpy arrays: see there for what they are for.

P is the projections of a batch's distinct words, (distinct, Σ window·n_kernels): a column for each kernel and each
offset in its window.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import prange
from numpy.typing import NDArray

from convmf.compiled import compiled
from convmf.data.text import PAD

# The gradient's entries are sorted in so many parts, one after the other in the columns of P: no more threads than
# these have work, and the order is the same for any number of them.
_PARTS = 8


@compiled
def number_words(
    token_ids: NDArray[np.int64],
    order: NDArray[np.int64],
    texts: NDArray[np.int32],
    lengths: NDArray[np.int64],
    ids: NDArray[np.int64],
) -> int:
    """Number a batch's distinct words; how many there are, or −1 where an id is outside the vocabulary.

    Parameters
    ----------
    token_ids : (batch, length)
    order : (vocab,), every word once, PAD first
    texts, lengths, ids
        (batch, length) the texts in those numbers, (batch,) their lengths, (vocab,) the words by number, as many as
        there are; written to
    """
    vocab = len(order)
    seen, outside = np.zeros(vocab, np.bool_), np.zeros(len(token_ids), np.bool_)
    seen[PAD] = True
    for row in prange(len(token_ids)):
        lengths[row] = 0
        for place, word in enumerate(token_ids[row]):
            if not 0 <= word < vocab:
                outside[row] = True
            elif word != PAD:
                seen[word] = True
                lengths[row] = place + 1
    if outside.any():
        return -1
    number, n_distinct = np.empty(vocab, np.int32), 0
    for word in order:
        if seen[word]:
            number[word] = n_distinct
            ids[n_distinct] = word
            n_distinct += 1
    for row in prange(len(token_ids)):
        for place, word in enumerate(token_ids[row]):
            texts[row, place] = number[word]
    return n_distinct


@compiled
def from_rows(rows: NDArray[Any], weight: NDArray[Any]) -> None:
    """Fill in one size's weight, (n_kernels, dim, window), from its rows, (window·n_kernels, dim): see _kernel_rows."""
    n_kernels, dim, window = weight.shape
    for k in prange(n_kernels):
        for o in range(window):
            row = rows[(window - 1 - o) * n_kernels + k]
            for d in range(dim):
                weight[k, d, o] = row[d]


@compiled
def max_over_windows(
    projected: NDArray[Any],
    texts: NDArray[np.int32],
    lengths: NDArray[np.int64],
    sizes: NDArray[np.int64],
    biases: NDArray[Any],
    features: NDArray[Any],
    winners: NDArray[np.int32],
) -> None:
    """Fill in relu(bias + maximum over the windows) of every text and kernel, and where the winning window starts.

    Parameters
    ----------
    projected : (distinct, Σ window·n_kernels), P
    texts, lengths : (batch, length) rows of P, at least as long as the widest window, and (batch,) how many count
    sizes : (n_sizes, 2), n_kernels and window of each size
    biases : (Σ n_kernels,)
    features, winners : (batch, Σ n_kernels), written to; the first of equal windows wins, and a NaN, one of them, over
        numbers
    """
    most_kernels = sizes[:, 0].max()
    for row in prange(len(texts)):
        text, sums = texts[row], np.empty(most_kernels, projected.dtype)
        nothing = np.zeros(most_kernels, projected.dtype)
        column = feature = 0
        for n_kernels, window in sizes:
            best = features[row, feature : feature + n_kernels]
            start = winners[row, feature : feature + n_kernels]
            best[:] = -np.inf
            start[:] = 0
            for t in range(max(lengths[row] - window, 0) + 1):
                # The last two offsets are summed and compared in one pass, with the sum of those before them.
                before = _part(projected, text[t], column, n_kernels, window - 1) if window > 2 else nothing
                if window > 3:
                    second = _part(projected, text[t + 1], column, n_kernels, window - 2)
                    for k in range(n_kernels):
                        sums[k] = before[k] + second[k]
                    for o in range(2, window - 2):
                        further = _part(projected, text[t + o], column, n_kernels, window - 1 - o)
                        for k in range(n_kernels):
                            sums[k] += further[k]
                    before = sums
                next_to_last = _part(projected, text[t + window - 2], column, n_kernels, 1) if window > 1 else nothing
                last = _part(projected, text[t + window - 1], column, n_kernels, 0)
                for k in range(n_kernels):
                    value = before[k] + next_to_last[k] + last[k]
                    higher = (value > best[k]) | (value != value)
                    best[k] = value if higher else best[k]
                    start[k] = t if higher else start[k]
            bias = biases[feature : feature + n_kernels]
            for k in range(n_kernels):
                value = best[k] + bias[k]
                best[k] = nothing[k] if value <= 0 else value
            column += window * n_kernels
            feature += n_kernels


@numba.njit(inline="always")
def _part(projected: NDArray[Any], word: int, column: int, n_kernels: int, place: int) -> NDArray[Any]:
    """One word's part of P for one offset of a size whose parts begin at ``column``."""
    return projected[word, column + place * n_kernels : column + (place + 1) * n_kernels]


@compiled
def sort_entries(
    gradient: NDArray[Any],
    winners: NDArray[np.int32],
    texts: NDArray[np.int32],
    features_offsets: NDArray[np.int64],
    values: NDArray[Any],
    words: NDArray[np.int32],
    ends: NDArray[np.int32],
    columns_by_word: NDArray[np.int32],
    values_by_word: NDArray[Any],
) -> None:
    """Sort the entries of P's gradient by word, by counting: each word's by column, and a column's by text.

    Parameters
    ----------
    gradient, winners : (Σ n_kernels, batch), the gradient as whole numbers of as many bits: it is only moved
    texts : (batch, length)
    features_offsets : (Σ window·n_kernels, 2), of each column
    values, words : (Σ window·n_kernels, batch), the entries of each column and their words; written to
    ends, columns_by_word, values_by_word
        (distinct,) where each word's entries end, their columns and values, (Σ window·n_kernels·batch,); written to
    """
    (n_columns, batch), n_distinct = values.shape, len(ends)
    place = np.zeros((_PARTS, n_distinct), np.int32)  # how many entries of a word a part has, then where they begin
    for part in prange(_PARTS):
        for column in range(part * n_columns // _PARTS, (part + 1) * n_columns // _PARTS):
            feature, offset = features_offsets[column]
            for row in range(batch):
                word = texts[row, winners[feature, row] + offset]
                values[column, row] = gradient[feature, row]
                words[column, row] = word
                place[part, word] += 1
    n_before = 0
    for word in range(n_distinct):
        ends[word] = n_before
        for part in range(_PARTS):
            n_before += place[part, word]
    for part in range(_PARTS):
        for word in range(n_distinct):
            n_here = place[part, word]
            place[part, word] = ends[word]
            ends[word] += n_here
    pairs = np.empty((values.size, 2), values.dtype)  # both in one place, which is written to once
    for part in prange(_PARTS):
        for column in range(part * n_columns // _PARTS, (part + 1) * n_columns // _PARTS):
            for row in range(batch):
                here = place[part, words[column, row]]
                place[part, words[column, row]] += 1
                pairs[here, 0] = column
                pairs[here, 1] = values[column, row]
    for here in prange(len(pairs)):
        columns_by_word[here] = pairs[here, 0]
        values_by_word[here] = pairs[here, 1]
