"""How a text is laid out: which separator, whether there is a header, and what the columns are called."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from convmf.data.columns import KNOWN_NAMES, normalised
from convmf.data.decoding import ACCEPTED, TextSource
from convmf.data.delimited import MAX_COLUMNS, CarefulSplitter, Layout, Record
from convmf.data.values import parse_number
from convmf.errors import DataError, quoted

SEPARATORS = ("::", "\t", "|", ";", ",")
_NO_SEPARATOR = "\x1f"  # the unit separator of ASCII: no text has it, so a line is one field
_SAMPLE = 1 << 18  # characters looked at
_SAMPLE_ROWS = 500  # lines looked at


def find_layout(text: TextSource, wanted: Sequence[str] = ()) -> Layout:
    """Separator, header and column names of ``text``; ``wanted`` names columns that the caller expects.

    Raises
    ------
    DataError
        There are no columns, too many, or two of one name.
    """
    with text.open() as stream:
        lines = stream.read(_SAMPLE).split("\n")
    separator, records = _best_separator(lines, wanted, text.name)
    rows = [tuple(field.strip() for field in record.fields) for record in records]
    known = _names_known(rows[0], wanted)
    has_header = known or _stands_out(rows)
    n_columns = len(rows[0]) if has_header else Counter(map(len, rows)).most_common(1)[0][0]
    if n_columns < 2:
        raise _no_columns(text.name)
    if n_columns > MAX_COLUMNS:
        raise DataError(f"{text.name} has {n_columns:,} columns; at most {MAX_COLUMNS:,} are read. {ACCEPTED}")
    names = rows[0] if has_header else ("",) * n_columns
    columns = tuple(name or f"column {number}" for number, name in enumerate(names, 1))
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise DataError(f"{text.name} has two columns named {quoted(twice[0])}. Give every column its own name.")
    sample = tuple(row for row in rows[has_header:] if len(row) == n_columns)
    return Layout(separator, columns, records[0].offset + 1 if has_header else 0, known, sample)


def single_column(text: TextSource, names: Sequence[str]) -> Layout | None:
    """The layout of a text with one column, quoted or not; None where its first line isn't one of ``names`` alone."""
    with text.open() as stream:
        lines = stream.read(_SAMPLE).split("\n")
    records, _ = CarefulSplitter(lines, _NO_SEPARATOR, 1, at_end=True).split(0, _SAMPLE_ROWS)
    rows = [record for record in records if record.raw.strip() and not record.problem]
    header = rows[0].fields[0].strip() if rows else ""
    if normalised(header) not in names:
        return None
    sample = tuple((record.fields[0].strip(),) for record in rows[1:])
    return Layout(_NO_SEPARATOR, (header,), rows[0].offset + 1, True, sample)


def _best_separator(lines: Sequence[str], wanted: Sequence[str], name: str) -> tuple[str, list[Record]]:
    """The separator that fits the first rows best, and these rows.

    Known names in the first row say most, then '::' and tabs (which hardly occur in a text), then whether the
    rows are equally long, then how many columns there are.
    """
    best, best_score = None, (0, False, 0.0, 0)
    for separator in SEPARATORS:
        records = [
            record
            for record in CarefulSplitter(lines, separator, None, at_end=True).split(0, _SAMPLE_ROWS)[0]
            if record.raw.strip() and not record.problem
        ]
        counts = Counter(len(record.fields) for record in records)
        n_columns, n_rows = counts.most_common(1)[0] if counts else (0, 0)
        if n_columns < 2 and (not records or len(records[0].fields) < 2):
            continue
        share = n_rows / len(records)
        n_known = _n_known([field.strip() for field in records[0].fields], wanted)
        clear = separator in ("::", "\t") and share >= 0.8 and n_columns > 1
        score = (n_known if n_known > 1 else 0, clear, share if n_columns > 1 else 0.0, n_columns)
        if best is None or score > best_score:
            best, best_score = (separator, records), score
    if best is None:
        raise _no_columns(name)
    return best


def _no_columns(name: str) -> DataError:
    return DataError(
        f"{name} has no columns that could be told apart. {ACCEPTED} Ratings have the columns user, "
        "item, rating (and timestamp); items have item, title, description (and genres)."
    )


def _n_known(row: Sequence[str], wanted: Sequence[str]) -> int:
    return sum(cell in wanted or normalised(cell) in KNOWN_NAMES for cell in row)


def _names_known(row: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether ``row`` is a header by its names: at least half, or two, are known, and no cell is a number."""
    if wanted and set(wanted) <= set(row):
        return True
    n_known = _n_known(row, wanted)
    is_text = all(len(cell) <= 60 and math.isnan(parse_number(cell)) for cell in row)
    return is_text and n_known > 0 and (n_known >= 2 or 2 * n_known >= len(row))


def _stands_out(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row looks like a header of unknown names: words only, above a column of numbers."""
    first, others = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if len(others) < 2 or not all(cell and not re.search(r"\d", cell) for cell in first):
        return False
    below = list(zip(*others, strict=True))
    if any(cell in column for cell, column in zip(first, below, strict=True)):
        return False
    return any(all(not math.isnan(parse_number(cell)) for cell in column) for column in below)
