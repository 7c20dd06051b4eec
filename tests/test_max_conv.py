"""The two forms of convolution and max agree with each other and with sums written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from convmf.device import torch_threads
from convmf.model import max_conv as module
from convmf.model.max_conv import dense_max_conv, max_conv, sparse_max_conv, winning_windows

FORMS = [dense_max_conv, sparse_max_conv]

BATCHES = {
    "ragged": [[3, 1, 4, 1, 5, 2, 6], [2, 7, 1, 0, 0, 0, 0], [5, 3, 5, 2, 0, 0, 0]],
    "shorter than a window": [[4, 0, 0, 0, 0], [3, 2, 0, 0, 0], [1, 2, 3, 4, 5]],
    "an empty row": [[1, 2, 3, 4], [0, 0, 0, 0], [5, 0, 0, 0]],
    "only empty rows": [[0, 0, 0], [0, 0, 0]],
    "no text": np.zeros((0, 4), dtype=np.int64),
    "no column": np.zeros((3, 0), dtype=np.int64),
    "neither": np.zeros((0, 0), dtype=np.int64),
    "no row as long as a window": [[7, 1]],
    "one word repeated": [[6] * 9, [6, 6, 6, 0, 0, 0, 0, 0, 0]],
    "one text": [[1, 2, 3, 4, 5, 6, 7]],
    "PAD inside": [[1, 0, 3, 0, 0, 2, 0], [0, 0, 4, 5, 6, 0, 0]],
    "longer than two blocks": [[1 + i * i % 7 for i in range(41)], [1 + i % 7 for i in range(19)] + [0] * 22],
}


def _tensors(
    dtype: torch.dtype = torch.float64,
    vocab: int = 8,
    dim: int = 3,
    kernels: tuple[tuple[int, int], ...] = ((4, 2), (4, 3), (3, 5), (4, 1)),
    seed: int = 0,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Embedding, weights and biases; ``kernels`` holds (n_kernels, window) pairs."""
    random = torch.Generator().manual_seed(seed)
    embedding = torch.randn(vocab, dim, generator=random, dtype=dtype)
    weights = [torch.randn(n, dim, window, generator=random, dtype=dtype) for n, window in kernels]
    biases = [torch.randn(n, generator=random, dtype=dtype) for n, _ in kernels]
    return embedding, weights, biases


def _output_and_gradients(form, token_ids, tensors, sparse_grad=False) -> list[Tensor]:
    """The output, then the gradients of embedding, weights and biases for one fixed random weighting."""
    embedding, weights, biases = tensors
    leaves = [tensor.clone().requires_grad_() for tensor in (embedding, *weights, *biases)]
    n = len(weights)
    output = form(token_ids, leaves[0], leaves[1 : 1 + n], leaves[1 + n :], sparse_grad=sparse_grad)
    random = torch.Generator().manual_seed(1)
    output.backward(torch.randn(output.shape, generator=random, dtype=output.dtype))
    return [output.detach(), *(leaf.grad for leaf in leaves)]


def _random_texts(n_texts: int, longest: int, vocab: int) -> Tensor:
    random = np.random.default_rng(3)
    texts = np.zeros((n_texts, longest), dtype=np.int64)
    for row, length in zip(texts, random.integers(0, longest + 1, n_texts), strict=True):
        row[:length] = random.integers(1, vocab, length)
    return torch.from_numpy(texts)


@pytest.mark.parametrize("form", FORMS)
def test_features_by_hand(form):
    embedding = torch.tensor([[9.0], [1.0], [2.0], [-3.0]])  # PAD's 9 must not be read
    weight = torch.tensor([[[1.0, 1.0]], [[-1.0, 2.0]]])  # sum of two words; twice the second less the first
    bias = torch.tensor([0.5, 0.0])
    token_ids = torch.tensor([[1, 2, 3, 0], [3, 0, 0, 0], [0, 0, 0, 0], [1, 2, 0, 0]])
    # text 0: sums 3, -1; differences 3, -8.  text 1: one window (-3, PAD): -3; 3.  text 2: 0; 0.  text 3: 3; 3.
    expected = torch.tensor([[3.5, 3.0], [0.0, 3.0], [0.5, 0.0], [3.5, 3.0]])
    assert torch.equal(form(token_ids, embedding, [weight], [bias]), expected)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_by_hand(form):
    embedding = torch.tensor([[9.0], [1.0], [2.0], [-3.0]], requires_grad=True)
    weight = torch.tensor([[[1.0, 1.0]], [[-1.0, 2.0]]], requires_grad=True)
    bias = torch.zeros(2, requires_grad=True)
    # The first kernel wins with words 1 2; the second with -8 < 3, so with words 1 2 too.
    # The second text: kernel 1 is at -3 and gets nothing; kernel 2 wins with word 3 and PAD.
    token_ids = torch.tensor([[1, 2, 3], [3, 0, 0]])
    form(token_ids, embedding, [weight], [bias]).backward(torch.tensor([[10.0, 1.0], [100.0, 5.0]]))
    assert embedding.grad.tolist() == [[0.0], [10.0 - 1.0], [10.0 + 2.0], [-5.0]]
    assert weight.grad.tolist() == [[[10.0, 20.0]], [[1.0 + 5.0 * -3.0, 2.0]]]
    assert bias.grad.tolist() == [10.0, 6.0]


@pytest.mark.parametrize("form", FORMS)
def test_the_first_of_equal_windows_wins_and_nothing_at_zero(form):
    embedding = torch.tensor([[0.0], [1.0], [1.0]], requires_grad=True)
    weight = torch.tensor([[[1.0]], [[0.0]]], requires_grad=True)
    form(torch.tensor([[1, 2]]), embedding, [weight], [torch.zeros(2)]).sum().backward()
    assert embedding.grad.tolist() == [[0.0], [1.0], [0.0]]
    assert weight.grad.tolist() == [[[1.0]], [[0.0]]]


@pytest.mark.parametrize("name", [name for name in BATCHES if name not in ("no text", "neither")])
def test_each_feature_comes_from_its_winning_window(name):
    token_ids, tensors = torch.as_tensor(BATCHES[name]), _tensors()
    features, starts = winning_windows(token_ids, *tensors)
    torch.testing.assert_close(features, sparse_max_conv(token_ids, *tensors))
    embedding, weights, biases = tensors
    embedding[0] = 0.0
    kernels = [(weight[k], bias[k]) for weight, bias in zip(weights, biases, strict=True) for k in range(len(weight))]
    for row, text in enumerate(torch.nn.functional.pad(token_ids, (0, 5))):
        for place, (weight, bias) in enumerate(kernels):
            first = int(starts[row, place])
            vectors = embedding[text[first : first + weight.shape[1]]]  # (window, dim)
            expected = ((vectors * weight.T).sum() + bias).relu()
            torch.testing.assert_close(features[row, place], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("token_ids", BATCHES.values(), ids=BATCHES)
def test_sparse_form_equals_dense_form(token_ids):
    token_ids = torch.as_tensor(token_ids)
    dense = _output_and_gradients(dense_max_conv, token_ids, _tensors())
    sparse = _output_and_gradients(sparse_max_conv, token_ids, _tensors())
    assert sparse[0].shape == (len(token_ids), 15)
    for ours, theirs in zip(sparse, dense, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("token_ids", BATCHES.values(), ids=BATCHES)
def test_gradients_are_those_of_the_output(token_ids):
    embedding, weights, biases = _tensors(kernels=((2, 2), (1, 5)))
    leaves = [tensor.requires_grad_() for tensor in (embedding, *weights, *biases)]
    token_ids = torch.as_tensor(token_ids)

    def output(embedding, first_weight, second_weight, first_bias, second_bias):
        return sparse_max_conv(token_ids, embedding, [first_weight, second_weight], [first_bias, second_bias])

    assert torch.autograd.gradcheck(output, leaves)


@pytest.mark.parametrize("vocab", [2, 128, 129, 400])
@pytest.mark.parametrize("with_onednn", [True, False])
def test_forms_agree_in_single_precision(vocab, with_onednn, monkeypatch):
    """Also where the words are as many as the product's rows are filled up to, and one more; and without oneDNN."""
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: with_onednn)
    token_ids = _random_texts(50, 120, vocab)
    tensors = _tensors(torch.float32, vocab=vocab, dim=32, kernels=((20, 3), (20, 4), (20, 5)))
    dense = _output_and_gradients(dense_max_conv, token_ids, tensors)
    sparse = _output_and_gradients(sparse_max_conv, token_ids, tensors)
    for ours, theirs in zip(sparse, dense, strict=True):
        assert (ours - theirs).norm() <= 1e-5 * theirs.norm()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["ragged", "only empty rows", "PAD inside", "no text"])
def test_pad_gets_no_gradient(form, name):
    gradient = _output_and_gradients(form, torch.as_tensor(BATCHES[name]), _tensors())[1]
    assert gradient.shape == (8, 3)
    assert not gradient[0].any()
    assert gradient.any() == (name in ("ragged", "PAD inside"))


@pytest.mark.parametrize("form", FORMS)
def test_more_padding_changes_nothing(form):
    token_ids = torch.tensor(BATCHES["ragged"])
    longer = torch.nn.functional.pad(token_ids, (0, 30))
    for ours, theirs in zip(
        _output_and_gradients(form, longer, _tensors()),
        _output_and_gradients(form, token_ids, _tensors()),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["ragged", "only empty rows", "no text", "no column"])
def test_sparse_gradient_holds_the_dense_one(form, name):
    token_ids = torch.as_tensor(BATCHES[name])
    dense = _output_and_gradients(form, token_ids, _tensors())[1]
    sparse = _output_and_gradients(form, token_ids, _tensors(), sparse_grad=True)[1]
    assert sparse.is_sparse
    torch.testing.assert_close(sparse.to_dense(), dense, rtol=1e-12, atol=1e-12)


def test_sparse_gradient_has_each_word_of_the_batch_once():
    gradient = _output_and_gradients(
        max_conv, torch.tensor([[5, 2, 5, 7], [2, 0, 0, 0]]), _tensors(), sparse_grad=True
    )[1]
    assert sorted(gradient._indices()[0].tolist()) == [2, 5, 7]


def test_frequent_words_don_t_come_first():
    """Threads take equal parts of the words: in the order of a vocabulary, the first would have most of the work."""
    token_ids = 1 + torch.arange(900).view(9, 100)
    gradient = _output_and_gradients(max_conv, token_ids, _tensors(vocab=901), sparse_grad=True)[1]
    ids = gradient._indices()[0]
    assert len(ids.unique()) == 900
    assert abs(float((ids[:450] <= 450).double().mean()) - 0.5) < 0.1


def test_cpu_takes_the_sparse_form():
    token_ids = _random_texts(20, 50, 100)
    tensors = _tensors(torch.float32, vocab=100, dim=16, kernels=((10, 3), (10, 5)))
    assert torch.equal(max_conv(token_ids, *tensors), sparse_max_conv(token_ids, *tensors))


def test_frozen_embedding_and_frozen_kernels():
    token_ids = torch.tensor(BATCHES["ragged"])
    _, embedding_gradient, *others = _output_and_gradients(sparse_max_conv, token_ids, _tensors())
    embedding, weights, biases = _tensors()
    weights[1].requires_grad_()
    output = sparse_max_conv(token_ids, embedding, weights, biases)
    random = torch.Generator().manual_seed(1)
    grad_output = torch.randn(output.shape, generator=random, dtype=output.dtype)
    output.backward(grad_output)
    assert torch.equal(weights[1].grad, others[1])
    assert embedding.grad is None and weights[0].grad is None and biases[0].grad is None

    embedding, weights, biases = _tensors()
    sparse_max_conv(token_ids, embedding.requires_grad_(), weights, biases).backward(grad_output)
    assert torch.equal(embedding.grad, embedding_gradient)
    assert weights[1].grad is None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("token_id", [-1, 8])
def test_an_id_outside_the_vocabulary_is_refused(form, token_id):
    with pytest.raises((IndexError, RuntimeError), match="out of (bounds|range)"):
        form(torch.tensor([[1, token_id, 2]]), *_tensors())


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_bits_every_time(threads):
    token_ids = _random_texts(64, 100, 500)
    tensors = _tensors(torch.float32, vocab=500, dim=40, kernels=((30, 3), (30, 4), (30, 5)))
    with torch_threads(threads):
        first, *others = [_output_and_gradients(max_conv, token_ids, tensors) for _ in range(6)]
    for other in others:
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(other, first, strict=True))


def test_entries_stand_in_one_order_on_any_number_of_threads():
    token_ids, (embedding, weights, biases) = _random_texts(30, 60, 90), _tensors(torch.float32, vocab=90)
    _, winners, _, _, distinct = module._convolve(token_ids, embedding, weights, biases)
    gradient = torch.randn(winners.shape, generator=torch.Generator().manual_seed(0))
    shapes = [weight.shape for weight in weights]
    sorted_by = []
    for threads in (1, 2):
        with torch_threads(threads):
            sorted_by.append(module._gradient_entries(gradient, winners, distinct.texts, shapes, len(distinct.ids)))
    for one, two in zip(*sorted_by, strict=True):
        assert torch.equal(one, two)
    # A stable sort by word of what stands by column, then by text.
    entries = sorted_by[0]
    order = entries.words.flatten().argsort(stable=True)
    assert torch.equal(entries.values_by_word, entries.values.flatten()[order])
    assert torch.equal(entries.columns_by_word.long(), order // len(token_ids))
    assert entries.ends[-1] == len(order)


def test_more_entries_than_places_are_refused():
    gradient = torch.zeros(1, 1).expand(2**31, 1)
    with pytest.raises(RuntimeError, match="too many"):
        module._gradient_entries(gradient, gradient, gradient, [torch.Size((1, 1, 1))], 1)


@pytest.mark.parametrize("window", [1, 2, 3, 4])
@pytest.mark.parametrize("offset", [0, -1])
def test_an_endless_weight_gives_both_forms_the_same(window, offset):
    embedding, weights, biases = _tensors(kernels=((2, window),))
    embedding.abs_()
    weights[0][0, :, offset] = float("inf")
    token_ids = torch.tensor([[1, 2, 3, 4, 5]])
    expected = dense_max_conv(token_ids, embedding, weights, biases)
    assert torch.isinf(expected[0, 0])
    torch.testing.assert_close(sparse_max_conv(token_ids, embedding, weights, biases), expected)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", [(4, 5, 3), (4, 2, 3), (4, 3, 0)])
def test_weights_that_don_t_fit_each_other_are_refused(form, shape):
    """Loops check no bounds, so this has to be found before them."""
    embedding, weights, biases = _tensors(kernels=((4, 2), (4, 3)))
    weights[1] = torch.ones(shape, dtype=torch.float64)
    with pytest.raises(RuntimeError):
        form(torch.tensor([[1, 2, 3, 4]]), embedding, weights, biases)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n_biases", [(4, 3), (3, 5), (4, 5)])
def test_biases_that_don_t_fit_the_kernels_are_refused(form, n_biases):
    embedding, weights, _ = _tensors(kernels=((4, 2), (4, 3)))
    with pytest.raises(RuntimeError):
        form(torch.tensor([[1, 2, 3, 4]]), embedding, weights, [torch.zeros(n).double() for n in n_biases])


def test_numbers_of_16_bits_take_the_dense_form():
    token_ids = torch.tensor(BATCHES["ragged"])
    embedding, weights, biases = _tensors()
    rounded = [embedding.bfloat16(), [each.bfloat16() for each in weights], [each.bfloat16() for each in biases]]
    expected = max_conv(token_ids, embedding, weights, biases)
    torch.testing.assert_close(max_conv(token_ids, *rounded).double(), expected, rtol=0.1, atol=0.1)
    with torch.autocast("cpu", torch.bfloat16):
        assert max_conv(token_ids, *_tensors(torch.float32)).dtype == torch.bfloat16


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_a_word_without_a_number_is_seen_wherever_it_stands(form, place):
    """A training that diverges must not be hidden by the windows that are still finite."""
    embedding, weights, biases = _tensors()
    embedding[5] = float("nan")
    text = [1, 2, 3, 4, 1, 2, 3]
    text[place] = 5
    features = form(torch.tensor([text, [1, 2, 3, 4, 1, 2, 3]]), embedding, weights, biases)
    assert features[0].isnan().all() and features[1].isfinite().all()
