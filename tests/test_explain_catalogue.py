"""Kernels, their windows, and neighbours: what is read over the whole catalogue."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from convmf.errors import ModelError
from convmf.explain import KernelPhrase, kernel_readings, neighbours
from convmf.explain.kernels import _same_readings
from convmf.explain.windows import read_windows
from convmf.model.cnn import CnnNlpModel
from convmf.model.convmf import ConvMF
from convmf.model.ensemble import CnnEnsemble
from convmf.model.linear import LinearReader
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset

DATA = tiny_dataset()


@pytest.fixture(scope="module")
def model() -> ConvMF:
    return fit(DATA, replace(TINY, n_iterations=20))


def with_one_live_kernel(model: ConvMF, word: str) -> ConvMF:
    """The model with a CNN whose only kernel with any weight reads one word."""
    assert model.cnn is not None and model.vocabulary is not None
    weights = {name: tensor.clone() for name, tensor in model.cnn.state_dict().items()}
    for position in range(len(model.config.kernel_sizes)):
        weights[f"conv1d_layers.{position}.weight"].zero_()
        weights[f"conv1d_layers.{position}.bias"].zero_()
    vector = torch.zeros(model.config.embedding_dim)
    vector[0] = 1.0
    weights["embedding_layer.weight"][:, 0] = 0.0
    weights["embedding_layer.weight"][model.vocabulary.token_id(word)] = 2 * vector
    weights["conv1d_layers.0.weight"][3, :, 0] = vector
    from convmf.model.convmf import build_cnn

    cnn = build_cnn(model.config, len(model.vocabulary))
    cnn.load_state_dict(weights)
    return replace(model, cnn=cnn.eval())


def test_a_kernel_by_hand(model: ConvMF) -> None:
    hand = with_one_live_kernel(model, "war")
    assert hand.cnn is not None
    (kernel,) = kernel_readings(hand, DATA.texts, top=4)
    assert (kernel.numbers, kernel.size) == ((3,), 1)
    assert kernel.phrases == (KernelPhrase("war", 2.0, "i0", "Film 0"),)
    n_war = sum("war" in text.split() for text in DATA.texts)
    usual = torch.zeros(18)
    usual[3] = 2 * n_war / 24
    high = usual.clone()
    high[3] = 2.0
    with torch.no_grad():
        move = hand.cnn.factors(high[None], None)[0] - hand.cnn.factors(usual[None], None)[0]
    assert {move_.factor: move_.change for move_ in kernel.factors} == pytest.approx(
        dict(enumerate(move.tolist())), abs=1e-6
    )
    users = torch.cat([torch.ones(30, 1), hand.user_factors[:, 1:]], dim=1)
    changes = hand.scale.std * users @ move
    assert (kernel.effect, kernel.spread) == pytest.approx((changes.mean().item(), changes.std(correction=0).item()))


def test_beside_a_linear_reader_kernels_move_what_is_left_to_them(model: ConvMF) -> None:
    hand = with_one_live_kernel(model, "war")
    assert isinstance(hand.cnn, CnnNlpModel) and hand.vocabulary is not None
    n_words, width = len(hand.vocabulary), hand.cnn.output_dimension
    said = torch.linspace(-0.5, 0.5, width)
    linear = LinearReader(torch.zeros(n_words, width), torch.zeros(n_words), said)
    beside = replace(hand, cnn=CnnEnsemble([hand.cnn], None, linear, 0.5).eval())
    (kernel,), (alone,) = (kernel_readings(one, DATA.texts, top=4) for one in (beside, hand))
    assert kernel.phrases == alone.phrases
    usual = torch.zeros(18)
    usual[3] = 2 * sum("war" in text.split() for text in DATA.texts) / 24
    with torch.no_grad():
        low, high = (hand.cnn.output(pooled[None])[0] for pooled in (usual, 2.0 * torch.eye(18)[3]))
    move = torch.tanh((high + said) / 2) - torch.tanh((low + said) / 2)
    assert {found.factor: found.change for found in kernel.factors} == pytest.approx(
        dict(enumerate(move.tolist())), abs=1e-6
    )


def test_kernels_are_sorted_and_each_stands_once(model: ConvMF) -> None:
    kernels = kernel_readings(model, DATA.texts, top=3)
    numbers = [number for kernel in kernels for number in kernel.numbers]
    assert len(numbers) == len(set(numbers)) <= 18
    strengths = [kernel.effect**2 + kernel.spread**2 for kernel in kernels]
    assert strengths == pytest.approx(sorted(strengths, reverse=True))
    for kernel in kernels:
        assert 1 <= len(kernel.phrases) <= 3
        assert len({phrase.phrase for phrase in kernel.phrases}) == len(kernel.phrases)
        for phrase in kernel.phrases:
            assert len(phrase.phrase.split()) <= kernel.size
            assert phrase.phrase in " ".join(DATA.texts[model.item_rows([phrase.item_id])[0]].split())


def test_kernels_that_read_the_same_are_one() -> None:
    pooled = torch.tensor([[2.0, 1.0, 0.0, 1.1], [0.0, 0.0, 1.0, 0.0], [1.0, 0.6, 0.5, 0.4]])
    readings = {0: "war", 1: "war", 2: "love", 3: "love"}
    phrases = {kernel: (KernelPhrase(word, 2.0, "i", ""),) for kernel, word in readings.items()}
    assert _same_readings(pooled, phrases) == [[0, 1], [2], [3]], "2 has other values, 3 has other words"


def test_neighbours_stand_side_by_side(model: ConvMF) -> None:
    near = neighbours(model, "i0", DATA.texts, 4)
    for by, found in (("text", near.by_text), ("item", near.by_item)):
        assert [item.item_id for item in found] == [item.item_id for item in model.similar_items("i0", 4, by=by)]
    every = {by: {item.item_id: item.score for item in model.similar_items("i0", 23, by=by)} for by in ("text", "item")}
    for item in near.by_text + near.by_item:
        assert item.text_similarity == pytest.approx(every["text"][item.item_id])
        assert item.item_similarity == pytest.approx(every["item"][item.item_id])


def test_shared_phrases_are_of_both_texts_and_tell_the_kind(model: ConvMF) -> None:
    near = neighbours(model, "i0", DATA.texts, 5)
    for item in near.by_text:
        other = DATA.texts[model.item_rows([item.item_id])[0]]
        assert 1 <= len(item.shared) <= 3
        for shared in item.shared:
            assert shared.own in DATA.texts[0] and shared.other in other and shared.similarity > 0
        telling = item.shared[0].own + item.shared[0].other
        assert "war" in telling or "soldiers" in telling


def test_pairs_of_phrases_add_up_to_the_similarity(model: ConvMF) -> None:
    from convmf.explain.neighbours import _phrases

    parts = [_phrases(model, DATA.texts[row])[1] for row in (0, 5)]
    expected = {item.item_id: item.score for item in model.similar_items("i0", 23, by="text")}
    assert (parts[0] @ parts[1].T).sum() == pytest.approx(expected["i5"], abs=1e-4)


def test_an_item_without_text_shares_no_phrase(model: ConvMF) -> None:
    assert all(item.shared == () for item in neighbours(model, "i21", DATA.texts, 3).by_item)


def test_windows_of_short_texts_end_with_them(model: ConvMF) -> None:
    windows = read_windows(model, ["war", ""])
    spans = {windows.span(0, kernel) for kernel in range(18)}
    assert spans == {(0, 1)} and windows.phrase(model, 0, (0, 1)) == "war"
    assert {windows.span(1, kernel) for kernel in range(18)} == {(0, 0)}
    assert read_windows(model, []).pooled.shape == (0, 18)


def test_what_cannot_be_read(model: ConvMF) -> None:
    blind = fit(DATA, replace(TINY, text="none"))
    for function in (lambda net: kernel_readings(net, DATA.texts), lambda net: neighbours(net, "i0", DATA.texts)):
        with pytest.raises(ModelError, match="without texts"):
            function(blind)
    with pytest.raises(ModelError, match="24 items, but there are 2 texts"):
        kernel_readings(model, ["war", "love"])
    with pytest.raises(ModelError, match="24 items, but there are 2 texts"):
        neighbours(model, "i0", ["war", "love"])
    with pytest.raises(ModelError, match="no item"):
        neighbours(model, "x", DATA.texts)
