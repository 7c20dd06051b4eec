"""Layout: the separator, the header and what stands above it, where they aren't told by known names alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from convmf.data import delimited, problems
from convmf.data.readers import Table, preview, read_items, read_ratings


def _rows(table: Table) -> list[list[str]]:
    return table.frame.drop(columns="line").astype("str").values.tolist()


# Separator ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["|", ";"])
def test_lists_of_equal_length_inside_a_column_do_not_separate(mark: str) -> None:
    lists = [mark.join(words) for words in (["Animation", "Children", "Comedy"], ["A", "B", "C"], ["D", "E", "F"])]
    shown = preview(f"1,Toy Story,{lists[0]}\n2,Heat,{lists[1]}\n3,Up,{lists[2]}\n".encode())
    assert shown.separator == "," and shown.rows["column 3"].tolist() == lists


@pytest.mark.parametrize(
    ("source", "separator", "first"),
    [
        (b"a|1,i1,5\nb|2,i1,4\nc|3,i2,3\n", ",", ["a|1", "i1", "5.0"]),
        (b"u1;i1;4,5\nu2;i1;3,5\nu3;i2;2,5\n", ";", ["u1", "i1", "4.5"]),
        (b"u1|i1|4,5\nu2|i1|3,5\nu3|i2|2,5\n", "|", ["u1", "i1", "4.5"]),
        (b"who;what;mark\nu1;i1;4,5\nu2;i1;3,5\nu3;i2;2\n", ";", ["u1", "i1", "4.5"]),
    ],
)
def test_other_separators_in_ids_and_numbers(source: bytes, separator: str, first: list[str]) -> None:
    table = read_ratings(source)
    assert table.report.separator == separator and _rows(table)[0] == first


# Above the header --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (b"sep=;\nuser;item;rating\nann;x,y;4\n", 3),
        (b"\xef\xbb\xbfSEP=;\r\nuser;item;rating\r\nann;x,y;4\r\n", 3),
        (b"sep=;\nann;x,y;4\n", 2),
    ],
)
def test_the_separator_that_excel_names(source: bytes, line: int) -> None:
    table = read_ratings(source)
    assert _rows(table) == [["ann", "x,y", "4.0"]] and table.frame["line"].tolist() == [line]
    assert (table.report.separator, table.report.counts) == (";", {})


@pytest.mark.parametrize("block", [1, 1 << 22])
def test_titles_above_a_known_header(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(delimited, "_BLOCK", block)
    source = b"Ratings, as of May\n\nby the shop;;\nrating;item;user\n4;x;ann\noops;y;ann\n5;x;ann\n"
    table = read_ratings(source)
    assert _rows(table) == [["ann", "x", "5.0"]] and table.frame["line"].tolist() == [7]
    found = table.report.problems
    assert list(zip(found["line"], found["reason"], found["kept"], strict=True)) == [
        (1, problems.ABOVE_HEADER, True),
        (3, problems.ABOVE_HEADER, True),
        (5, problems.DUPLICATE_RATING, False),
        (6, problems.RATING_NOT_A_NUMBER, False),
    ]
    assert found["row"].tolist() == ["Ratings, as of May", "by the shop;;", "4;x;ann", "oops;y;ann"]
    assert preview(source).rows["item"].tolist() == ["x", "y", "x"]


def test_a_title_that_is_a_known_name() -> None:
    table = read_items(b"Items\nitem,title,description\nx,Heat,A thief\n")
    assert _rows(table) == [["x", "Heat", "A thief", ""]]


@pytest.mark.parametrize(
    "source",
    [
        b"user,item,rating\nann,x,4\nuser,item,rating\nbob,y,3\n",
        b",user,item,rating\n0,ann,x,4\n1,bob,y,3\n",
        b"ann,x,4\nbob,y,3\nuser,item,rating\n",
    ],
)
def test_nothing_stands_above_a_header_but_shorter_rows(source: bytes) -> None:
    assert problems.ABOVE_HEADER not in read_ratings(source).report.counts


# Header ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [b"tt1\tStar\ntt2\tHeat\ntt3\tAlien\n", b"tt10\tMovie\tReview\ntt2\tHeat\tA thief\ntt003\tAlien\tA ship\n"],
)
def test_a_row_like_the_others_is_no_header_though_its_words_are_known_names(source: bytes) -> None:
    table = read_items(source)
    assert not table.report.has_header and table.report.n_kept == 3


@pytest.mark.parametrize(
    ("read", "source"),
    [
        (read_items, b"isbn13,title\n9780001,Heat\n9780002,Up\n"),
        (read_ratings, b"user,item,rating,q1\nu1,i1,4,a1\nu2,i2,3,a2\n"),
        (read_items, b"id,title,text2\nx,Heat,A thief\ny,Up,A house\n"),
    ],
)
def test_a_digit_in_a_name_does_not_hide_a_header(read: Callable[[bytes | Path], Table], source: bytes) -> None:
    table = read(source)
    assert table.report.has_header and table.report.n_kept == 2


@pytest.mark.parametrize(
    "text",
    [
        "isbn10,title\nx1,Star\ny2,Nova\n",
        "item_id,title,col1\nx1,Star,abc2\ny2,Nova,abd3\n",
        "sep=;\nitem_id,title\nx1,Star\ny2,Nova\n",
    ],
)
def test_neither_a_numbered_name_nor_a_wrong_separator_hides_a_header(text: str) -> None:
    table = read_items(text.encode())
    assert table.frame[["item_id", "title"]].values.tolist() == [["x1", "Star"], ["y2", "Nova"]]


def test_a_known_name_above_numbers_is_a_header() -> None:
    table = read_ratings(b"user_id,rating,movie1\nu1,3,movie2\nu2,4,movie3\n")
    assert table.frame["rating"].tolist() == [3, 4]


def test_a_header_that_stands_twice_makes_no_titles_of_the_rows_between() -> None:
    table = read_ratings(b"user,item,rating\na,x,3\nb,y,4\nuser,item,rating,timestamp\nc,z,3,100\n")
    assert table.frame["user_id"].tolist() == ["a", "b"] and table.report.n_rejected == 2
