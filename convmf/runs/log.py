"""The log of a run: what its training says, in memory while it is at work and in a file of its own."""

from __future__ import annotations

import contextlib
import logging
import textwrap
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOG_LINES = 200
"""Lines that are kept in memory and shown, the newest."""

_TAIL_BYTES = 65_536
_DETAIL = "  | "
"""Begins the lines of a traceback. They stand in the file alone: paths and code are nothing for a page."""


class _Formatter(logging.Formatter):
    def formatException(self, ei: Any) -> str:  # noqa: N802, logging's own name
        return textwrap.indent(super().formatException(ei), _DETAIL, lambda line: True)


class RunLog(logging.Handler):
    """Keeps what the training's own thread logs, in memory and in the run's file."""

    def __init__(self, path: Path, lines: deque[str]) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(_Formatter("%(asctime)s %(message)s"))
        self._path = path
        self._lines = lines
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.add(self.format(record))

    def add(self, text: str) -> None:
        """Add ``text``, of one line or several; details of an error to the file only."""
        self._lines.extend(_without_details(text))
        # A full disk must not end a training by way of its log.
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(text.rstrip("\n") + "\n")


@contextlib.contextmanager
def logging_to(lines: deque[str], path: Path) -> Iterator[RunLog]:
    """Keep what this thread logs inside the block, in ``lines`` and at the end of the file ``path``."""
    package = logging.getLogger("convmf")
    level = package.level
    handler = RunLog(path, lines)
    package.addHandler(handler)
    if not package.isEnabledFor(logging.INFO):
        package.setLevel(logging.INFO)
    try:
        yield handler
    finally:
        package.setLevel(level)
        package.removeHandler(handler)


def last_lines(path: Path) -> list[str]:
    """The last lines of a log file without details of errors, the newest at the end; none where there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return _without_details(text)[-LOG_LINES:]


def _without_details(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(_DETAIL)]
