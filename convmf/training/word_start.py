"""Word vectors to start from: what each word tells of the item factors by itself, by linear regression."""

from __future__ import annotations

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from convmf.data.text import UNK

# From 1 to 3 times an item's mean weight new items are read equally well.
_PENALTY = 3.0

# Spread of the vectors. The spread that random ones start from is too small: then the network learns too little from
# them before it knows its texts by heart. From .1 to .3 new items are read equally well.
_SPREAD = 0.1


def linear_word_vectors(
    token_ids: Tensor, factors: Tensor, weights: Tensor, *, vocab_size: int, width: int, others_std: float, seed: int
) -> Tensor | None:
    """A vector of each word, (vocab_size, width): its part in a ridge regression from texts (tf-idf) to factors.

    Few texts teach a network more that begins with what a linear model sees in each word. Of more factors than
    ``width`` the principal components are taken; where there are fewer, the other columns are random, with the
    deviation ``others_std``.

    Parameters
    ----------
    token_ids
        (n_rows, length), PAD behind the texts.
    factors, weights
        v of these items, (n_rows, D), and w_j of each, (n_rows,).

    Returns
    -------
    None where there is nothing to learn, because no text has a word or all factors are alike.
    """
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import Ridge

    counts = _word_counts(token_ids, vocab_size)
    if not counts.nnz:
        return None
    tf_idf = TfidfTransformer(sublinear_tf=True)
    texts = tf_idf.fit_transform(counts)
    own = weights.cpu().double().numpy()
    ridge = Ridge(alpha=_PENALTY * own.mean(), solver="sparse_cg", tol=1e-4)
    ridge.fit(texts, factors.cpu().double().numpy(), sample_weight=own)
    told = np.zeros((vocab_size, factors.shape[1]))
    told[UNK + 1 :] = (ridge.coef_ * tf_idf.idf_).T
    components, sizes, _ = np.linalg.svd(told, full_matrices=False)
    told = (components * sizes)[:, :width]
    if not told.any():
        return None
    generator = torch.Generator().manual_seed(seed)
    vectors = others_std * torch.randn(vocab_size, width, generator=generator)
    vectors[:, : told.shape[1]] = torch.from_numpy(_SPREAD * told / told[UNK + 1 :].std())
    vectors[: UNK + 1] = 0.0
    return vectors


def _word_counts(token_ids: Tensor, vocab_size: int) -> scipy.sparse.csr_array:
    """How often each text has each word of the vocabulary, (n_texts, vocab_size − 2)."""
    places = np.nonzero(token_ids.numpy() > UNK)
    words = token_ids.numpy()[places] - UNK - 1
    shape = (len(token_ids), vocab_size - UNK - 1)
    return scipy.sparse.coo_array((np.ones(len(words)), (places[0], words)), shape=shape).tocsr()
