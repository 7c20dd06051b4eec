"""Ratings and item texts under one roof, joined by ids, with row numbers only inside."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyarrow.lib import ArrowException

from convmf.data.arrays import kept, label, labels, numbers, read_only, row_numbers, strings
from convmf.data.readers import ReadReport, read_items, read_ratings, unknown_items
from convmf.data.sample import SAMPLE_NAME, sample_paths
from convmf.errors import DataError
from convmf.files import read_json, write_atomic, write_json

Index = NDArray[np.int32]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Ratings:
    """Observed ratings as three arrays of one length: row of the user, row of the item, rating.

    Any sequences of numbers will do. They are copied into read-only arrays, so that the caller's stay the caller's;
    only an array of the right type that is closed for writing, and is no view of another array, is shared.

    Attributes
    ----------
    user_index, item_index
        int32, (n_ratings,), from 0.
    rating
        float32, (n_ratings,).

    Raises
    ------
    DataError
        They are no numbers, differ in length, or an index is negative, beyond 32 bits or not whole.
    """

    user_index: Index
    item_index: Index
    rating: Floats

    def __post_init__(self) -> None:
        for name in ("user_index", "item_index"):
            object.__setattr__(self, name, kept(row_numbers(getattr(self, name), name), np.int32))
        object.__setattr__(self, "rating", kept(numbers(self.rating, "rating"), np.float32))
        if not len(self.user_index) == len(self.item_index) == len(self.rating):
            raise DataError("user_index, item_index and rating differ in length; each rating needs all three.")

    def __len__(self) -> int:
        return len(self.rating)

    def take(self, rows: NDArray[np.int64]) -> Ratings:
        """The ratings at the given positions."""
        return Ratings(*(read_only(array[rows]) for array in (self.user_index, self.item_index, self.rating)))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Ratings of users for items, and what is written about the items.

    Attributes
    ----------
    user_ids, item_ids
        The user's own labels; position = row number (``user_index``, ``item_index``). Whole numbers become strings.
    titles, texts, genres
        One string an item; "" where the file has none.
    ratings
        All observed ratings. Items without ratings and items without text are allowed. That nobody rates an item
        twice isn't checked, as it would take longer than loading all else: both ratings would count.

    Raises
    ------
    DataError
        There is no rating, one isn't finite, or points at no user or item; ids or texts aren't strings, stand twice, or
        are too many or too few.
    """

    name: str
    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    titles: tuple[str, ...]
    texts: tuple[str, ...]
    genres: tuple[str, ...]
    ratings: Ratings
    _item_row: dict[str, int] = field(init=False, repr=False)
    _user_row: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("user_ids", "item_ids"):
            object.__setattr__(self, name, labels(getattr(self, name), name))
        for name in ("titles", "texts", "genres"):
            object.__setattr__(self, name, strings(getattr(self, name), name))
        if not len(self.ratings):
            raise DataError("There is no rating in the data; at least one row of user, item, rating is needed.")
        if not len(self.item_ids) == len(self.titles) == len(self.texts) == len(self.genres):
            raise DataError("Item ids, titles, texts and genres differ in length; each item needs one of each.")
        object.__setattr__(self, "_user_row", {label: row for row, label in enumerate(self.user_ids)})
        object.__setattr__(self, "_item_row", {label: row for row, label in enumerate(self.item_ids)})
        if len(self._user_row) != self.n_users or len(self._item_row) != self.n_items:
            raise DataError("A user id or item id stands twice; ids must be unique.")
        for index, size in ((self.ratings.user_index, self.n_users), (self.ratings.item_index, self.n_items)):
            if index.min() < 0 or index.max() >= size:
                raise DataError("A rating points at a user or item that isn't in the data.")
        if not np.isfinite(self.ratings.rating).all():
            raise DataError("A rating is not a finite number.")

    @classmethod
    def from_tables(cls, ratings: pd.DataFrame, items: pd.DataFrame | None = None, *, name: str = "") -> Dataset:
        """Join the readers' tables by item id; items that only one table knows are kept.

        Parameters
        ----------
        ratings
            Columns user_id, item_id, rating. Of several ratings of one item by one user the last counts. An id is
            joined by its text, a whole number by its digits, also where a column of floats has it as 10.0.
        items
            Columns item_id, title, text, genres; None where there are ratings only.

        Raises
        ------
        DataError
            A column or an id is missing, or there is no rating.
        """
        for frame, names in ((ratings, ("user_id", "item_id", "rating")), (items, ("item_id",))):
            missing = [key for key in names if frame is not None and key not in frame]
            if missing:
                raise DataError(f"The table has no column {missing[0]}; it needs {', '.join(names)}.")
        user_codes, user_ids = _codes(ratings["user_id"], "ratings")
        item_codes, rated_ids = _codes(ratings["item_id"], "ratings")
        if items is None:
            items = pd.DataFrame({"item_id": pd.Series([], dtype=str)})
        _check_ids(items["item_id"].isna().to_numpy(), "items", "item_id")
        known = list(map(_text_of, items["item_id"]))
        row_of = {label: row for row, label in enumerate(known)}
        unknown = [label for label in rated_ids if label not in row_of]
        row_of.update({label: len(known) + position for position, label in enumerate(unknown)})
        rows = np.array([row_of[label] for label in rated_ids], dtype=np.int32)
        values = ratings["rating"].to_numpy(dtype=np.float32, copy=True)
        pairs = pd.Series(user_codes.astype(np.int64) * len(rated_ids) + item_codes)
        if (repeated := pairs.duplicated(keep="last").to_numpy()).any():  # what the readers give has none
            user_codes, item_codes, values = user_codes[~repeated], item_codes[~repeated], values[~repeated]

        def column(key: str) -> tuple[str, ...]:
            values = items[key].fillna("").astype(str).tolist() if key in items else [""] * len(known)
            return tuple(values) + ("",) * len(unknown)

        return cls(
            name=name,
            user_ids=tuple(user_ids),
            item_ids=tuple(known) + tuple(unknown),
            titles=column("title"),
            texts=column("text"),
            genres=column("genres"),
            ratings=Ratings(*map(read_only, (user_codes, rows[item_codes], values))),
        )

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    @property
    def n_ratings(self) -> int:
        return len(self.ratings)

    @property
    def n_items_with_text(self) -> int:
        return sum(1 for text in self.texts if text.strip())

    @property
    def density(self) -> float:
        """Share of the user × item matrix that is observed."""
        return self.n_ratings / (self.n_users * self.n_items)

    @property
    def rating_range(self) -> tuple[float, float]:
        """Lowest and highest rating that occurs: the scale that predictions are clipped to."""
        return float(self.ratings.rating.min()), float(self.ratings.rating.max())

    def summary(self) -> dict[str, int]:
        """The counts of a report."""
        return {
            "n_users": self.n_users,
            "n_items": self.n_items,
            "n_ratings": self.n_ratings,
            "n_items_with_text": self.n_items_with_text,
        }

    def label(self, item_index: int) -> str:
        """The item's title, or its id where it has none."""
        return self.titles[item_index] or self.item_ids[item_index]

    def item_counts(self) -> NDArray[np.int64]:
        """Ratings of each item, shape (n_items,)."""
        return np.bincount(self.ratings.item_index, minlength=self.n_items)

    def user_counts(self) -> NDArray[np.int64]:
        """Ratings of each user, shape (n_users,)."""
        return np.bincount(self.ratings.user_index, minlength=self.n_users)

    def save(self, folder: Path) -> None:
        """Write the data set as two Parquet files and a small JSON file."""
        folder.mkdir(parents=True, exist_ok=True)
        ratings = pd.DataFrame(
            {
                "user_index": self.ratings.user_index,
                "item_index": self.ratings.item_index,
                "rating": self.ratings.rating,
            }
        )
        items = pd.DataFrame(
            {"item_id": self.item_ids, "title": self.titles, "text": self.texts, "genres": self.genres}
        )
        for stem, frame in (
            ("ratings", ratings),
            ("items", items),
            ("users", pd.DataFrame({"user_id": self.user_ids})),
        ):
            buffer = io.BytesIO()
            frame.to_parquet(buffer, index=False, write_page_checksum=True)
            write_atomic(folder / f"{stem}.parquet", buffer.getvalue())
        write_json(folder / "dataset.json", {"name": self.name, **self.summary()})

    @classmethod
    def load(cls, folder: Path) -> Dataset:
        """Read what :meth:`save` wrote; a DataError says which file is missing or damaged."""
        try:
            meta = read_json(folder / "dataset.json")
            users, items, ratings = (
                pd.read_parquet(folder / f"{stem}.parquet", page_checksum_verification=True)
                for stem in ("users", "items", "ratings")
            )
            strings = {key: tuple(items[key].astype(str)) for key in ("item_id", "title", "text", "genres")}
            return cls(
                name=str(meta["name"]),
                user_ids=tuple(users["user_id"].astype(str)),
                item_ids=strings["item_id"],
                titles=strings["title"],
                texts=strings["text"],
                genres=strings["genres"],
                ratings=Ratings(
                    ratings["user_index"].to_numpy(), ratings["item_index"].to_numpy(), ratings["rating"].to_numpy()
                ),
            )
        except (OSError, KeyError, ValueError, TypeError, RecursionError, ArrowException) as error:
            raise DataError(
                f"The stored data set in {folder.name} can't be read ({error}). Delete it and load the files again."
            ) from error


def read_dataset(
    ratings: bytes | Path,
    items: bytes | Path | None = None,
    *,
    name: str = "",
    rating_columns: dict[str, str] | None = None,
    item_columns: dict[str, Any] | None = None,
) -> tuple[Dataset, dict[str, ReadReport]]:
    """A data set from two files, and a report of every bad row, by file ('ratings', 'items').

    Raises
    ------
    DataError
        Nothing in a file is usable, or a column given by the caller doesn't exist.
    """
    rating_table = read_ratings(ratings, columns=rating_columns, name=_file_name(ratings, "ratings"))
    reports = {"ratings": rating_table.report}
    item_frame = None
    if items is not None:
        item_table = read_items(items, columns=item_columns, name=_file_name(items, "items"))
        reports["ratings"] = _with_warnings(rating_table.report, unknown_items(rating_table, item_table))
        reports["items"] = item_table.report
        item_frame = item_table.frame
    return Dataset.from_tables(rating_table.frame, item_frame, name=name), reports


def load_dataset(ratings: bytes | Path | str, items: bytes | Path | str | None = None, *, name: str = "") -> Dataset:
    """A data set from a file of ratings and, optionally, a file of descriptions.

    Separator, encoding, header line and compression are recognised; bad rows are left out
    (:func:`read_dataset` also returns the report of them).
    """
    paths = [Path(source) if isinstance(source, str) else source for source in (ratings, items) if source is not None]
    label = name or (paths[0].parent.name if isinstance(paths[0], Path) else "")
    return read_dataset(*paths, name=label)[0]


def sample_dataset() -> Dataset:
    """The built-in data set: invented films, with synopses that tell whom they will please."""
    return load_dataset(*sample_paths(), name=SAMPLE_NAME)


def _codes(ids: pd.Series[Any], table: str) -> tuple[Index, list[str]]:
    """Row numbers in order of first appearance, and the label of each."""
    codes, uniques = pd.factorize(ids)
    _check_ids(codes < 0, table, str(ids.name))
    found = list(map(_text_of, uniques))
    if len(set(found)) < len(found):  # 10 and "10" in one column
        same, once = pd.factorize(np.array(found, dtype=object))
        codes, found = same[codes], list(once)
    return codes.astype(np.int32), found


def _text_of(value: object) -> str:
    """An id as it is joined by: see :func:`label`, and what else there may be as it is shown."""
    text = label(value)
    return str(value) if text is None else text


def _check_ids(missing: NDArray[np.bool_], table: str, column: str) -> None:
    """Raise a DataError when an id is missing somewhere, (n_rows,)."""
    if missing.any():
        raise DataError(
            f"The table of {table} has no {column} in row {int(missing.argmax())}, counted from 0 "
            f"({int(missing.sum()):,} in all); fill it in, or leave such rows out."
        )


def _with_warnings(report: ReadReport, warnings: pd.DataFrame) -> ReadReport:
    """The report with further rows that are kept, in the order of their lines."""
    problems = pd.concat([report.problems, warnings], ignore_index=True).sort_values("line", kind="stable")
    counts = Counter(report.counts) + Counter(warnings["reason"].tolist())
    n_unlisted = int(warnings.attrs.get("n_unlisted", 0))
    if n_unlisted:
        counts[str(warnings["reason"].iloc[0])] += n_unlisted
    return replace(
        report,
        problems=problems.reset_index(drop=True),
        counts=dict(counts),
        n_unlisted=report.n_unlisted + n_unlisted,
    )


def _file_name(source: bytes | Path, fallback: str) -> str:
    return source.name if isinstance(source, Path) else fallback
