"""Ratings and items from a user's file: a table, and a report of every row that had a problem."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from convmf.data.columns import (
    ITEM_ROLES,
    MOVIELENS_GENRES,
    RATING_ROLES,
    guess_item_roles,
    guess_rating_roles,
    name_roles,
)
from convmf.data.decoding import MAX_BYTES, inspect
from convmf.data.delimited import MAX_COLUMNS, MAX_FIELD, Chunk
from convmf.data.layout import find_layout
from convmf.data.markup import without_markup
from convmf.data.problems import (
    DUPLICATE_ITEM,
    DUPLICATE_RATING,
    ITEM_MISSING,
    MAX_PROBLEMS,
    RATING_MISSING,
    RATING_NOT_A_NUMBER,
    RATING_NOT_FINITE,
    TIMESTAMP_UNREADABLE,
    UNKNOWN_ITEM,
    USER_MISSING,
    ReadReport,
    problems_csv,
    problems_frame,
)
from convmf.data.tables import MAX_ROWS, OpenTable
from convmf.data.values import (
    MAX_ID,
    MAX_RATING,
    IdCodes,
    id_problem,
    parse_number,
    parse_time,
    thousands_sign,
    to_numbers,
    without_thousands,
)

__all__ = [
    "MAX_BYTES",
    "MAX_COLUMNS",
    "MAX_FIELD",
    "MAX_ID",
    "MAX_PROBLEMS",
    "MAX_ROWS",
    "Preview",
    "ReadReport",
    "Table",
    "preview",
    "problems_csv",
    "read_items",
    "read_ratings",
    "unknown_items",
]


@dataclass(frozen=True)
class Table:
    """What could be read of a file, and the report of what could not.

    Ratings: ``user_id`` and ``item_id`` (categories of str), ``rating`` (float64), ``timestamp`` (float64,
    seconds, NaN where missing; only if the file has it), ``line`` (int64). Items: ``item_id``, ``title``,
    ``text``, ``genres`` (str, "" where absent), ``line`` (int64). Rows are in the file's order.
    """

    frame: pd.DataFrame
    report: ReadReport


@dataclass(frozen=True)
class Preview:
    """The first rows of a file as they stand, and which column seems to play which role."""

    encoding: str
    separator: str
    has_header: bool
    columns: tuple[str, ...]
    rows: pd.DataFrame
    rating_roles: Mapping[str, str | tuple[str, ...]]
    item_roles: Mapping[str, str | tuple[str, ...]]


def preview(source: bytes | Path, n_rows: int = 8) -> Preview:
    """Look at the start of a file, for choosing its columns.

    ``rows`` (at most n_rows, n_columns) is a table of str. Columns without a name are called "column 1",
    "column 2" and so on. A role for which no column is found is left out.

    Raises
    ------
    DataError
        The file is no text table.
    """
    text = inspect(source)
    layout = find_layout(text)
    return Preview(
        encoding=text.encoding,
        separator=layout.separator,
        has_header=layout.has_header,
        columns=layout.columns,
        rows=pd.DataFrame(list(layout.sample[:n_rows]), columns=list(layout.columns), dtype="str"),
        rating_roles=name_roles(guess_rating_roles(layout.columns, layout.sample), layout.columns),
        item_roles=name_roles(guess_item_roles(layout.columns, layout.sample), layout.columns),
    )


def read_ratings(source: bytes | Path, *, columns: Mapping[str, str] | None = None, name: str = "") -> Table:
    """Read a ratings file: user, item, rating and, if it has one, timestamp.

    Of several ratings of an item by a user the latest is kept: by timestamp, else by its place in the file.

    Parameters
    ----------
    source
        The file's bytes, or its path; gzip or plain.
    columns
        Role ("user_id", "item_id", "rating", "timestamp") → column name, or "column 3"; "" leaves a role out.
        Roles not given are recognised by the columns' names, else by their places.
    name
        What to call the file in messages.

    Raises
    ------
    DataError
        A column isn't there, or not one row can be used.
    """
    table = OpenTable.open(source, name, columns, RATING_ROLES, guess_rating_roles)
    table.require("user_id", "item_id", "rating")
    users, items = IdCodes(), IdCodes()
    sign = thousands_sign([row[table.roles["rating"][0]] for row in table.layout.sample])
    parts = [_rating_part(table, chunk, users, items, sign) for chunk in table.chunks()]
    if not parts:
        raise table.unusable()
    ratings = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    del parts
    kept = _latest(ratings)
    if not kept.all():
        _log_repeated(table, {key: values[~kept] for key, values in ratings.items()}, users, items)
        ratings = {key: values[kept] for key, values in ratings.items()}
    report = table.report(n_kept=int(kept.sum()))
    ids = {
        "user_id": users.categories(ratings.pop("user_id")),
        "item_id": items.categories(ratings.pop("item_id")),
    }
    return Table(pd.DataFrame(ids | ratings), report)


def read_items(
    source: bytes | Path, *, columns: Mapping[str, str | Sequence[str]] | None = None, name: str = ""
) -> Table:
    """Read an items file: item, title, description and genres.

    ``columns`` is as in `read_ratings`, with the roles "item_id", "title", "text" and "genres"; text may be
    several columns, which are joined by a space in the file's order. Of several rows of an item the first
    with a text is kept. Line ends inside a text become ``\\n``; HTML in titles and texts is read as its text alone.

    Raises
    ------
    DataError
        A column isn't there, or not one row can be used.
    """
    table = OpenTable.open(source, name, columns, ITEM_ROLES, guess_item_roles)
    table.require("item_id")
    if not any(table.roles.get(role) for role in ("title", "text", "genres")):
        table.require("text")
    parts = [_item_part(table, chunk) for chunk in table.chunks()]
    if not parts:
        raise table.unusable()
    frame = pd.concat(parts, ignore_index=True)
    texts_first = frame["text"].eq("").sort_values(kind="stable").index
    repeated = frame["item_id"].loc[texts_first].duplicated().sort_index()
    if repeated.any():
        others = frame[repeated]
        raw = table.raw_rows(others["line"].to_numpy())
        for item, line in zip(others["item_id"], others["line"], strict=True):
            table.log.add(line, table.column_names("item_id"), item, DUPLICATE_ITEM, raw.get(line, ""))
        frame = frame[~repeated].reset_index(drop=True)
    return Table(frame, table.report(n_kept=len(frame)))


def unknown_items(ratings: Table, items: Table) -> pd.DataFrame:
    """The ratings whose item is not in the items file, in the columns of ``ReadReport.problems`` (kept=True).

    ``row`` is put together from the table's values. At most ``MAX_PROBLEMS`` are listed;
    ``attrs["n_unlisted"]`` of the result says how many more there are.
    """
    frame = ratings.frame
    known = frame["item_id"].cat.categories.isin(items.frame["item_id"])
    rows = np.flatnonzero(~known[frame["item_id"].cat.codes.to_numpy()])
    listed = frame.iloc[rows[:MAX_PROBLEMS]]
    column, separator = str(ratings.report.columns["item_id"]), ratings.report.separator
    numbers = [listed[key].map(_plain) for key in ("rating", "timestamp") if key in listed]
    cells = zip(listed["user_id"].astype("str"), listed["item_id"].astype("str"), *numbers, strict=True)
    problems = problems_frame(
        [
            (line, column, row[1], UNKNOWN_ITEM, True, separator.join(row))
            for line, row in zip(listed["line"], cells, strict=True)
        ]
    )
    problems.attrs["n_unlisted"] = len(rows) - len(listed)
    return problems


def _plain(number: float) -> str:
    return "" if math.isnan(number) else f"{number:.16g}"


def _rating_part(
    table: OpenTable, chunk: Chunk, users: IdCodes, items: IdCodes, sign: str
) -> dict[str, npt.NDArray[Any]]:
    """The sound ratings of a chunk by role; the others go to the log. ``sign`` parts their thousands, "" for none."""
    user, item, rating = (chunk.columns[table.roles[role][0]] for role in ("user_id", "item_id", "rating"))
    # Where commas separate columns, "4,5" in quotes may as well be a list.
    number = partial(parse_number, decimal_comma=table.layout.separator != ",")
    part: dict[str, npt.NDArray[Any]] = {
        "user_id": users.encode(user),
        "item_id": items.encode(item),
        "rating": to_numbers([without_thousands(field, sign) for field in rating] if sign else rating, number),
    }
    # Ratings are kept in single precision, and their squares are summed.
    part["rating"][np.abs(part["rating"]) > MAX_RATING] = np.inf
    sound = (part["user_id"] >= 0) & (part["item_id"] >= 0) & np.isfinite(part["rating"])
    for row in np.flatnonzero(~sound).tolist():
        role, value, reason = _rating_problem(user[row], item[row], rating[row], part["rating"][row])
        table.log.add(chunk.line[row], table.column_names(role), value, reason, chunk.raw[row])
    if table.roles.get("timestamp"):
        time = chunk.columns[table.roles["timestamp"][0]]
        part["timestamp"] = to_numbers(time, parse_time)
        for row in np.flatnonzero(np.isnan(part["timestamp"]) & sound).tolist():
            if time[row].strip():
                column, line = table.column_names("timestamp"), chunk.line[row]
                table.log.add(line, column, time[row], TIMESTAMP_UNREADABLE, chunk.raw[row], kept=True)
    part["line"] = chunk.line
    return {key: values[sound] for key, values in part.items()}


def _rating_problem(user: str, item: str, rating: str, number: float) -> tuple[str, str, str]:
    """Role, value and reason of the first thing that is wrong with a row."""
    for role, label, missing in (("user_id", user, USER_MISSING), ("item_id", item, ITEM_MISSING)):
        reason = id_problem(label.strip(), missing)
        if reason:
            return role, label, reason
    if not rating.strip():
        return "rating", rating, RATING_MISSING
    return "rating", rating, RATING_NOT_A_NUMBER if math.isnan(number) else RATING_NOT_FINITE


def _latest(ratings: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    """Which ratings to keep: each pair's latest, by timestamp (a missing one is oldest), then by place."""
    pairs = ratings["user_id"].astype(np.int64) << 32 | ratings["item_id"]
    if "timestamp" not in ratings:
        return ~pd.Series(pairs).duplicated(keep="last").to_numpy()
    kept = ~pd.Series(pairs).duplicated(keep=False).to_numpy()
    repeated = np.flatnonzero(~kept)
    seconds = np.nan_to_num(ratings["timestamp"][repeated], nan=-np.inf)
    order = repeated[np.lexsort((repeated, seconds, pairs[repeated]))]
    is_last = np.ones(len(order), dtype=bool)
    is_last[:-1] = pairs[order[1:]] != pairs[order[:-1]]
    kept[order] = is_last
    return kept


def _log_repeated(table: OpenTable, repeated: Mapping[str, npt.NDArray[Any]], users: IdCodes, items: IdCodes) -> None:
    raw = table.raw_rows(repeated["line"])
    columns = table.column_names("user_id", "item_id")
    rows = zip(*(repeated[key].tolist() for key in ("line", "user_id", "item_id")), strict=True)
    for line, user, item in rows:
        pair = f"{users.ids[user]}, {items.ids[item]}"
        table.log.add(line, columns, pair, DUPLICATE_RATING, raw.get(line, ""))


def _item_part(table: OpenTable, chunk: Chunk) -> pd.DataFrame:
    """The rows of a chunk that have an id; the others go to the log."""
    labels = [field.strip() for field in chunk.columns[table.roles["item_id"][0]]]
    sound = np.ones(len(labels), dtype=bool)
    for row, label in enumerate(labels):
        reason = id_problem(label, ITEM_MISSING)
        if reason:
            sound[row] = False
            table.log.add(chunk.line[row], table.column_names("item_id"), label, reason, chunk.raw[row])
    genres = table.roles.get("genres", ())
    has_flags = len(genres) == len(MOVIELENS_GENRES)
    columns = {
        "item_id": labels,
        "title": without_markup(_joined(chunk, table.roles.get("title", ()), " "), line_end=" "),
        "text": without_markup(_joined(chunk, table.roles.get("text", ()), " ")),
        "genres": _genre_names(chunk, genres) if has_flags else _joined(chunk, genres, "|"),
    }
    part = pd.DataFrame(columns, dtype="str")
    part["line"] = chunk.line
    return part[sound]


def _joined(chunk: Chunk, numbers: Sequence[int], glue: str) -> list[str]:
    """The given columns of each row as one string, without the empty ones."""
    if not numbers:
        return [""] * len(chunk.line)
    rows = zip(*(chunk.columns[number] for number in numbers), strict=True)
    return [glue.join(filter(None, map(str.strip, row))) for row in rows]


def _genre_names(chunk: Chunk, numbers: Sequence[int]) -> list[str]:
    """The genres of each row from MovieLens 100K's columns of 0 and 1."""
    rows = zip(*(chunk.columns[number] for number in numbers), strict=True)
    return [
        "|".join(name for name, flag in zip(MOVIELENS_GENRES, row, strict=True) if flag.strip() == "1") for row in rows
    ]
