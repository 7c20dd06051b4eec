"""Writing files so that a reader never meets half of one, and a lock that dies with its process."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


_TEMPORARY = re.compile(r"\.tmp-[0-9a-f]{8}-.+")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place, flushed to the disk, when the block ends well.

    The temporary name ends in ``path.name``, so writers that look at the suffix see the right one.
    When the block raises, the old file stays as it was and the temporary one is removed.

    Raises
    ------
    OSError
        The folder can't be written, or the disk is full.
    """
    path = Path(os.path.realpath(path))  # of a link what it points to takes the new content
    temporary = path.with_name(f".tmp-{secrets.token_hex(4)}-{path.name}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``: after a crash there is the old file or the new one, never a part.

    A link stays one. A device or a pipe is written into.

    Raises
    ------
    OSError
        The folder can't be written, or the disk is full.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as UTF-8 JSON, atomically.

    Raises
    ------
    OSError
        The folder can't be written, or the disk is full.
    TypeError, ValueError
        ``value`` holds something that JSON doesn't know; NaN and infinity are among them.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1)
    # A file's name may hold bytes that are no UTF-8; they come as half characters, which JSON has escapes for.
    write_atomic(path, text.encode("utf-8", "backslashreplace"))


def read_json(path: Path) -> Any:
    """What ``write_json`` wrote.

    Raises
    ------
    OSError
        The file isn't there or can't be read.
    ValueError
        The file isn't UTF-8 JSON.
    """
    return json.loads(path.read_bytes().decode("utf-8"))


def temporary_files(folder: Path) -> list[Path]:
    """Files in ``folder`` and below that were being written and never took their place, in order of their names.

    Those of a writer that is at work are among them.
    """
    return sorted(path for path in folder.rglob(".tmp-*") if _TEMPORARY.fullmatch(path.name) and path.is_file())


class FileLock:
    """One holder at a time over all processes; the operating system frees it when the holder dies.

    The file stays behind: removing it would let two processes hold two files of one name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def held_elsewhere(self) -> bool:
        """Whether somebody else holds it at this moment; makes no file."""
        if self.held or not self.path.exists():
            return False
        try:
            free = self.acquire()
        except OSError:  # of a file that can't be written nobody can take the lock
            return False
        self.release()
        return not free

    def acquire(self) -> bool:
        """Take the lock without waiting; False when it is taken, by this object too.

        Raises
        ------
        OSError
            The file can't be opened, or its file system knows no locks.
        """
        if self.held:
            return False
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(descriptor)
        except (BlockingIOError, PermissionError):
            os.close(descriptor)
            return False
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back; nothing happens when it isn't held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` last; some systems can't open a folder, and lose nothing else by it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
