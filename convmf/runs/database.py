"""The workspace's SQLite database: its versions, its transactions, and errors that say what to do."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from convmf.errors import RunError
from convmf.files import replacing

DATABASE_NAME, BACKUP_NAME = "workspace.db", "workspace.backup.db"

_WITHOUT_READ_ONLY = "with a server that CONVMF_READ_ONLY isn't set for"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE datasets (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, created REAL NOT NULL, n_users INTEGER NOT NULL,
            n_items INTEGER NOT NULL, n_ratings INTEGER NOT NULL, n_items_with_text INTEGER NOT NULL,
            note TEXT NOT NULL)""",
        """CREATE TABLE runs (
            id TEXT PRIMARY KEY, dataset_id TEXT NOT NULL REFERENCES datasets (id), name TEXT NOT NULL,
            state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', phase TEXT NOT NULL DEFAULT '',
            config TEXT NOT NULL, split TEXT NOT NULL, device TEXT NOT NULL, created REAL NOT NULL,
            started REAL, ended REAL, baselines TEXT, report TEXT)""",
        "CREATE INDEX runs_of_dataset ON runs (dataset_id)",
        """CREATE TABLE iterations (
            run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE, iteration INTEGER NOT NULL,
            recorded REAL NOT NULL, result TEXT NOT NULL, PRIMARY KEY (run_id, iteration))""",
    ),
    ("ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'",),
    ("ALTER TABLE runs ADD COLUMN all_baselines INTEGER NOT NULL DEFAULT 0",),
)
"""One entry a version of the database, oldest first. Entries are only ever added, never changed."""


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn errors of the disk and the database of the workspace ``folder`` into a RunError that says what to do."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise RunError(f"The workspace {folder} {_explanation(error)}") from error


_CANT_WRITE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


def open_to_read(folder: Path) -> tuple[sqlite3.Connection, bool]:
    """The database of the workspace in ``folder``, which this connection can't change, and whether it is frozen: sees
    nothing of what is written from now on.

    One that is written ahead needs two more files beside it. Where they are missing and can't be made (a medium that
    is only read, a folder of somebody else's) nobody is writing at this moment, and the file is read as it stands.

    Raises
    ------
    sqlite3.Error
        It can't be read, or is no database.
    """
    path = folder / DATABASE_NAME
    connection = _connect(path, "mode=ro")
    try:
        connection.execute("PRAGMA user_version")
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in _CANT_WRITE or path.with_name(f"{DATABASE_NAME}-wal").exists():
            raise
        return _connect(path, "mode=ro&immutable=1"), True
    return connection, False


def _connect(path: Path, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        uri=True,
        timeout=10.0,
        isolation_level=None,  # transactions begin where the code says so, not where sqlite3 guesses
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    return connection


class Database:
    """The database of the workspace in ``folder``, brought to the latest version. May be used from any thread.

    One that is ``read_only`` has to be there in the latest version, and refuses every change.

    Raises
    ------
    RunError
        It can't be read or written, is damaged, or was made by a newer version; so does every method.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.folder = folder
        self.read_only = read_only
        self._guard = threading.RLock()
        path = folder / DATABASE_NAME
        if read_only and not path.is_file():
            raise RunError(f"There is no workspace in {folder} to show. Fill it first, {_WITHOUT_READ_ONLY}.")
        self._frozen_at: tuple[int, int, bool] | None = None
        with explained(folder):
            if read_only:
                self._open_to_read()
            else:
                self._connection = _connect(path, "mode=rwc")
        try:
            with explained(folder):
                self._connection.execute("PRAGMA foreign_keys = ON")
                if not read_only:
                    self._use_wal()
            self._migrate()
        except BaseException:
            self._connection.close()
            raise

    def _use_wal(self) -> None:
        """Write ahead; unlike for other statements SQLite doesn't wait when another process holds the file."""
        deadline = time.monotonic() + 10.0
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def close(self) -> None:
        """Close it; nothing else may be called afterwards."""
        with self._guard:
            self._connection.close()

    def require_writable(self) -> None:
        """Raise a RunError when this database is only looked at."""
        if self.read_only:
            raise RunError(
                "This workspace is read-only here: nothing in it can be changed. Start the server without "
                "CONVMF_READ_ONLY to add, train, rename or delete."
            )

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing of it; a transaction inside another one joins it."""
        self.require_writable()
        with self._guard, explained(self.folder):
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _looking(self) -> Iterator[None]:
        with self._guard, explained(self.folder):
            if self._frozen_at not in (None, self._marks()):
                self._connection.close()
                self._open_to_read()
            yield

    def _open_to_read(self) -> None:
        marks = self._marks()  # before: what is written meanwhile is noticed at the next look
        self._connection, is_frozen = open_to_read(self.folder)
        self._frozen_at = marks if is_frozen else None

    def _marks(self) -> tuple[int, int, bool]:
        """What tells that somebody has written: when, how much, and whether they are about to."""
        status = (self.folder / DATABASE_NAME).stat()
        return status.st_mtime_ns, status.st_size, (self.folder / f"{DATABASE_NAME}-wal").exists()

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """All rows that ``query`` gives."""
        with self._looking():
            return self._connection.execute(query, values).fetchall()

    def execute(self, statement: str, *values: Any) -> None:
        """Run one statement, as a transaction of its own where it isn't in one."""
        with self.transaction():
            self._connection.execute(statement, values)

    def insert(self, table: str, row: Mapping[str, Any]) -> None:
        """Add a row; its keys are the names of columns."""
        places = ", ".join("?" * len(row))
        self.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())

    def update(self, table: str, row_id: str, changes: Mapping[str, Any]) -> None:
        """Change columns of the row with this id."""
        if changes:
            places = ", ".join(f"{column} = ?" for column in changes)
            self.execute(f"UPDATE {table} SET {places} WHERE id = ?", *changes.values(), row_id)

    def check_integrity(self) -> None:
        """Raise a RunError when a page of it is damaged."""
        with explained(self.folder):
            found = self.rows("PRAGMA integrity_check(1)")[0][0]
            if found != "ok":
                raise sqlite3.DatabaseError(f"malformed: {' '.join(found.split())}")

    def copy_to(self, path: Path) -> None:
        """Write a copy of the whole database to ``path``, unless it is damaged."""
        self.check_integrity()
        with self._guard, explained(self.folder), replacing(path) as temporary:
            with contextlib.closing(sqlite3.connect(temporary)) as copy:
                self._connection.backup(copy)

    def _migrate(self) -> None:
        latest = len(MIGRATIONS)
        with self._looking() if self.read_only else self.transaction():
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version > latest:
                raise RunError(
                    f"The workspace {self.folder} was made by a newer version of this program (its database "
                    f"has version {version}, this program knows up to {latest}). Update the program, or set "
                    "CONVMF_HOME to another folder."
                )
            if version < latest and self.read_only:
                raise RunError(
                    f"The workspace {self.folder} was made by an older version. Open it once {_WITHOUT_READ_ONLY}."
                )
            for statements in MIGRATIONS[version:]:
                for statement in statements:
                    self._connection.execute(statement)
            if version < latest:
                self._connection.execute(f"PRAGMA user_version = {latest}")


def _explanation(error: Exception) -> str:
    text = str(error)
    if "disk is full" in text or "No space left" in text:
        return "is on a full disk. Free some space and try again."
    if "not a database" in text or "malformed" in text:
        return (
            f"has a damaged {DATABASE_NAME} ({text}). End the program, remove {DATABASE_NAME}, {DATABASE_NAME}-wal and "
            f"{DATABASE_NAME}-shm, and put back a copy of it: {BACKUP_NAME} is from the last time that the "
            "program or a run began or ended. Or set CONVMF_HOME to a new folder."
        )
    if "locked" in text:
        return "is being written by another process. Wait a moment and try again."
    if isinstance(error, OSError) or "readonly" in text or "unable to open" in text:
        return f"can't be used ({text}). Make it writable, or set CONVMF_HOME to another folder."
    return f"can't be used ({text})."
