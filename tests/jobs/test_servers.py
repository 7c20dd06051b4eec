"""How jobs close, and several servers at one workspace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from convmf.errors import RunError
from convmf.runs.jobs import Jobs
from convmf.runs.store import Store
from tests.jobs.fakes import CONFIG, FakeSplit, wait_for_state


def test_close_ends_the_thread_and_interrupts_the_runs(store, training, dataset_id):
    jobs = Jobs(store, training)
    running, waiting = (jobs.start(dataset_id, CONFIG, FakeSplit(seed)) for seed in range(2))
    training.wait_for_begin()
    thread = jobs._thread
    assert jobs.close() and jobs.close()
    assert not thread.is_alive()
    assert [store.run(run.id).state for run in (running, waiting)] == ["interrupted", "interrupted"]
    assert not store.lock.held
    with pytest.raises(RunError, match="server is closing"):
        jobs.start(dataset_id, CONFIG, FakeSplit())
    again = Jobs(store, training)
    training.finish.set()
    again.resume(running.id)
    wait_for_state(store, running.id, "done")
    assert again.close()


def test_close_during_measuring_keeps_the_finished_run(store, dataset_id):
    measuring, go_on = threading.Event(), threading.Event()

    def training(store: Store, run: Any, should_stop: Callable[[], bool]) -> dict[str, Any]:
        measuring.set()
        assert go_on.wait(5)
        return {"rmse": {}}

    jobs = Jobs(store, training)
    run = jobs.start(dataset_id, CONFIG, FakeSplit())
    assert measuring.wait(5)
    assert not jobs.close(timeout=0.01)
    assert store.lock.held, "the workspace is given back only when the thread has ended"
    go_on.set()
    assert jobs.close()
    assert store.run(run.id).state == "done"
    assert not store.lock.held


def test_second_server_may_look_but_not_start(jobs, store, training, dataset_id):
    run = jobs.start(dataset_id, CONFIG, FakeSplit())
    training.wait_for_begin()
    other_store = Store(store.folder)
    other = Jobs(other_store, training)
    assert other.active().id == run.id
    assert other.progress(run.id).state == "running"
    for call in (lambda: other.start(dataset_id, CONFIG, FakeSplit(1)), lambda: other.stop(run.id)):
        with pytest.raises(RunError, match="Another server runs the workspace"):
            call()
    assert store.run(run.id).state == "running"
    jobs.close()
    training.finish.set()
    taken_over = other.start(dataset_id, CONFIG, FakeSplit(1))
    wait_for_state(other_store, taken_over.id, "done")
    assert other.close()
    other_store.close()


SERVER = """
import signal, sys, threading, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.jobs.fakes import CONFIG, FakeDataset, FakeSplit
from convmf.runs.jobs import Jobs
from convmf.runs.store import Store

both_are_there = threading.Event()

def training(store, run, should_stop):
    store.append_iteration(run.id, {"iteration": 1})
    both_are_there.wait(30)
    print(run.id, flush=True)
    while sys.argv[3] == "deaf" or not should_stop():
        time.sleep(0.005)

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
store = Store(Path(sys.argv[1]))
jobs = Jobs(store, training)
dataset_id = store.add_dataset(FakeDataset()).id
jobs.start(dataset_id, CONFIG, FakeSplit())
jobs.start(dataset_id, CONFIG, FakeSplit(1))
both_are_there.set()
for _ in range(3000):  # a signal that comes just before one long wait would be seen only at its end
    time.sleep(0.01)
"""


@pytest.fixture
def server(store: Store) -> Iterator[Callable[[str], tuple[subprocess.Popen[str], str]]]:
    """Starts a process that trains in the store's workspace; gives it and the id of the run in training."""
    processes = []

    def begin(kind: str = "polite") -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-c", SERVER, str(store.folder), str(Path(__file__).parents[2]), kind]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def test_killed_server_leaves_runs_that_can_be_resumed(server, store, training):
    process, run_id = server()
    looking = Jobs(store, training)
    with pytest.raises(RunError, match="Another server runs the workspace"):
        looking.resume(run_id)
    assert store.run(run_id).state == "running"
    process.kill()
    process.wait(5)
    jobs = Jobs(store, training)
    assert {run.state for run in store.runs()} == {"interrupted"}
    assert store.run(run_id).reason == "The server ended while this run was training. Resume it to go on."
    assert store.history(run_id) == [{"iteration": 1}]
    training.finish.set()
    jobs.resume(run_id)
    wait_for_state(store, run_id, "done")
    assert jobs.close() and looking.close()


def test_terminated_server_ends_cleanly(server, store):
    process, run_id = server()
    process.terminate()
    assert process.wait(5) == 0
    assert process.stderr.read() == ""
    assert {run.state for run in store.runs()} == {"interrupted"}
    assert store.run(run_id).reason == "The server was closed. Resume this run to go on."


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_interrupted_server_ends_cleanly(server, store):
    process, run_id = server()
    process.send_signal(signal.SIGINT)
    process.wait(5)
    assert process.returncode in (-signal.SIGINT, 130)
    assert store.run(run_id).state == "interrupted"


def test_training_that_never_looks_does_not_hold_the_process(server, store):
    process, run_id = server("deaf")
    process.terminate()
    assert process.wait(6) == 143
    assert store.run(run_id).state == "running"
    jobs = Jobs(store)
    assert store.run(run_id).state == "interrupted"
    assert jobs.close()


def test_a_server_that_looks_sees_the_death_of_the_one_that_trained(server, store, training):
    process, run_id = server()
    looking = Jobs(store, training)
    assert looking.active().id == run_id
    process.kill()
    process.wait(5)
    assert looking.active() is None
    assert store.run(run_id).state == "interrupted"
    assert looking.close()
