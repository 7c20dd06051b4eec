"""Downloads: nothing in them is run by a spreadsheet, and what is harmless stays as it is."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from convmf.data.csv_download import FORMULA_STARTS, csv_bytes

PAGES = Path(__file__).parents[1] / "pages"


def rows(table: pd.DataFrame) -> list[list[str]]:
    return list(csv.reader(io.StringIO(csv_bytes(table).decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("start", FORMULA_STARTS)
@pytest.mark.parametrize("dtype", ["str", "object", "category"])
def test_a_formula_gets_an_apostrophe_in_every_kind_of_text_column(start: str, dtype: str) -> None:
    table = pd.DataFrame({"title": pd.Series([f"{start}cmd|' /C calc'!A0", "Alien"], dtype=dtype)})
    assert rows(table) == [["title"], [f"'{start}cmd|' /C calc'!A0"], ["Alien"]]


def test_names_of_columns_are_cells_too() -> None:
    assert rows(pd.DataFrame({"=1+1": [1], "b": [2]})) == [["'=1+1", "b"], ["1", "2"]]


def test_two_columns_of_one_name_keep_their_cells() -> None:
    table = pd.DataFrame([["=a", 1, "b"]], columns=["x", "y", "x"])
    assert rows(table) == [["x", "y", "x"], ["'=a", "1", "b"]]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_line_end_in_a_cell_begins_no_new_one(end: str) -> None:
    assert csv_bytes(pd.DataFrame({"t": [f"a{end}=cmd()"]})).decode("utf-8-sig") == f'"t"\n"a{end}=cmd()"\n'


def test_numbers_stay_numbers_and_the_table_stays_as_it_was() -> None:
    table = pd.DataFrame({"n": [-1, 2], "x": np.array([-0.5, np.nan], np.float32), "mixed": [-3, "-3"]})
    before = table.copy()
    assert rows(table) == [["n", "x", "mixed"], ["-1", "-0.5", "-3"], ["2", "", "'-3"]]
    pd.testing.assert_frame_equal(table, before)


def test_separators_quotes_and_other_alphabets_come_through() -> None:
    table = pd.DataFrame({"t": ['a,"b"', "é日", "a;b"], "missing": ["x", None, float("nan")]})
    assert rows(table) == [["t", "missing"], ['a,"b"', "x"], ["é日", ""], ["a;b", ""]]
    assert csv_bytes(table).startswith(b"\xef\xbb\xbf")


def test_no_page_writes_a_csv_of_its_own() -> None:
    for path in PAGES.rglob("*.py"):
        assert not re.search(r"\.to_csv\(|csv\.writer|csv\.DictWriter", path.read_text(encoding="utf-8")), path
