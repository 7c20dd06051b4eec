"""Where a model is wrong, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from convmf.evaluation import diagnostics
from convmf.evaluation.bootstrap import Estimate


def test_counts_fall_into_growing_ranges():
    groups = diagnostics.count_groups(np.array([0, 1, 4, 5, 9, 10, 19, 20, 49, 50, 99, 100, 1234]))
    assert [groups.labels[code] for code in groups.codes] == [
        *("0", "1–4", "1–4", "5–9", "5–9", "10–19", "10–19", "20–49", "20–49", "50–99", "50–99", "100–199"),
        "1,000–1,999",
    ]


def test_few_ratings_stand_for_themselves_and_many_fall_into_ranges():
    groups = diagnostics.rating_groups(np.array([0.5, 5.0, 0.5], dtype=np.float32))
    assert (groups.labels, groups.codes.tolist()) == (("0.5", "5"), [0, 1, 0])
    groups = diagnostics.rating_groups(np.linspace(0, 100, 101))
    assert groups.labels[0] == "0–10" and groups.labels[-1] == "90–100" and len(groups.labels) == 10
    assert groups.codes[[0, 9, 10, 99, 100]].tolist() == [0, 0, 1, 9, 9]


def test_slices_by_hand():
    groups = diagnostics.Groups(np.array([0, 0, 2]), ("low", "none", "high"))
    error, beside = np.array([1.0, -3.0, 2.0]), np.array([2.0, 2.0, 1.0])
    low, high = diagnostics.slices(np.array([0, 1, 1]), error, beside, groups)
    assert (low.label, low.n_ratings) == ("low", 2)
    assert low.rmse == Estimate(pytest.approx(5**0.5)) and low.mean_error == Estimate(-1.0)
    assert low.baseline_rmse == 2.0
    assert (high.label, high.n_ratings, high.rmse.value, high.mean_error.value) == ("high", 1, 2.0, 2.0)


def test_slices_have_intervals_around_their_value_where_users_are_enough():
    generator = np.random.default_rng(0)
    users, error = np.repeat(np.arange(40), 5), generator.normal(0.5, 1, 200)
    groups = diagnostics.Groups(np.tile([0, 0, 0, 0, 1], 40), ("many", "few"))
    many, few = diagnostics.slices(users, error, error, groups)
    for part in (many, few):
        assert part.rmse.lower < part.rmse.value < part.rmse.upper
        assert part.mean_error.lower < part.mean_error.value < part.mean_error.upper
    assert few.rmse.upper - few.rmse.lower > many.rmse.upper - many.rmse.lower


def test_spreads_by_hand():
    groups = diagnostics.Groups(np.array([0] * 11 + [1]), ("1", "2"))
    first, second = diagnostics.spreads(np.append(np.arange(11.0), 7.0), groups)
    assert first == diagnostics.Spread("1", 11, 5.0, 1.0, 2.5, 5.0, 7.5, 9.0)
    assert second == diagnostics.Spread("2", 1, *[7.0] * 6)


def test_calibration_by_hand():
    predicted = np.repeat(np.arange(1.0, 11.0), 2)
    ratings = predicted + np.tile([0.0, 1.0], 10)
    bins = diagnostics.calibration(np.arange(20), predicted, ratings)
    assert [part.n_ratings for part in bins] == [2] * 10
    assert [part.predicted for part in bins] == list(range(1, 11))
    assert [part.actual.value for part in bins] == [value + 0.5 for value in range(1, 11)]
    assert diagnostics.calibration_gap(bins) == pytest.approx(0.5)


def test_few_ratings_lie_off_by_chance_alone_as_far_as_expected():
    generator = np.random.default_rng(0)
    predicted = generator.normal(3, 1, (60, 300))
    gaps, noises = [], []
    for row in predicted:  # what is promised comes true on average
        bins = diagnostics.calibration(np.arange(300), row, row + generator.normal(0, 0.9, 300))
        gaps.append(diagnostics.calibration_gap(bins))
        noises.append(diagnostics.calibration_noise(bins))
    assert np.mean(gaps) == pytest.approx(np.mean(noises), rel=0.1)
    few = diagnostics.calibration(np.arange(20), predicted[0, :20], predicted[0, :20])
    assert diagnostics.calibration_noise(few) is None


def test_one_and_the_same_prediction_is_one_bin():
    (only,) = diagnostics.calibration(np.arange(12), np.full(12, 3.0), np.arange(12.0))
    assert (only.n_ratings, only.predicted, only.actual.value) == (12, 3.0, 5.5)
    assert only.actual.lower < 5.5 < only.actual.upper


@pytest.mark.parametrize(
    ("kind", "order"),
    [("worst", [1, 3, 0, 2]), ("best", [2, 0, 3, 1]), ("gained", [3, 2, 0, 1]), ("lost", [1, 0, 2, 3])],
)
def test_extremes_by_hand(kind, order):
    error, beside = np.array([0.5, -3.0, 0.0, 1.0]), np.array([0.5, 0.0, -0.2, 2.0])
    assert diagnostics.extremes(error, beside, kind).tolist() == order
    assert diagnostics.extremes(error, beside, kind, n=2).tolist() == order[:2]


def test_users_with_too_few_ratings_are_left_out():
    users = np.array([5] * 5 + [3] * 5 + [9])
    error = np.array([1.0] * 5 + [2.0, -2.0, 2.0, -2.0, 0.0] + [9.0])
    first, second = diagnostics.user_errors(users, error)
    assert (first.user_index, first.n_ratings, first.mean_error) == (3, 5, 0.0)
    assert first.rmse == pytest.approx(3.2**0.5)
    assert (second.user_index, second.rmse, second.mean_error) == (5, 1.0, 1.0)
