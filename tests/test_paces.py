"""The pace that the runs of a workspace show."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings
from convmf.errors import RunError
from convmf.runs.paces import MAX_RUNS, likely_iterations, pace_of_runs
from convmf.runs.store import DatasetRecord, Store
from convmf.training import forecast
from convmf.training.forecast import TrainingSize, work
from tests.helpers import TINY, tiny_dataset


@pytest.fixture(autouse=True)
def small_ones_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "MIN_RATINGS", 100)
    monkeypatch.setattr(forecast, "MIN_WORDS", 200)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "workspace")
    yield opened
    opened.close()


def run(store: Store, data: DatasetRecord, seconds: list[float], config: ConvMFConfig = TINY, state="done") -> str:
    """A run whose steps took so many seconds each, iteration by iteration."""
    record = store.create_run(data.id, config, SplitSettings())
    store.set_state(record.id, "running")
    for number, value in enumerate(seconds, start=1):
        each = {"users": value, "items": value, "cnn": value}
        store.append_iteration(record.id, {"iteration": number, "seconds": each})
    if state != "running":
        store.set_state(record.id, state)
    return record.name


def count_words(dataset_id: str, max_length: int) -> float:
    return 200.0


def test_without_a_run_there_is_no_pace(store):
    data = store.add_dataset(tiny_dataset())
    assert pace_of_runs(store, "cpu", count_words) is None
    run(store, data, [])
    run(store, data, [1.0], dataclasses.replace(TINY, text="none"))
    run(store, data, [1.0], dataclasses.replace(TINY, device="auto"))
    assert pace_of_runs(store, "cpu", count_words) is None


def test_a_trifle_tells_of_no_pace(store, monkeypatch):
    data = store.add_dataset(tiny_dataset())
    run(store, data, [2.0, 2.0])
    assert pace_of_runs(store, "cpu", lambda *_: 199.0) is None
    monkeypatch.setattr(forecast, "MIN_RATINGS", data.n_ratings)
    assert pace_of_runs(store, "cpu", count_words) is None, "a part of the ratings is held out"


def test_a_pace_is_the_middle_of_the_newest_runs_without_their_first_iteration(store):
    data = store.add_dataset(tiny_dataset())
    names = [run(store, data, [9.0, float(value), float(value)]) for value in (50, 1, 2, 3, 4)]
    names.append(run(store, data, [7.0], state="running"))
    shown = pace_of_runs(store, "cpu", count_words)
    size = TrainingSize.of(data.n_users, data.n_items, data.n_ratings, 200.0, SplitSettings())
    assert shown.names == tuple(reversed(names[1:])) and len(shown.names) == MAX_RUNS
    units = work(size, TINY)
    assert shown.pace.cnn == pytest.approx(3 / units.cnn)
    assert shown.pace.users == pytest.approx(3 / units.users)


def test_getting_ready_is_what_a_run_took_beside_its_iterations(store, monkeypatch):
    data = store.add_dataset(tiny_dataset())
    run(store, data, [0.001] * 3)
    kept = store.runs()[0]
    ended = dataclasses.replace(kept, ended=kept.started + timedelta(seconds=10))
    monkeypatch.setattr(store, "runs", lambda: [ended])
    size = TrainingSize.of(data.n_users, data.n_items, data.n_ratings, 200.0, SplitSettings())
    shown = pace_of_runs(store, "cpu", count_words)
    assert shown.pace.setup == pytest.approx((10 - 0.009 - 10 * 0.001) / work(size, TINY).setup)
    resumed = dataclasses.replace(ended, started=kept.started + timedelta(seconds=5))
    monkeypatch.setattr(store, "runs", lambda: [resumed])
    assert pace_of_runs(store, "cpu", count_words).pace.setup == 0


def test_the_likely_number_of_iterations(store):
    data = store.add_dataset(tiny_dataset())
    assert likely_iterations(store.runs(), TINY) is None
    for count in (2, 3, 4):
        run(store, data, [1.0] * count)
    run(store, data, [1.0], state="failed")
    run(store, data, [1.0], dataclasses.replace(TINY, patience=3))
    assert likely_iterations(store.runs(), TINY) == 3


def test_a_run_that_cant_be_used_hides_no_other(store):
    data, broken = store.add_dataset(tiny_dataset()), store.add_dataset(tiny_dataset(seed=1))
    name = run(store, data, [1.0, 1.0])
    run(store, broken, [2.0, 2.0])
    run(store, data, [3.0, 3.0])
    (newest, *_) = store.runs()
    store.database.update("runs", newest.id, {"config": json.dumps({**newest.config, "of_tomorrow": 1})})

    def count(dataset_id: str, max_length: int) -> float:
        if dataset_id == broken.id:
            raise RunError("The stored data set can't be read.")
        return 200.0

    assert pace_of_runs(store, "cpu", count).names == (name,)


def test_a_run_deleted_while_its_words_are_counted_doesnt_matter(store):
    data = store.add_dataset(tiny_dataset())
    name = run(store, data, [1.0, 1.0])

    def count(dataset_id: str, max_length: int) -> float:
        store.delete_run(store.runs()[0].id)
        return 200.0

    assert pace_of_runs(store, "cpu", count).names == (name,), "what was read of it still tells"
    assert store.runs() == []
