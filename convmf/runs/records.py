"""What the workspace knows of a data set and of a run, and which steps a run's life may take."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from convmf.config import saved_settings
from convmf.errors import RunError
from convmf.labels import one_line

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
MAX_TAG_LENGTH, MAX_TAGS = 30, 10

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

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> DatasetRecord:
        """The record of a row of the database."""
        return cls(**{**dict(row), "created": utc(row["created"])})


@dataclass(frozen=True)
class RunRecord:
    """A run as it stood when it was read; times are in UTC.

    ``started`` and ``ended`` belong to the last time it went to work, ``phase`` says in a few words what
    it does while it is running, ``iterations_done`` counts its history, ``all_baselines`` says whether it
    trains the costly baselines too when it is measured.
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
    tags: tuple[str, ...] = ()
    all_baselines: bool = False

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> RunRecord:
        """The record of a row of the database."""
        values = dict(row)
        for column in ("created", "started", "ended"):
            values[column] = None if values[column] is None else utc(values[column])
        for column in ("config", "split", "baselines", "report"):
            values[column] = None if values[column] is None else json.loads(values[column])
        if isinstance(values["config"], dict):
            values["config"] = saved_settings(values["config"])
        values["tags"] = tuple(json.loads(values["tags"]))
        values["all_baselines"] = bool(values["all_baselines"])
        return cls(**values)

    @property
    def n_iterations(self) -> int:
        """At most this many iterations, by its settings."""
        return int(self.config["n_iterations"])

    @property
    def is_active(self) -> bool:
        """Whether it is waiting for its training or in it."""
        return self.state in ACTIVE

    @property
    def is_trained(self) -> bool:
        """Whether it has ended and left a model with its figures."""
        return self.report is not None and not self.is_active

    @property
    def is_uncorrected(self) -> bool:
        """Whether it was stopped before its text network was corrected for new texts, which its settings ask for."""
        asked = self.config["calibration"] and self.config["biases"] and self.config["text"] != "none"
        return bool(asked and (self.report or {}).get("stopped_early"))


def checked_id(text: str) -> str:
    """``text``, when it can be an id; a RunError when it can't, so that nothing else ever becomes a path."""
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise RunError(f"{text!r} is not an id of this workspace: an id is 8 to 32 of the characters 0-9 and a-f.")
    return text


def label_of(name: str) -> str:
    """``name`` on one line without unseen characters; a RunError when it is empty or too long."""
    label = one_line(name)
    if not 1 <= len(label) <= MAX_LABEL_LENGTH:
        raise RunError(f"A name has 1 to {MAX_LABEL_LENGTH} characters; this one has {len(label)}.")
    return label


def tags_of(tags: Sequence[str]) -> list[str]:
    """``tags`` with their white space evened out, each once; a RunError when one is too long, or there are too many."""
    found = list(dict.fromkeys(tag for given in tags if (tag := " ".join(given.split()))))
    long = next((tag for tag in found if len(tag) > MAX_TAG_LENGTH), None)
    if long is not None:
        raise RunError(f"A tag has at most {MAX_TAG_LENGTH} characters; {long[:20]!r}… has {len(long)}.")
    if len(found) > MAX_TAGS:
        raise RunError(f"A run has at most {MAX_TAGS} tags; these are {len(found)}. Leave some out.")
    return found


def utc(seconds: float) -> datetime:
    """The moment that is ``seconds`` after 1970."""
    return datetime.fromtimestamp(seconds, UTC)
