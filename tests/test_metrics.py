from __future__ import annotations

import numpy as np
import pytest

from convmf.errors import DataError
from convmf.evaluation.metrics import mae, rmse, rmse_interval


def test_by_hand() -> None:
    assert rmse([1, 2, 3], [1, 4, 6]) == pytest.approx((13 / 3) ** 0.5)
    assert mae([1, 2, 3], [1, 4, 6]) == pytest.approx(5 / 3)


@pytest.mark.parametrize("measure", [rmse, mae])
def test_empty_and_unequal_input_is_refused(measure) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match="no rating"):
        measure([], [])
    with pytest.raises(DataError, match="2 predictions for 1"):
        measure([1, 2], [1])


def test_the_interval_of_an_rmse() -> None:
    # One group is all there is: every resample is the same.
    assert rmse_interval([1, 2, 3], [1, 4, 6], ["ann"] * 3) == pytest.approx([(13 / 3) ** 0.5] * 2)
    # Of two groups a quarter of the resamples has the first alone, a quarter the second alone.
    assert rmse_interval([0, 0, 0], [1, 1, 3], ["ann", "ann", "bob"]) == pytest.approx((1, 3))


def test_ratings_of_one_group_stand_together() -> None:
    errors = np.random.default_rng(0).normal(size=(200, 10)) + np.random.default_rng(1).normal(size=(200, 1))
    alone, together = np.arange(2000), np.repeat(np.arange(200), 10)
    zeros = np.zeros(2000)
    low, high = rmse_interval(errors.ravel(), zeros, alone)
    wide_low, wide_high = rmse_interval(errors.ravel(), zeros, together)
    assert wide_high - wide_low > 1.2 * (high - low)
    assert low < rmse(errors.ravel(), zeros) < high
    assert rmse_interval(errors.ravel(), zeros, alone, seed=1) != (low, high)
