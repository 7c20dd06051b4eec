"""Is everything in the workspace whole? Looks, and changes nothing."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from convmf.config import ConvMFConfig
from convmf.errors import ConvMFError, RunError
from convmf.files import FileLock
from convmf.runs.database import DATABASE_NAME, MIGRATIONS, explained, open_to_read
from convmf.runs.leftovers import Known, find_leftovers, size_of
from convmf.runs.records import ACTIVE
from convmf.runs.store import LOCK_NAME, VECTORS_NAME

_JSON_COLUMNS = (
    ("runs", "id", ("config", "split", "baselines", "report")),
    ("iterations", "run_id", ("result",)),
)


@dataclass(frozen=True)
class Problem:
    """What is wrong, and where: a path in the workspace."""

    where: str
    what: str


@dataclass(frozen=True)
class Findings:
    """What a workspace holds, and what is wrong with it."""

    folder: Path
    version: int
    n_datasets: int
    n_runs: int
    n_bytes: int
    in_use: bool
    problems: tuple[Problem, ...]


def require_workspace(folder: Path) -> Path:
    """``folder``, if it is a workspace.

    Raises
    ------
    RunError
        It isn't.
    """
    if not (folder / DATABASE_NAME).is_file():
        raise RunError(f"There is no workspace in {folder}: it has no {DATABASE_NAME}. Give its folder with --home.")
    return folder.resolve()


def check_workspace(folder: Path) -> Findings:
    """Check the database, every file that it points to, and what lies around beside them.

    A server may be at work meanwhile; the files of its active runs are left out.

    Raises
    ------
    RunError
        ``folder`` is no workspace.
    """
    folder = require_workspace(folder)
    in_use = FileLock(folder / LOCK_NAME).held_elsewhere()
    check = _Check(folder, in_use)
    try:
        with _reading(folder) as database:
            check.look(database)
    except RunError as error:
        check.report(DATABASE_NAME, error)
    return Findings(
        folder, check.version, len(check.datasets), len(check.runs), size_of(folder), in_use, tuple(check.problems)
    )


@contextlib.contextmanager
def _reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """The database, opened so that nothing can be changed."""
    with explained(folder), contextlib.closing(open_to_read(folder)[0]) as database:
        yield database


class _Check:
    """The problems found so far, and what the database knows."""

    def __init__(self, folder: Path, in_use: bool) -> None:
        self.folder, self.in_use = folder, in_use
        self.problems: list[Problem] = []
        self.datasets: list[sqlite3.Row] = []
        self.runs: list[sqlite3.Row] = []
        self.version = 0

    def report(self, where: str, what: object) -> None:
        self.problems.append(Problem(where, " ".join(str(what).split())))

    def look(self, database: sqlite3.Connection) -> None:
        """Everything, in the order in which one thing rests on the other."""
        for row in database.execute("PRAGMA integrity_check(5)").fetchall():
            if row[0] != "ok":
                self.report(DATABASE_NAME, f"damaged: {row[0]}")
        self.version = database.execute("PRAGMA user_version").fetchone()[0]
        if self.version > len(MIGRATIONS):
            what = f"made by a newer version of this program (database version {self.version})"
            self.report(DATABASE_NAME, f"{what}; this one knows up to {len(MIGRATIONS)} and can't check the rest")
            return
        if self.version == 0:  # nothing was ever put in it
            return
        self._look_at_rows(database)
        for row in self.datasets:
            self._try(f"datasets/{row['id']}", row["name"], partial(self._look_at_dataset, row))
        for row in self.runs:
            self._look_at_run(row)
        leftovers = find_leftovers(self.folder, lambda: self._read_known(database), in_use=self.in_use)
        for leftover in leftovers:
            where = leftover.path.relative_to(self.folder).as_posix()
            self.report(where, f"{leftover.what}; workspace gc frees it")

    def _look_at_rows(self, database: sqlite3.Connection) -> None:
        for table, key, columns in _JSON_COLUMNS:
            for column in columns:
                query = f"SELECT DISTINCT {key} FROM {table} WHERE {column} IS NOT NULL AND NOT json_valid({column})"
                for row in database.execute(query).fetchall():
                    self.report(DATABASE_NAME, f"{column} of run {row[0]} isn't JSON")
        for row in database.execute("PRAGMA foreign_key_check").fetchall():
            self.report(DATABASE_NAME, f"a row of {row['table']} belongs to no row of {row['parent']}")
        self.datasets = database.execute("SELECT * FROM datasets ORDER BY rowid").fetchall()
        query = "SELECT id, name, state, config, report IS NOT NULL AS is_measured FROM runs ORDER BY rowid"
        self.runs = database.execute(query).fetchall()

    def _read_known(self, database: sqlite3.Connection) -> Known:
        datasets = {row["id"] for row in database.execute("SELECT id FROM datasets").fetchall()}
        return Known(datasets, dict(database.execute("SELECT id, state FROM runs").fetchall()))

    def _try(self, where: str, name: str, look: Callable[[], object]) -> None:
        try:
            look()
        except (ConvMFError, OSError) as error:
            self.report(where, f"({name!r}) {error}")

    def _look_at_dataset(self, row: sqlite3.Row) -> None:
        from convmf.data.dataset import Dataset

        for key, value in Dataset.load(self.folder / "datasets" / row["id"]).summary().items():
            if row[key] != value:
                raise RunError(f"its files have {value:,} as {key}, the database {row[key]:,}")

    def _look_at_run(self, row: sqlite3.Row) -> None:
        from convmf.data.vectors import WordVectors
        from convmf.model.storage import read_model
        from convmf.training.checkpoint import FILE_NAME, load_checkpoint

        where, folder = f"runs/{row['id']}", self.folder / "runs" / row["id"]
        with contextlib.suppress(ValueError):  # reported with the rows
            self._try(where, row["name"], lambda: ConvMFConfig.from_saved(json.loads(row["config"])))
        if row["state"] in ACTIVE:
            if not self.in_use:
                what = f"{row['state']}, but no server is at work; the next start marks it as interrupted"
                self.report(where, f"({row['name']!r}) {what}")
            return
        if not folder.is_dir():
            self.report(where, f"({row['name']!r}) its folder is missing")
            return
        if row["state"] == "done" or row["is_measured"]:
            self._try(where, row["name"], lambda: read_model(folder / "model"))
        if (folder / "checkpoint" / FILE_NAME).exists():
            self._try(where, row["name"], lambda: load_checkpoint(folder / "checkpoint"))
        if (folder / VECTORS_NAME).exists():
            self._try(where, row["name"], lambda: WordVectors.load(folder / VECTORS_NAME))
