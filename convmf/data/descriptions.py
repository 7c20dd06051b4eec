"""Descriptions of items that don't exist yet, from a user's file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from convmf.data.columns import ITEM_ROLES, guess_item_roles
from convmf.data.delimited import Chunk
from convmf.data.markup import without_markup
from convmf.data.readers import Table
from convmf.data.tables import OpenTable
from convmf.errors import DataError

MAX_DESCRIPTIONS = 10_000
"""Descriptions of one file: some minutes of reading, and a table that a browser still shows."""

DESCRIPTION_MISSING = "description is missing"


def read_descriptions(
    source: bytes | Path, *, columns: Mapping[str, str | Sequence[str]] | None = None, name: str = ""
) -> Table:
    """Read a file of descriptions: a name or id of each, and its text; several columns of text are joined.

    The text may stand alone: one column under a name such as "description", a text a line.

    The table has ``item_id``, ``title``, ``text`` (str, "" where absent) and ``line`` (int64), in the file's order.
    Other than in a file of items, rows may share an id, or have none, and a row needs a text.

    Parameters
    ----------
    columns
        As in :func:`convmf.data.readers.read_items`, with the roles "item_id", "title" and "text".

    Raises
    ------
    DataError
        It is no text table, it has no column of texts, not one row can be used, or there are too many rows.
    """
    table = OpenTable.open(source, name, columns, ITEM_ROLES, guess_item_roles, alone="text")
    table.require("text")
    parts, n_rows = [], 0
    for chunk in table.chunks():
        part = _part(table, chunk)
        n_rows += len(part)
        if n_rows > MAX_DESCRIPTIONS:
            raise DataError(
                f"{table.text.name} has more than {MAX_DESCRIPTIONS:,} descriptions, the most that are rated at once. "
                "Split the file."
            )
        parts.append(part)
    if not n_rows:
        raise table.unusable()
    return Table(pd.concat(parts, ignore_index=True), table.report(n_kept=n_rows))


def _part(table: OpenTable, chunk: Chunk) -> pd.DataFrame:
    """The rows of a chunk that have a text; the others go to the log."""
    item_id, title, text = (_joined(chunk, table.roles.get(role, ())) for role in ("item_id", "title", "text"))
    fields = {"item_id": item_id, "title": without_markup(title, line_end=" "), "text": without_markup(text)}
    part = pd.DataFrame(fields, dtype="str")
    part["line"] = chunk.line
    for row in part.index[part["text"] == ""].tolist():
        table.log.add(chunk.line[row], table.column_names("text"), "", DESCRIPTION_MISSING, chunk.raw[row])
    return part[part["text"] != ""]


def _joined(chunk: Chunk, numbers: Sequence[int]) -> list[str]:
    """The given columns of each row as one string, without the empty ones."""
    rows = zip(*(chunk.columns[number] for number in numbers), strict=True) if numbers else [()] * len(chunk.line)
    return [" ".join(filter(None, map(str.strip, row))) for row in rows]
