"""What was wrong with the rows of a user's file, and how to hand it back to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from convmf.data.csv_download import csv_bytes

MAX_PROBLEMS = 100_000
"""Problems listed one by one: more than anyone reads, and a few hundred MB at most; the rest is counted."""
MAX_VALUE_SHOWN = 200
"""Characters of a value in the list: enough to recognise it."""
MAX_ROW_SHOWN = 2000
"""Characters of a raw row in the list: enough to mend it."""

TOO_FEW_FIELDS = "too few fields"
TOO_MANY_FIELDS = "too many fields"
UNCLOSED_QUOTE = "a quote opens here and is not closed"
FIELD_TOO_LONG = "a field is too long"
ROW_TOO_LONG = "the row is too long"
NUL_CHARACTER = "the row has a NUL character"
MISFIT_BYTES = "the row has bytes that do not fit the file's encoding"
USER_MISSING = "user id is missing"
ITEM_MISSING = "item id is missing"
ID_CONTROL = "id has a control character"
ID_TOO_LONG = "id is longer than 200 characters"
RATING_MISSING = "rating is missing"
RATING_NOT_A_NUMBER = "rating is not a number"
RATING_NOT_FINITE = "rating is not finite, or too large to be one (beyond 16,777,216)"
DUPLICATE_RATING = "another rating of this item by this user is kept: the latest"
DUPLICATE_ITEM = "another row of this item is kept: the first with a text"
TIMESTAMP_UNREADABLE = "timestamp is neither seconds nor an ISO date; the rating is kept without it"
HEADER_GUESSED = "read as the header, although none of its names is known"
ABOVE_HEADER = "read as a title above the header"
UNKNOWN_ITEM = "item is not in the items file; it is kept without a text"

_DTYPES = {"line": "int64", "field": "str", "value": "str", "reason": "str", "kept": "bool", "row": "str"}


@dataclass(frozen=True)
class ReadReport:
    """How a file was read, and every row that had a problem.

    ``problems`` has a row a problem, ordered by line: ``line`` (1-based line of the unpacked file where the
    row starts), ``field`` (the column's name, "" for the row as a whole), ``value``, ``reason``, ``kept``
    (True: a warning, the row is in the table) and ``row`` (its raw text). At most ``MAX_PROBLEMS`` are
    listed; ``n_unlisted`` says how many more there were, and ``counts`` (reason → rows) has them all.
    ``columns`` maps a role to the column read for it (to a tuple of columns for text and genres).
    """

    name: str
    encoding: str
    separator: str
    has_header: bool
    columns: Mapping[str, str | tuple[str, ...]]
    n_rows: int
    n_kept: int
    problems: pd.DataFrame
    counts: Mapping[str, int]
    n_unlisted: int = 0

    @property
    def encoding_doubt(self) -> str:
        """A sentence where the encoding is a guess from the bytes and could be another; "" where it is certain."""
        if self.encoding.startswith("utf"):
            return ""
        return (
            f"The encoding {self.encoding} is a guess: if letters or signs look wrong, save the file as CSV (UTF-8) "
            "and read that one."
        )

    @property
    def n_rejected(self) -> int:
        """Data rows that are not in the table."""
        return self.n_rows - self.n_kept

    @property
    def n_warnings(self) -> int:
        """Problems whose row is in the table all the same."""
        return sum(self.counts.values()) - self.n_rejected


@dataclass
class ProblemLog:
    """Gathers problems while a file is read; lists the first ``MAX_PROBLEMS`` and counts them all."""

    rows: list[tuple[int, str, str, str, bool, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    n_rejected: int = 0

    def add(self, line: int, column: str, value: str, reason: str, row: str, *, kept: bool = False) -> None:
        self.counts[reason] += 1
        self.n_rejected += not kept
        if len(self.rows) < MAX_PROBLEMS:
            value, row = shorten(value, MAX_VALUE_SHOWN), shorten(row, MAX_ROW_SHOWN)
            self.rows.append((int(line), column, value, reason, kept, row))

    @property
    def n_unlisted(self) -> int:
        return sum(self.counts.values()) - len(self.rows)

    def frame(self) -> pd.DataFrame:
        return problems_frame(sorted(self.rows))


def problems_frame(rows: Sequence[tuple[int, str, str, str, bool, str]]) -> pd.DataFrame:
    """The problems as a table with the columns and types of ``ReadReport.problems``."""
    return pd.DataFrame.from_records(list(rows), columns=list(_DTYPES)).astype(_DTYPES)


def problems_csv(report: ReadReport) -> bytes:
    """The rejected rows as a CSV that spreadsheets open as text."""
    return csv_bytes(report.problems[~report.problems["kept"]].drop(columns="kept"))


def shorten(text: str, length: int) -> str:
    """``text``, or its start with an ellipsis, in at most ``length`` characters."""
    return text if len(text) <= length else text[: length - 1] + "…"
