"""The workspace: data sets, runs and their history, the lists in SQLite and all that is large in files."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convmf.config import ConvMFConfig
from convmf.errors import RunError
from convmf.files import FileLock
from convmf.labels import one_line
from convmf.runs.database import BACKUP_NAME, Database, explained
from convmf.runs.records import (
    ACTIVE,
    LIFE,
    MAX_LABEL_LENGTH,
    DatasetRecord,
    RunRecord,
    checked_id,
    label_of,
    tags_of,
    utc,
)

if TYPE_CHECKING:
    from convmf.data.dataset import Dataset
    from convmf.data.splits import SplitSettings
    from convmf.data.vectors import WordVectors

__all__ = [
    "ACTIVE",
    "LIFE",
    "MAX_LABEL_LENGTH",
    "DatasetRecord",
    "RunRecord",
    "Store",
    "wants_read_only",
    "workspace_folder",
]

LOCK_NAME, VECTORS_NAME = "workspace.lock", "vectors.safetensors"
ADDING_SUFFIX = ".adding"
"""Of the lock beside a folder that is being added."""

_PLAIN_COLUMNS = (
    "id, dataset_id, name, state, reason, phase, config, split, device, created, started, ended, baselines, tags, "
    "all_baselines, "
    "(SELECT COUNT(*) FROM iterations WHERE run_id = runs.id) AS iterations_done"
)
_WHOLE = f"SELECT {_PLAIN_COLUMNS}, report FROM runs"
# Nine tenths of a report are its history; parsing that for every run would make lists slow.
_LISTED = f"SELECT {_PLAIN_COLUMNS}, json_remove(report, '$.history') AS report FROM runs"


def workspace_folder() -> Path:
    """The folder in CONVMF_HOME, or ``.convmf`` beside app.py."""
    home = os.environ.get("CONVMF_HOME", "").strip()
    return Path(home).expanduser() if home else Path(__file__).parents[2] / ".convmf"


def wants_read_only() -> bool:
    """Whether CONVMF_READ_ONLY asks for a workspace that is only looked at: any value but 0, false, no and off."""
    return os.environ.get("CONVMF_READ_ONLY", "").strip().lower() not in ("", "0", "false", "no", "off")


class Store:
    """The workspace in ``folder``, made when it isn't there. May be used from any thread.

    Every method raises RunError when the database can't be read or written, with the reason. One that is
    ``read_only`` refuses every method that would change something, and so does the database behind it.

    Raises
    ------
    RunError
        The folder can't be written, the database is damaged or made by a newer version; of one that is
        ``read_only``: it isn't there, or was made by an older version.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.folder = folder.resolve()
        self.read_only = read_only
        self.lock = FileLock(self.folder / LOCK_NAME)
        if not read_only:
            with explained(self.folder):
                for name in ("datasets", "runs"):
                    (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.database = Database(self.folder, read_only=read_only)

    def close(self) -> None:
        """Close the database and give back the workspace's lock; nothing else may be called afterwards."""
        self.database.close()
        self.lock.release()

    def require_writable(self) -> None:
        """Raise a RunError when this workspace is only looked at."""
        self.database.require_writable()

    # Data sets

    def add_dataset(self, dataset: Dataset, note: str = "") -> DatasetRecord:
        """Save ``dataset`` to the workspace under a new id. A long name is cut to 100 characters."""
        self.require_writable()
        dataset_id = secrets.token_hex(8)
        row = {
            "id": dataset_id,
            "name": one_line(dataset.name)[:MAX_LABEL_LENGTH].strip() or "Data set",
            "created": time.time(),
            "n_users": dataset.n_users,
            "n_items": dataset.n_items,
            "n_ratings": dataset.n_ratings,
            "n_items_with_text": dataset.n_items_with_text,
            "note": note.strip(),
        }
        with self._adding(self.folder / "datasets" / dataset_id) as folder:
            dataset.save(folder)
            self.database.insert("datasets", row)
        return self.dataset_record(dataset_id)

    def datasets(self) -> list[DatasetRecord]:
        """All data sets, the newest first."""
        rows = self.database.rows("SELECT * FROM datasets ORDER BY rowid DESC")
        return [DatasetRecord.from_row(row) for row in rows]

    def dataset_record(self, dataset_id: str) -> DatasetRecord:
        """The data set with this id.

        Raises
        ------
        RunError
            There is none.
        """
        rows = self.database.rows("SELECT * FROM datasets WHERE id = ?", checked_id(dataset_id))
        if not rows:
            raise RunError(f"There is no data set {dataset_id!r} in this workspace. It may have been deleted.")
        return DatasetRecord.from_row(rows[0])

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
        self.database.update("datasets", self.dataset_record(dataset_id).id, {"name": label_of(name)})
        return self.dataset_record(dataset_id)

    def delete_dataset(self, dataset_id: str, *, with_runs: bool = False) -> None:
        """Delete a data set and its files; with ``with_runs`` the ended runs on it go too.

        Raises
        ------
        RunError
            A run on it is waiting or training, or there are ended runs and ``with_runs`` is off.
        """
        with self.database.transaction():
            record = self.dataset_record(dataset_id)
            runs = self._listed("WHERE dataset_id = ?", dataset_id)
            busy = ", ".join(run.name for run in runs if run.is_active)
            if busy:
                raise RunError(f"{record.name} is in use by {busy}. Stop the training first, then delete it.")
            if runs and not with_runs:
                names = ", ".join(run.name for run in runs)
                raise RunError(f"{record.name} has trained runs: {names}. Delete them first, or together with it.")
            self.database.execute("DELETE FROM runs WHERE dataset_id = ?", dataset_id)
            self.database.execute("DELETE FROM datasets WHERE id = ?", dataset_id)
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
        *,
        all_baselines: bool = False,
    ) -> RunRecord:
        """A new run in state queued, called "Run <number>" when it has no name.

        ``word_vectors`` are kept in a file of its own, so that the run finds them when it is resumed;
        ``all_baselines`` is kept for when it is measured.
        """
        self.require_writable()
        run_id = secrets.token_hex(8)
        with self._adding(self.folder / "runs" / run_id) as folder:
            if word_vectors is not None:
                word_vectors.save(folder / VECTORS_NAME)
            self._insert_run(run_id, dataset_id, config, split, name, all_baselines)
        return self.run(run_id)

    def _insert_run(
        self,
        run_id: str,
        dataset_id: str,
        config: ConvMFConfig,
        split: SplitSettings,
        name: str,
        all_baselines: bool,
    ) -> None:
        with self.database.transaction():
            dataset_id = self.dataset_record(dataset_id).id
            number = self.database.rows("SELECT COALESCE(MAX(rowid), 0) + 1 FROM runs")[0][0]
            row = {
                "id": run_id,
                "dataset_id": dataset_id,
                "name": label_of(one_line(name) or f"Run {number}"),
                "state": "queued",
                "config": _to_json(config.to_dict()),
                "split": _to_json(split.to_dict()),
                "device": config.device,
                "created": time.time(),
                "all_baselines": all_baselines,
            }
            self.database.insert("runs", row)

    def run(self, run_id: str) -> RunRecord:
        """The run with this id.

        Raises
        ------
        RunError
            There is none.
        """
        rows = self.database.rows(f"{_WHOLE} WHERE id = ?", checked_id(run_id))
        if not rows:
            raise RunError(f"There is no run {run_id!r} in this workspace. It may have been deleted.")
        return RunRecord.from_row(rows[0])

    def runs(self) -> list[RunRecord]:
        """All runs, the newest first; their reports come without "history", which :meth:`run` gives."""
        return self._listed("")

    def listing(self) -> tuple[list[DatasetRecord], list[RunRecord]]:
        """All data sets and all runs, the newest first; the data set of each of these runs is among them, whatever
        another session adds or deletes meanwhile."""
        records = self.datasets()
        known = {record.id for record in records}
        return records, [run for run in self.runs() if run.dataset_id in known]

    def active_runs(self) -> list[RunRecord]:
        """The runs that wait for their training or are in it, the oldest first."""
        return self._listed(f"WHERE state IN ({', '.join('?' * len(ACTIVE))})", *ACTIVE)[::-1]

    def _listed(self, condition: str, *values: str) -> list[RunRecord]:
        # By rowid, not by time: it grows even when the clock is set back.
        rows = self.database.rows(f"{_LISTED} {condition} ORDER BY rowid DESC", *values)
        return [RunRecord.from_row(row) for row in rows]

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
        with self.database.transaction():
            run = self.run(run_id)
            if state not in LIFE[run.state]:
                allowed = ", ".join(LIFE[run.state]) or "nothing else"
                raise RunError(f"{run.name} is {run.state} and can't become {state}, only {allowed}.")
            changes: dict[str, Any] = {"state": state, "reason": reason, "phase": ""}
            if state == "queued":
                changes |= {"started": None, "ended": None}
            elif state == "running":
                changes["started"] = time.time()
            elif state != "stopping":
                # Not before its start, even when the clock was set back.
                changes["ended"] = max(time.time(), run.started.timestamp() if run.started else 0.0)
            self.database.update("runs", run_id, changes)
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
        tags: Sequence[str] | None = None,
    ) -> RunRecord:
        """Change what is given, keep the rest; a tag that is given twice is kept once."""
        changes = {
            "name": None if name is None else label_of(name),
            "tags": None if tags is None else _to_json(tags_of(tags)),
            "device": device,
            "phase": phase,
            "baselines": None if baselines is None else _to_json(baselines),
            "report": None if report is None else _to_json(report),
        }
        self.database.update(
            "runs", self.run(run_id).id, {key: value for key, value in changes.items() if value is not None}
        )
        return self.run(run_id)

    def clear_report(self, run_id: str) -> None:
        """Forget the figures of a run, whose model is about to become another one."""
        self.database.update("runs", self.run(run_id).id, {"report": None})

    def delete_run(self, run_id: str) -> None:
        """Delete a run with its history, model and files.

        Raises
        ------
        RunError
            There is none, or it is waiting or training.
        """
        self.delete_runs([self.run(run_id).id])

    def delete_runs(self, run_ids: Collection[str]) -> None:
        """Delete all of these runs as :meth:`delete_run` does, or none; those that are gone already don't matter.

        Raises
        ------
        RunError
            One of them is waiting or training.
        """
        with self.database.transaction():
            runs = [run for run in self.runs() if run.id in set(run_ids)]
            for run in runs:
                if run.is_active:
                    raise RunError(f"{run.name} is {run.state}. Stop it first, then delete it.")
                self.database.execute("DELETE FROM runs WHERE id = ?", run.id)
        for run in runs:
            shutil.rmtree(self.folder / "runs" / run.id, ignore_errors=True)

    def run_folder(self, run_id: str) -> Path:
        """Where the files of a known run are."""
        return self.folder / "runs" / self.run(run_id).id

    def model_folder(self, run_id: str) -> Path:
        """Where a known run's model is saved; may not be there yet."""
        return self.run_folder(run_id) / "model"

    def checkpoint_folder(self, run_id: str) -> Path:
        """Where a known run's checkpoint is written; may not be there yet."""
        return self.run_folder(run_id) / "checkpoint"

    def has_word_vectors(self, run_id: str) -> bool:
        """Whether a known run starts from pretrained word vectors."""
        return (self.run_folder(run_id) / VECTORS_NAME).exists()

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
        values = (checked_id(run_id), iteration, time.time(), _to_json(dict(result)))
        with self.database.transaction():
            self.database.execute("DELETE FROM iterations WHERE run_id = ? AND iteration >= ?", *values[:2])
            self.database.execute("INSERT INTO iterations VALUES (?, ?, ?, ?)", *values)

    def history(self, run_id: str) -> list[dict[str, Any]]:
        """The results of all finished iterations, in order."""
        rows = self.database.rows(
            "SELECT result FROM iterations WHERE run_id = ? ORDER BY iteration", checked_id(run_id)
        )
        return [json.loads(row["result"]) for row in rows]

    def iteration_times(self, run_id: str) -> list[datetime]:
        """When each finished iteration was added, in order."""
        rows = self.database.rows(
            "SELECT recorded FROM iterations WHERE run_id = ? ORDER BY iteration", checked_id(run_id)
        )
        return [utc(row["recorded"]) for row in rows]

    def clear_history(self, run_id: str) -> None:
        """Forget all iterations of a run that starts anew."""
        with self.database.transaction():
            self.database.execute("DELETE FROM iterations WHERE run_id = ?", checked_id(run_id))

    # One server at a time

    def acquire(self) -> bool:
        """Become the one that trains in this workspace; False when somebody is that already, or it is read-only."""
        if self.read_only:
            return False
        with explained(self.folder):
            return self.lock.acquire()

    def back_up(self) -> None:
        """Keep a copy of the database beside it, for the day when a page of it is damaged."""
        self.require_writable()
        self.database.copy_to(self.folder / BACKUP_NAME)

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
        with self.database.transaction():
            return [self.set_state(run.id, "interrupted", reasons[run.state]) for run in self.active_runs()]

    @contextlib.contextmanager
    def _adding(self, folder: Path) -> Iterator[Path]:
        """A new folder, gone again when the block fails. While the block is at work a lock stands beside it, by
        which a folder that a killed process left half filled is known."""
        lock = FileLock(folder.with_suffix(ADDING_SUFFIX))
        with explained(self.folder):
            lock.acquire()
            try:
                folder.mkdir()
                yield folder
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            finally:
                lock.release()
                lock.path.unlink(missing_ok=True)


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
