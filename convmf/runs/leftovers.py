"""What nothing in the workspace points to: finding it, and freeing it."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from convmf.errors import RunError
from convmf.files import FileLock, temporary_files
from convmf.runs.database import explained
from convmf.runs.records import ACTIVE
from convmf.runs.store import ADDING_SUFFIX, Store

_NOUNS = {"datasets": "data set", "runs": "run"}
_FOLDER_NAME = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Known:
    """What the database knows: ids of data sets, and each run's state."""

    datasets: Collection[str]
    runs: Mapping[str, str]


@dataclass(frozen=True)
class Leftover:
    """A file or folder that nothing points to; ``is_unfinished`` when a process was killed while writing it."""

    path: Path
    what: str
    n_bytes: int
    is_unfinished: bool = False


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; files that vanish meanwhile count nothing."""
    total = 0
    for file in [path, *path.rglob("*")]:
        with contextlib.suppress(OSError):
            total += 0 if file.is_dir() else file.lstat().st_size
    return total


def find_leftovers(folder: Path, known: Callable[[], Known], *, in_use: bool) -> list[Leftover]:
    """All leftovers of the workspace in ``folder``, in order of their paths.

    Parameters
    ----------
    known
        Asked after the folders are listed, so that one whose addition ends meanwhile isn't taken for lost.
    in_use
        Whether a server may be training; then the files of active runs are left alone.
    """
    folders = [path for kind in _NOUNS for path in sorted((folder / kind).glob("*"))]
    busy = {path for path in folders if FileLock(path.with_suffix(ADDING_SUFFIX)).held_elsewhere()}
    ids = known()
    busy |= {folder / "runs" / run_id for run_id, state in ids.runs.items() if in_use and state in ACTIVE}
    kept = {*ids.datasets, *ids.runs}
    found = []
    for path in folders:
        if path in busy:
            continue
        if path.suffix == ADDING_SUFFIX:
            found.append(Leftover(path, "mark of an addition that was never finished", 0, True))
        elif path.is_dir() and _FOLDER_NAME.fullmatch(path.name) and path.name not in kept:
            is_unfinished = path.with_suffix(ADDING_SUFFIX).exists()
            what = f"folder of no {_NOUNS[path.parent.name]} in the database"
            found.append(Leftover(path, what, size_of(path), is_unfinished))
    covered = busy | {leftover.path for leftover in found}
    for path in temporary_files(folder):
        if covered.isdisjoint(path.parents):
            found.append(Leftover(path, "temporary file that was never finished", size_of(path), True))
    return sorted(found, key=lambda leftover: leftover.path)


def sweep(store: Store) -> list[Leftover]:
    """Free what processes that were killed left unfinished; only for the one that holds the workspace's lock."""
    return _free(store, [leftover for leftover in _all(store) if leftover.is_unfinished])


def collect(store: Store) -> list[Leftover]:
    """Free everything that nothing points to, and the checkpoints of finished runs, which nothing goes on from.

    Returns
    -------
    What was freed.

    Raises
    ------
    RunError
        A server is using the workspace, or its database is damaged.
    """
    if not store.acquire():
        raise RunError(f"A server is using the workspace {store.folder}. End it first, then free what is left over.")
    try:
        store.database.check_integrity()
        done = [store.folder / "runs" / run.id / "checkpoint" for run in store.runs() if run.state == "done"]
        spent = [Leftover(path, "checkpoint of a finished run", size_of(path)) for path in done if path.is_dir()]
        return _free(store, [*_all(store), *spent])
    finally:
        store.lock.release()


def _all(store: Store) -> list[Leftover]:
    def known() -> Known:
        return Known({record.id for record in store.datasets()}, {run.id: run.state for run in store.runs()})

    return find_leftovers(store.folder, known, in_use=False)


def _free(store: Store, leftovers: list[Leftover]) -> list[Leftover]:
    with explained(store.folder):
        for leftover in leftovers:
            if leftover.path.is_dir():
                shutil.rmtree(leftover.path)
            else:
                leftover.path.unlink(missing_ok=True)
    return leftovers
