"""The files that a data set is handed out as: read again, they give the same data set."""

from __future__ import annotations

import numpy as np
import pytest

from convmf.data.dataset import Dataset, Ratings, read_dataset, sample_dataset
from convmf.data.export import items_csv, ratings_csv
from convmf.data.splits import SplitSettings, split_ratings


def odd_dataset() -> Dataset:
    """Ids and texts that a careless writer would break."""
    return Dataset(
        name="odd",
        user_ids=("=1+1", "007", 'a "b", c'),
        item_ids=("x", "1.50", "é;ü"),
        titles=('The "Best"', "", "Line, two"),
        texts=("First line\nsecond line", "=cmd()", ""),
        genres=("A|B", "", "C"),
        ratings=Ratings(
            np.array([0, 1, 2, 0], np.int32),
            np.array([2, 1, 1, 0], np.int32),
            np.array([0.1, 3.5, -2.25, 1e-7], np.float32),
        ),
    )


@pytest.mark.parametrize("make", [odd_dataset, sample_dataset])
def test_what_is_handed_out_reads_back_the_same(make):
    data = make()
    again, reports = read_dataset(ratings_csv(data), items_csv(data), name=data.name)
    assert all(not report.counts for report in reports.values())
    for name in ("user_ids", "item_ids", "titles", "texts", "genres"):
        assert getattr(again, name) == getattr(data, name)
    for name in ("user_index", "item_index", "rating"):
        np.testing.assert_array_equal(getattr(again.ratings, name), getattr(data.ratings, name))
    split = SplitSettings(cold_items=0.3)
    assert split_ratings(again, split).fingerprint == split_ratings(data, split).fingerprint


def test_the_same_data_give_the_same_bytes():
    assert ratings_csv(odd_dataset()) == ratings_csv(odd_dataset())
    assert items_csv(odd_dataset()) == items_csv(odd_dataset())
