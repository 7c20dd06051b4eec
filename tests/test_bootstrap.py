"""Intervals over users: sums by hand, degenerate draws, and coverage on data whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from convmf.data.dataset import Ratings
from convmf.errors import DataError
from convmf.evaluation.bootstrap import (
    MIN_GROUPS,
    Compared,
    Estimate,
    GroupErrors,
    compare,
    drawn_sums,
    estimate,
    group_sums,
)


def test_sums_of_each_user_by_hand():
    sums = group_sums(np.array([7, 2, 7]), [1.0, 10.0, 2.0], [1, 1, 1])
    assert sums.tolist() == [[10.0, 1.0], [3.0, 2.0]]


def test_draws_take_as_many_users_and_are_the_same_for_the_same_seed():
    sums = np.column_stack([np.arange(5.0), np.ones(5)])
    drawn = drawn_sums(sums, n_draws=50)
    assert drawn.shape == (50, 2)
    assert (drawn[:, 1] == 5).all()
    assert len(np.unique(drawn[:, 0])) > 5
    assert np.array_equal(drawn, drawn_sums(sums, n_draws=50))
    assert not np.array_equal(drawn, drawn_sums(sums, n_draws=50, seed=1))


def test_draws_are_taken_in_blocks_without_changing_them(monkeypatch):
    sums = np.arange(7.0)[:, None]
    whole = drawn_sums(sums, n_draws=20)
    monkeypatch.setattr("convmf.evaluation.bootstrap._BLOCK_CELLS", 15)
    assert np.array_equal(drawn_sums(sums, n_draws=20), whole)


def test_no_user_is_refused():
    with pytest.raises(DataError, match="nothing to draw"):
        drawn_sums(np.empty((0, 2)))


def test_the_interval_is_the_middle_of_the_draws_and_wider_for_few_users():
    draws = np.append(np.arange(1001.0), np.nan)
    many = estimate(500.0, draws, np.ones(10_000))
    assert many.interval == pytest.approx((25.0, 975.0), abs=0.1)
    # Student's t with 9 degrees of freedom: 2.262; the normal distribution has 0.00855 below −2.262·√(10/9).
    assert estimate(500.0, draws, np.ones(10)).interval == pytest.approx((8.55, 991.45), abs=0.01)
    uneven, even = (estimate(500.0, draws, np.array([first, *np.full(11, 10.0)])) for first in (100.0, 10.0))
    assert uneven.lower < even.lower < even.upper < uneven.upper, "one user has half of the say"
    assert estimate(500.0, draws, np.array([*np.ones(MIN_GROUPS - 1), 0.0])).interval is None
    assert estimate(500.0, np.array([np.nan]), np.ones(100)).interval is None


def test_the_interval_of_a_few_items_of_a_long_tail_holds_the_truth():
    generator = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        counts = np.ceil(np.exp(generator.normal(1.5, 1.5, 12)))  # most of 12 items have a few ratings
        scale = generator.gamma(1.0, 1.0, 12)  # mean squared error of each; it is 1 over all
        squared = counts * scale
        lower, upper = compare({"model": squared}, counts, seed=trial)["model"].rmse.interval
        held += lower <= 1.0 <= upper
    assert 182 <= held <= 198, "plain percentiles hold it in 174"


def test_users_with_the_same_error_leave_no_doubt():
    found = compare({"model": np.full(20, 8.0), "biases": np.full(20, 32.0)}, np.full(20, 2.0))
    assert found["model"] == Compared(Estimate(2.0, 2.0, 2.0))
    assert found["biases"] == Compared(Estimate(4.0, 4.0, 4.0), Estimate(0.5, 0.5, 0.5))


def test_a_paired_gain_is_certain_where_the_errors_are_not():
    squared = np.random.default_rng(0).exponential(1.0, 200)
    found = compare({"model": squared, "biases": squared * 1.21}, np.ones(200))
    lower, upper = found["model"].rmse.interval
    assert upper - lower > 0.1
    assert found["biases"].gain.interval == pytest.approx((1 - 1 / 1.1, 1 - 1 / 1.1))


def test_a_baseline_without_any_error_has_no_gain():
    found = compare({"model": np.ones(12), "biases": np.zeros(12)}, np.ones(12))
    assert found["biases"].gain is None


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(100):
        # Ratings of a user share a part of their error, so intervals over single ratings would be too narrow.
        shared = generator.normal(0, 1, 150)
        errors = shared[:, None] + generator.normal(0, 1, (150, 8))
        sums = (errors**2).sum(axis=1)
        lower, upper = compare({"model": sums}, np.full(150, 8.0), seed=trial)["model"].rmse.interval
        covered += lower <= np.sqrt(2) <= upper
    assert 88 <= covered <= 99


def test_a_comparison_survives_json():
    for compared in (
        Compared(Estimate(1.0, 0.9, 1.1), Estimate(0.1, -0.1, 0.2)),
        Compared(Estimate(1.0)),
    ):
        assert Compared.from_dict(compared.to_dict()) == compared


def test_errors_are_gathered_by_user():
    ratings = Ratings(np.array([0, 0, 1], np.int32), np.zeros(3, np.int32), np.array([1, 2, 3], np.float32))
    errors = GroupErrors("test", ratings)
    errors.add("model", ratings.rating + 1)
    errors.add("biases", ratings.rating - 2)
    found = errors.compared()
    assert found["model"].rmse == Estimate(1.0), "two users are too few for an interval"
    assert found["biases"].rmse.value == 2.0
    assert found["biases"].gain.value == 0.5


def test_new_items_are_drawn_with_all_their_ratings():
    """Each item has an error that all of its ratings share, as one reading of a text has: users tell nothing of it."""
    generator = np.random.default_rng(0)
    n_users, n_items = 60, 20
    users, items = np.divmod(np.arange(n_users * n_items, dtype=np.int32), n_items)
    ratings = Ratings(users, items, np.zeros(n_users * n_items, np.float32))
    ahead = {"test": 0, "cold": 0}
    for _ in range(40):
        model, other = generator.normal(size=(2, n_items))  # equally good
        for part in ahead:
            errors = GroupErrors(part, ratings)
            errors.add("model", model[items] + generator.normal(size=len(items)))
            errors.add("biases", other[items] + generator.normal(size=len(items)))
            ahead[part] += errors.compared()["biases"].gain.sign != 0
    assert ahead["cold"] <= 6 < 20 < ahead["test"]
