"""Runs side by side: which of their settings differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convmf.runs.store import RunRecord


@dataclass(frozen=True)
class SettingRow:
    """One setting and its value in each run, None where a run doesn't have it."""

    name: str
    values: tuple[Any, ...]

    @property
    def differs(self) -> bool:
        """Whether the runs don't agree."""
        return any(value != self.values[0] for value in self.values)


def setting_rows(runs: Sequence[RunRecord]) -> list[SettingRow]:
    """Every setting of the model, then of the split (as "split: …"), in the order of the configuration."""
    tables = [{**run.config, **{f"split: {name}": value for name, value in run.split.items()}} for run in runs]
    names = dict.fromkeys(name for table in tables for name in table)
    return [SettingRow(name, tuple(table.get(name) for table in tables)) for name in names]
