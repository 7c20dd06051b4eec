"""The pace of this machine as earlier runs of the workspace show it, for forecasts of the next ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings
from convmf.runs.store import RunRecord, Store
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
    """The middle pace of the newest runs set to ``device`` that read texts; None where there is none.

    The first iteration of a run doesn't count when there are others: it warms things up.
    """
    records = {record.id: record for record in store.datasets()}
    found: list[tuple[str, Costs]] = []
    for run in store.runs():
        if len(found) == MAX_RUNS:
            break
        config = ConvMFConfig.from_dict(run.config)
        if config.device != device or not run.iterations_done or config.text not in ("real", "shuffled"):
            continue
        record, split = records[run.dataset_id], SplitSettings.from_dict(run.split)
        n_words = count_words(record.id, config.max_length)
        size = TrainingSize.of(record.n_users, record.n_items, record.n_ratings, n_words, split)
        history = store.history(run.id)
        measured = pace(work(size, config), history[1:] or history, _setup_seconds(store, run, history))
        if measured is not None:
            found.append((run.name, measured))
    if not found:
        return None
    return RunsPace(middle([one for _, one in found]), tuple(name for name, _ in found))


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
    if run.started is None or run.ended is None or store.iteration_times(run.id)[0] < run.started:
        return 0.0
    return (run.ended - run.started).total_seconds() - iteration_seconds(history)
