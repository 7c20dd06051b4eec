"""What the CNN says of unseen texts is put right by what networks said of items that they didn't know."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from convmf.data.splits import Split, SplitSettings, split_ratings
from convmf.model.cnn import CnnNlpModel, encode_texts
from convmf.model.convmf import ConvMF, pair_scores
from convmf.model.ensemble import CnnEnsemble
from convmf.model.linear import LinearReader
from convmf.training.calibration import Calibration, ScoredPairs
from convmf.training.held_out import CrossReading, linear_reader
from convmf.training.loop import fit
from convmf.training.state import Training
from tests.helpers import TINY, tiny_dataset


class World(NamedTuple):
    """What a network read, what is so, and ratings of it, as Calibration.measure takes them."""

    reading: Tensor
    user_factors: Tensor
    item_factors: Tensor
    train: ScoredPairs
    valid: ScoredPairs


def world(
    n_items: int = 2000, *, level_slope: float = 0.5, taste_slope: float = 1.4, level: float = 0.1, seed: int = 0
) -> World:
    """θ around 0.05; item levels go from ``level`` ``level_slope`` times as far, tastes ``taste_slope`` times."""
    generator = torch.Generator().manual_seed(seed)
    reading = 0.05 + 0.15 * torch.randn(n_items, 3, generator=generator).clamp(-2, 2)
    items = torch.cat([level + level_slope * (reading[:, :1] - 0.05), taste_slope * reading[:, 1:]], dim=1)
    users = torch.randn(100, 3, generator=generator)
    everyone = torch.cartesian_prod(torch.arange(100), torch.arange(n_items)).T
    suits = (users[everyone[0], 1:] * items[everyone[1], 1:]).sum(dim=1)
    # People rate what is to their taste.
    chosen = torch.rand(len(suits), generator=generator) < 0.2 * torch.sigmoid(8 * suits)
    pairs = everyone[:, chosen]
    scores = pair_scores(users[pairs[0]], items[pairs[1]], biases=True)
    scores = scores + 0.3 * torch.randn(len(scores), generator=generator)
    seen = torch.rand(len(scores), generator=generator) < 0.8
    train, valid = (ScoredPairs(*pairs[:, part], scores[part]) for part in (seen, ~seen))
    return World(reading, users, items, train, valid)


def test_slopes_and_level_are_found():
    for change in ({}, {"level_slope": 1.0, "taste_slope": 0.3}, {"level": -0.4}):
        of = world(**change)
        found = Calibration.measure(*of)
        assert float((found.apply(of.reading) - of.item_factors).square().mean()) < 2e-4, change
        assert float((of.reading - of.item_factors).square().mean()) > 2e-3, change


def test_over_the_training_ratings_the_mean_score_is_that_of_the_item_factors():
    of = world()
    users, items, _ = of.train
    # A tenth of the items are a point better than anyone could read, and have most of the ratings.
    popular = torch.arange(2000) < 200
    of.item_factors[popular, 0] += 0.5
    kept = popular[items] | (torch.arange(len(items)) % 10 == 0)
    train = ScoredPairs(users[kept], items[kept], of.train.scores[kept])
    corrected = Calibration.measure(*of[:3], train, of.valid).apply(of.reading)
    means = [
        float(pair_scores(of.user_factors[train.users], factors[train.items], biases=True).mean())
        for factors in (of.reading, corrected, of.item_factors)
    ]
    assert abs(means[0] - means[2]) > 0.2
    assert means[1] == pytest.approx(means[2], abs=0.1 * abs(means[0] - means[2]))


def test_without_validation_ratings_slopes_stay_and_the_level_is_put_right():
    of = world()
    nothing = ScoredPairs(*(column[:0] for column in of.valid))
    found = Calibration.measure(*of[:4], nothing)
    assert found.slope.tolist() == pytest.approx([1.0] * 3, abs=0.05)
    assert float(found.apply(of.reading)[:, 0].mean()) == pytest.approx(float(of.item_factors[:, 0].mean()), abs=0.05)


@pytest.mark.parametrize(("factor", "bound"), [(-3.0, 0.0), (5.0, 2.0)])
def test_no_slope_leaves_its_bounds(factor: float, bound: float) -> None:
    of = world(level_slope=factor, taste_slope=factor)
    corrected = Calibration.measure(*of).apply(of.reading)
    level, taste, _ = (corrected.std(dim=0) / of.reading.std(dim=0)).tolist()
    assert (level, taste) == pytest.approx((bound, bound), rel=0.1, abs=0.05)


@pytest.mark.parametrize("n_items", [1, 2, 5])
def test_a_few_items_change_little(n_items: int) -> None:
    of = world(n_items, level=0.4)
    change = Calibration.measure(*of).apply(of.reading) - of.reading
    assert torch.isfinite(change).all() and float(change.abs().max()) < 0.15


def test_texts_that_are_all_read_alike_keep_their_slope():
    of = world(50)
    found = Calibration.measure(torch.full((50, 3), 0.2), *of[1:])
    read = float(found.apply(torch.full((1, 3), 0.2))[0, 0])
    assert abs(read - 0.2) > 0.01
    assert float(found.slope[0]) == pytest.approx((1 - 0.2**2) / (1 - read**2), abs=1e-4), "1, but for artanh"


def test_readings_and_factors_beyond_what_the_cnn_can_say_stay_finite():
    of = world(50)
    of.reading[0], of.reading[1] = 1.0, -1.0
    for factor in (100.0, -100.0):
        found = Calibration.measure(of.reading, of.user_factors, of.item_factors * factor, of.train, of.valid)
        assert torch.isfinite(found.apply(of.reading)).all()


@pytest.mark.parametrize("with_linear", [False, True])
def test_the_corrected_weights_read_what_apply_gives(with_linear):
    cnn = CnnNlpModel(3, vocab_size=20, embed_dimension=4, num_kernels=(5, 5, 5), hidden_dimension=8).eval()
    generator = torch.Generator().manual_seed(0)
    token_ids = torch.randint(1, 20, (30, 9), generator=generator)
    if with_linear:
        coefficients, idf = 0.5 * torch.randn(20, 3, generator=generator), torch.rand(20, generator=generator)
        cnn = CnnEnsemble([cnn], None, LinearReader(coefficients, idf, torch.full((3,), 0.1)), 0.5).eval()
    before = encode_texts(cnn, token_ids)
    calibration = Calibration.measure(*world())
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


def at_its_end(linear_share: float = 0.5) -> tuple[Training, CrossReading]:
    """A training after its iterations, and what was read of items not known to the reader."""
    split = split_ratings(tiny_dataset(), SplitSettings(cold_items=0.2))
    config = replace(TINY, calibration=True, linear_share=linear_share)
    training = Training(split, config, lambda: False)
    for _ in range(4):
        training.iterate()
    held_out = training.read_held_out()
    assert held_out is not None
    return training, held_out


def test_what_was_read_is_left_as_it_is():
    training, held_out = at_its_end()
    assert training.best is not None
    before = training.best.cnn
    (first, _), (second, _) = (training.calibrated(held_out) for _ in range(2))
    assert torch.equal(first.text_factors, second.text_factors) and training.best.cnn is before


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_it_is_measured_on_what_reads_the_model_s_texts(share):
    """Networks and linear readers that didn't know the items count as those of the model do."""
    training, held_out = at_its_end(share)
    assert training.best is not None and training.reader is not None
    model, reading = training.calibrated(held_out)
    rows, items = training.rated_rows, training.best.factors["item"]
    together = torch.tanh((1 - share) * torch.atanh(held_out.reading) + share * held_out.linear_reading)
    assert not torch.allclose(together[rows], held_out.reading[rows], atol=0.01)
    pairs = []
    for part in (training.split.train, training.split.valid):
        users, columns = torch.tensor(part.user_index).long(), torch.tensor(part.item_index).long()
        pairs.append(ScoredPairs(users, columns, torch.tensor(training.scale.to_scores(part.rating))))
    calibration = Calibration.measure(together, training.best.factors["user"], items, *pairs)
    torch.testing.assert_close(reading[rows], calibration.apply(together[rows]))
    linear = linear_reader(training.reader, items, training.item_weights, rows)
    assert isinstance(model.cnn, CnnEnsemble) and model.cnn.linear is not None and linear is not None
    torch.testing.assert_close(model.cnn.linear.coefficients, calibration.slope * linear.coefficients)
    torch.testing.assert_close(model.cnn.linear.level, calibration.slope * linear.level + calibration.offset)
    assert model.cnn.linear_share == share


def test_without_a_share_there_is_no_linear_reader():
    """Then the correction is measured on the networks alone."""
    training, held_out = at_its_end(linear_share=0.0)
    assert training.best is not None
    model, reading = training.calibrated(held_out)
    assert model.cnn is not None and model.cnn.linear_share == 0
    rows, alone = training.rated_rows, held_out.reading
    slopes = (torch.atanh(reading[rows, 1:]) / torch.atanh(alone[rows, 1:])).flatten()
    torch.testing.assert_close(slopes, slopes[:1].expand_as(slopes), rtol=1e-3, atol=1e-4)


def test_the_largest_seed_has_networks_of_its_own_for_the_parts():
    split = split_ratings(tiny_dataset(), SplitSettings(cold_items=0.2))
    model = fit(split, replace(TINY, n_iterations=3, calibration=True, seed=2**31 - 1))
    assert model.cnn is not None and len({float(net.word_vectors.sum()) for net in model.cnn.members}) == 4


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
