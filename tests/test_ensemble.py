"""Several text networks as one: what they say together, alone, on the disk and in explanations."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from convmf.config import ConvMFConfig
from convmf.errors import ModelError
from convmf.explain import evidence
from convmf.explain.kernels import kernel_readings
from convmf.explain.substitutes import substitutes
from convmf.explain.taste import raw_rating
from convmf.model.cnn import CnnNlpModel, encode_texts
from convmf.model.convmf import ConvMF, build_cnn
from convmf.model.ensemble import CnnEnsemble
from convmf.model.linear import LinearReader
from convmf.model.loss import ConvMFLossFunc
from convmf.training.cnn import run_epoch
from convmf.training.loop import fit
from convmf.training.reader import make_optimizer
from tests.helpers import TINY, tiny_dataset

TWO = replace(TINY, n_networks=2, calibration=True)
VOCABULARY = 30


def ensemble(config: ConvMFConfig = TWO) -> CnnEnsemble:
    built = build_cnn(config, VOCABULARY, generator=torch.Generator().manual_seed(0))
    assert isinstance(built, CnnEnsemble)
    return built.eval()


def token_ids(n_texts: int = 12, length: int = 7) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (n_texts, length), generator=torch.Generator().manual_seed(1))


def test_it_says_the_mean_of_what_its_networks_say() -> None:
    network, ids = ensemble(), token_ids()
    first, second = network.readings(ids)
    assert not torch.allclose(first, second), "each has a random start of its own"
    expected = torch.tanh((torch.atanh(first) + torch.atanh(second)) / 2)
    torch.testing.assert_close(network(ids), expected)
    torch.testing.assert_close(network.factors(network.pooled(ids), None), expected)
    torch.testing.assert_close(encode_texts(network, ids), expected)


def test_its_kernels_are_those_of_its_networks_one_after_another() -> None:
    network, ids = ensemble(), token_ids()
    pooled, starts = network.winning_windows(ids)
    torch.testing.assert_close(pooled, network.pooled(ids))
    assert pooled.shape == starts.shape == (12, len(network.window_sizes))
    assert network.window_sizes == 2 * network.members[0].window_sizes
    n_first = len(network.members[0].window_sizes)
    torch.testing.assert_close(pooled[:, :n_first], network.members[0].pooled(ids))
    assert network.word_vectors.shape == (VOCABULARY, 2 * TWO.embedding_dim)


def test_each_network_takes_the_step_that_it_would_take_alone() -> None:
    ids, targets = token_ids(), torch.randn(12, TWO.n_factors + 1, generator=torch.Generator().manual_seed(2))
    together = ensemble(replace(TWO, dropout=0.0))
    alone = [ensemble(replace(TWO, dropout=0.0)).members[number] for number in range(2)]
    loss = ConvMFLossFunc(4.0, 0.0)
    for network in (together, *alone):
        optimizer = make_optimizer(network, TWO)
        run_epoch(network, optimizer, loss, [(ids, targets)], len(ids), torch.device("cpu"))
    for member, one in zip(together.members, alone, strict=True):
        for after, expected in zip(member.parameters(), one.parameters(), strict=True):
            torch.testing.assert_close(after, expected)


def test_one_network_is_no_ensemble() -> None:
    assert isinstance(build_cnn(TINY, VOCABULARY), CnnNlpModel)


@pytest.mark.parametrize("networks", [[], [(10, 3), (11, 3)], [(10, 3), (10, 4)]])
def test_networks_that_are_not_alike_are_refused(networks: list[tuple[int, int]]) -> None:
    made = [CnnNlpModel(width, vocab_size=words, embed_dimension=4, num_kernels=(2, 2, 2)) for words, width in networks]
    with pytest.raises(ModelError, match="one vocabulary and one output"):
        CnnEnsemble(made)


@pytest.fixture(scope="module")
def model() -> ConvMF:
    return fit(tiny_dataset(), replace(TWO, n_iterations=8))


def test_a_model_with_two_networks_comes_back_from_the_disk(model: ConvMF, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = ConvMF.load(tmp_path)
    assert isinstance(loaded.cnn, CnnEnsemble) and loaded.config == model.config
    text = "war soldiers love"
    assert torch.equal(loaded.encode([text]), model.encode([text]))
    torch.testing.assert_close(loaded.encode(list(tiny_dataset().texts)), loaded.text_factors)


def test_it_ends_the_same_when_it_was_stopped_between(model: ConvMF, tmp_path: Path) -> None:
    config = replace(TWO, n_iterations=8)
    seen: list[int] = []
    fit(
        tiny_dataset(),
        config,
        checkpoint_to=tmp_path,
        on_iteration=lambda result: seen.append(result.iteration),
        should_stop=lambda: len(seen) >= 3,
    )
    resumed = fit(tiny_dataset(), config, resume_from=tmp_path)
    assert seen[-1] == 3 and torch.equal(resumed.text_factors, model.text_factors)
    assert torch.equal(resumed.user_factors, model.user_factors)


def test_its_words_and_kernels_can_be_explained(model: ConvMF) -> None:
    text = "night war soldiers river"
    full, empty = raw_rating(model, model.encode([text, ""]), None).tolist()
    assert sum(phrase.weight for phrase in evidence(model, text)) == pytest.approx(full - empty, abs=1e-6)
    n_windows = len(model.cnn.window_sizes) if model.cnn is not None else 0
    assert 0 < len(kernel_readings(model, tiny_dataset().texts)) <= n_windows
    assert substitutes(model, text, 6, 9)


def test_networks_count_by_their_shares() -> None:
    members, ids = ensemble().members, token_ids()
    first, second = (torch.atanh(network(ids)) for network in members)
    torch.testing.assert_close(CnnEnsemble(members, [0.75, 0.25])(ids), torch.tanh(0.75 * first + 0.25 * second))


def linear(width: int = TWO.n_factors + 1) -> LinearReader:
    generator = torch.Generator().manual_seed(5)
    coefficients = torch.randn(VOCABULARY, width, generator=generator)
    return LinearReader(coefficients, torch.rand(VOCABULARY, generator=generator), torch.full((width,), 0.1))


def test_a_linear_reader_counts_by_its_share_beside_all_networks() -> None:
    networks, ids = ensemble(), token_ids()
    together = CnnEnsemble(networks.members, None, linear(), 0.25).eval()
    expected = torch.tanh(0.75 * torch.atanh(networks(ids)) + 0.25 * linear()(ids))
    torch.testing.assert_close(together(ids), expected)
    torch.testing.assert_close(together.factors(together.pooled(ids), together.linear_output(ids)), expected)
    torch.testing.assert_close(encode_texts(together, ids), expected)
    one = CnnEnsemble(networks.members[:1], None, linear(), 0.25)
    torch.testing.assert_close(one(ids), torch.tanh(0.75 * torch.atanh(one.members[0](ids)) + 0.25 * linear()(ids)))


@pytest.mark.parametrize(("share", "reader"), [(0.0, True), (0.5, False), (1.0, True), (-0.1, True)])
def test_shares_of_a_linear_reader_that_are_none_are_refused(share: float, reader: bool) -> None:
    with pytest.raises(ModelError, match="between 0 and 1"):
        CnnEnsemble(ensemble().members, None, linear() if reader else None, share)


@pytest.mark.parametrize("shares", [[1.0], [0.5, 0.6], [1.5, -0.5], [1.0, 0.0], [float("nan"), 0.5]])
def test_shares_that_are_none_are_refused(shares: list[float]) -> None:
    with pytest.raises(ModelError, match="positive number for each of 2 networks, with the sum 1"):
        CnnEnsemble(ensemble().members, shares)


def test_the_networks_that_read_held_out_items_read_along(model: ConvMF, tmp_path: Path) -> None:
    """Of what networks say the two of the training have half, and one of each of the three parts the other half."""
    assert isinstance(model.cnn, CnnEnsemble) and model.cnn.linear is not None
    assert model.cnn.linear_share == 0.5
    assert model.cnn.shares.tolist() == pytest.approx([1 / 4] * 2 + [1 / 6] * 3)
    assert [network.embedding_dim for network in model.cnn.members] == [8, 8] + [4] * 3
    plain = fit(tiny_dataset(), replace(TWO, n_iterations=8, calibration=False))
    assert plain.cnn is not None and len(plain.cnn.members) == 2
    for own, kept in zip(model.cnn.members, plain.cnn.members, strict=False):
        assert torch.equal(own.word_vectors, kept.word_vectors)
    model.save(tmp_path)
    meta = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    meta["networks"][4]["share"] = 0.5
    (tmp_path / "model.json").write_text(json.dumps(meta), encoding="utf-8")
    with pytest.raises(ModelError, match="with the sum 1"):
        ConvMF.load(tmp_path)
    model.save(tmp_path)
    meta = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    for share, message in ((0.0, "linear"), (1.5, "between 0 and 1")):
        (tmp_path / "model.json").write_text(json.dumps({**meta, "linear_share": share}), encoding="utf-8")
        with pytest.raises(ModelError, match=message):
            ConvMF.load(tmp_path)


def test_a_calibrated_model_of_before_there_was_a_linear_reader_reads_as_it_did(model: ConvMF, tmp_path: Path) -> None:
    assert isinstance(model.cnn, CnnEnsemble)
    before = replace(model, cnn=CnnEnsemble(model.cnn.members, model.cnn.shares.tolist()).eval())
    before.save(tmp_path)
    meta = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert meta.pop("linear_share") == 0
    (tmp_path / "model.json").write_text(json.dumps(meta), encoding="utf-8")
    loaded = ConvMF.load(tmp_path)
    assert torch.equal(loaded.encode(["war"]), before.encode(["war"]))
    assert not torch.allclose(loaded.encode(["war"]), model.encode(["war"]))


def saved_as_before(model: ConvMF, folder: Path, *unknown_settings: str) -> ConvMF:
    """``model`` saved as it was before networks could differ in size, and loaded again."""
    assert model.cnn is not None
    model.save(folder)
    meta = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    meta["embedding_dim"] = model.cnn.embedding_dim
    del meta["networks"], meta["linear_share"]
    for name in unknown_settings:
        del meta["config"][name]
    (folder / "model.json").write_text(json.dumps(meta), encoding="utf-8")
    return ConvMF.load(folder)


def test_a_model_of_before_networks_differed_reads_as_it_did(tmp_path: Path) -> None:
    model = fit(tiny_dataset(), replace(TWO, calibration=False))
    loaded = saved_as_before(model, tmp_path)
    assert isinstance(loaded.cnn, CnnEnsemble) and torch.equal(loaded.encode(["war"]), model.encode(["war"]))


def test_a_model_of_before_there_were_ensembles_has_one_network(tmp_path: Path) -> None:
    model = fit(tiny_dataset(), TINY)
    loaded = saved_as_before(model, tmp_path, "n_networks", "calibration")
    assert isinstance(loaded.cnn, CnnNlpModel) and not loaded.config.calibration
    assert torch.equal(loaded.encode(["war"]), model.encode(["war"]))
