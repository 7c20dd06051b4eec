"""Fitting the linear reader to item factors, and the word vectors that networks start from with its help."""

from __future__ import annotations

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from convmf.data.text import UNK
from convmf.model.linear import LinearReader, distinct_words, text_weights
from convmf.model.token_ids import TokenIds

BATCH = 512
"""Texts that a linear reader reads at once: in all together a long one would take its length in each."""

# From 1 to 3 times an item's mean weight new items are read equally well.
_PENALTY = 2.0

# Spread of the vectors. The spread that random ones start from is too small: then the network learns too little from
# them before it knows its texts by heart. From .1 to .3 new items are read equally well.
_SPREAD = 0.1


def fit_linear_reader(token_ids: TokenIds, factors: Tensor, weights: Tensor, *, vocab_size: int) -> LinearReader | None:
    """Ridge regression from which words a text has to the item's factors.

    The target is v itself: artanh v is nearly that but for the far ends, and the calibration puts the rest right.

    Parameters
    ----------
    token_ids
        Of ``n_rows`` texts.
    factors, weights
        v of these items, (n_rows, D), and w_j of each, (n_rows,).

    Returns
    -------
    None where there is nothing to learn, because no text has a word or all factors are alike.
    """
    from sklearn.linear_model import Ridge

    idf = _inverse_document_frequencies(token_ids, vocab_size)
    batches = (text_weights(batch, idf) for batch in token_ids.batches(BATCH))
    texts = scipy.sparse.vstack([_sparse(*batch, vocab_size) for batch in batches], format="csr")
    own, targets = weights.cpu().double().numpy(), factors.cpu().double().numpy()
    if not texts.nnz or not (targets != targets[0]).any():
        return None
    ridge = Ridge(alpha=_PENALTY * own.mean(), solver="sparse_cg", tol=1e-4)
    ridge.fit(texts, targets, sample_weight=own)
    return LinearReader(
        coefficients=torch.from_numpy(ridge.coef_.T.reshape(vocab_size, -1)).float().contiguous(),
        idf=idf,
        level=torch.from_numpy(np.atleast_1d(ridge.intercept_)).float(),
    )


def linear_word_vectors(linear: LinearReader, *, width: int, others_std: float, seed: int) -> Tensor | None:
    """A vector of each word, (vocab_size, width): what it tells by itself.

    Few texts teach a network more that begins with what a linear model sees in each word. Of more factors than
    ``width`` the principal components are taken; where there are fewer, the other columns are random, with the
    deviation ``others_std``. None where no word tells anything that others don't.
    """
    told = (linear.coefficients * linear.idf.unsqueeze(1)).double().numpy()
    components, sizes, _ = np.linalg.svd(told, full_matrices=False)
    told = (components * sizes)[:, :width]
    spread = told[UNK + 1 :].std()
    if not spread > 1e-9 * np.abs(told).max():  # rounding, and no difference
        return None
    generator = torch.Generator().manual_seed(seed)
    vectors = others_std * torch.randn(len(told), width, generator=generator)
    vectors[:, : told.shape[1]] = torch.from_numpy(_SPREAD * told / spread)
    vectors[: UNK + 1] = 0.0
    return vectors


def _sparse(weights: Tensor, words: Tensor, vocab_size: int) -> scipy.sparse.csr_array:
    """How much each word of a batch of texts counts, (batch, vocab_size), see :func:`text_weights`."""
    counting = weights.numpy()
    places = np.nonzero(counting)
    entries = counting[places].astype(np.float64), (places[0], words.numpy()[places])
    return scipy.sparse.csr_array(entries, shape=(len(counting), vocab_size))


def _inverse_document_frequencies(token_ids: TokenIds, vocab_size: int) -> Tensor:
    """ln((1 + texts) / (1 + texts with the word)) + 1 of each word, (vocab_size,); 0 for PAD and UNK.

    Also for words that no text has: nothing is known of them, so they mustn't make a text count as longer.
    """
    found = torch.zeros(vocab_size, dtype=torch.int64)
    for batch in token_ids.batches(BATCH):
        words, first = distinct_words(batch)
        found += torch.bincount(words[first], minlength=vocab_size)
    idf = torch.log((1 + len(token_ids)) / (1 + found)) + 1
    idf[: UNK + 1] = 0.0
    idf[found == 0] = 0.0
    return idf
