"""Labels of the options of a list, each of them once: the browser sends labels back, and two alike would be one."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from convmf.runs.store import DatasetRecord, RunRecord

Key = TypeVar("Key", bound=Hashable)


def distinct(labels: Mapping[Key, str], *, taken: str = "") -> dict[Key, str]:
    """``labels`` (id to words), with a number behind those that came before or that are ``taken``."""
    shown: dict[Key, str] = {}
    seen = {taken}
    for key, label in labels.items():
        candidate, number = label, 1
        while candidate in seen:
            number += 1
            candidate = f"{label} ({number})"
        seen.add(candidate)
        shown[key] = candidate
    return shown


def dataset_labels(records: Sequence[DatasetRecord]) -> dict[str, str]:
    """Id of each data set to its name and size."""
    return distinct({record.id: f"{record.name} · {record.n_ratings:,} ratings" for record in records})


def run_labels(runs: Sequence[RunRecord], names: Mapping[str, str]) -> dict[str, str]:
    """Id of each run to its name and that of its data set; ``names`` are those of the data sets by their id."""
    return distinct({run.id: f"{run.name} · {names.get(run.dataset_id, '')}" for run in runs})
