"""From text to rows: every row split into its fields, with the line where it starts."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain
from operator import methodcaller
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from convmf.data.decoding import DAMAGED, TextSource
from convmf.data.problems import (
    ABOVE_HEADER,
    FIELD_TOO_LONG,
    HEADER_GUESSED,
    MISFIT_BYTES,
    NUL_CHARACTER,
    ROW_TOO_LONG,
    TOO_FEW_FIELDS,
    TOO_MANY_FIELDS,
    UNCLOSED_QUOTE,
    ProblemLog,
)

MAX_COLUMNS = 1000
"""Columns of a table: no table of ratings or items comes near; a file beyond it is something else."""
MAX_FIELD = 1_000_000
"""Characters of one field: a book of 170,000 words, of which the model reads the first few hundred."""
MAX_ROW = 10_000_000
"""Characters of one row: keeps memory bounded when a file has no line ends or a quote is never closed."""

# The csv module has one limit for the whole process (131,072 by default, which long descriptions exceed).
csv.field_size_limit(MAX_FIELD)

_UNQUOTED = "::"  # MovieLens' own format, which has no quoting: a title may begin with a quote
_BLOCK = 1 << 22  # characters a block: some 200,000 ratings, whose lists of strings take about 60 MB
_SMALL_PIECE, _LARGE_PIECE = 8, 512  # lines taken together in a block that has something unusual

_Taken = TypeVar("_Taken")


class Chunk(NamedTuple):
    """Some rows in the file's order, by column: ``columns[c][r]`` is field c of row r."""

    line: npt.NDArray[np.int64]  # (n,)
    raw: Sequence[str]  # (n,)
    columns: Sequence[Sequence[str]]  # (n_columns, n)


class Record(NamedTuple):
    """One row as it was cut out of the text; ``problem`` is "" when it could be split into fields."""

    offset: int  # of its first line, from the first line given
    raw: str
    fields: list[str]
    problem: str


@dataclass(frozen=True)
class Layout:
    """How a text is laid out: ``header_line`` is 0 without a header, ``sample`` has its first data rows.

    The table begins below ``n_above`` lines; ``titles`` are those of them that the caller should hear of.
    """

    separator: str
    columns: tuple[str, ...]
    header_line: int
    header_known: bool
    sample: tuple[tuple[str, ...], ...]
    n_above: int = 0
    titles: tuple[str, ...] = ()

    @property
    def has_header(self) -> bool:
        return self.header_line > 0


def read_chunks(text: TextSource, layout: Layout, log: ProblemLog) -> Iterator[Chunk]:
    """The data rows of ``text`` that have every field; others go to ``log``, blank lines are passed over."""

    def split(lines: Sequence[str], first_line: int, at_end: bool) -> tuple[Chunk, int]:
        return _split_block(lines, first_line, at_end, layout, text.damaged, log)

    for line, title in enumerate(layout.titles, layout.n_above - len(layout.titles) + 1):
        if title.strip():
            log.add(line, "", "", ABOVE_HEADER, title, kept=True)
    for chunk in _by_block(text, layout.n_above, split):
        if layout.has_header and layout.header_line in chunk.line[:1]:
            chunk = _without_header(chunk, layout, log)
        if len(chunk.line):
            yield chunk


def read_raw(text: TextSource, layout: Layout, wanted: npt.NDArray[np.int64]) -> Iterator[tuple[int, str]]:
    """The sound rows that start at the ``wanted`` lines, as (line, raw row); quick, for nothing else is split."""
    wanted = np.unique(wanted)

    def pick(lines: Sequence[str], first_line: int, at_end: bool) -> tuple[list[tuple[int, str]], int]:
        splitter = CarefulSplitter(lines, layout.separator, len(layout.columns), at_end)
        low, high = np.searchsorted(wanted, [first_line, first_line + len(lines)])
        found: list[tuple[int, str]] = []
        for line in wanted[low:high].tolist():
            records, _ = splitter.split(line - first_line, line - first_line + 1)
            if not records:
                return found, line - first_line
            found.append((line, records[0].raw))
        return found, len(lines)

    return chain.from_iterable(_by_block(text, layout.n_above, pick))


def _by_block(
    text: TextSource, n_above: int, take: Callable[[Sequence[str], int, bool], tuple[_Taken, int]]
) -> Iterator[_Taken]:
    """What ``take(lines, first line's number, at end)`` makes of block after block of the lines below ``n_above``.

    With it ``take`` returns how many of the lines it used; the others stand at the start of the next block.
    """
    line, pending, at_end = 1 + n_above, "", False
    with text.open() as stream:
        for _ in range(n_above):
            stream.readline()
        while not at_end:
            block = stream.read(_BLOCK)
            at_end = not block
            lines = (pending + block).split("\n")
            partial = "" if at_end else lines.pop()
            taken, n_lines = take(lines, line, at_end)
            if n_lines == len(lines):
                pending = partial[: MAX_ROW + 1]  # of one endless line its start is enough to report it
            else:
                pending = "\n".join([*lines[n_lines:], partial])
            line += n_lines
            yield taken


def _split_block(
    lines: Sequence[str], first_line: int, at_end: bool, layout: Layout, damaged: bool, log: ProblemLog
) -> tuple[Chunk, int]:
    """The rows of a block, and how many of its lines they take: not all when the last row goes on beyond it.

    Pieces in which each line is a sound row are split at once. Where one isn't, the pieces become smaller, so
    that a bad row costs little more than its own time; then they grow again.
    """
    splitter = CarefulSplitter(lines, layout.separator, len(layout.columns), at_end)
    chunks, position, size = [], 0, max(len(lines), _SMALL_PIECE)
    while position < len(lines):
        piece = lines[position : position + size]
        columns = _split_fast(piece, layout, damaged)
        if columns is not None:
            numbers = np.arange(len(piece), dtype=np.int64) + first_line + position
            chunks.append(Chunk(numbers, piece, columns))
            position, size = position + len(piece), size * 2
        elif size > _SMALL_PIECE:
            size = max(min(size // 4, _LARGE_PIECE), _SMALL_PIECE)
        else:
            start = position
            records, position = splitter.split(start, start + size)
            chunks.append(_sound_rows(records, first_line, layout, damaged, log))
            if position == start:
                break
            size *= 2
    return _merged(chunks, len(layout.columns)), position


def _merged(chunks: Sequence[Chunk], n_columns: int) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    full = [chunk for chunk in chunks if len(chunk.line)]
    return Chunk(
        np.concatenate([np.zeros(0, dtype=np.int64), *(chunk.line for chunk in full)]),
        list(chain.from_iterable(chunk.raw for chunk in full)),
        [list(chain.from_iterable(chunk.columns[column] for chunk in full)) for column in range(n_columns)],
    )


def _without_header(chunk: Chunk, layout: Layout, log: ProblemLog) -> Chunk:
    if not layout.header_known:
        log.add(layout.header_line, "", "", HEADER_GUESSED, chunk.raw[0], kept=True)
    return Chunk(chunk.line[1:], chunk.raw[1:], [column[1:] for column in chunk.columns])


def _split_fast(lines: Sequence[str], layout: Layout, damaged: bool) -> Sequence[Sequence[str]] | None:
    """Columns of ``lines`` if each line is one sound row, as in most blocks of a large file; or None."""
    separator, n_columns = layout.separator, len(layout.columns)
    text = "\n".join(lines)
    if not lines or "\0" in text or (damaged and DAMAGED in text) or max(map(len, lines)) > MAX_FIELD:
        return None
    if n_columns == 1 and not all(map(str.strip, lines)):
        return None  # a blank line would pass for a row of one empty field
    if separator == _UNQUOTED or '"' not in text:
        if set(map(methodcaller("count", separator), lines)) != {n_columns - 1}:
            return None
        fields = text.replace(separator, "\n").split("\n")
        return [fields[column::n_columns] for column in range(n_columns)]
    try:
        rows = list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error:
        return None
    if len(rows) != len(lines) or set(map(len, rows)) != {n_columns}:
        return None
    return list(zip(*rows, strict=True))


class CarefulSplitter:
    """Splits ``lines`` row by row, whatever is in them; ``n_columns`` None takes rows of any length.

    ``at_end`` says that the text ends with them; else the last row may go on beyond, and is left.
    """

    def __init__(self, lines: Sequence[str], separator: str, n_columns: int | None, at_end: bool) -> None:
        self._lines, self._separator, self._n_columns, self._at_end = lines, separator, n_columns, at_end

    @cached_property
    def _starts(self) -> list[int]:
        """Where each line starts in the text, and where the last one ends."""
        return [end + number for number, end in enumerate(accumulate(map(len, self._lines), initial=0))]

    @cached_property
    def _odd(self) -> list[int]:
        """The lines with an odd number of quotes."""
        return [number for number, line in enumerate(self._lines) if '"' in line and line.count('"') % 2]

    @cached_property
    def _closing(self) -> list[int]:
        """The lines with a quote that stands alone, and so may close a field."""
        return [number for number, line in enumerate(self._lines) if '"' in line and '"' in line.replace('""', "")]

    def split(self, position: int, stop: int) -> tuple[list[Record], int]:
        """The rows that start from line ``position`` to before ``stop``, and the line after the last of them."""
        records = []
        while position < min(stop, len(self._lines)):
            fields, problem = _split_line(self._lines[position], self._separator)
            n_lines = 1
            if problem == UNCLOSED_QUOTE:
                n_lines, joined = self._join(position)
                if n_lines == 0:
                    break
                fields, problem = (joined, "") if joined else (fields, problem)
            raw = "\n".join(self._lines[position : position + n_lines])
            records.append(Record(position, raw, fields, problem))
            position += n_lines
        return records, position

    def _join(self, position: int) -> tuple[int, list[str]]:
        """Lines and fields of the row that opens a quote here: (1, []) if it is not closed, (0, []) if unknown yet."""
        # Inside a quoted field quotes come in pairs, so the line that closes it has an odd number. A line that has
        # an even number already has a stray quote in it, and the next single quote must do: with a far one, a text
        # of such lines would be read to its end again for each of them.
        is_odd = self._lines[position].count('"') % 2
        ends = self._odd if is_odd else self._closing
        following = bisect_right(ends, position)
        if following == len(ends):
            may_go_on = not self._at_end and self._starts[-1] - self._starts[position] <= MAX_ROW
            return (0, []) if may_go_on else (1, [])
        end = ends[following] + 1
        if self._starts[end] - self._starts[position] > MAX_ROW:
            return 1, []
        fields = _split_lines(self._lines[position:end], self._separator, self._n_columns)
        return (end - position, fields) if fields else (1, [])


def _split_line(line: str, separator: str) -> tuple[list[str], str]:
    """The fields of one line, or the problem it has."""
    if len(line) > MAX_ROW:
        return [], ROW_TOO_LONG
    if separator == _UNQUOTED or '"' not in line:
        fields = line.split(separator)
        too_long = len(line) > MAX_FIELD and max(map(len, fields)) > MAX_FIELD
        return fields, FIELD_TOO_LONG if too_long else ""
    try:
        # An open quote swallows the empty line that follows, so that one row comes back instead of two.
        rows = list(csv.reader([line + "\n", "\n"], delimiter=separator))
    except csv.Error:
        return [], FIELD_TOO_LONG
    return rows[0], UNCLOSED_QUOTE if len(rows) == 1 else ""


def _split_lines(lines: Sequence[str], separator: str, n_columns: int | None) -> list[str]:
    """The fields of one row over several lines; none unless its quotes and number of fields are right."""
    try:
        rows = list(csv.reader((line + "\n" for line in lines), delimiter=separator, strict=True))
    except csv.Error:
        return []
    return rows[0] if len(rows) == 1 and n_columns in (None, len(rows[0])) else []


def _sound_rows(records: Sequence[Record], first_line: int, layout: Layout, damaged: bool, log: ProblemLog) -> Chunk:
    """The records with every field as a chunk; the others go to ``log``."""
    n_columns = len(layout.columns)
    kept = []
    for record in records:
        if not record.raw.strip():
            continue
        n_fields = len(record.fields)
        problem, value = record.problem, ""
        if "\0" in record.raw:
            problem, value = NUL_CHARACTER, record.raw.replace("\0", "␀")
        elif damaged and DAMAGED in record.raw:
            problem, value = MISFIT_BYTES, record.raw
        elif not problem and n_fields != n_columns:
            problem = TOO_FEW_FIELDS if n_fields < n_columns else TOO_MANY_FIELDS
            value = f"{n_fields} instead of {n_columns}"
        if problem:
            log.add(first_line + record.offset, "", value, problem, record.raw.replace("\0", "␀"))
        else:
            kept.append(record)
    line = np.array([first_line + record.offset for record in kept], dtype=np.int64)
    columns = list(zip(*(record.fields for record in kept), strict=True))
    return Chunk(line, [record.raw for record in kept], columns)
