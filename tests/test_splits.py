from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmf.data.dataset import Dataset, Ratings
from convmf.data.splits import SplitSettings, split_ratings, thin_train
from convmf.errors import ConfigError
from tests.helpers import tiny_dataset


def pairs(part: object) -> set[tuple[int, int]]:
    return set(zip(part.user_index.tolist(), part.item_index.tolist(), strict=True))  # type: ignore[attr-defined]


def test_the_parts_share_no_rating_and_lose_none() -> None:
    data = tiny_dataset()
    split = split_ratings(data, SplitSettings(valid=0.1, test=0.2, cold_items=0.2))
    parts = [split.train, split.valid, split.test, split.cold]
    assert sum(map(len, parts)) == data.n_ratings
    assert len(set.union(*map(pairs, parts))) == data.n_ratings
    warm = data.n_ratings - len(split.cold)
    assert len(split.valid) == round(0.1 * warm) and len(split.test) == round(0.2 * warm)


def test_every_user_and_warm_item_stays_in_train() -> None:
    data = tiny_dataset()
    split = split_ratings(data, SplitSettings(valid=0.4, test=0.4))
    assert set(split.train.user_index) == set(data.ratings.user_index)
    assert set(split.train.item_index) == set(data.ratings.item_index)


def test_cold_items_lose_all_their_ratings() -> None:
    data = tiny_dataset()
    split = split_ratings(data, SplitSettings(cold_items=0.25))
    rated = np.unique(data.ratings.item_index)
    assert split.cold_items.sum() == round(0.25 * len(rated))
    assert set(split.cold.item_index) == set(np.flatnonzero(split.cold_items))
    for part in (split.train, split.valid, split.test):
        assert not split.cold_items[part.item_index].any()


def test_the_seed_decides_the_split() -> None:
    data = tiny_dataset()
    first, again, other = (split_ratings(data, SplitSettings(seed=seed)) for seed in (1, 1, 2))
    assert pairs(first.test) == pairs(again.test) != pairs(other.test)
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_one_rating_is_trained_on() -> None:
    data = tiny_dataset(n_users=1, n_items=3)
    split = split_ratings(data, SplitSettings(valid=0.3, test=0.3))
    assert len(split.train) == data.n_ratings


@pytest.mark.parametrize("values", [{"valid": -0.1}, {"test": 1.0}, {"valid": 0.5, "test": 0.5}, {"seed": -1}])
def test_shares_out_of_range_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        SplitSettings(**values)  # type: ignore[arg-type]


def test_thinning_changes_the_training_part_alone_and_smaller_parts_lie_in_larger_ones() -> None:
    split = split_ratings(tiny_dataset(), SplitSettings())
    n_all = split.dataset.n_ratings
    half, most = thin_train(split, 0.5), thin_train(split, 0.7)
    assert len(half.train) == round(0.5 * n_all) and len(most.train) == round(0.7 * n_all)
    assert pairs(half.train) < pairs(most.train) < pairs(split.train)
    assert half.test is split.test and half.valid is split.valid and half.fingerprint != split.fingerprint
    assert pairs(thin_train(split, len(split.train) / n_all).train) == pairs(split.train)
    tiny = thin_train(split, 0.01)
    assert set(tiny.train.user_index) == set(split.train.user_index)
    assert set(tiny.train.item_index) == set(split.train.item_index)
    for share in (0.0, 0.9):
        with pytest.raises(ConfigError, match="share"):
            thin_train(split, share)


def test_a_share_that_rounding_has_taken_a_rating_from_is_all_there_is() -> None:
    """Of 15 of 20 ratings a tenth is rounded up twice, so that four fifths are one more than are left."""
    data = tiny_dataset()
    ratings = data.ratings.take(np.arange(data.n_ratings - data.n_ratings % 20 - 5))
    split = split_ratings(replace(data, ratings=ratings), SplitSettings())
    assert round(0.8 * len(ratings)) == len(split.train) + 1
    assert pairs(thin_train(split, 0.8).train) == pairs(split.train)


@pytest.mark.parametrize("values", [{"share": 0.1}, None, [], 3, {"valid": "half"}, {"seed": 0.5}])
def test_settings_of_another_kind_are_refused(values: object) -> None:
    with pytest.raises(ConfigError):
        SplitSettings.from_dict(values)  # type: ignore[arg-type]


@given(
    st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1),
    st.floats(0, 0.45),
    st.floats(0, 0.45),
    st.floats(0, 0.99),
    st.integers(0, 99),
)
def test_no_split_loses_or_repeats_a_rating(
    rated: set[tuple[int, int]], valid: float, test: float, cold: float, seed: int
) -> None:
    users, items = np.array(sorted(rated), dtype=np.int32).T.copy()
    labels = tuple("abcdefgh")
    ratings = Ratings(users, items, np.arange(len(users), dtype=np.float32))
    data = Dataset("any", labels, labels, labels, labels, labels, ratings)
    split = split_ratings(data, SplitSettings(valid, test, cold, seed))
    parts = (split.train, split.valid, split.test, split.cold)
    # The ratings are 0, 1, 2, …, so that each can be told from the others.
    assert sorted(np.concatenate([part.rating for part in parts]).tolist()) == ratings.rating.tolist()
    assert set.union(*map(pairs, parts)) == rated
    warm = ~split.cold_items[items]
    assert set(split.train.user_index) == set(users[warm]) and set(split.train.item_index) == set(items[warm])
    assert len(split.train) > 0 and split.cold_items[split.cold.item_index].all()
