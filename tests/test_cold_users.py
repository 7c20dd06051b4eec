"""Users as an item meets them of which nothing but the text is known: ũ instead of u."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from convmf.data.dataset import Dataset, Ratings
from convmf.data.splits import SplitSettings, split_ratings
from convmf.errors import ModelError
from convmf.evaluation.ranking import ranking_report
from convmf.explain.catalogue import item_figures
from convmf.explain.parts import split_prediction
from convmf.explain.reading import read_text
from convmf.explain.what_if import what_if_rated
from convmf.model.convmf import ConvMF
from convmf.training.loop import fit
from convmf.training.state import Training
from tests.helpers import TINY, tiny_dataset

CALIBRATED = replace(TINY, n_iterations=8, calibration=True)


@pytest.fixture(scope="module")
def model() -> ConvMF:
    """Cold factors that differ from the others by more than a training would make them."""
    trained = fit(tiny_dataset(), CALIBRATED)
    other = torch.randn(trained.user_factors.shape, generator=torch.Generator().manual_seed(1))
    return replace(trained, cold_user_factors=trained.user_factors + 0.3 * other)


def test_each_users_cold_factors_against_plain_numpy() -> None:
    """Equation (7) with the mean u: (Σ z zᵀ + Λ)⁻¹ (Σ r z + Λ u) over the readings z of what they rated."""
    split = split_ratings(tiny_dataset(), SplitSettings())
    training = Training(split, replace(CALIBRATED, user_weights="sqrt"), lambda: False)
    for _ in range(3):
        training.iterate()
    assert training.best is not None
    u = training.best.factors["user"].double().numpy()
    reading = torch.rand(24, 5, generator=torch.Generator().manual_seed(0))
    cold = training.cold_user_factors(reading).numpy()
    train = split.train
    scores = (train.rating.astype(np.float64) - training.scale.mean) / training.scale.std
    roots = np.sqrt(np.bincount(train.user_index, minlength=30))
    for user in range(30):
        mine = train.user_index == user
        z = reading.double().numpy()[train.item_index[mine]]
        r, z = scores[mine] - z[:, 0], np.column_stack([np.ones(len(z)), z[:, 1:]])
        pull = 3 * TINY.lambda_u * roots[user] / roots.mean() * np.eye(5)
        np.testing.assert_allclose(cold[user], np.linalg.solve(z.T @ z + pull, z.T @ r + pull @ u[user]), atol=1e-4)


def test_a_user_without_ratings_keeps_their_factors() -> None:
    data = tiny_dataset()
    ratings = data.ratings.take(np.flatnonzero(data.ratings.user_index > 0))
    trained = fit(split_ratings(replace(data, ratings=ratings), SplitSettings()), CALIBRATED)
    assert trained.cold_user_factors is not None
    assert torch.equal(trained.cold_user_factors[0], trained.user_factors[0])
    assert not torch.equal(trained.cold_user_factors[1:], trained.user_factors[1:])


def test_with_ratings_the_cold_factors_give_way(model: ConvMF) -> None:
    cold, u = model.cold_user_factors, model.user_factors
    assert cold is not None and model.config.lambda_bias == 6.0
    assert torch.equal(model.user_factors_at(0), cold)
    torch.testing.assert_close(model.user_factors_at(6), (u + cold) / 2)
    torch.testing.assert_close(model.user_factors_at(18), 0.75 * u + 0.25 * cold)
    torch.testing.assert_close(model.user_factors_at(10**9), u)


@pytest.mark.parametrize("change", [{"calibration": False}, {"biases": False}, {"text": "none"}])
def test_a_model_that_was_not_calibrated_has_none(change: dict[str, object]) -> None:
    plain = fit(tiny_dataset(), replace(CALIBRATED, **change))
    assert plain.cold_user_factors is None
    assert plain.user_factors_at(0) is plain.user_factors


def test_all_ways_to_a_prediction_agree(model: ConvMF) -> None:
    counts = model.item_counts.tolist()
    assert 0 in counts and max(counts) > 10
    users, items = np.divmod(np.arange(30 * 24), 24)
    pairs = model.predict_rows(users, items).reshape(30, 24)
    torch.testing.assert_close(model.scale.to_ratings(model.scores(np.arange(30))), torch.from_numpy(pairs))
    for item, count in enumerate(counts):
        each = model.rate(model.user_factors_at(count), model.item_factors[item : item + 1])[0]
        np.testing.assert_allclose(pairs[:, item], each, rtol=1e-5)
        assert item_figures(model, f"i{item}").expected == pytest.approx(pairs[:, item].mean(), rel=1e-5)
        assert split_prediction(model, "u3", f"i{item}").rating == pytest.approx(pairs[3, item], rel=1e-5)
    for item in model.recommend("u3", 30):
        assert item.score == pytest.approx(pairs[3, int(item.item_id[1:])], rel=1e-5)


def test_a_text_is_rated_as_an_item_that_nobody_rated(model: ConvMF) -> None:
    row = int((model.item_counts == 0).nonzero()[0])
    text = tiny_dataset().texts[row]
    expected = model.predict_rows(np.arange(30), np.full(30, row))
    warm = model.rate(model.user_factors, model.item_factors[row : row + 1])[0]
    assert np.abs(expected - warm).max() > 0.1
    reading = read_text(model, text)
    np.testing.assert_allclose(model.predict_text([text])[0], expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict_text([text], ["u4"])[0], expected[4:5], rtol=1e-5)
    np.testing.assert_allclose(reading.ratings, expected, rtol=1e-5)
    np.testing.assert_allclose(
        model.predict_rows_from_text(model.text_factors, np.arange(30), np.full(30, row)), expected, rtol=1e-5
    )
    # Words add up to what the text does to the users' mean rating, so they count for the same users.
    empty = model.rate(model.user_factors_at(0), model.encode([""]))[0]
    inside = (reading.ratings > model.scale.lowest) & (reading.ratings < model.scale.highest) & (empty < 5)
    user = int(np.flatnonzero(inside)[0])
    total = sum(word.weight for word in reading.effects.words(f"u{user}"))
    assert total == pytest.approx(float(reading.ratings[user] - empty[user]), abs=1e-4)


def test_the_first_rating_moves_a_new_item_without_a_jump(model: ConvMF) -> None:
    """One user's rating, as good as what was expected of them, leaves what all others are expected to give."""
    text = "war soldiers"
    expected = model.predict_text([text])[0]
    user = int(np.argsort(expected)[15])
    answer = what_if_rated(model, text, {f"u{user}": float(expected[user])})
    np.testing.assert_allclose(answer.before, expected, rtol=1e-5)
    warm = model.rate(model.user_factors, answer.item_factors[None])[0]
    at_one = model.rate(model.user_factors_at(1), answer.item_factors[None])[0]
    np.testing.assert_allclose(answer.after, at_one, rtol=1e-5)
    assert np.abs(answer.after - expected).mean() < np.abs(warm - expected).mean()


def test_the_ranking_of_cold_items_is_by_the_same_scores() -> None:
    split = split_ratings(tiny_dataset(), SplitSettings(cold_items=0.4))
    trained = fit(split, CALIBRATED)
    upside_down = replace(trained, cold_user_factors=-trained.user_factors)
    figures, turned = (ranking_report(one, split, k=5)["cold"]["model"] for one in (trained, upside_down))
    assert turned["ndcg"] < figures["ndcg"]


def test_they_are_saved_and_a_model_of_before_has_none(model: ConvMF, tmp_path: Path) -> None:
    model.save(tmp_path / "new")
    loaded = ConvMF.load(tmp_path / "new")
    assert loaded.cold_user_factors is not None and model.cold_user_factors is not None
    assert torch.equal(loaded.cold_user_factors, model.cold_user_factors)
    replace(model, cold_user_factors=None).save(tmp_path / "old")
    meta = json.loads((tmp_path / "old" / "model.json").read_text())
    assert meta.pop("has_cold_user_factors") is False
    (tmp_path / "old" / "model.json").write_text(json.dumps(meta))
    assert ConvMF.load(tmp_path / "old").cold_user_factors is None
    meta["has_cold_user_factors"] = True
    (tmp_path / "old" / "model.json").write_text(json.dumps(meta))
    with pytest.raises(ModelError, match="cold_user_factors is missing"):
        ConvMF.load(tmp_path / "old")


def choosy_world(seed: int = 0) -> Dataset:
    """Films with a quality that no text tells. Half of the users rate good ones only, half whatever comes."""
    generator = np.random.default_rng(seed)
    n_users, n_items = 120, 160
    quality = generator.normal(0, 0.6, n_items)
    data = tiny_dataset(n_users, n_items)
    users, items = np.indices((n_users, n_items)).reshape(2, -1)
    wanted = np.where(users % 2 == 0, 0.4 * (quality[items] > 0.3), 0.15)
    chosen = generator.random(len(users)) < wanted
    users, items = users[chosen].astype(np.int32), items[chosen].astype(np.int32)
    rating = np.clip(3 + quality[items] + generator.normal(0, 0.3, len(users)), 1, 5).astype(np.float32)
    return replace(data, ratings=Ratings(users, items, rating))


def test_who_chooses_well_is_expected_to_choose_well_again() -> None:
    split = split_ratings(choosy_world(), SplitSettings(cold_items=0.3))
    trained = fit(split, replace(CALIBRATED, n_iterations=12))
    cold = split.cold
    choosy = cold.user_index % 2 == 0
    before, after = (
        one.predict_rows(cold.user_index, cold.item_index) - cold.rating
        for one in (replace(trained, cold_user_factors=None), trained)
    )
    # Too little for those who choose, too much for the others, and less so than before.
    gaps = [float(error[~choosy].mean() - error[choosy].mean()) for error in (before, after)]
    assert gaps[0] > 0.3 and 0 < gaps[1] < 0.7 * gaps[0]
    assert np.square(after).mean() < 0.97 * np.square(before).mean()
