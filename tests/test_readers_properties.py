"""Readers: what holds of any table that is written well, and of any bytes at all."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from convmf.data import delimited
from convmf.data.readers import Table, preview, problems_csv, read_items, read_ratings
from convmf.data.vectors import read_vectors
from convmf.errors import DataError

Rows = Sequence[Sequence[Any]]

# Characters that stand in a file as they are; what else may be in one is the matter of tests/hostile_files.py.
_PLAIN = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffd")
_ID = st.text(_PLAIN, max_size=30).map(str.strip).filter(bool)
_FIELD = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0\ufffd"), max_size=40)
    .map(str.strip)
    .filter(lambda field: not re.search(r"[<&]\S", field))  # HTML is taken out, see test_markup.py
)
_RATING = st.floats(-(2**24), 2**24)
_SEPARATOR = st.sampled_from([",", "\t", ";", "|"])
_UNICODE = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"])
_PACK = st.sampled_from([bytes, gzip.compress])
_KANA = st.text("あいうえおカキクケコ", min_size=2, max_size=8)
_WESTERN = st.sampled_from(["café", "Größe", "señor", "naïve", "Åse", "coração", "plain"])


def _quoted(rows: Rows, separator: str) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator).writerows(rows)
    return file.getvalue()


def _unquoted(rows: Rows) -> str:
    return "".join("::".join(map(str, row)) + "\n" for row in rows)


def _ratings_of(table: Table) -> list[tuple[str, str, float]]:
    frame = table.frame
    return list(zip(frame["user_id"].astype(str), frame["item_id"].astype(str), frame["rating"], strict=True))


def _items_of(table: Table) -> list[tuple[str, ...]]:
    return list(table.frame.iloc[:, :4].itertuples(index=False, name=None))


# Any sound table comes back ----------------------------------------------------------------------


@given(st.dictionaries(st.tuples(_ID, _ID), _RATING, min_size=1), _SEPARATOR, _UNICODE, _PACK)
def test_ratings_come_back_as_they_were(
    pairs: dict[tuple[str, str], float], separator: str, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    rows = [(user, item, rating) for (user, item), rating in pairs.items()]
    text = _quoted([("user", "item", "rating"), *rows], separator)
    table = read_ratings(pack(text.encode(encoding)))
    assert _ratings_of(table) == rows
    assert table.report.counts == {}


@given(
    st.dictionaries(_ID, st.tuples(_FIELD, _FIELD, _FIELD), min_size=1),
    _SEPARATOR,
    _UNICODE,
    _PACK,
    st.sampled_from([1, 7, 1 << 22]),
)
def test_items_come_back_as_they_were(
    items: dict[str, tuple[str, str, str]],
    separator: str,
    encoding: str,
    pack: Callable[[bytes], bytes],
    block: int,
) -> None:
    rows = [(item, *fields) for item, fields in items.items()]
    text = _quoted([("item_id", "title", "description", "genres"), *rows], separator)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "_BLOCK", block)
        table = read_items(pack(text.encode(encoding)))
    assert _items_of(table) == rows
    assert table.report.counts == {}


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters=":\ufffd"), max_size=9)
        .map(str.strip)
        .filter(bool),
        st.lists(st.text("ab \"',;|\t東", max_size=9).map(str.strip), min_size=2, max_size=2),
        min_size=1,
    ),
    _PACK,
)
def test_movielens_own_format_comes_back_as_it_was(items: dict[str, list[str]], pack: Callable[[bytes], bytes]) -> None:
    rows = [(item, *fields, "Drama") for item, fields in items.items()]
    text = _unquoted([("item_id", "title", "description", "genres"), *rows])
    table = read_items(pack(text.encode()))
    assert _items_of(table) == rows
    assert table.report.counts == {} and table.report.separator == "::"


@pytest.mark.parametrize(("encoding", "words"), [("cp932", _KANA), ("cp1252", _WESTERN)])
def test_older_encodings_come_back_as_they_were(encoding: str, words: st.SearchStrategy[str]) -> None:
    @given(st.dictionaries(words, st.tuples(words, words), min_size=1), _SEPARATOR, _PACK)
    def check(items: dict[str, tuple[str, str]], separator: str, pack: Callable[[bytes], bytes]) -> None:
        rows = [(item, *fields, "") for item, fields in items.items()]
        text = _quoted([("item_id", "title", "description"), *(row[:3] for row in rows)], separator)
        assert _items_of(read_items(pack(text.encode(encoding)))) == rows

    check()


# Any bytes end well ------------------------------------------------------------------------------

_PIECES = [b",", b"1", b"2.5", b"a", b'"', b"\n", b"\r", b"::", b"|", b";", b"\t", b"\0", b"\xe9", b"\xff\xfe"]
_PIECES += [b"user", b"item", b"rating", b'x","', b'""', "猫".encode(), "猫".encode("cp932"), "e\u0301".encode()]
_BYTES = st.one_of(
    st.binary(max_size=300),
    st.lists(st.sampled_from(_PIECES), max_size=60).map(b"".join),
    st.lists(st.sampled_from(_PIECES), max_size=60).map(lambda pieces: b"user,item,rating\na,b,1\n" + b"".join(pieces)),
    st.binary(max_size=200).map(gzip.compress),
    st.binary(max_size=200).map(lambda tail: b"\x1f\x8b" + tail),
)


@settings(max_examples=200)
@given(_BYTES, st.sampled_from([1, 16, 1 << 22]))
def test_any_bytes_give_a_table_or_a_data_error(source: bytes, block: int) -> None:
    for read in (read_ratings, read_items):
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(delimited, "_BLOCK", block)
                table = read(source)
        except DataError as error:
            assert str(error).isprintable()
            continue
        report = table.report
        assert len(table.frame) == report.n_kept > 0
        assert report.n_rejected == (~report.problems["kept"]).sum()
        assert problems_csv(report).startswith(b"\xef\xbb\xbf")
        assert table.frame["line"].is_monotonic_increasing
        assert not set(table.frame["line"]) & set(report.problems.loc[~report.problems["kept"], "line"])
        assert preview(source).columns


@settings(max_examples=200)
@given(st.lists(st.sampled_from(['"', ",", "\n", "a", '""', ',"', '",']), max_size=40).map("".join))
@example('x","\n' * 3 + 'a"\n')
@example('1,5" disk,"first\nsecond"\n')
def test_the_size_of_blocks_changes_nothing(rows: str) -> None:
    source = ("item,title,text\nx,y,z\n" + rows).encode()
    tables = []
    for block in (1, 5, 1 << 22):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(delimited, "_BLOCK", block)
            tables.append(read_items(source))
    for table in tables[1:]:
        assert table.frame.equals(tables[0].frame)
        assert table.report.problems.equals(tables[0].report.problems)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(st.sampled_from([b"war", b"love", b" ", b"1", b"-2e3", b"nan", b"\n", b"\t", b"\xe9"])).map(b"".join),
    )
)
def test_any_bytes_give_word_vectors_or_a_data_error(source: bytes) -> None:
    try:
        vectors = read_vectors(source, {"war", "love"})
    except DataError as error:
        assert str(error).isprintable()
        return
    assert set(vectors.words) <= {"war", "love"} and abs(vectors.vectors).max() <= 1000
