"""The linear reader, and the word vectors that the networks of the cross-fitting start from."""

from __future__ import annotations

import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from torch import Tensor

from convmf.data.text import PAD, UNK
from convmf.model.linear import LinearReader
from convmf.model.token_ids import TokenIds
from convmf.training.linear import fit_linear_reader, linear_word_vectors

N_WORDS, N_FACTORS, N_ITEMS = 12, 3, 200


def world() -> tuple[Tensor, Tensor, Tensor]:
    """Texts of five words each, what each word tells (N_WORDS, N_FACTORS), and the factors of each text: the sum."""
    generator = torch.Generator().manual_seed(0)
    told = torch.randn(N_WORDS, N_FACTORS, generator=generator)
    spoken = torch.stack([torch.randperm(N_WORDS, generator=generator)[:5] for _ in range(N_ITEMS)])
    token_ids = torch.cat([spoken + UNK + 1, torch.zeros(N_ITEMS, 2, dtype=torch.int64)], dim=1)
    return token_ids, told, told[spoken].sum(dim=1)


def fitted(token_ids: Tensor, factors: Tensor, weights: Tensor | None = None) -> LinearReader | None:
    own = torch.ones(len(factors)) if weights is None else weights
    texts = TokenIds.of([[word for word in row if word != PAD] for row in token_ids.tolist()])
    return fit_linear_reader(texts, factors, own, vocab_size=N_WORDS + UNK + 1)


def start(token_ids: Tensor, factors: Tensor, weights: Tensor | None = None, width: int = N_FACTORS) -> Tensor | None:
    linear = fitted(token_ids, factors, weights)
    assert linear is not None
    return linear_word_vectors(linear, width=width, others_std=0.01, seed=0)


def likeness(found: Tensor | None, other: Tensor) -> float:
    """Correlation of the distances between words: the components are turned, and of words that come five at a time
    only differences can be told."""
    assert found is not None
    distances = [torch.pdist(points) for points in (found[UNK + 1 :], other)]
    return float(torch.corrcoef(torch.stack(distances))[0, 1])


def test_words_lie_as_what_they_tell_lies() -> None:
    token_ids, told, factors = world()
    found, again = start(token_ids, factors), start(token_ids, factors)
    assert found is not None and found.shape == (N_WORDS + UNK + 1, N_FACTORS)
    assert not found[: UNK + 1].any(), "padding and unknown words tell nothing"
    assert float(found[UNK + 1 :].std(correction=0)) == pytest.approx(0.1, rel=1e-4)
    assert likeness(found, told) > 0.95
    assert again is not None and torch.equal(found, again)


def test_an_item_counts_by_its_weight() -> None:
    token_ids, told, factors = world()
    weights = torch.ones(N_ITEMS)
    factors[1::2] = torch.randn(N_ITEMS // 2, N_FACTORS, generator=torch.Generator().manual_seed(1)) * 10
    assert likeness(start(token_ids, factors, weights), told) < 0.9
    weights[1::2] = 1e-6
    assert likeness(start(token_ids, factors, weights), told) > 0.95


def test_the_width_is_that_of_the_network() -> None:
    token_ids, _, factors = world()
    narrow, wide = start(token_ids, factors, width=2), start(token_ids, factors, width=7)
    assert narrow is not None and narrow.shape[1] == 2
    assert wide is not None and wide.shape[1] == 7 and not wide[: UNK + 1].any()
    assert 0.005 < float(wide[UNK + 1 :, N_FACTORS:].std()) < 0.02, "the other columns are random and small"


def test_without_words_or_differences_there_is_nothing_to_learn() -> None:
    token_ids, _, factors = world()
    assert fitted(torch.zeros_like(token_ids), factors) is None
    assert fitted(torch.full_like(token_ids, UNK), factors) is None
    assert fitted(token_ids[:, :0], factors) is None
    assert fitted(token_ids, torch.ones_like(factors)) is None
    silent = LinearReader.empty(N_WORDS + UNK + 1, N_FACTORS)
    assert linear_word_vectors(silent, width=2, others_std=0.01, seed=0) is None
    alike = LinearReader(
        torch.ones(N_WORDS + UNK + 1, N_FACTORS), torch.ones(N_WORDS + UNK + 1), torch.zeros(N_FACTORS)
    )
    assert linear_word_vectors(alike, width=1, others_std=0.01, seed=0) is None


def test_a_linear_reader_is_ridge_regression_on_which_words_a_text_has() -> None:
    """Against scikit-learn's own idf and normalisation, over texts whose words also come twice."""
    token_ids, _, factors = world()
    token_ids[::3, 5] = token_ids[::3, 0]
    token_ids[5] = 0
    weights = torch.rand(N_ITEMS, generator=torch.Generator().manual_seed(3)) + 0.5
    vectorizer = TfidfVectorizer(analyzer=lambda row: [str(word) for word in row if word], binary=True)
    texts = vectorizer.fit_transform(token_ids.tolist())
    ridge = Ridge(alpha=2 * float(weights.mean())).fit(texts, factors.numpy(), sample_weight=weights.numpy())
    linear = fitted(token_ids, factors, weights)
    assert linear is not None
    torch.testing.assert_close(linear(token_ids).double(), torch.from_numpy(ridge.predict(texts)), atol=5e-3, rtol=0)
    torch.testing.assert_close(linear(token_ids)[5], linear.level), "an empty text says the level"


def test_a_word_that_no_fitted_text_has_changes_nothing() -> None:
    token_ids, _, factors = world()
    stranger = int(token_ids.max())
    linear = fitted(token_ids.masked_fill(token_ids == stranger, 0), factors)
    assert linear is not None
    text = torch.tensor([[UNK + 1, UNK + 2, 0]])
    assert not torch.allclose(linear(text), linear.level)
    torch.testing.assert_close(linear(torch.tensor([[UNK + 1, UNK + 2, stranger]])), linear(text))


def test_padding_order_and_repetition_change_nothing() -> None:
    token_ids, _, factors = world()
    linear = fitted(token_ids, factors)
    assert linear is not None
    said = linear(token_ids)
    assert float((said - linear.level).abs().min(dim=1).values.max()) > 0
    others = (
        token_ids[:, :5].flip(1),
        torch.cat([token_ids[:, :5], token_ids[:, :3], torch.zeros(N_ITEMS, 4, dtype=torch.int64)], dim=1),
        torch.cat([token_ids[:, :5], torch.full((N_ITEMS, 1), UNK)], dim=1),
    )
    for other in others:
        torch.testing.assert_close(linear(other), said)
    assert linear(token_ids[:0]).shape == (0, N_FACTORS)
    torch.testing.assert_close(linear(token_ids[:, :0]), linear.level.expand(N_ITEMS, -1))
