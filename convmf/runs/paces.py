"""The pace of this machine as earlier runs of the workspace show it, for forecasts of the next ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings
from convmf.errors import ConvMFError
from convmf.runs.store import DatasetRecord, RunRecord, Store
from convmf.training.forecast import Costs, TrainingSize, iteration_seconds, middle, pace, work

MAX_RUNS = 5
"""The newest runs say how fast the machine is now; older ones may be of another time."""

CountWords = Callable[[str, int], float]
"""Words that the CNN reads in one pass, by id of the data set and ``max_length``."""


@dataclass(frozen=True)
class RunsPace:
    """The pace, and the names of the runs that showed it."""

    pace: Costs
    names: tuple[str, ...]


def pace_of_runs(store: Store, device: str, count_words: CountWords) -> RunsPace | None:
    """The middle pace of the newest runs set to ``device`` that read texts and were no trifle; None without one.

    The first iteration of a run doesn't count when there are others: it warms things up.
    """
    records = {record.id: record for record in store.datasets()}
    found: list[tuple[str, Costs]] = []
    for run in store.runs():
        if len(found) == MAX_RUNS:
            break
        try:
            measured = _pace_of(store, run, records.get(run.dataset_id), device, count_words)
        except ConvMFError:  # of another version, damaged, or deleted meanwhile: others may tell
            continue
        if measured is not None:
            found.append((run.name, measured))
    if not found:
        return None
    return RunsPace(middle([one for _, one in found]), tuple(name for name, _ in found))


def _pace_of(
    store: Store, run: RunRecord, record: DatasetRecord | None, device: str, count_words: CountWords
) -> Costs | None:
    """The pace of one run on its data; None where it says nothing about ``device``, texts or more than a trifle."""
    config = ConvMFConfig.from_dict(run.config)
    if record is None or config.device != device or config.text not in ("real", "shuffled"):
        return None
    history = store.history(run.id)
    n_words = count_words(record.id, config.max_length) if history else 0.0
    size = TrainingSize.of(
        record.n_users, record.n_items, record.n_ratings, n_words, SplitSettings.from_dict(run.split)
    )
    if not size.tells_of_the_pace:
        return None
    return pace(work(size, config), history[1:] or history, _setup_seconds(store, run, history))


def likely_iterations(runs: Sequence[RunRecord], config: ConvMFConfig) -> int | None:
    """The middle number of iterations of finished runs with this limit, patience and growth of λ; None without any."""
    names = ("n_iterations", "patience", "lambda_growth")
    wanted = config.to_dict()
    counts = [
        run.iterations_done
        for run in runs
        if run.state == "done" and all(run.config.get(name) == wanted[name] for name in names)
    ]
    return round(median(counts)) if counts else None


def _setup_seconds(store: Store, run: RunRecord, history: Sequence[Mapping[str, Any]]) -> float:
    """What the run took beside its iterations; 0 for one at work, or with iterations from before a pause."""
    times = store.iteration_times(run.id)
    if run.started is None or run.ended is None or not times or times[0] < run.started:
        return 0.0
    return (run.ended - run.started).total_seconds() - iteration_seconds(history)
