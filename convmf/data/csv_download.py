"""Tables as CSV for people to take home, such that no spreadsheet runs anything in them."""

from __future__ import annotations

import csv

import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the start of a formula, in the list of OWASP ("CSV Injection"), full-width forms too."""


def csv_bytes(table: pd.DataFrame) -> bytes:
    """``table`` without its index as CSV in UTF-8 with a byte order mark, by which spreadsheets know the encoding.

    A text that a spreadsheet would run as a formula gets an apostrophe in front, in the header too, and stands in
    quotes, so that a line end within it begins no new cell. Numbers, also negative ones, stay as they are. Every
    download of the app goes through here.
    """
    safe = table.copy(deep=False)
    for place in range(table.shape[1]):
        column = table.iloc[:, place]
        if not pd.api.types.is_numeric_dtype(column.dtype):
            safe.isetitem(place, column.map(_inert).array)
    safe.columns = pd.Index([_inert(str(name)) for name in table.columns])
    return safe.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC).encode("utf-8-sig")


def _inert(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
