"""Readers: every format, encoding and kind of bad row, with its exact line."""

from __future__ import annotations

import csv
import gzip
import io
import math
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from convmf.data import decoding, delimited, problems, tables
from convmf.data.readers import (
    Table,
    preview,
    problems_csv,
    read_items,
    read_ratings,
    unknown_items,
)
from convmf.errors import DataError

HEADER = "user,item,rating\n"


def ratings_of(table: Table) -> list[tuple[str, str, float]]:
    frame = table.frame
    return list(zip(frame["user_id"].astype(str), frame["item_id"].astype(str), frame["rating"], strict=True))


def problems_of(table: Table) -> list[tuple[int, str, str, bool]]:
    frame = table.report.problems
    return list(zip(frame["line"], frame["value"], frame["reason"], frame["kept"], strict=True))


def reasons_of(table: Table) -> list[tuple[int, str]]:
    return [(line, reason) for line, _, reason, _ in problems_of(table)]


# Formats


@pytest.mark.parametrize("separator", [",", "\t", "::", "|", ";"])
@pytest.mark.parametrize("header", [["userId", "movieId", "rating", "timestamp"], None])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_ratings_in_every_layout(separator, header, end, pack):
    rows = [["007", "12", "4.5", "100"], ["007", "13", "2", "101"], ["8", "12", "5", "102"]]
    lines = [separator.join(row) for row in ([header] if header else []) + rows]
    table = read_ratings(pack((end.join(lines) + end).encode()))
    assert ratings_of(table) == [("007", "12", 4.5), ("007", "13", 2.0), ("8", "12", 5.0)]
    assert table.frame["timestamp"].tolist() == [100.0, 101.0, 102.0]
    assert table.frame["line"].tolist() == ([2, 3, 4] if header else [1, 2, 3])
    assert (table.report.separator, table.report.has_header) == (separator, header is not None)
    assert (table.report.n_rows, table.report.n_kept, table.report.counts) == (3, 3, {})
    names = header or [f"column {number}" for number in (1, 2, 3, 4)]
    roles = ["user_id", "item_id", "rating", "timestamp"]
    assert table.report.columns == dict(zip(roles, names, strict=True))


def test_types_of_the_ratings_table():
    frame = read_ratings(b"user,item,rating\n b , x,1\na,x,2\n").frame
    assert frame["user_id"].cat.categories.tolist() == ["b", "a"]
    assert frame["user_id"].cat.categories.dtype == "str"
    assert frame.dtypes.iloc[2:].astype(str).tolist() == ["float64", "int64"]
    assert list(frame.columns) == ["user_id", "item_id", "rating", "line"]


def test_ids_of_rejected_rows_are_no_categories():
    frame = read_ratings(b"user,item,rating\nghost,x,five\na,x,2\n").frame
    assert frame["user_id"].cat.categories.tolist() == ["a"]


@pytest.mark.parametrize(
    ("header", "separator"),
    [("User ID,Movie Id,Stars", ","), ("reviewerID;asin;overall", ";"), ("UID\tBook\tScore", "\t")],
)
def test_columns_are_recognised_by_their_usual_names(header, separator):
    table = read_ratings((header + "\n" + separator.join("12 7 3".split()) + "\n").encode())
    assert ratings_of(table) == [("12", "7", 3.0)]
    assert list(table.report.columns.values()) == header.split(separator)


def test_columns_in_another_order_and_columns_nobody_needs():
    source = b"rating,note,date,item,user\n4,nice,2020-01-02,i1,u1\n"
    table = read_ratings(source)
    assert ratings_of(table) == [("u1", "i1", 4.0)]
    assert table.frame["timestamp"].tolist() == [1577923200.0]  # 18,263 days


def test_the_caller_chooses_columns_by_name_or_place():
    source = b"a;b;c;d\n1;2;3;4\n5;6;7;8\n9;10;11;12\n"
    chosen = read_ratings(source, columns={"user_id": "d", "item_id": "c", "rating": "a"})
    assert ratings_of(chosen)[0] == ("4", "3", 1.0)
    by_place = read_ratings(b"1;2;3;4\n", columns={"user": "column 4", "item": "column 3", "rating": "column 1"})
    assert ratings_of(by_place) == [("4", "3", 1.0)]
    assert by_place.report.columns["user_id"] == "column 4"


def test_the_caller_leaves_a_role_out():
    table = read_ratings(b"user,item,rating,timestamp\n1,2,3,soon\n", columns={"timestamp": ""})
    assert "timestamp" not in table.frame and table.report.counts == {}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"rating": "stars"}, "no column 'stars'. Its columns: user, item, rating"),
        ({"rating": "column 4"}, "no column 'column 4'"),
        ({"mood": "user"}, "no role 'mood'. Roles: user_id, item_id, rating, timestamp"),
        ({"rating": ""}, "no column for rating"),
        ({"rating": ["user", "rating"]}, "rating takes one column, not 2"),
    ],
)
def test_a_wrong_choice_of_columns_is_named(columns, message):
    with pytest.raises(DataError, match=message.replace(".", r"\.")):
        read_ratings(b"user,item,rating\n1,2,3\n", columns=columns)


def test_a_header_of_unknown_names_is_reported_as_a_warning():
    table = read_ratings(b"a,b,c\n1,2,3\n4,5,6\n")
    assert ratings_of(table) == [("1", "2", 3.0), ("4", "5", 6.0)]
    assert problems_of(table) == [(1, "", problems.HEADER_GUESSED, True)]
    assert (table.report.n_rows, table.report.n_rejected, table.report.n_warnings) == (2, 0, 1)


def test_a_first_row_that_is_bad_is_no_header():
    table = read_ratings(b"1,2,five\n1,3,4\n2,3,5\n")
    assert problems_of(table) == [(1, "five", problems.RATING_NOT_A_NUMBER, False)]
    table = read_ratings(b"u1,i1,five\nu1,i2,4\nu2,i1,3\n")
    assert problems_of(table) == [(1, "five", problems.RATING_NOT_A_NUMBER, False)]


def test_movielens_formats():
    data = read_ratings(b"196\t242\t3\t881250949\n186\t302\t3\t891717742\n")
    assert ratings_of(data) == [("196", "242", 3.0), ("186", "302", 3.0)]
    assert data.frame["timestamp"].tolist() == [881250949.0, 891717742.0]
    dat = read_ratings(b"1::1193::5::978300760\n1::661::3::978302109\n")
    assert ratings_of(dat) == [("1", "1193", 5.0), ("1", "661", 3.0)]
    flags = "|".join("1" if place in (3, 4, 5) else "0" for place in range(19))
    url = "http://us.imdb.com/M/title-exact?Toy%20Story%20(1995)"
    item = read_items(f"1|Café Story (1995)|01-Jan-1995||{url}|{flags}\n".encode("latin-1"))
    assert item.frame.iloc[0].tolist() == ["1", "Café Story (1995)", "", "Animation|Children's|Comedy", 1]
    movies = read_items(b'1::Toy Story (1995)::Animation|Children\'s\n2::"Great" Cats: a tale (1998)::Musical\n')
    assert movies.frame["title"].tolist() == ["Toy Story (1995)", '"Great" Cats: a tale (1998)']
    assert movies.frame["genres"].tolist() == ["Animation|Children's", "Musical"]
    assert movies.frame["text"].tolist() == ["", ""]


def test_plot_item_of_the_authors():
    table = read_items(b'1::A cat, a dog|and "a bird\n2::Rain: again\n')
    assert table.frame["text"].tolist() == ['A cat, a dog|and "a bird', "Rain: again"]
    assert table.frame["title"].tolist() == ["", ""]


def test_all_description_columns_are_joined_in_the_files_order():
    table = read_items(b"plot,movie_id,title,Overview,genre\nOne,7,T,,X|Y\nOne,8,U,two,\n")
    assert table.frame["text"].tolist() == ["One", "One two"]
    assert table.frame["genres"].tolist() == ["X|Y", ""]
    assert table.report.columns["text"] == ("plot", "Overview")
    chosen = read_items(b"plot,movie_id,title,note\nOne,7,T,N\n", columns={"text": ["note", "plot"], "title": "title"})
    assert chosen.frame["text"].tolist() == ["One N"]


def test_quoted_fields_keep_newlines_quotes_and_separators():
    source = b'item,title,text\r\n1,"A, B","one ""two""\r\nthree\r\n\r\nfour"\r\n2,C,five\r\n'
    table = read_items(source)
    assert table.frame["text"].tolist() == ['one "two"\nthree\n\nfour', "five"]
    assert table.frame["title"].tolist() == ["A, B", "C"]
    assert table.frame["line"].tolist() == [2, 6]
    assert table.report.counts == {}


def test_blank_lines_are_no_rows_and_count_as_lines():
    table = read_ratings(b"\n\nuser,item,rating\n\n1,2,3\n   \n1,3,x\n\n")
    assert table.frame["line"].tolist() == [5]
    assert reasons_of(table) == [(7, problems.RATING_NOT_A_NUMBER)]
    assert table.report.n_rows == 2


def test_rows_over_the_borders_of_blocks(monkeypatch):
    rows = [f'{number},t{number},"line one of {number}\nline ""two"""\n' for number in range(50)]
    source = ("item,title,text\n" + "".join(rows)).encode()
    whole = read_items(source)
    for block in (1, 7, 64):
        monkeypatch.setattr(delimited, "_BLOCK", block)
        pd.testing.assert_frame_equal(read_items(source).frame, whole.frame)
    assert whole.frame["line"].tolist() == [2 + 2 * number for number in range(50)]
    assert whole.frame["text"].iloc[3] == 'line one of 3\nline "two"'


# Encodings


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-32", "utf-32"),
        ("cp932", "cp932"),
    ],
)
@pytest.mark.parametrize("text", ["吾輩は猫である。名前はまだ無い。", "ﾊﾝｶｸ ｶﾅ", "猫"])
def test_japanese_encodings(encoding, found, text):
    table = read_items(f"item,title,description\n1,Cat,{text}\n".encode(encoding))
    assert table.frame["text"].tolist() == [text]
    assert table.report.encoding == found


@pytest.mark.parametrize(
    "text",
    ["Le Fabuleux Destin d'Amélie", "Größe", "São coração", "CAFÉ", "MÜNCHEN", "señor", "“quoted” – dash"],
)
def test_western_texts_are_not_taken_for_japanese(text):
    table = read_items(f"item,title,description\n1,Film,{text}\n".encode("cp1252"))
    assert table.frame["text"].tolist() == [text]
    assert table.report.encoding == "cp1252"


def test_bytes_that_cp1252_lacks_are_latin_1():
    table = read_items(b"item,title,text\n1,A,caf\xe9 \x81 b\n")
    assert table.report.encoding == "latin-1"
    assert table.frame["text"].tolist() == ["café \x81 b"]


def test_marked_encodings_hide_nothing_from_the_header():
    table = read_ratings("user,item,rating\n1,2,3\n".encode("utf-8-sig"))
    assert table.report.columns["user_id"] == "user" and table.report.has_header


def test_a_damaged_utf8_file_loses_the_damaged_row_alone():
    good = "".join(f"{number},Été à Zürich,naïve café\n" for number in range(9)).encode()
    table = read_items(b"item,title,text\n" + good + b"9,bad \xff,x\n")
    assert table.report.encoding == "utf-8"
    assert reasons_of(table) == [(11, problems.MISFIT_BYTES)]
    assert table.report.n_kept == 9


# Numbers and times


@pytest.mark.parametrize(
    ("field", "number"),
    [("４", 4.0), ("４．５", 4.5), ("4,5", 4.5), (" 3 ", 3.0), ("-1e2", -100.0), (".5", 0.5), ("+2.", 2.0)],
)
def test_ratings_that_are_numbers(field, number):
    table = read_ratings(f"user;item;rating\na;b;{field}\n".encode())
    assert table.frame["rating"].tolist() == [number]


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("five", problems.RATING_NOT_A_NUMBER),
        ("2020-01-01", problems.RATING_NOT_A_NUMBER),
        ("1_000", problems.RATING_NOT_A_NUMBER),
        ("4,5,6", problems.RATING_NOT_A_NUMBER),
        ("0x10", problems.RATING_NOT_A_NUMBER),
        ("x" * 101, problems.RATING_NOT_A_NUMBER),
        ("", problems.RATING_MISSING),
        ("nan", problems.RATING_NOT_FINITE),
        ("-inf", problems.RATING_NOT_FINITE),
        ("1e999", problems.RATING_NOT_FINITE),
    ],
)
def test_ratings_that_are_no_numbers(field, reason):
    table = read_ratings(f"user;item;rating\na;b;1\na;c;{field}\na;d;2\n".encode())
    assert problems_of(table) == [(3, field, reason, False)]
    assert ratings_of(table) == [("a", "b", 1.0), ("a", "d", 2.0)]
    assert table.report.problems["field"].tolist() == ["rating"]
    assert table.report.problems["row"].tolist() == [f"a;c;{field}"]


def test_a_decimal_comma_is_none_where_commas_separate():
    table = read_ratings(b'user,item,rating\n1,2,"4,5"\n1,3,4.5\n')
    assert problems_of(table) == [(2, "4,5", problems.RATING_NOT_A_NUMBER, False)]


def test_timestamps():
    source = (
        b"user,item,rating,timestamp\n1,1,1,5\n1,2,1,1970-01-02\n1,3,1,1970-01-01T01:00:00+01:00\n"
        b"1,4,1,1970/1/1 00:00:10\n1,5,1,\n1,6,1,soon\n1,7,1,1970-13-01\n1,8,1,inf\n"
    )
    table = read_ratings(source)
    np.testing.assert_array_equal(table.frame["timestamp"], [5, 86400, 0, 10, *[math.nan] * 4])
    late = problems.TIMESTAMP_UNREADABLE
    assert problems_of(table) == [
        (7, "soon", late, True),
        (8, "1970-13-01", late, True),
        (9, "inf", late, True),
    ]
    assert (table.report.n_kept, table.report.n_warnings, table.report.n_rejected) == (8, 3, 0)


# Bad rows


def test_every_bad_row_of_a_ratings_file_with_its_line():
    long_id = "x" * 201
    source = f"user,item,rating\n,1,2\na, ,2\na,1\na,1,2,3\na\x07b,1,2\n{long_id},1,2\na,\0,2\na,2,3\n".encode()
    table = read_ratings(source)
    assert problems_of(table) == [
        (2, "", problems.USER_MISSING, False),
        (3, " ", problems.ITEM_MISSING, False),
        (4, "2 instead of 3", problems.TOO_FEW_FIELDS, False),
        (5, "4 instead of 3", problems.TOO_MANY_FIELDS, False),
        (6, "a\x07b", problems.ID_CONTROL, False),
        (7, "x" * 199 + "…", problems.ID_TOO_LONG, False),
        (8, "a,␀,2", problems.NUL_CHARACTER, False),
    ]
    assert ratings_of(table) == [("a", "2", 3.0)]
    assert (table.report.n_rows, table.report.n_kept, table.report.n_rejected) == (8, 1, 7)
    assert table.report.counts[problems.TOO_FEW_FIELDS] == 1


def test_an_id_of_200_characters_is_an_id():
    assert read_ratings(f"{HEADER}{'x' * 200},1,2\n".encode()).report.n_kept == 1


def test_a_repeated_rating_without_times_keeps_the_last():
    table = read_ratings(b"user,item,rating\na,x,1\nb,x,2\na,x ,3\n")
    assert ratings_of(table) == [("b", "x", 2.0), ("a", "x", 3.0)]
    assert problems_of(table) == [(2, "a, x", problems.DUPLICATE_RATING, False)]
    assert table.report.problems["row"].tolist() == ["a,x,1"]
    assert table.report.problems["field"].tolist() == ["user, item"]


def test_a_repeated_rating_with_times_keeps_the_latest():
    source = b"user,item,rating,time\na,x,1,50\na,x,2,90\na,x,3,\nb,x,4,7\na,x,5,90\na,x,6,10\n"
    table = read_ratings(source)
    assert ratings_of(table) == [("b", "x", 4.0), ("a", "x", 5.0)]
    assert reasons_of(table) == [(line, problems.DUPLICATE_RATING) for line in (2, 3, 4, 7)]
    assert table.report.problems["row"].tolist()[0] == "a,x,1,50"


def test_bad_rows_of_an_items_file():
    source = b'item,title,text\n1,A,\n,B,text\n1,A2,words\n1,A3,more\n2,C,\n2,"D\nE",\n\x01,F,t\n'
    table = read_items(source)
    assert table.frame["item_id"].tolist() == ["1", "2"]
    assert table.frame["title"].tolist() == ["A2", "C"]
    assert reasons_of(table) == [
        (2, problems.DUPLICATE_ITEM),
        (3, problems.ITEM_MISSING),
        (5, problems.DUPLICATE_ITEM),
        (7, problems.DUPLICATE_ITEM),
        (9, problems.ID_CONTROL),
    ]
    assert table.report.problems["row"].tolist()[3] == '2,"D\nE",'


def test_an_empty_description_is_no_problem():
    assert read_items(b"item,title,text\n1,A,\n").report.counts == {}


@pytest.mark.parametrize("block", [1, 30, 1 << 20])
def test_an_unclosed_quote_costs_one_row(monkeypatch, block):
    monkeypatch.setattr(delimited, "_BLOCK", block)
    source = b'item,title,text\n1,A,"fine\nstill"\n2,B,"open\n3,C,"x"\n4,D,plain\n5,"E,last\n6,F,end\n'
    table = read_items(source)
    assert table.frame["item_id"].tolist() == ["1", "3", "4", "6"]
    assert table.frame["line"].tolist() == [2, 5, 6, 8]
    assert reasons_of(table) == [(4, problems.UNCLOSED_QUOTE), (7, problems.UNCLOSED_QUOTE)]
    assert table.report.problems["row"].tolist() == ['2,B,"open', '5,"E,last']


def test_quotes_inside_an_unquoted_field_are_characters():
    table = read_items(b'item,title,text\n1,5" disk,a "b" c\n2,"Say" so,x\n')
    assert table.frame["title"].tolist() == ['5" disk', "Say so"]
    assert table.report.counts == {}


def test_fields_and_rows_beyond_the_limits_are_bad_rows(monkeypatch):
    long = "x" * (delimited.MAX_FIELD + 1)
    fits = "y" * delimited.MAX_FIELD
    table = read_items(f'item,title,text\n1,A,{long}\n2,B,"{long}"\n3,C,"{fits}"\n4,D,{fits}\n'.encode())
    assert reasons_of(table) == [(2, problems.FIELD_TOO_LONG), (3, problems.FIELD_TOO_LONG)]
    assert table.frame["text"].str.len().tolist() == [len(fits)] * 2
    assert table.report.problems["row"].str.len().max() == problems.MAX_ROW_SHOWN
    monkeypatch.setattr(delimited, "MAX_FIELD", 30)
    monkeypatch.setattr(delimited, "MAX_ROW", 40)
    monkeypatch.setattr(delimited, "_BLOCK", 16)
    table = read_items(f"item,title,text\n1,A,short\n2,B,{'z' * 500}\n3,C,short\n".encode())
    assert reasons_of(table) == [(3, problems.ROW_TOO_LONG)]
    assert table.frame["line"].tolist() == [2, 4]


def test_problems_beyond_the_list_are_counted(monkeypatch):
    monkeypatch.setattr(problems, "MAX_PROBLEMS", 2)
    table = read_ratings((HEADER + "a,b,bad\n" * 5 + "a,b,1\n").encode())
    assert table.report.problems["line"].tolist() == [2, 3]
    assert table.report.n_unlisted == 3
    assert table.report.n_rejected == 5
    assert table.report.counts == {problems.RATING_NOT_A_NUMBER: 5}


def test_problems_have_their_types_even_when_there_are_none():
    frame = read_ratings(b"user,item,rating\n1,2,3\n").report.problems
    assert list(frame.columns) == ["line", "field", "value", "reason", "kept", "row"]
    assert frame["line"].dtype == "int64" and frame["kept"].dtype == "bool" and frame["row"].dtype == "str"


# Files that can't be used


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "is empty"),
        (b" \n\r\n", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"user,item,rating\n", "a header and no rows: user, item, rating"),
        (
            b"user,item,rating\n1,2,x\n,2,3\n",
            "all 2 were rejected. The first, line 2: rating is not a number",
        ),
        (b"user,item,rating,user\n1,2,3,4\n", "two columns named 'user'"),
        (b"user,item\n1,2\n", "no column for rating. Its columns: user, item"),
        (b"just words\nand more\n", "no columns that could be told apart"),
        (b"PK\x03\x04rest", "an Excel workbook or a zip archive"),
        (gzip.compress(b"%PDF-1.7", mtime=0), "is a PDF"),
        (gzip.compress(gzip.compress(b"1,2,3", mtime=0), mtime=0), "gzip file inside a gzip file"),
        (gzip.compress(b"1,2,3\n" * 50, mtime=0)[:-12], "damaged gzip"),
        (b'{"user": 1, "item": 2}', "is JSON"),
        ("user,item,rating\n1,2,3\n".encode("utf-16-le"), "without a byte order mark"),
        (bytes(range(32)) * 20, "binary"),
        (b",".join(b"c" * 9 for _ in range(1001)) + b"\n", "1,001 columns; at most 1,000"),
    ],
)
def test_files_that_cannot_be_used(source, message):
    with pytest.raises(DataError) as error:
        read_ratings(source, name="mine.csv")
    assert message in str(error.value)
    assert str(error.value).startswith("mine.csv")


def test_paths(tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes(b"user,item,rating\n1,2,3\n")
    assert read_ratings(path).report.name == "r.csv"
    with pytest.raises(DataError, match="gone.csv can't be read: No such file"):
        read_ratings(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="can't be read: Is a directory"):
        read_ratings(tmp_path)


def test_items_need_something_beside_the_id():
    with pytest.raises(DataError, match="no column for text"):
        read_items(b"item_id,year\n1,1990\n2,1991\n", columns={"title": "", "text": "", "genres": ""})


def test_a_gzip_bomb_is_stopped_while_unpacking(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_BYTES", 3 << 20)
    bomb = gzip.compress(b"1,2,3\n" * (1 << 20))
    with pytest.raises(DataError, match="unpacks to more than 3,145,728 bytes"):
        read_ratings(bomb)


def test_too_many_rows(monkeypatch):
    monkeypatch.setattr(tables, "MAX_ROWS", 2)
    assert read_ratings(b"1,1,1\n1,2,1\n").report.n_kept == 2
    with pytest.raises(DataError, match="more than 2 rows"):
        read_ratings(b"1,1,1\n1,2,1\n1,3,1\n")


# Preview, download, unknown items


def test_preview():
    shown = preview(b"user;item;stars;review\nu1;i1;4;good\nu2;i2;5;bad\n", n_rows=1)
    assert (shown.encoding, shown.separator, shown.has_header) == ("utf-8", ";", True)
    assert shown.columns == ("user", "item", "stars", "review")
    assert shown.rows.to_dict("records") == [{"user": "u1", "item": "i1", "stars": "4", "review": "good"}]
    assert shown.rating_roles == {"user_id": "user", "item_id": "item", "rating": "stars"}
    assert shown.item_roles == {"item_id": "item", "text": ("review",)}


def test_preview_without_a_header():
    shown = preview(b"1\t2\t3\n4\t5\t6\n")
    assert shown.columns == ("column 1", "column 2", "column 3")
    assert shown.rows["column 2"].tolist() == ["2", "5"]
    assert shown.rating_roles["rating"] == "column 3"


@pytest.mark.parametrize("start", list("=+-@") + ["\t"])
def test_the_download_is_safe_in_a_spreadsheet(start):
    source = f"user,item,rating\na,b,{start}cmd()\nx,y,1\n"
    table = read_ratings(source.encode())
    download = problems_csv(table.report)
    assert download.startswith(b"\xef\xbb\xbf")
    (row,) = csv.DictReader(io.StringIO(download.decode("utf-8-sig")))
    assert row == {
        "line": "2",
        "field": "rating",
        "value": f"'{start}cmd()",
        "reason": problems.RATING_NOT_A_NUMBER,
        "row": f"a,b,{start}cmd()",
    }


def test_the_download_has_the_rejected_rows_alone():
    report = read_ratings(b"user,item,rating,time\na,b,1,soon\na,c,x,1\n").report
    rows = list(csv.DictReader(io.StringIO(problems_csv(report).decode("utf-8-sig"))))
    assert [row["line"] for row in rows] == ["3"]
    assert "soon" not in problems_csv(report).decode("utf-8-sig")


def test_unknown_items():
    ratings = read_ratings(b"user,item,rating,time\na,x,1,5\nb,y,2.5,\na,y,3,7\n")
    items = read_items(b"item,title,text\nx,X,words\nz,Z,words\n")
    unknown = unknown_items(ratings, items)
    assert unknown["line"].tolist() == [3, 4]
    assert unknown["value"].tolist() == ["y", "y"]
    assert unknown["row"].tolist() == ["b,y,2.5,", "a,y,3,7"]
    assert unknown["kept"].all() and set(unknown["reason"]) == {problems.UNKNOWN_ITEM}
    assert unknown.attrs["n_unlisted"] == 0
    known = unknown_items(ratings, read_items(b"item,text\nx,a\ny,b\n"))
    assert known.empty and list(known.columns) == list(unknown.columns)


def test_unknown_items_beyond_the_list_are_counted(monkeypatch):
    monkeypatch.setattr("convmf.data.readers.MAX_PROBLEMS", 1)
    ratings = read_ratings(b"user,item,rating\na,x,1\nb,y,2\na,y,3\n")
    unknown = unknown_items(ratings, read_items(b"item,text\nz,a\n"))
    assert unknown["line"].tolist() == [2] and unknown.attrs["n_unlisted"] == 2


# Real files

_REAL = {  # ratings, users, rated items, items in the items file
    "ml-100k": (100_000, 943, 1_682, 1_682),
    "ml-1m": (1_000_203, 6_040, 3_706, 3_883),
    "ml-small": (100_836, 610, 9_724, 9_742),
    "movietweetings": (40_992, 1_659, 1_552, 1_552),
}


@pytest.mark.parametrize("name", _REAL)
def test_real_files_are_read_without_a_rejected_row(name):
    root = os.environ.get("CONVMF_TEST_DATA")
    if not root:
        pytest.skip("CONVMF_TEST_DATA is not set: it names the folder with the real data sets")
    n_ratings, n_users, n_rated, n_items = _REAL[name]
    ratings = read_ratings(Path(root) / name / "ratings.csv.gz")
    items = read_items(Path(root) / name / "items.csv.gz")
    assert ratings.report.n_rejected == items.report.n_rejected == 0
    assert ratings.report.counts == items.report.counts == {}
    assert (len(ratings.frame), len(items.frame)) == (n_ratings, n_items)
    assert ratings.frame["user_id"].nunique() == n_users
    assert ratings.frame["item_id"].nunique() == n_rated
    assert ratings.frame["line"].tolist() == list(range(2, n_ratings + 2))
    assert unknown_items(ratings, items).empty


def test_a_rating_too_large_for_single_precision_is_reported_with_its_line():
    table = read_ratings(b"user,item,rating\na,x,3\nb,x,1e39\nc,x,-1e13\n")
    assert ratings_of(table) == [("a", "x", 3.0)]
    assert table.report.problems["line"].tolist() == [3, 4]


def test_exchanged_files_are_told() -> None:
    items = b"item,title,genres,description\n1,Heat,Crime,A thief and a policeman\n2,Up,Comedy,A house flies\n"
    with pytest.raises(DataError, match="the other file, the one of items: were the two exchanged"):
        read_ratings(items, name="items.csv")
    with pytest.raises(DataError, match="Check that these are the right columns"):
        read_ratings(b"user,item,rating\n1,2,good\n", name="ratings.csv")
