"""A fetch in the background, with a source that does what the test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from convmf.data.dataset import Dataset
from convmf.errors import DataError
from convmf.runs.fetches import Fetch
from convmf.runs.store import Store
from tests.helpers import tiny_dataset


class FakeSource:
    """Reports some progress, then waits to be let go."""

    def __init__(self) -> None:
        self.go, self.began, self.calls = threading.Event(), threading.Event(), 0
        self.error: Exception | None = None

    def __call__(self, *, on_progress: Callable[[int, int | None], None], should_stop: Callable[[], bool]) -> Dataset:
        self.calls += 1
        on_progress(40, 100)
        self.began.set()
        while not self.go.wait(0.01):
            if should_stop():
                raise DataError("The download was stopped.")
        if self.error is not None:
            raise self.error
        return tiny_dataset()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "workspace")
    yield opened
    opened.close()


def ended(fetch: Fetch) -> None:
    until = time.monotonic() + 10
    while fetch.status.is_active:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_nothing_is_fetched_until_it_is_started(store):
    source = FakeSource()
    fetch = Fetch(store, source, "A note.")
    assert (fetch.status.state, source.calls) == ("idle", 0)
    assert fetch.close()


def test_it_tells_its_progress_and_ends_in_the_workspace(store):
    source = FakeSource()
    fetch = Fetch(store, source, "A note.")
    fetch.start()
    fetch.start()  # a double click
    assert source.began.wait(5)
    assert (fetch.status.state, fetch.status.received, fetch.status.total) == ("running", 40, 100)
    source.go.set()
    ended(fetch)
    (record,) = store.datasets()
    assert (fetch.status.state, fetch.status.dataset_id) == ("done", record.id)
    assert (record.name, record.note, source.calls) == ("tiny", "A note.", 1)


def test_it_can_be_stopped_and_started_again(store):
    source = FakeSource()
    fetch = Fetch(store, source, "")
    fetch.start()
    assert source.began.wait(5)
    fetch.stop()
    assert fetch.status.state in ("stopping", "stopped")
    ended(fetch)
    assert (fetch.status.state, store.datasets()) == ("stopped", [])
    source.go.set()
    fetch.start()
    ended(fetch)
    assert fetch.status.state == "done"


def test_a_stop_in_the_last_moment_keeps_nothing(store):
    source = FakeSource()
    fetch = Fetch(store, lambda **_: (fetch.stop(), tiny_dataset())[1], "")
    fetch.start()
    ended(fetch)
    assert (fetch.status.state, store.datasets(), source.calls) == ("stopped", [], 0)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DataError("No connection."), "No connection."),
        (MemoryError("in /srv"), "An unexpected error (MemoryError). Its details are in the server's log."),
    ],
)
def test_a_failure_is_told(store, error, reason):
    source = FakeSource()
    source.error = error
    source.go.set()
    fetch = Fetch(store, source, "")
    fetch.start()
    ended(fetch)
    assert (fetch.status.state, fetch.status.reason) == ("failed", reason)


def test_closing_stops_it(store):
    source = FakeSource()
    fetch = Fetch(store, source, "")
    fetch.start()
    assert fetch.close()
    assert fetch.status.state == "stopped"
