from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from convmf.data.dataset import Dataset, Ratings, load_dataset, read_dataset, sample_dataset
from convmf.errors import DataError
from tests.helpers import tiny_dataset


def test_ids_not_row_numbers_join_ratings_and_texts() -> None:
    ratings = pd.DataFrame({"user_id": ["b", "a", "b"], "item_id": ["9", "007", "zoo"], "rating": [1.0, 2.0, 3.0]})
    items = pd.DataFrame({"item_id": ["unrated", "007", "9"], "title": ["U", "Bond", "Nine"], "text": ["x", "spy", ""]})
    data = Dataset.from_tables(ratings, items)
    assert data.user_ids == ("b", "a")
    assert data.item_ids == ("unrated", "007", "9", "zoo")
    assert data.titles == ("U", "Bond", "Nine", "") and data.texts == ("x", "spy", "", "")
    assert data.ratings.user_index.tolist() == [0, 1, 0]
    assert data.ratings.item_index.tolist() == [2, 1, 3]
    assert data.summary() == {"n_users": 2, "n_items": 4, "n_ratings": 3, "n_items_with_text": 2}
    assert data.rating_range == (1.0, 3.0) and data.density == 3 / 8
    assert data.item_counts().tolist() == [0, 1, 1, 1] and data.user_counts().tolist() == [2, 1]
    assert [data.label(row) for row in range(4)] == ["U", "Bond", "Nine", "zoo"]


def test_the_callers_frames_stay_as_they_were() -> None:
    ratings = pd.DataFrame({"user_id": ["a"], "item_id": ["1"], "rating": [1.0]})
    items = pd.DataFrame({"item_id": ["1"]})
    before = ratings.copy(), items.copy()
    Dataset.from_tables(ratings, items)
    pd.testing.assert_frame_equal(ratings, before[0])
    pd.testing.assert_frame_equal(items, before[1])


def test_ratings_alone_are_enough() -> None:
    ratings = pd.DataFrame({"user_id": ["a"], "item_id": ["1"], "rating": [-4.5]})
    data = Dataset.from_tables(ratings)
    assert data.texts == ("",) and data.n_items_with_text == 0


def test_broken_containers_are_refused() -> None:
    index, rating = np.zeros(1, np.int32), np.ones(1, np.float32)
    with pytest.raises(DataError, match="length"):
        Ratings(index, np.zeros(2, np.int32), rating)
    good = {"name": "", "user_ids": ("a",), "item_ids": ("1",), "titles": ("",), "texts": ("",), "genres": ("",)}
    with pytest.raises(DataError, match="no rating"):
        Dataset(**good, ratings=Ratings(index[:0], index[:0], rating[:0]))
    with pytest.raises(DataError, match="isn't in the data"):
        Dataset(**good, ratings=Ratings(index, index + 1, rating))
    with pytest.raises(DataError, match="finite"):
        Dataset(**good, ratings=Ratings(index, index, np.full(1, np.nan, np.float32)))
    with pytest.raises(DataError, match="twice"):
        Dataset(**{**good, "user_ids": ("a", "a")}, ratings=Ratings(index, index, rating))
    with pytest.raises(DataError, match="titles"):
        Dataset(**{**good, "titles": ()}, ratings=Ratings(index, index, rating))


def test_arrays_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        tiny_dataset().ratings.rating[0] = 1.0


def test_a_stored_data_set_comes_back_whole(tmp_path: Path) -> None:
    data = tiny_dataset()
    data.save(tmp_path)
    again = Dataset.load(tmp_path)
    for name in ("name", "user_ids", "item_ids", "titles", "texts", "genres"):
        assert getattr(again, name) == getattr(data, name)
    for name in ("user_index", "item_index", "rating"):
        np.testing.assert_array_equal(getattr(again.ratings, name), getattr(data.ratings, name))


def test_a_damaged_store_is_one_clear_error(tmp_path: Path) -> None:
    tiny_dataset().save(tmp_path)
    (tmp_path / "ratings.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match="can't be read"):
        Dataset.load(tmp_path)


def test_two_files_and_a_report_of_each() -> None:
    ratings = b"user,item,rating\na,1,5\nb,2,oops\nc,3,4\n"
    items = b"item,title,description\n1,One,first\n2,Two,second\n"
    data, reports = read_dataset(ratings, items, name="pair")
    assert (data.name, data.n_ratings, data.item_ids) == ("pair", 2, ("1", "2", "3"))
    problems = reports["ratings"].problems
    assert problems["line"].tolist() == [3, 4] and problems["kept"].tolist() == [False, True]
    assert reports["ratings"].n_rejected == 1 and reports["ratings"].n_warnings == 1
    assert reports["items"].problems.empty


def test_load_dataset_takes_paths(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("u,1,5\nv,1,3\n")
    data = load_dataset(str(tmp_path / "r.csv"))
    assert data.n_ratings == 2 and data.name == tmp_path.name


def test_the_built_in_data_loads() -> None:
    data = sample_dataset()
    assert data.n_ratings > 50_000 and data.n_items_with_text == data.n_items


@pytest.mark.parametrize("name", ["dataset.json", "users.parquet", "items.parquet", "ratings.parquet"])
@pytest.mark.parametrize("content", [b"", b"[]", b"PAR1PAR1", b"[" * 200_000])
def test_a_damaged_stored_data_set_is_one_clear_error(tmp_path: Path, name: str, content: bytes) -> None:
    tiny_dataset().save(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="can't be read"):
        Dataset.load(tmp_path)


def test_a_table_without_its_columns_is_named() -> None:
    sound = pd.DataFrame({"user_id": ["a"], "item_id": ["1"], "rating": [1.0]})
    with pytest.raises(DataError, match="no column rating; it needs user_id, item_id, rating"):
        Dataset.from_tables(sound.drop(columns="rating"))
    with pytest.raises(DataError, match="no column item_id"):
        Dataset.from_tables(sound, pd.DataFrame({"title": ["A"]}))


def test_of_several_ratings_of_one_item_the_last_counts():
    ratings = pd.DataFrame({"user_id": list("aabb"), "item_id": list("xyxx"), "rating": [1.0, 2.0, 3.0, 4.0]})
    found = Dataset.from_tables(ratings).ratings
    assert list(zip(found.user_index.tolist(), found.item_index.tolist(), found.rating.tolist(), strict=True)) == [
        (0, 0, 1.0),
        (0, 1, 2.0),
        (1, 0, 4.0),
    ]
