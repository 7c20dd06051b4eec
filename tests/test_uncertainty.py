from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from convmf.data.dataset import Dataset, Ratings
from convmf.data.splits import Split, SplitSettings, split_ratings
from convmf.errors import ModelError
from convmf.evaluation.uncertainty import interval_report, measure_intervals
from convmf.model.cnn import encode_texts
from convmf.model.convmf import ConvMF
from convmf.model.intervals import LEVELS, RatingIntervals
from convmf.training.held_out import read_held_out
from convmf.training.loop import fit
from convmf.training.state import Training
from tests.helpers import TINY, tiny_dataset

RAMP = tuple(LEVELS.tolist())


def noisy_split(cold_items: float = 0.25) -> Split:
    """Steady and erratic users rate in whole steps from 1 to 10; half of an item's level is told by its text."""
    generator = np.random.default_rng(0)
    n_users, n_items = 300, 200
    told, untold = generator.choice([-1.0, 1.0], n_items), generator.normal(0, 0.8, n_items)
    users, items = np.nonzero(generator.random((n_users, n_items)) < 0.25)
    noise = np.where(users % 2 == 0, 0.5, 1.5) * generator.normal(size=len(users))
    rating = np.clip(np.round(5.5 + told[items] + untold[items] + noise), 1, 10)
    words = np.where(told > 0, "great triumph", "awful mess")
    data = Dataset(
        name="noisy",
        user_ids=tuple(f"u{user}" for user in range(n_users)),
        item_ids=tuple(f"i{item}" for item in range(n_items)),
        titles=("",) * n_items,
        texts=tuple(f"{text} story film" for text in words),
        genres=("",) * n_items,
        ratings=Ratings(users.astype(np.int32), items.astype(np.int32), rating.astype(np.float32)),
    )
    return split_ratings(data, SplitSettings(cold_items=cold_items))


@pytest.fixture(scope="module")
def split() -> Split:
    return noisy_split()


@pytest.fixture(scope="module")
def model(split: Split) -> ConvMF:
    return fit(split, replace(TINY, n_iterations=12))


def by_hand(**changes: object) -> RatingIntervals:
    parts = {"user_variance": torch.tensor([1.0, 4.0]), "item": 15.0, "text": 5.0}
    return RatingIntervals(**{**parts, "rated": RAMP, "unrated": RAMP, "anyone": RAMP, **changes})  # type: ignore[arg-type]


def test_half_widths_by_hand() -> None:
    # s² = 1 + 15 / (0 + 5)… but an item without ratings has the text's part: 1 + 5, 4 + 5; then 1 + 15/15, 4 + 15/15.
    widths = by_hand().half_width(torch.tensor([1.0, 4.0]), torch.tensor([[0], [10]]), 0.5)
    np.testing.assert_allclose(widths, 0.5 * np.sqrt([[6, 9], [2, 5]]), rtol=1e-6)


def test_bounds_for_anyone_by_hand() -> None:
    low, high = by_hand().of_anyone(3.0, 1.5, 0.8)  # s² = 1.5 + (1 + 4) / 2 + 5 = 9
    assert (low, high) == pytest.approx((3 - 0.8 * 3, 3 + 0.8 * 3))


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, float("nan"), "0.8", None])
def test_no_interval_has_such_a_level(level: float) -> None:
    with pytest.raises(ModelError, match=r"from 0\.01 to 0\.99"):
        by_hand().of_anyone(3.0, 1.0, level)
    with pytest.raises(ModelError, match=r"from 0\.01 to 0\.99"):
        by_hand().half_width(torch.ones(1), torch.ones(1), level)


@pytest.mark.parametrize(("n_ratings", "highest"), [(30, 0.967), (53, 0.981), (98, 0.989)])
def test_few_ratings_tell_of_no_high_level(n_ratings: int, highest: float) -> None:
    few = by_hand(n_ratings=n_ratings)
    assert few.half_width(torch.ones(1), torch.ones(1), highest) > 0
    with pytest.raises(ModelError, match=f"{n_ratings} validation ratings .* the highest is {highest};"):
        few.half_width(torch.ones(1), torch.ones(1), 0.99)
    with pytest.raises(ModelError, match="the highest is"):
        few.of_anyone(3.0, 1.0, 0.99)
    for enough in (by_hand(n_ratings=99), by_hand()):  # and those of models of before the number was kept
        assert enough.half_width(torch.ones(1), torch.ones(1), 0.99) > 0


@pytest.mark.parametrize(
    "change",
    [
        {"rated": RAMP[:-1]},
        {"unrated": RAMP[::-1]},
        {"anyone": (-1.0, *RAMP[1:])},
        {"item": -1.0},
        {"text": float("nan")},
        {"user_variance": torch.tensor([1.0, torch.nan])},
        {"n_ratings": 0},
        {"n_ratings": "30"},
    ],
)
def test_parts_that_cannot_be(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        by_hand(**change)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_intervals_hold_their_share_of_held_out_ratings(model: ConvMF, split: Split, level: float) -> None:
    report = interval_report(model, split, level)
    assert report is not None and report["level"] == level
    # A step is wide against the errors here, so whole steps fall in or out together.
    assert report["test"]["coverage"] == pytest.approx(level, abs=0.06)
    assert report["cold"]["coverage"] == pytest.approx(level, abs=0.1)
    assert report["cold"]["width"] > 1.15 * report["test"]["width"]
    for part, ratings in (("test", split.test), ("cold", split.cold)):
        groups = report[part]["by_item_ratings"]
        assert sum(group["n"] for group in groups) == len(ratings)
        mean = sum(group["n"] * group["coverage"] for group in groups) / len(ratings)
        assert mean == pytest.approx(report[part]["coverage"])
    assert [group["from"] for group in report["cold"]["by_item_ratings"]] == [0]


def test_an_erratic_user_has_wider_intervals(model: ConvMF) -> None:
    assert model.intervals is not None
    variance = model.intervals.user_variance.numpy()
    assert np.median(variance[1::2]) > 2 * np.median(variance[::2])


def test_few_ratings_widen_an_items_interval(model: ConvMF) -> None:
    intervals = replace(model.intervals, item=1.0)  # type: ignore[type-var]
    counts = torch.tensor([1, 5, 50])
    widths = intervals.half_width(torch.ones(3), counts)
    assert (widths.diff() < 0).all()


def test_pairs_rows_and_texts_agree(model: ConvMF, split: Split) -> None:
    cold = int(np.flatnonzero(split.cold_items)[0])
    low, high = model.interval(["u3", "u4"], [f"i{cold}"] * 2)
    text = split.dataset.texts[cold]
    text_low, text_high = model.text_interval([text, text], ["u3", "u4"])
    assert text_low.shape == (2, 2)
    np.testing.assert_allclose(text_low, [low, low], rtol=1e-5)
    np.testing.assert_allclose(text_high, [high, high], rtol=1e-5)
    assert model.text_interval([text])[0].shape == (1, 300)
    narrow, wide = (np.subtract(*model.interval(["u3"], ["i0"], level)[::-1]) for level in (0.5, 0.9))
    assert narrow < wide
    lows, highs = model.interval_rows(split.test.user_index, split.test.item_index, 0.99)
    assert lows.min() >= model.scale.lowest and highs.max() <= model.scale.highest
    with pytest.raises(ModelError, match="don't make pairs"):
        model.interval(["u3"], [])


def test_the_network_knows_the_texts_it_was_fitted_to_too_well(split: Split) -> None:
    generator = np.random.default_rng(1)
    labels = generator.permutation(split.dataset.n_items)
    texts = tuple(f"name{label} tale{label}" for label in labels)  # each item has words of its own: nothing to learn
    own = Split(
        replace(split.dataset, texts=texts),
        split.settings,
        split.train,
        split.valid,
        split.test,
        split.cold,
        split.cold_items,
    )
    config = replace(TINY, n_iterations=12, cnn_epochs=10, n_kernels=32, embedding_dim=32, embedding_std=1.0)
    model = fit(own, config)
    trusting = measure_intervals(model, own, model.text_factors)
    assert model.intervals is not None and trusting is not None
    assert model.intervals.text > 1.2 * trusting.text
    assert interval_report(model, own)["cold"]["coverage"] == pytest.approx(0.8, abs=0.1)  # type: ignore[index]


def test_held_out_reading_never_sees_the_items_it_reads(split: Split) -> None:
    training = Training(split, TINY, lambda: False)
    training.iterate()
    assert training.reader is not None
    pairs: list[tuple[set[int], set[int]]] = []

    class Watched(type(training.reader)):  # type: ignore[misc]
        def fit(self, factors, weights, rows, *others):  # type: ignore[no-untyped-def]
            self.shown = set(rows.tolist())  # parts may be read at the same time
            super().fit(factors, weights, rows, *others)

        def read(self, rows=None):  # type: ignore[no-untyped-def]
            pairs.append((self.shown, set(rows.tolist())))
            return super().read(rows)

    training.reader.__class__ = Watched
    before = training.reader.weights()
    rows = training.rated_rows
    reading, networks, *_ = read_held_out(
        training.reader,
        training.item_factors,
        training.item_weights,
        rows,
        lambda_v=1.0,
        most_epochs=3,
        should_stop=lambda: False,
    )
    read = [held for _, held in pairs]
    assert not any(shown & held for shown, held in pairs)
    assert set().union(*read) == set(rows.tolist())
    assert all(len(shown | held) == len(rows) for shown, held in pairs)
    assert len({tuple(sorted(held)) for held in read}) == 3 and len(networks) == 3
    assert all((before[name] == weight).all() for name, weight in training.reader.weights().items())
    rated = np.zeros(split.dataset.n_items, dtype=bool)
    rated[rows] = True
    assert (reading.abs().sum(dim=1).numpy() > 0).tolist() == rated.tolist()
    # The network of each part is handed out as it reads.
    held_by = {tuple(sorted(held)): held for held in read}
    found = 0
    for network in networks:
        assert network.embedding_dim == -(-TINY.embedding_dim // 2)
        assert network.fc_layer1.weight.shape == (-(-TINY.hidden_dim // 2), 3 * -(-TINY.n_kernels // 2))
        theta = encode_texts(network, training.reader.token_ids)
        found += sum(torch.allclose(theta[[*held]], reading[[*held]], atol=1e-6) for held in held_by.values())
    assert found == 3


def test_parts_read_at_the_same_time_read_the_same(split: Split) -> None:
    training = Training(split, TINY, lambda: False)
    training.iterate()
    before, found = torch.get_num_threads(), []
    try:
        for n_threads in (1, 2, 3):
            torch.set_num_threads(n_threads)
            held_out = training.read_held_out()
            assert held_out is not None
            found.append(held_out)
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert torch.equal(found[0].reading, other.reading)
        assert torch.equal(found[0].linear_reading, other.linear_reading)
        for one, same in zip(found[0].networks, other.networks, strict=True):
            assert all(torch.equal(*pair) for pair in zip(one.parameters(), same.parameters(), strict=True))


def test_the_linear_reading_of_an_item_knows_nothing_of_its_ratings(split: Split) -> None:
    training = Training(split, TINY, lambda: False)
    training.iterate()
    assert training.reader is not None
    row = int(training.rated_rows[0])
    moved = training.item_factors.clone()
    moved[row] += 1.0
    before, after = (
        read_held_out(
            training.reader,
            factors,
            training.item_weights,
            training.rated_rows,
            lambda_v=1.0,
            most_epochs=1,
            should_stop=lambda: False,
        )
        for factors in (training.item_factors, moved)
    )
    changed = (before.linear_reading != after.linear_reading).any(dim=1)
    assert before.linear_reading[row].any() and not changed[row] and changed.sum() > len(training.rated_rows) / 3


@pytest.mark.parametrize("n_items", [2, 4])
def test_few_items_are_held_out_one_by_one_or_two_at_a_time(split: Split, n_items: int) -> None:
    training = Training(split, TINY, lambda: False)
    training.iterate()
    assert training.reader is not None
    reading, networks, *_ = read_held_out(
        training.reader,
        training.item_factors,
        training.item_weights,
        training.rated_rows[:n_items],
        lambda_v=1.0,
        most_epochs=2,
        should_stop=lambda: False,
    )
    assert len(networks) == min(n_items, 3) and torch.isfinite(reading).all()
    assert int((reading.abs().sum(dim=1) > 0).sum()) == n_items


def test_a_stopped_training_has_wider_intervals_for_texts(split: Split) -> None:
    stop = [False]
    config = replace(TINY, n_iterations=3)
    whole = fit(split, config)
    stopped = fit(
        split,
        config,
        on_iteration=lambda result: stop.__setitem__(0, result.iteration == 3),
        should_stop=lambda: stop[0],
    )
    assert stopped.best_iteration == whole.best_iteration and stopped.intervals is not None
    assert whole.intervals is not None and stopped.intervals.item == whole.intervals.item
    assert interval_report(stopped, split)["cold"]["coverage"] >= 0.75  # type: ignore[index]


def test_without_texts_an_unrated_item_has_an_interval_too(split: Split) -> None:
    model = fit(split, replace(TINY, text="none"))
    assert interval_report(model, split)["cold"]["coverage"] == pytest.approx(0.8, abs=0.1)  # type: ignore[index]


def test_too_few_validation_ratings_make_no_intervals() -> None:
    split = split_ratings(tiny_dataset(), SplitSettings(valid=0.02))
    model = fit(split, TINY)
    assert model.intervals is None and interval_report(model, split) is None
    with pytest.raises(ModelError, match="has no intervals"):
        model.interval(["u0"], ["i0"])
    with pytest.raises(ModelError, match="has no intervals"):
        model.text_interval(["war"])


def test_intervals_are_saved_with_the_model(model: ConvMF, tmp_path: Path) -> None:
    model.save(tmp_path)
    again = ConvMF.load(tmp_path)
    for ours, theirs in zip(model.text_interval(["great"]), again.text_interval(["great"]), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert model.intervals is not None and again.intervals is not None
    assert again.intervals.n_ratings == model.intervals.n_ratings
    meta = json.loads((tmp_path / "model.json").read_text())
    assert meta["intervals"].pop("n_ratings") > 99  # older models have none
    (tmp_path / "model.json").write_text(json.dumps(meta))
    loaded = ConvMF.load(tmp_path).intervals
    assert loaded is not None and loaded.n_ratings is None
    bare = replace(model, intervals=None)
    bare.save(tmp_path)
    meta = json.loads((tmp_path / "model.json").read_text())
    del meta["intervals"]  # as older models are
    (tmp_path / "model.json").write_text(json.dumps(meta))
    assert ConvMF.load(tmp_path).intervals is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda values: values.update(rated=[]),
        lambda values: values.update(text="wide"),
        lambda values: values.pop("item"),
        lambda values: values.update(unrated=None),
    ],
)
def test_damaged_intervals_are_one_clear_error(
    model: ConvMF, tmp_path: Path, damage: Callable[[dict[str, object]], None]
) -> None:
    model.save(tmp_path)
    meta = json.loads((tmp_path / "model.json").read_text())
    damage(meta["intervals"])
    (tmp_path / "model.json").write_text(json.dumps(meta))
    with pytest.raises(ModelError, match="damaged"):
        ConvMF.load(tmp_path)


def test_the_same_seed_gives_the_same_intervals(split: Split, model: ConvMF) -> None:
    again = fit(split, replace(TINY, n_iterations=12))
    assert again.intervals is not None and model.intervals is not None
    assert again.intervals.to_dict() == model.intervals.to_dict()
    assert (again.intervals.user_variance == model.intervals.user_variance).all()
