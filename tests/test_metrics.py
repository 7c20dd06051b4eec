from __future__ import annotations

import pytest

from convmf.errors import DataError
from convmf.evaluation.metrics import mae, rmse


def test_by_hand() -> None:
    assert rmse([1, 2, 3], [1, 4, 6]) == pytest.approx((13 / 3) ** 0.5)
    assert mae([1, 2, 3], [1, 4, 6]) == pytest.approx(5 / 3)


@pytest.mark.parametrize("measure", [rmse, mae])
def test_empty_and_unequal_input_is_refused(measure) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match="no rating"):
        measure([], [])
    with pytest.raises(DataError, match="2 predictions for 1"):
        measure([1, 2], [1])
