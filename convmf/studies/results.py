"""What a study has measured so far, on disk: written anew after every training, so that none is run twice."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from convmf.data.dataset import Dataset
from convmf.errors import RunError
from convmf.files import read_json, write_json
from convmf.studies.plan import Planned, Row, StudySettings

_VERSION = 1


@dataclass(frozen=True)
class Measured:
    """The rows of one training, or why there are none, and the seconds that it took."""

    rows: list[Row]
    seconds: float
    error: str | None = None


class Results:
    """The measured trainings of one study in one file.

    A training is known by all that it depends on (data, settings, split, word vectors), so one of
    other data or settings is never taken for it, and a study can go on with more seeds.

    Raises
    ------
    RunError
        The file is damaged.
    """

    def __init__(self, path: Path, dataset: Dataset, settings: StudySettings) -> None:
        self.path = path
        self._data = _digest_of_data(dataset)
        self._vectors = None if settings.vectors is None else settings.vectors.digest
        self._measured: dict[str, dict[str, Any]] = {}
        if path.is_file():
            self._read()

    def _read(self) -> None:
        try:
            content = read_json(self.path)
            if content["version"] != _VERSION:
                raise ValueError("it is of another version of this program")
            self._measured = dict(content["trainings"])
            for values in self._measured.values():
                Measured(**values)
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{self.path} is damaged ({error}); delete it, and the study starts anew.") from error

    def get(self, planned: Planned) -> Measured | None:
        """What was measured in this training; None where it is still to do."""
        values = self._measured.get(self._key(planned))
        return None if values is None else Measured(**values)

    def add(self, planned: Planned, measured: Measured) -> None:
        """Keep a training; when this returns it is on the disk."""
        self._measured[self._key(planned)] = vars(measured)
        write_json(self.path, {"version": _VERSION, "trainings": self._measured})

    def _key(self, planned: Planned) -> str:
        values = planned.to_dict() | {"data": self._data, "vectors": self._vectors if planned.uses_vectors else None}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def table(plan: list[Planned], results: Results) -> pd.DataFrame:
    """The rows of all trainings of ``plan`` that are done, in its order: labels, seed, figures."""
    rows: list[Row] = []
    for planned in plan:
        measured = results.get(planned)
        rows += [{**planned.labels, "seed": planned.split.seed, **row} for row in (measured.rows if measured else [])]
    return pd.DataFrame(rows)


def summarize(rows: pd.DataFrame, keys: tuple[str, ...], measures: tuple[str, ...]) -> pd.DataFrame:
    """Mean and standard deviation over the seeds of each measure, and the number of seeds.

    Rows of one seed that share all ``keys`` are averaged first, so that each seed counts once. The deviation
    (n − 1) of a single seed is missing.
    """
    by = list(keys)
    each = rows.groupby([*by, "seed"], sort=False, dropna=False)[list(measures)].mean()
    groups = each.groupby(level=by, sort=False, dropna=False)
    columns: dict[str, Any] = {"n_seeds": groups.size()}
    for measure in measures:
        columns |= {f"{measure}_mean": groups[measure].mean(), f"{measure}_sd": groups[measure].std()}
    return pd.DataFrame(columns).reset_index()


def differences(
    rows: pd.DataFrame, column: str, base: str, keys: tuple[str, ...], measures: tuple[str, ...]
) -> pd.DataFrame:
    """Each measure less that of the rows whose ``column`` is ``base``, seed by seed.

    A seed deals the ratings too, and how easy a deal is moves all rows alike; the difference within one
    seed is free of that. Rows match where ``keys`` and the seed do.
    """
    by = [*keys, "seed"]
    reference = rows.loc[rows[column] == base, [*by, *measures]]
    paired = rows.merge(reference, on=by, suffixes=("", "_base"))
    for measure in measures:
        paired[measure] = paired[measure] - paired[f"{measure}_base"]
    return paired[[column, *by, *measures]]


def _digest_of_data(dataset: Dataset) -> str:
    digest = hashlib.sha256()
    for array in (dataset.ratings.user_index, dataset.ratings.item_index, dataset.ratings.rating):
        digest.update(array.tobytes())
    for labels in (dataset.user_ids, dataset.item_ids, dataset.texts):
        digest.update("\0".join(labels).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
