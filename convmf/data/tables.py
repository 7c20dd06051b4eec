"""What the readers of ratings and of items share: a file that is opened, laid out, and reported on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convmf.data.columns import Roles, chosen_roles, looks_like_items, name_roles, roles_in_words
from convmf.data.decoding import TextSource, inspect
from convmf.data.delimited import Chunk, Layout, read_chunks, read_raw
from convmf.data.layout import find_layout, single_column
from convmf.data.problems import MAX_PROBLEMS, ProblemLog, ReadReport
from convmf.errors import DataError, listed, shown

MAX_ROWS = 50_000_000
"""Rows: twice MovieLens 25M, some 6 GB while reading; beyond it one machine's memory is at risk."""

Choice = Mapping[str, str] | Mapping[str, str | Sequence[str]]
Guess = Callable[[Sequence[str], Sequence[Sequence[str]], Roles], Roles]


@dataclass(frozen=True)
class OpenTable:
    """A file whose encoding, layout and roles are known; ``log`` gathers the problems of its rows."""

    text: TextSource
    layout: Layout
    roles: Roles
    log: ProblemLog = field(default_factory=ProblemLog)

    @classmethod
    def open(
        cls,
        source: bytes | Path,
        name: str,
        columns: Choice | None,
        known: Mapping[str, tuple[str, ...]],
        guess: Guess,
        *,
        alone: str = "",
    ) -> OpenTable:
        """The file with the caller's ``columns``, and the other roles by ``guess``.

        ``alone`` is a role whose column may be the only one, under a name by which it is known.

        Raises
        ------
        DataError
            It is no text table, or a column of the caller's isn't there.
        """
        text = inspect(source, name)
        layout = single_column(text, known[alone]) if alone else None
        layout = layout or find_layout(text, _names_in(columns))
        chosen = chosen_roles(columns, layout.columns, known, text.name)
        return cls(text, layout, guess(layout.columns, layout.sample, chosen))

    def require(self, *roles: str) -> None:
        """Raise a DataError when one of ``roles`` has no column."""
        missing = [role for role in roles if not self.roles.get(role)]
        if missing:
            raise DataError(
                f"{self.text.name} has no column for {', '.join(missing)}. Its columns: "
                f"{listed(self.layout.columns)}. Name the column {missing[0]}, or say which column it is."
            )

    def column_names(self, *roles: str) -> str:
        """The names of the columns read for ``roles``."""
        return ", ".join(self.layout.columns[self.roles[role][0]] for role in roles)

    def chunks(self) -> Iterator[Chunk]:
        """The rows with every field; the others go to the log."""
        n_rows = 0
        for chunk in read_chunks(self.text, self.layout, self.log):
            n_rows += len(chunk.line)
            if n_rows > MAX_ROWS:
                raise DataError(
                    f"{self.text.name} has more than {MAX_ROWS:,} rows, the most that is read. "
                    "Take a sample of its rows."
                )
            yield chunk

    def raw_rows(self, lines: npt.NDArray[np.int64]) -> dict[int, str]:
        """The raw rows that start at the first ``MAX_PROBLEMS`` of ``lines``.

        They are read again, because keeping the text of every row would cost more memory than the table.
        """
        return dict(read_raw(self.text, self.layout, np.sort(lines)[:MAX_PROBLEMS]))

    def report(self, n_kept: int) -> ReadReport:
        """The report of the whole file; a DataError when no row was kept."""
        if n_kept == 0:
            raise self.unusable()
        return ReadReport(
            name=self.text.name,
            encoding=self.text.encoding,
            separator=self.layout.separator,
            has_header=self.layout.has_header,
            columns=name_roles(self.roles, self.layout.columns),
            n_rows=n_kept + self.log.n_rejected,
            n_kept=n_kept,
            problems=self.log.frame(),
            counts=dict(self.log.counts),
            n_unlisted=self.log.n_unlisted,
        )

    def unusable(self) -> DataError:
        """The error for a file without a single row that can be used."""
        problems = self.log.frame()
        rejected = problems[~problems["kept"]]
        columns = listed(self.layout.columns)
        if rejected.empty:
            return DataError(f"{self.text.name} has a header and no rows: {columns}. Add rows below it.")
        first = rejected.iloc[0]
        read = roles_in_words(name_roles(self.roles, self.layout.columns))
        return DataError(
            f"{self.text.name} has no row that can be used: all {self.log.n_rejected:,} were rejected. "
            f"The first, line {first['line']}: {first['reason']} ({shown(first['value'] or first['row'], 200)}). "
            f"Its columns: {columns}. Read were {read}. "
            + (
                "They look like those of the other file, the one of items: were the two exchanged?"
                if "rating" in self.roles and looks_like_items(self.layout.columns)
                else "Check that these are the right columns."
            )
        )


def _names_in(columns: Choice | None) -> list[str]:
    """The names in the caller's choice, without places such as "column 3"."""
    values = (columns or {}).values()
    names = [name for value in values for name in ([value] if isinstance(value, str) else value) if name]
    return [name for name in names if not re.fullmatch(r"column \d+", name)]
