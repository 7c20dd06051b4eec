"""The workspace: data sets, runs and their history, the lists in SQLite and all that is large in files."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convmf.config import ConvMFConfig
from convmf.errors import RunError
from convmf.files import FileLock

if TYPE_CHECKING:
    from convmf.data.dataset import Dataset
    from convmf.data.splits import SplitSettings
    from convmf.data.vectors import WordVectors

LIFE: Mapping[str, tuple[str, ...]] = {
    "queued": ("running", "stopped", "interrupted"),
    "running": ("stopping", "done", "failed", "interrupted"),
    "stopping": ("stopped", "done", "failed", "interrupted"),
    "stopped": ("queued",),
    "failed": ("queued",),
    "interrupted": ("queued",),
    "done": (),
}
"""What may follow each state of a run; back to queued means: resume."""

ACTIVE = ("queued", "running", "stopping")
"""States in which a run is waiting for its training or in it."""

MAX_LABEL_LENGTH = 100
VECTORS_NAME = "vectors.safetensors"

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
)
"""One entry a version of the database, oldest first. Entries are only ever added, never changed."""

_RUN_COLUMNS = "runs.*, (SELECT COUNT(*) FROM iterations WHERE run_id = runs.id) AS iterations_done"
_ID = re.compile(r"[0-9a-f]{8,32}")


@dataclass(frozen=True)
class DatasetRecord:
    """A data set in the workspace; ``created`` is in UTC."""

    id: str
    name: str
    created: datetime
    n_users: int
    n_items: int
    n_ratings: int
    n_items_with_text: int
    note: str


@dataclass(frozen=True)
class RunRecord:
    """A run as it stood when it was read; times are in UTC.

    ``started`` and ``ended`` belong to the last time it went to work, ``phase`` says in a few words what
    it does while it is running, ``iterations_done`` counts its history.
    """

    id: str
    dataset_id: str
    name: str
    state: str
    reason: str
    phase: str
    config: dict[str, Any]
    split: dict[str, Any]
    device: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    baselines: dict[str, dict[str, float]] | None
    report: dict[str, Any] | None
    iterations_done: int

    @property
    def n_iterations(self) -> int:
        """At most this many iterations, by its settings."""
        return int(self.config["n_iterations"])

    @property
    def is_active(self) -> bool:
        """Whether it is waiting for its training or in it."""
        return self.state in ACTIVE


def workspace_folder() -> Path:
    """The folder in CONVMF_HOME, or ``.convmf`` beside app.py."""
    home = os.environ.get("CONVMF_HOME", "").strip()
    return Path(home).expanduser() if home else Path(__file__).parents[2] / ".convmf"


class Store:
    """The workspace in ``folder``, made when it isn't there. May be used from any thread.

    Every method raises RunError when the database can't be read or written, with the reason.

    Raises
    ------
    RunError
        The folder can't be written, the database is damaged or made by a newer version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.lock = FileLock(self.folder / "workspace.lock")
        self._guard = threading.RLock()
        with self._explained():
            for name in ("datasets", "runs"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            # isolation_level=None: transactions begin where the code says so, not where sqlite3 guesses.
            self._db = sqlite3.connect(
                self.folder / "workspace.db", timeout=10.0, isolation_level=None, check_same_thread=False
            )
        try:
            with self._explained():
                self._db.row_factory = sqlite3.Row
                self._db.execute("PRAGMA foreign_keys = ON")
                self._db.execute("PRAGMA journal_mode = WAL")
            self._migrate()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the database and give back the workspace's lock; nothing else may be called afterwards."""
        with self._guard:
            self._db.close()
        self.lock.release()

    # Data sets

    def add_dataset(self, dataset: Dataset, note: str = "") -> DatasetRecord:
        """Save ``dataset`` to the workspace under a new id. A long name is cut to 100 characters."""
        dataset_id = secrets.token_hex(8)
        folder = self.folder / "datasets" / dataset_id
        row = {
            "id": dataset_id,
            "name": _label(dataset.name[:MAX_LABEL_LENGTH].strip() or "Data set"),
            "created": time.time(),
            "n_users": dataset.n_users,
            "n_items": dataset.n_items,
            "n_ratings": dataset.n_ratings,
            "n_items_with_text": dataset.n_items_with_text,
            "note": note.strip(),
        }
        try:
            with self._explained():
                folder.mkdir()
                dataset.save(folder)
            with self._transaction():
                self._insert("datasets", row)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return self.dataset_record(dataset_id)

    def datasets(self) -> list[DatasetRecord]:
        """All data sets, the newest first."""
        rows = self._rows("SELECT * FROM datasets ORDER BY created DESC, rowid DESC")
        return [_dataset_record(row) for row in rows]

    def dataset_record(self, dataset_id: str) -> DatasetRecord:
        """The data set with this id.

        Raises
        ------
        RunError
            There is none.
        """
        rows = self._rows("SELECT * FROM datasets WHERE id = ?", _checked_id(dataset_id))
        if not rows:
            raise RunError(f"There is no data set {dataset_id!r} in this workspace. It may have been deleted.")
        return _dataset_record(rows[0])

    def load_dataset(self, dataset_id: str) -> Dataset:
        """The data set itself, read from its files."""
        folder = self.dataset_folder(dataset_id)
        # Imported here because pandas is slow to import and lists of runs do without it.
        from convmf.data.dataset import Dataset

        return Dataset.load(folder)

    def dataset_folder(self, dataset_id: str) -> Path:
        """Where the files of a known data set are."""
        return self.folder / "datasets" / self.dataset_record(dataset_id).id

    def rename_dataset(self, dataset_id: str, name: str) -> DatasetRecord:
        """Give a data set another label."""
        self._update("datasets", self.dataset_record(dataset_id).id, {"name": _label(name)})
        return self.dataset_record(dataset_id)

    def delete_dataset(self, dataset_id: str, *, with_runs: bool = False) -> None:
        """Delete a data set and its files; with ``with_runs`` the ended runs on it go too.

        Raises
        ------
        RunError
            A run on it is waiting or training, or there are ended runs and ``with_runs`` is off.
        """
        with self._transaction():
            record = self.dataset_record(dataset_id)
            runs = [run for run in self.runs() if run.dataset_id == dataset_id]
            busy = ", ".join(run.name for run in runs if run.is_active)
            if busy:
                raise RunError(f"{record.name} is in use by {busy}. Stop the training first, then delete it.")
            if runs and not with_runs:
                names = ", ".join(run.name for run in runs)
                raise RunError(f"{record.name} has trained runs: {names}. Delete them first, or together with it.")
            self._db.execute("DELETE FROM runs WHERE dataset_id = ?", (dataset_id,))
            self._db.execute("DELETE FROM datasets WHERE id = ?", (dataset_id,))
        for run in runs:
            shutil.rmtree(self.folder / "runs" / run.id, ignore_errors=True)
        shutil.rmtree(self.folder / "datasets" / dataset_id, ignore_errors=True)

    # Runs

    def create_run(
        self,
        dataset_id: str,
        config: ConvMFConfig,
        split: SplitSettings,
        name: str = "",
        word_vectors: WordVectors | None = None,
    ) -> RunRecord:
        """A new run in state queued, called "Run <number>" when it has no name.

        ``word_vectors`` are kept in a file of its own, so that the run finds them when it is resumed.
        """
        run_id = secrets.token_hex(8)
        folder = self.folder / "runs" / run_id
        try:
            with self._explained():
                folder.mkdir()
                if word_vectors is not None:
                    word_vectors.save(folder / VECTORS_NAME)
            self._insert_run(run_id, dataset_id, config, split, name)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return self.run(run_id)

    def _insert_run(self, run_id: str, dataset_id: str, config: ConvMFConfig, split: SplitSettings, name: str) -> None:
        with self._transaction():
            dataset_id = self.dataset_record(dataset_id).id
            number = self._rows("SELECT COALESCE(MAX(rowid), 0) + 1 FROM runs")[0][0]
            row = {
                "id": run_id,
                "dataset_id": dataset_id,
                "name": _label(name.strip() or f"Run {number}"),
                "state": "queued",
                "config": _to_json(config.to_dict()),
                "split": _to_json(split.to_dict()),
                "device": config.device,
                "created": time.time(),
            }
            self._insert("runs", row)

    def run(self, run_id: str) -> RunRecord:
        """The run with this id.

        Raises
        ------
        RunError
            There is none.
        """
        rows = self._rows(f"SELECT {_RUN_COLUMNS} FROM runs WHERE id = ?", _checked_id(run_id))
        if not rows:
            raise RunError(f"There is no run {run_id!r} in this workspace. It may have been deleted.")
        return _run_record(rows[0])

    def runs(self) -> list[RunRecord]:
        """All runs, the newest first."""
        rows = self._rows(f"SELECT {_RUN_COLUMNS} FROM runs ORDER BY created DESC, rowid DESC")
        return [_run_record(row) for row in rows]

    def set_state(
        self,
        run_id: str,
        state: str,
        reason: str = "",
        *,
        device: str | None = None,
        report: dict[str, Any] | None = None,
    ) -> RunRecord:
        """Take a run to its next state and note the time; ``device`` and ``report`` are kept when not given.

        Raises
        ------
        RunError
            The step isn't one of ``LIFE``.
        """
        with self._transaction():
            run = self.run(run_id)
            if state not in LIFE[run.state]:
                allowed = ", ".join(LIFE[run.state]) or "nothing else"
                raise RunError(f"{run.name} is {run.state} and can't become {state}, only {allowed}.")
            changes: dict[str, Any] = {"state": state, "reason": reason, "phase": ""}
            if state == "queued":
                changes |= {"started": None, "ended": None}
            elif state != "stopping":
                changes["started" if state == "running" else "ended"] = time.time()
            self._update("runs", run_id, changes)
            return self.update_run(run_id, device=device, report=report)

    def update_run(
        self,
        run_id: str,
        *,
        name: str | None = None,
        device: str | None = None,
        phase: str | None = None,
        baselines: dict[str, dict[str, float]] | None = None,
        report: dict[str, Any] | None = None,
    ) -> RunRecord:
        """Change what is given, keep the rest."""
        changes = {
            "name": None if name is None else _label(name),
            "device": device,
            "phase": phase,
            "baselines": None if baselines is None else _to_json(baselines),
            "report": None if report is None else _to_json(report),
        }
        self._update("runs", self.run(run_id).id, {key: value for key, value in changes.items() if value is not None})
        return self.run(run_id)

    def delete_run(self, run_id: str) -> None:
        """Delete a run with its history, model and files.

        Raises
        ------
        RunError
            It is waiting or training.
        """
        with self._transaction():
            run = self.run(run_id)
            if run.is_active:
                raise RunError(f"{run.name} is {run.state}. Stop it first, then delete it.")
            self._db.execute("DELETE FROM runs WHERE id = ?", (run_id,))
        shutil.rmtree(self.folder / "runs" / run_id, ignore_errors=True)

    def run_folder(self, run_id: str) -> Path:
        """Where the files of a known run are."""
        return self.folder / "runs" / self.run(run_id).id

    def model_folder(self, run_id: str) -> Path:
        """Where a known run's model is saved; may not be there yet."""
        return self.run_folder(run_id) / "model"

    def checkpoint_folder(self, run_id: str) -> Path:
        """Where a known run's checkpoint is written; may not be there yet."""
        return self.run_folder(run_id) / "checkpoint"

    def word_vectors(self, run_id: str) -> WordVectors | None:
        """The pretrained word vectors that a known run starts from, if any.

        Raises
        ------
        DataError
            Their file is damaged.
        """
        path = self.run_folder(run_id) / VECTORS_NAME
        if not path.exists():
            return None
        from convmf.data.vectors import WordVectors

        return WordVectors.load(path)

    # History

    def append_iteration(self, run_id: str, result: Mapping[str, Any]) -> None:
        """Add ``result``, whose "iteration" counts from 1; older results from there on are forgotten.

        A resumed run repeats the iterations since its checkpoint, so that what it had there is out of date.
        """
        iteration = int(result["iteration"])
        values = (_checked_id(run_id), iteration, time.time(), _to_json(dict(result)))
        with self._transaction():
            self._db.execute("DELETE FROM iterations WHERE run_id = ? AND iteration >= ?", values[:2])
            self._db.execute("INSERT INTO iterations VALUES (?, ?, ?, ?)", values)

    def history(self, run_id: str) -> list[dict[str, Any]]:
        """The results of all finished iterations, in order."""
        rows = self._rows("SELECT result FROM iterations WHERE run_id = ? ORDER BY iteration", _checked_id(run_id))
        return [json.loads(row["result"]) for row in rows]

    def iteration_times(self, run_id: str) -> list[datetime]:
        """When each finished iteration was added, in order."""
        rows = self._rows("SELECT recorded FROM iterations WHERE run_id = ? ORDER BY iteration", _checked_id(run_id))
        return [_utc(row["recorded"]) for row in rows]

    def clear_history(self, run_id: str) -> None:
        """Forget all iterations of a run that starts anew."""
        with self._transaction():
            self._db.execute("DELETE FROM iterations WHERE run_id = ?", (_checked_id(run_id),))

    # One server at a time

    def acquire(self) -> bool:
        """Become the one that trains in this workspace; False when somebody is that already."""
        with self._explained():
            return self.lock.acquire()

    def recover(self) -> list[RunRecord]:
        """Mark the runs that a process left behind as interrupted, and return them.

        Raises
        ------
        RunError
            The workspace's lock isn't held: those runs may be at work elsewhere.
        """
        if not self.lock.held:
            raise RunError("Runs can only be recovered by the server that holds this workspace.")
        reasons = {
            "queued": "The server ended before this run began. Resume it to start.",
            "running": "The server ended while this run was training. Resume it to go on.",
            "stopping": "The server ended while this run was being stopped. Resume it to go on.",
        }
        with self._transaction():
            left = [run for run in self.runs() if run.is_active]
            return [self.set_state(run.id, "interrupted", reasons[run.state]) for run in left]

    # The database

    def _migrate(self) -> None:
        latest = len(MIGRATIONS)
        with self._transaction():
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > latest:
                raise RunError(
                    f"The workspace {self.folder} was made by a newer version of this program (its database "
                    f"has version {version}, this program knows up to {latest}). Update the program, or set "
                    "CONVMF_HOME to another folder."
                )
            for statements in MIGRATIONS[version:]:
                for statement in statements:
                    self._db.execute(statement)
            if version < latest:
                self._db.execute(f"PRAGMA user_version = {latest}")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of the block or nothing of it; a transaction inside another one joins it."""
        with self._guard, self._explained():
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self._guard, self._explained():
            return self._db.execute(query, values).fetchall()

    def _insert(self, table: str, row: Mapping[str, Any]) -> None:
        places = ", ".join("?" * len(row))
        self._db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", tuple(row.values()))

    def _update(self, table: str, row_id: str, changes: Mapping[str, Any]) -> None:
        if changes:
            places = ", ".join(f"{column} = ?" for column in changes)
            with self._transaction():
                self._db.execute(f"UPDATE {table} SET {places} WHERE id = ?", (*changes.values(), row_id))

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors of the disk and the database into a RunError that says what to do."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise RunError(f"The workspace {self.folder} {_explanation(error)}") from error


def _explanation(error: Exception) -> str:
    text = str(error)
    if "disk is full" in text or "No space left" in text:
        return "is on a full disk. Free some space and try again."
    if "not a database" in text or "malformed" in text:
        return f"has a damaged workspace.db ({text}). Put back a copy of it, or set CONVMF_HOME to a new folder."
    if "locked" in text:
        return "is being written by another process. Wait a moment and try again."
    if isinstance(error, OSError) or "readonly" in text or "unable to open" in text:
        return f"can't be used ({text}). Make it writable, or set CONVMF_HOME to another folder."
    return f"can't be used ({text})."


def _checked_id(text: str) -> str:
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise RunError(f"{text!r} is not an id of this workspace: an id is 8 to 32 of the characters 0-9 and a-f.")
    return text


def _label(name: str) -> str:
    label = " ".join(name.split())
    if not 1 <= len(label) <= MAX_LABEL_LENGTH:
        raise RunError(f"A name has 1 to {MAX_LABEL_LENGTH} characters; this one has {len(label)}.")
    return label


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _dataset_record(row: sqlite3.Row) -> DatasetRecord:
    return DatasetRecord(**{**dict(row), "created": _utc(row["created"])})


def _run_record(row: sqlite3.Row) -> RunRecord:
    values = dict(row)
    for column in ("created", "started", "ended"):
        values[column] = None if values[column] is None else _utc(values[column])
    for column in ("config", "split", "baselines", "report"):
        values[column] = None if values[column] is None else json.loads(values[column])
    return RunRecord(**values)
