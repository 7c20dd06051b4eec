from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from convmf.data.dataset import Dataset, Ratings, load_dataset, read_dataset, sample_dataset
from convmf.errors import DataError
from convmf.model.convmf import ConvMF
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset


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


def test_the_callers_arrays_stay_the_callers() -> None:
    arrays = np.zeros(3, np.int32), np.arange(3, dtype=np.int32), np.ones(3, np.float32)
    shown = [array[:] for array in arrays]
    for view in shown:
        view.setflags(write=False)
    for ratings in (Ratings(*arrays), Ratings(*shown)):
        for array in arrays:
            array[0] = 7
        assert (ratings.user_index[0], ratings.item_index[0], ratings.rating[0]) == (0, 0, 1)
        for array, first in zip(arrays, (0, 0, 1), strict=True):
            array[0] = first
    again = Ratings(ratings.user_index, ratings.item_index, ratings.rating)
    assert again.rating is ratings.rating, "what nobody writes to is shared"


@pytest.mark.parametrize(
    "index",
    [
        [0, 2, 1],
        pd.Series([0, 2, 1], index=[7, 8, 9]),
        np.array([1, 2, 0], np.int64)[::-1],
        np.array([0.0, 2.0, 1.0]),
        np.array([0, 2, 1], ">i4"),
        np.array([0, 2, 1], np.uint8),
    ],
)
def test_ratings_are_kept_in_one_type(index: object) -> None:
    ratings = Ratings(index, index, index)  # type: ignore[arg-type]
    for array, kind in ((ratings.user_index, "int32"), (ratings.item_index, "int32"), (ratings.rating, "float32")):
        assert array.dtype == kind and array.tolist() == [0, 2, 1] and array.flags.c_contiguous


@pytest.mark.parametrize(
    ("index", "told"),
    [
        ([0, 1.5], "not 1.5 \\(at place 1\\)"),
        ([0, np.nan], "not nan"),
        ([-1, 0], "from 0 to 2,147,483,647, not -1"),
        (np.array([0, 2**32]), "not 4294967296"),
        (["0", "1"], "numbers"),
        ([True, False], "bool"),
        ([[0, 1]], "shape \\(1, 2\\)"),
        ([[0], [0, 1]], "different lengths"),
        (3, "shape \\(\\)"),
    ],
)
def test_what_is_no_row_number_is_refused(index: object, told: str) -> None:
    with pytest.raises(DataError, match=f"item_index .*{told}"):
        Ratings([0, 0], index, [1, 2])  # type: ignore[arg-type]


def test_ids_and_texts_are_kept_as_strings(tmp_path: Path) -> None:
    data = tiny_dataset()
    ids = np.arange(data.n_users), [float(row) for row in range(data.n_items)]
    odd = replace(data, user_ids=ids[0], item_ids=ids[1], titles=np.array(data.titles), texts=list(data.texts))
    assert odd.user_ids == tuple(map(str, range(data.n_users)))
    assert odd.item_ids == tuple(map(str, range(data.n_items)))
    assert {type(title) for title in odd.titles} == {str} and odd.texts == data.texts
    fit(odd, TINY).save(tmp_path)
    assert ConvMF.load(tmp_path).recommend("3", 1)


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("user_ids", [None], "not None"),
        ("user_ids", [1.5], "strings or whole numbers, not 1.5"),
        ("item_ids", [True], "not True"),
        ("item_ids", "1", "sequence of strings"),
        ("item_ids", 1, "sequence of strings"),
        ("texts", [np.nan], "not nan"),
        ("genres", [b"x"], "not b'x'"),
    ],
)
def test_what_is_no_id_or_text_is_refused(name: str, values: object, told: str) -> None:
    ids = {"name": "", "user_ids": ("a",), "item_ids": ("1",), "titles": ("",), "texts": ("",), "genres": ("",)}
    with pytest.raises(DataError, match=f"{name} .*{told}"):
        Dataset(**ids | {name: values}, ratings=Ratings([0], [0], [1]))  # type: ignore[arg-type]


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


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
@pytest.mark.parametrize("column", ["user_id", "item_id"])
def test_a_missing_id_is_refused(column: str, missing: object) -> None:
    ratings = pd.DataFrame({"user_id": list("aab"), "item_id": list("xyx"), "rating": 1.0}, dtype=object)
    with pytest.raises(DataError, match=f"ratings has no {column} in row 1"):
        Dataset.from_tables(ratings.assign(**{column: ["a", missing, "b"]}))
    with pytest.raises(DataError, match="items has no item_id in row 2"):
        Dataset.from_tables(ratings, pd.DataFrame({"item_id": ["x", "y", missing]}, dtype=object))


def test_whole_numbers_join_whatever_type_their_column_has() -> None:
    ratings = pd.DataFrame({"user_id": [1.0, 2.0, 1.0], "item_id": [10.0, 20.0, 20.0], "rating": [1.0, 2.0, 3.0]})
    for kind in ("int64", "Int64", "float32", "float64", "object", "str"):
        items = pd.DataFrame({"item_id": pd.Series([20, 10]).astype(kind), "title": ["Twenty", "Ten"]})
        data = Dataset.from_tables(ratings, items)
        assert data.user_ids == ("1", "2") and data.item_ids == ("20", "10")
        assert data.ratings.item_index.tolist() == [1, 0, 0]


def test_a_number_and_its_digits_are_one_id() -> None:
    ratings = pd.DataFrame({"user_id": [7, "7", 8], "item_id": ["x", "x", "x"], "rating": [1.0, 2.0, 3.0]})
    data = Dataset.from_tables(ratings)
    assert data.user_ids == ("7", "8") and data.ratings.rating.tolist() == [2.0, 3.0]
