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
_HEADER_ROWS = 5  # rows among which the header is: a title or two may stand above it
_MOST = 0.9  # of the rows: a bad one here and there says nothing against a separator
_NAMED = re.compile(r"sep=([\t|;,])", re.IGNORECASE)  # as Excel names the separator in the first line


def find_layout(text: TextSource, wanted: Sequence[str] = ()) -> Layout:
    """Separator, header and column names of ``text``; ``wanted`` names columns that the caller expects.

    Raises
    ------
    DataError
        There are no columns, too many, or two of one name.
    """
    with text.open() as stream:
        lines = stream.read(_SAMPLE).split("\n")
    named = _NAMED.fullmatch(lines[0])
    n_above = 1 if named else 0
    best = _best_separator(lines, n_above, (named[1],), wanted) if named else None
    best = best or _best_separator(lines, n_above, SEPARATORS, wanted)  # where Excel's line is wrong, too
    if best is None:
        raise _no_columns(text.name)
    separator, records = best
    rows = [_cells(record) for record in records]
    top = _header_place(rows, wanted)
    if top:
        n_above, records, rows = records[top].offset, records[top:], rows[top:]
    known = _names_known(rows[0], rows[1:], wanted)
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
    titles = tuple(lines[1 if named else 0 : n_above])
    return Layout(separator, columns, records[0].offset + 1 if has_header else 0, known, sample, n_above, titles)


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


def _best_separator(
    lines: Sequence[str], start: int, separators: Sequence[str], wanted: Sequence[str]
) -> tuple[str, list[Record]] | None:
    """The one of ``separators`` that fits the first rows from line ``start`` on best, and these rows; None where none
    parts them.

    Known names in the header say most, then '::' and tabs (which hardly occur in a text), then whether the rows are
    about equally long, then what the columns hold, and at last how equally long the rows are and how many columns
    there are.
    """
    best, best_score = None, None
    for separator in separators:
        records = [
            record
            for record in CarefulSplitter(lines, separator, None, at_end=True).split(start, _SAMPLE_ROWS)[0]
            if record.raw.strip() and not record.problem
        ]
        rows = [_cells(record) for record in records]
        n_columns, n_rows = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
        top = _header_place(rows, wanted)
        if n_columns < 2 and (not rows or len(rows[top]) < 2):
            continue
        share = n_rows / len(rows) if n_columns > 1 else 0.0
        n_known = _n_known(rows[top], wanted)
        clear = separator in ("::", "\t") and share >= 0.8
        equal = [row for row in rows if len(row) == n_columns]
        below = equal[1:] or equal  # the first may be a header
        score = (
            n_known if n_known > 1 else 0,
            clear,
            round(share, 1),
            n_columns <= MAX_COLUMNS and _has_numbers(below),
            _starts_plainly(below, separator),
            share,
            n_columns,
        )
        if best_score is None or score > best_score:
            best, best_score = (separator, records), score
    return best


def _has_numbers(rows: Sequence[Sequence[str]]) -> bool:
    """Whether some column of ``rows`` holds numbers."""
    return any(
        sum(not math.isnan(parse_number(cell)) for cell in column) >= _MOST * len(column)
        for column in zip(*rows, strict=True)
    )


def _starts_plainly(rows: Sequence[Sequence[str]], separator: str) -> bool:
    """Whether the first column, which mostly has ids, is free of the other separators."""
    others = [other for other in SEPARATORS if other != separator]
    plain = sum(not any(other in row[0] for other in others) for row in rows)
    return plain >= _MOST * len(rows)


def _no_columns(name: str) -> DataError:
    return DataError(
        f"{name} has no columns that could be told apart. {ACCEPTED} Ratings have the columns user, "
        "item, rating (and timestamp); items have item, title, description (and genres)."
    )


def _cells(record: Record) -> tuple[str, ...]:
    return tuple(field.strip() for field in record.fields)


def _header_place(rows: Sequence[Sequence[str]], wanted: Sequence[str]) -> int:
    """Which of the first rows may be the header: one of known names that is wider than all above it, else the first."""
    if rows and _n_known(rows[0], wanted) > 1 and _names_known(rows[0], rows[1:], wanted):
        return 0
    for place, row in enumerate(rows[1:_HEADER_ROWS], 1):
        if len(row) <= MAX_COLUMNS and _n_known(row, wanted) > 1 and _names_known(row, rows[place + 1 :], wanted):
            return place if all(_width(above) < _width(row) for above in rows[:place]) else 0
    return 0


def _width(row: Sequence[str]) -> int:
    """The number of fields without the empty ones at the end, with which a spreadsheet fills every line."""
    return max((place for place, cell in enumerate(row, 1) if cell), default=0)


def _n_known(row: Sequence[str], wanted: Sequence[str]) -> int:
    return sum(cell in wanted or normalised(cell) in KNOWN_NAMES for cell in row)


def _names_known(row: Sequence[str], below: Sequence[Sequence[str]], wanted: Sequence[str]) -> bool:
    """Whether ``row`` is a header by its names: at least half, or two, are known, and no cell is a number.

    With one or two it may still be a row of data, such as that of a film called "Star"; then another cell looks like
    those ``below`` it.
    """
    if wanted and set(wanted) <= set(row):
        return True
    n_known = _n_known(row, wanted)
    is_text = all(len(cell) <= 60 and math.isnan(parse_number(cell)) for cell in row)
    if not is_text or n_known == 0 or (n_known < 2 and 2 * n_known < len(row)):
        return False
    return n_known > 2 or not _is_like_below(row, below, wanted)


def _is_like_below(row: Sequence[str], below: Sequence[Sequence[str]], wanted: Sequence[str]) -> bool:
    """Whether a cell of ``row`` that is no known name has a digit, and but for that reads as most cells ``below`` it;
    not where a known name stands above numbers, as "rating" does."""
    others = [other for other in below if len(other) == len(row)]
    known = [column for column, cell in enumerate(row) if _n_known([cell], wanted)]
    if _has_numbers([[other[column] for column in known] for other in others]):
        return False
    for column, cell in enumerate(row):
        if re.search(r"\d", cell) and column not in known:
            n_alike = sum(_shape(other[column]) == _shape(cell) for other in others)
            if 2 * n_alike > len(others):
                return True
    return False


def _shape(cell: str) -> str:
    """``cell`` without its numbers: "tt0114709" as "tt9"."""
    return re.sub(r"\d+", "9", cell)


def _stands_out(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row looks like a header of unknown names: words only, above a column of numbers."""
    first, others = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if len(others) < 2 or not all(cell and not re.search(r"\d", cell) for cell in first):
        return False
    below = list(zip(*others, strict=True))
    if any(cell in column for cell, column in zip(first, below, strict=True)):
        return False
    return any(all(not math.isnan(parse_number(cell)) for cell in column) for column in below)
