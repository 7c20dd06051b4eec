"""What the CNN says of unseen texts is put right by what networks said of items that they didn't know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from convmf.data.splits import Split, SplitSettings, split_ratings
from convmf.model.cnn import CnnNlpModel, encode_texts
from convmf.model.convmf import ConvMF
from convmf.training.calibration import Calibration
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset

N_ITEMS = 4000


def readings(width: int = 3, n_items: int = N_ITEMS, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """θ around 0.05, and item factors that go from 0.1 half as far in the level and 0.8 times in the others."""
    generator = torch.Generator().manual_seed(seed)
    off = 0.1 * torch.randn(n_items, width, generator=generator)
    noise = 0.05 * torch.randn(n_items, width, generator=generator)
    return 0.05 + off, 0.1 + off * torch.tensor([0.5, *[0.8] * (width - 1)]) + noise


def test_mean_and_slopes_are_found():
    reading, factors = readings()
    found = Calibration.measure(reading, factors, torch.full((N_ITEMS,), 7))
    assert torch.tanh(found.mean).tolist() == pytest.approx([0.05] * 3, abs=0.01)
    assert torch.tanh(found.true_mean).tolist() == pytest.approx([0.1] * 3, abs=0.01)
    assert found.slope.tolist() == pytest.approx([0.5, 0.8, 0.8], abs=0.02)
    assert float((found.apply(reading) - factors).square().mean()) < 0.5 * float((reading - factors).square().mean())


def test_an_item_counts_as_often_as_it_was_rated_and_the_unrated_not_at_all():
    reading, factors = readings()
    counts = torch.zeros(N_ITEMS, dtype=torch.int64)
    counts[:1000], counts[1000:2000] = 1, 9
    factors[1000:2000] += 0.1
    factors[2000:] = 0.9
    found = Calibration.measure(reading, factors, counts)
    assert torch.tanh(found.true_mean).tolist() == pytest.approx([0.19] * 3, abs=0.01)


def test_the_slope_is_one_of_factors_and_not_of_artanh() -> None:
    reading, _ = readings()
    found = Calibration.measure(0.6 + 0.3 * reading, 0.3 * reading, torch.ones(N_ITEMS))
    assert float((found.apply(0.6 + 0.3 * reading) - 0.3 * reading).square().mean()) < 1e-4


@pytest.mark.parametrize("n_items", [1, 2, 5])
def test_a_few_items_change_little(n_items):
    reading, factors = readings(n_items=n_items)
    found = Calibration.measure(reading, factors + 0.3, torch.ones(n_items))
    change = found.apply(reading) - reading
    assert torch.isfinite(change).all() and float(change.abs().max()) < 0.12


def test_texts_that_are_all_read_alike_keep_their_slope():
    found = Calibration.measure(torch.full((50, 3), 0.2), readings(n_items=50)[1], torch.ones(50))
    assert found.slope.tolist() == pytest.approx([1.0] * 3, abs=0.05)


def test_readings_and_factors_beyond_what_the_cnn_can_say_stay_finite():
    reading, factors = readings(n_items=50)
    reading[0], reading[1] = 1.0, -1.0
    found = Calibration.measure(reading, factors * 100, torch.ones(50))
    assert torch.isfinite(found.apply(reading)).all()


def test_the_corrected_weights_read_what_apply_gives():
    cnn = CnnNlpModel(3, vocab_size=20, embed_dimension=4, num_kernels=(5, 5, 5), hidden_dimension=8).eval()
    token_ids = torch.randint(1, 20, (30, 9), generator=torch.Generator().manual_seed(0))
    before = encode_texts(cnn, token_ids)
    calibration = Calibration.measure(*readings(), torch.ones(N_ITEMS))
    cnn.load_state_dict(calibration.into(cnn.state_dict()))
    torch.testing.assert_close(encode_texts(cnn, token_ids), calibration.apply(before))


def two_models(split: Split) -> tuple[ConvMF, ConvMF]:
    """With and without calibration."""
    plain, calibrated = (fit(split, replace(TINY, n_iterations=12, calibration=on)) for on in (False, True))
    return plain, calibrated


def test_what_ratings_say_stays_and_what_texts_say_changes():
    split = split_ratings(tiny_dataset(), SplitSettings(cold_items=0.2))
    plain, calibrated = two_models(split)
    rated = plain.item_counts > 0
    assert torch.equal(plain.user_factors, calibrated.user_factors)
    assert torch.equal(plain.item_factors[rated], calibrated.item_factors[rated])
    assert not torch.allclose(plain.text_factors, calibrated.text_factors, atol=1e-3)
    assert torch.equal(calibrated.item_factors[~rated], calibrated.text_factors[~rated])
    texts = [split.dataset.texts[row] for row in range(split.dataset.n_items)]
    torch.testing.assert_close(calibrated.encode(texts), calibrated.text_factors)
    assert plain.history[-1]["valid_rmse"] == calibrated.history[-1]["valid_rmse"]


def test_without_levels_and_without_time_nothing_is_corrected():
    split = split_ratings(tiny_dataset(), SplitSettings(cold_items=0.2))
    for change in ({"biases": False}, {"text": "none"}):
        with_it, without = (fit(split, replace(TINY, calibration=on, **change)) for on in (True, False))
        assert torch.equal(with_it.text_factors, without.text_factors)
    seen: list[int] = []
    stopped = fit(
        split,
        replace(TINY, n_iterations=9, calibration=True),
        on_iteration=lambda result: seen.append(result.iteration),
        should_stop=lambda: len(seen) >= 4,
    )
    assert torch.equal(stopped.text_factors, fit(split, replace(TINY, calibration=False)).text_factors)


def test_unseen_items_come_closer_to_their_ratings_where_popular_items_are_liked():
    """Much rated items are a point better than the others, and no text tells which item is which."""
    data = tiny_dataset(n_users=300, n_items=120, seed=1)
    generator = np.random.default_rng(0)
    popular = generator.random(data.n_items) < 0.3
    kept = popular[data.ratings.item_index] | (generator.random(data.n_ratings) < 0.15)
    ratings = data.ratings.take(np.flatnonzero(kept))
    ratings = replace(ratings, rating=ratings.rating + popular[ratings.item_index].astype(np.float32))
    split = split_ratings(replace(data, ratings=ratings), SplitSettings(cold_items=0.3))
    errors = [
        float((model.predict_rows(split.cold.user_index, split.cold.item_index) - split.cold.rating).mean())
        for model in two_models(split)
    ]
    assert errors[0] < -0.02, "to predict for an item is not to predict for a rating"
    assert abs(errors[1]) < 0.6 * abs(errors[0])
