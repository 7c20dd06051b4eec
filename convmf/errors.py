"""The project's own errors. Each message says what came, what is accepted, and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from itertools import islice

_MAX_SHOWN = 80
_MAX_LISTED = 12

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What an OSError has where there is no room to write."""


class ConvMFError(Exception):
    """Base of every error that a user can cause and can act on."""


class DataError(ConvMFError):
    """Ratings, descriptions or word vectors that can't be used."""


class ConfigError(ConvMFError):
    """A setting outside its range, or of the wrong kind."""


class ModelError(ConvMFError):
    """A model that can't be loaded, or was asked for something it doesn't know."""


class RunError(ConvMFError):
    """A training run that can't be started, resumed or finished."""


class CheckpointError(RunError):
    """A checkpoint that is damaged, or of a version that read texts differently: there is nothing to go on from."""


BROKEN = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
"""What Python raises where a file of ours holds something else than was written."""


def shown(text: str, most: int = _MAX_SHOWN) -> str:
    """``text`` as it can stand in a message: cut to ``most`` characters, and invisible ones written as escapes.

    Control characters, line ends and marks that turn the direction of reading are such; with them a file
    could forge a message, or hide it.
    """
    start = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text[: most + 1])
    return start if len(start) <= most else start[: most - 1] + "…"


def quoted(value: object, most: int = _MAX_SHOWN) -> str:
    """``value`` as Python writes it, in at most ``most`` characters: for a message that says what came."""
    try:
        return shown(repr(value), most)
    except ValueError:  # a whole number of thousands of digits
        return f"a huge {type(value).__name__}"


def listed(names: Iterable[str]) -> str:
    """The first few of ``names`` for a message, each as in :func:`shown`."""
    first = list(islice(names, _MAX_LISTED + 1))
    return ", ".join(map(shown, first[:_MAX_LISTED])) + (" …" if len(first) > _MAX_LISTED else "")
