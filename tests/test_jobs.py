"""Trainings in the background, with a fake training that ends when the test says so."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convmf.config import ConvMFConfig
from convmf.data.vectors import WordVectors
from convmf.errors import DataError, RunError
from convmf.evaluation.comparison import COSTLY
from convmf.runs import jobs as jobs_module
from convmf.runs.jobs import Jobs, default_training
from convmf.runs.progress import ENDING, MEASURING, READING, SAVING, TRAINING, comparing, fewest_left
from convmf.runs.store import Store
from convmf.runs.training import reason_of

CONFIG = ConvMFConfig(n_iterations=10, patience=3)


@dataclasses.dataclass(frozen=True)
class FakeDataset:
    name: str = "Films"
    n_users: int = 3
    n_items: int = 4
    n_ratings: int = 5
    n_items_with_text: int = 2

    def save(self, folder: Path) -> None:
        (folder / "dataset.json").write_text(self.name)

    @classmethod
    def load(cls, folder: Path) -> FakeDataset:
        return cls(name=(folder / "dataset.json").read_text())


@dataclasses.dataclass(frozen=True)
class FakeSplit:
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {"seed": self.seed}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FakeSplit:
        return cls(**values)


class FakeTraining:
    """Begins when it is called, ends when it is stopped or ``finish`` is set; ``error`` is then raised."""

    def __init__(self) -> None:
        self.trained: list[str] = []
        self.begun = threading.Semaphore(0)
        self.finish = threading.Event()
        self.error: BaseException | None = None

    def __call__(self, store: Store, run: Any, should_stop: Callable[[], bool]) -> dict[str, Any] | None:
        self.trained.append(run.id)
        logging.getLogger("convmf.training").info("training %s", run.name)
        self.begun.release()
        while not self.finish.wait(0.002) and not should_stop():
            pass
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        if should_stop() and store.run(run.id).state != "stopping":
            return None
        return {"device": "cpu", "rmse": {"test": 0.9}}

    def wait_for_begin(self) -> None:
        assert self.begun.acquire(timeout=5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "workspace")
    yield opened
    opened.close()


@pytest.fixture
def dataset_id(store: Store) -> str:
    return store.add_dataset(FakeDataset()).id


@pytest.fixture
def training() -> FakeTraining:
    return FakeTraining()


@pytest.fixture
def jobs(store: Store, training: FakeTraining) -> Iterator[Jobs]:
    made = Jobs(store, training)
    yield made
    assert made.close()


def wait_for_state(store: Store, run_id: str, *states: str) -> Any:
    return wait_for(lambda: (run := store.run(run_id)).state in states and run)


def wait_for(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 30
    while not (value := found()):
        assert time.monotonic() < deadline, "waited half a minute in vain"
        time.sleep(0.002)
    return value


# The queue


def test_run_is_trained_and_its_report_kept(jobs, store, training, dataset_id):
    run = jobs.start(dataset_id, CONFIG, FakeSplit(), "first")
    assert (run.state, run.name, run.device) == ("queued", "first", "auto")
    training.wait_for_begin()
    assert jobs.active().id == run.id and jobs.active().state == "running"
    training.finish.set()
    done = wait_for_state(store, run.id, "done")
    assert (done.report, done.device, done.reason) == ({"device": "cpu", "rmse": {"test": 0.9}}, "cpu", "")
    assert jobs.active() is None


def test_runs_wait_in_the_order_they_came(jobs, store, training, dataset_id):
    ids = [jobs.start(dataset_id, CONFIG, FakeSplit(seed)).id for seed in range(3)]
    training.wait_for_begin()
    assert [store.run(run_id).state for run_id in ids] == ["running", "queued", "queued"]
    assert jobs.progress(ids[2]).phase == "waiting"
    training.finish.set()
    wait_for_state(store, ids[2], "done")
    assert training.trained == ids
    moments = [(store.run(run_id).started, store.run(run_id).ended) for run_id in ids]
    assert moments[0][1] <= moments[1][0] and moments[1][1] <= moments[2][0]


def test_training_begins_again_after_the_queue_was_empty(jobs, store, training, dataset_id):
    training.finish.set()
    for seed in range(2):
        run = jobs.start(dataset_id, CONFIG, FakeSplit(seed))
        wait_for_state(store, run.id, "done")


def test_double_click_starts_one_run(jobs, store, training, dataset_id, monkeypatch):
    first = jobs.start(dataset_id, CONFIG, FakeSplit())
    training.wait_for_begin()
    assert jobs.start(dataset_id, CONFIG, FakeSplit()).id == first.id
    other = jobs.start(dataset_id, ConvMFConfig(n_iterations=11), FakeSplit())
    split = jobs.start(dataset_id, CONFIG, FakeSplit(1))
    second_set = jobs.start(store.add_dataset(FakeDataset()).id, CONFIG, FakeSplit())
    assert len({first.id, other.id, split.id, second_set.id}) == 4
    monkeypatch.setattr(jobs_module, "DOUBLE_START_SECONDS", 0.0)
    assert jobs.start(dataset_id, CONFIG, FakeSplit()).id != first.id


def test_many_threads_start_one_run(jobs, store, dataset_id):
    started: list[str] = []
    threads = [
        threading.Thread(target=lambda: started.append(jobs.start(dataset_id, CONFIG, FakeSplit()).id))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 8 and len(set(started)) == 1 == len(store.runs())


def test_same_order_after_an_ended_run_is_a_new_run(jobs, store, training, dataset_id):
    training.finish.set()
    first = jobs.start(dataset_id, CONFIG, FakeSplit())
    wait_for_state(store, first.id, "done")
    assert jobs.start(dataset_id, CONFIG, FakeSplit()).id != first.id


def test_unknown_data_set_and_run_are_refused(jobs, training):
    with pytest.raises(RunError, match="There is no data set"):
        jobs.start("0" * 16, CONFIG, FakeSplit())
    for call in (jobs.stop, jobs.resume, jobs.progress, jobs.log):
        with pytest.raises(RunError, match="There is no run"):
            call("0" * 16)
        with pytest.raises(RunError, match="is not an id"):
            call("../x")
    assert training.trained == []


# Stopping and resuming


def test_stop_in_training_is_idempotent_and_keeps_the_report(jobs, store, training, dataset_id):
    run = jobs.start(dataset_id, CONFIG, FakeSplit())
    training.wait_for_begin()
    assert jobs.stop(run.id).state in ("stopping", "stopped")
    assert jobs.stop(run.id).state in ("stopping", "stopped")
    stopped = wait_for_state(store, run.id, "stopped")
    assert stopped.report["rmse"] == {"test": 0.9}
    assert jobs.stop(run.id) == stopped


def test_queued_run_stopped_and_resumed_goes_to_the_end(jobs, store, training, dataset_id):
    first, second, third = (jobs.start(dataset_id, CONFIG, FakeSplit(seed)) for seed in range(3))
    training.wait_for_begin()
    assert jobs.stop(second.id).state == "stopped"
    assert jobs.stop(second.id).state == "stopped"
    jobs.resume(second.id)
    training.finish.set()
    wait_for_state(store, second.id, "done")
    assert training.trained == [first.id, third.id, second.id]


def test_stop_before_the_first_iteration_is_no_failure(jobs, store, training, dataset_id):
    training.error = RunError("Stopped before the first iteration was finished.")
    run = jobs.start(dataset_id, CONFIG, FakeSplit())
    training.wait_for_begin()
    jobs.stop(run.id)
    stopped = wait_for_state(store, run.id, "stopped", "failed")
    assert (stopped.state, stopped.reason) == ("stopped", "Stopped before the first iteration was finished.")


def test_resume_trains_a_stopped_run_again(jobs, store, training, dataset_id):
    run = jobs.start(dataset_id, CONFIG, FakeSplit())
    training.wait_for_begin()
    assert jobs.resume(run.id).state == "running"
    jobs.stop(run.id)
    wait_for_state(store, run.id, "stopped")
    training.finish.set()
    assert jobs.resume(run.id).state == "queued"
    wait_for_state(store, run.id, "done")
    assert training.trained == [run.id, run.id]
    with pytest.raises(RunError, match="is done and can't become queued"):
        jobs.resume(run.id)


# Failing


def unexpected(kind: str) -> str:
    return f"An unexpected error ({kind}). Its details are in the log file of this run, log.txt in its folder."


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DataError("No ratings left."), "No ratings left."),
        (ValueError("bad\nshape"), unexpected("ValueError")),
        (KeyError(), unexpected("KeyError")),
        (
            MemoryError(),
            "Not enough memory. Take a smaller batch, fewer kernels or shorter texts. (MemoryError)",
        ),
        (SystemExit(3), unexpected("SystemExit")),
    ],
)
def test_crash_becomes_a_reason_and_the_next_run_goes_on(jobs, store, training, dataset_id, error, reason):
    training.error = error
    training.finish.set()
    first = jobs.start(dataset_id, CONFIG, FakeSplit())
    second = jobs.start(dataset_id, CONFIG, FakeSplit(1))
    wait_for_state(store, second.id, "done")
    assert (store.run(first.id).state, store.run(first.id).reason) == ("failed", reason)
    in_file = (store.run_folder(first.id) / "log.txt").read_text()
    assert "Traceback" in in_file and type(error).__name__ in in_file and 'File "' in in_file
    assert reason in "\n".join(jobs.log(first.id))
    shown = "\n".join([*jobs.log(first.id), *jobs.log(second.id)])
    assert "Traceback" not in shown and 'File "' not in shown


def test_memory_error_of_torch_is_explained():
    out_of_memory = type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory.")
    assert reason_of(out_of_memory).startswith("Not enough memory. Take a smaller batch")


def test_reasons_name_no_file_of_the_server():
    for error in (FileNotFoundError(2, "No such file", "/srv/secret"), OSError(28, "No space left", "/srv/secret")):
        assert "secret" not in reason_of(error)


def test_report_that_is_no_json_fails_its_run_only(store, dataset_id):
    jobs = Jobs(store, lambda store, run, should_stop: {"x": object()} if run.split["seed"] == 0 else None)
    first, second = (jobs.start(dataset_id, CONFIG, FakeSplit(seed)) for seed in (0, 1))
    wait_for_state(store, second.id, "done")
    assert store.run(first.id).state == "failed"
    assert store.run(first.id).reason == unexpected("TypeError")
    assert "not JSON serializable" in (store.run_folder(first.id) / "log.txt").read_text()
    assert jobs.close()


def test_end_that_could_not_be_recorded_is_recorded_later(jobs, store, training, dataset_id, monkeypatch):
    run = jobs.start(dataset_id, CONFIG, FakeSplit())
    training.wait_for_begin()

    def full(*_args: Any, **_values: Any) -> None:
        raise RunError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "set_state", full)
        training.finish.set()
        wait_for(lambda: jobs._thread is None)
        assert jobs.active().state == "running"
        assert jobs.progress(run.id).state == "running"
    assert jobs.active() is None
    assert store.run(run.id).state == "done"


def test_thread_that_cannot_begin_interrupts_its_run(jobs, store, training, dataset_id, monkeypatch):
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RunError, match="could not begin .*can't start new thread.*resume this run"):
            jobs.start(dataset_id, CONFIG, FakeSplit())
    (run,) = store.runs()
    assert (run.state, jobs.active()) == ("interrupted", None)
    training.finish.set()
    jobs.resume(run.id)
    wait_for_state(store, run.id, "done")


# Progress and log


def test_log_holds_what_the_training_said(jobs, store, training, dataset_id):
    run = jobs.start(dataset_id, CONFIG, FakeSplit(), "first")
    training.wait_for_begin()
    logging.getLogger("convmf.elsewhere").warning("said by another thread")
    assert [line.split(" ", 2)[2] for line in jobs.log(run.id)] == ["training first"]
    training.finish.set()
    wait_for_state(store, run.id, "done")
    assert [line.split(" ", 2)[2] for line in jobs.log(run.id)] == ["training first"]
    wait_for(lambda: jobs._thread is None)
    assert logging.getLogger("convmf").handlers == []


def test_log_of_a_waiting_run_is_empty(jobs, training, dataset_id):
    jobs.start(dataset_id, CONFIG, FakeSplit())
    assert jobs.log(jobs.start(dataset_id, CONFIG, FakeSplit(1)).id) == []


def test_progress_estimates_from_the_mean_iteration(jobs, store, training, dataset_id, monkeypatch):
    run = jobs.start(dataset_id, CONFIG, FakeSplit())
    training.wait_for_begin()
    before = jobs.progress(run.id)
    assert (before.state, before.iteration, before.n_iterations) == ("running", 0, 10)
    assert before.seconds_left is None and before.seconds_left_soonest is None
    for iteration, value in enumerate((0.9, 0.8, 0.85), start=1):
        store.append_iteration(run.id, {"iteration": iteration, "valid_rmse": value})
    started = store.run(run.id).started
    # Iterations end 200, 300 and 400 s after the start, read one moment later: 100 s each.
    times = [started + timedelta(seconds=seconds) for seconds in (200, 300, 400)]
    monkeypatch.setattr(store, "iteration_times", lambda run_id: times)

    class Clock:
        @staticmethod
        def now(zone: Any) -> Any:
            return started + timedelta(seconds=430)

    monkeypatch.setattr(jobs_module, "datetime", Clock)
    progress = jobs.progress(run.id)
    assert (progress.iteration, progress.seconds_elapsed) == (3, 430.0)
    assert progress.seconds_left == pytest.approx(7 * 100 - 30)
    # The best was one iteration ago and patience is 3: two more at least.
    assert progress.seconds_left_soonest == pytest.approx(2 * 100 - 30)


def test_the_bar_goes_on_through_the_phases_after_the_iterations(store, dataset_id):
    jobs = Jobs(store)
    run = store.create_run(dataset_id, CONFIG, FakeSplit(), all_baselines=True)
    store.set_state(run.id, "running")
    shares = []
    for phase in (READING, TRAINING, TRAINING, ENDING, SAVING, MEASURING, *map(comparing, COSTLY)):
        store.update_run(run.id, phase=phase)
        shares.append(jobs.progress(run.id).done)
        assert jobs.progress(run.id).is_learning == (phase in (READING, TRAINING))
        if len(shares) == 2:
            store.append_iteration(run.id, {"iteration": 1, "valid_rmse": 0.9})
    assert shares[:2] == [0, 0] and all(first < second < 1 for first, second in pairwise(shares[1:]))
    assert jobs.close()


def test_fewest_iterations_without_validation_are_all():
    assert fewest_left([{"valid_rmse": None}], 3, 9) == 9
    assert fewest_left([{"valid_rmse": 0.5}] * 9, 3, 9) == 0


# Closing, and other processes


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
sys.path[:0] = sys.argv[2:4]
from test_jobs import CONFIG, FakeDataset, FakeSplit
from convmf.runs.jobs import Jobs
from convmf.runs.store import Store

both_are_there = threading.Event()

def training(store, run, should_stop):
    store.append_iteration(run.id, {"iteration": 1})
    both_are_there.wait(30)
    print(run.id, flush=True)
    while sys.argv[4] == "deaf" or not should_stop():
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
        here = Path(__file__).parent
        command = [sys.executable, "-c", SERVER, str(store.folder), str(here), str(here.parent), kind]
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


# The training itself, with small stand-ins for data and model


@dataclasses.dataclass(frozen=True)
class FakeModel:
    history: tuple[dict[str, Any], ...]
    vocabulary: None = None

    def save(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "model.json").write_text("{}")


@pytest.fixture
def fits(monkeypatch) -> list[dict[str, Any]]:
    """Puts stand-ins in place of data, fit and report; lists the arguments of every fit."""
    calls: list[dict[str, Any]] = []

    def fit(split: Any, config: Any, **arguments: Any) -> FakeModel:
        calls.append({"split": split, "config": config, **arguments})
        history = tuple(
            {
                "iteration": iteration,
                "train_rmse": 0.5,
                "valid_rmse": None,
                "seconds": {"users": 1.5, "cnn": 2.0},
            }
            for iteration in (1, 2)
        )
        for values in history if arguments["resume_from"] is None else history[1:]:
            arguments["on_iteration"](types.SimpleNamespace(to_dict=lambda values=values: values))
        arguments["on_ending"]()
        arguments["checkpoint_to"].mkdir(exist_ok=True)
        (arguments["checkpoint_to"] / "state.json").write_text("{}")
        return FakeModel(history)

    def build_report(
        model: FakeModel, split: Any, *, all_baselines: bool, on_baseline: Any, seconds: float, **_: Any
    ) -> dict[str, Any]:
        if all_baselines:
            on_baseline("pmf")
        return {"device": "cpu", "seconds": seconds, "pmf": all_baselines}

    stand_ins = {
        "convmf.data.dataset": {"Dataset": FakeDataset},
        "convmf.data.splits": {
            "SplitSettings": FakeSplit,
            "split_ratings": lambda dataset, settings: (dataset, settings),
        },
        "convmf.training.loop": {"fit": fit},
        "convmf.evaluation.baselines": {
            "simple_baselines": lambda split: {},
            "baseline_lines": lambda split, baselines: {"global_mean": {"valid": 1.1}},
        },
        "convmf.evaluation.report": {"build_report": build_report},
    }
    for name, values in stand_ins.items():
        monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(**values))
    return calls


def test_default_training_keeps_history_baselines_report_and_model(store, dataset_id, fits):
    jobs = Jobs(store)
    run = jobs.start(dataset_id, CONFIG, FakeSplit(4))
    done = wait_for_state(store, run.id, "done", "failed")
    assert (done.state, done.reason, done.device) == ("done", "", "cpu")
    assert done.baselines == {"global_mean": {"valid": 1.1}}
    assert done.report["seconds"] == 2 * (1.5 + 2.0)
    assert [values["iteration"] for values in store.history(run.id)] == [1, 2]
    assert (store.model_folder(run.id) / "model.json").exists()
    assert fits[0]["split"] == (FakeDataset(), FakeSplit(4))
    assert fits[0]["config"] == CONFIG
    assert (fits[0]["resume_from"], fits[0]["checkpoint_to"]) == (None, store.checkpoint_folder(run.id))
    said = [line.split(" ", 2)[2] for line in jobs.log(run.id)]
    assert said[:3] == ["reading the data", "training", "iteration 1: training RMSE 0.5000, 3.50 s"]
    assert said[4:6] == ["getting ready for new descriptions", "saving the model"]
    assert jobs.close()


def small_vectors(value: float = 1.0) -> WordVectors:
    return WordVectors(("war", "love"), np.array([[value, 2.0], [3.0, 4.0]]), "small.txt")


def test_word_vectors_stay_with_their_run(jobs, store, training, dataset_id):
    orders = [None, small_vectors(), small_vectors(5.0)]
    runs = [jobs.start(dataset_id, CONFIG, FakeSplit(), word_vectors=vectors) for vectors in orders]
    assert len({run.id for run in runs}) == 3
    again = [jobs.start(dataset_id, CONFIG, FakeSplit(), word_vectors=vectors) for vectors in orders]
    assert [run.id for run in again] == [run.id for run in runs], "a double click on each"
    assert store.word_vectors(runs[0].id) is None
    assert store.word_vectors(runs[1].id).digest == small_vectors().digest


def test_default_training_takes_the_word_vectors_of_its_run(store, dataset_id, fits):
    run = store.create_run(dataset_id, CONFIG, FakeSplit(), word_vectors=small_vectors())
    default_training(store, run, lambda: False)
    assert fits[0]["word_vectors"].digest == small_vectors().digest
    plain = store.create_run(dataset_id, CONFIG, FakeSplit())
    default_training(store, plain, lambda: False)
    assert fits[1]["word_vectors"] is None


def test_default_training_goes_on_from_a_checkpoint_or_anew(store, dataset_id, fits):
    run = store.create_run(dataset_id, CONFIG, FakeSplit())
    store.append_iteration(run.id, {"iteration": 7})
    checkpoint = store.checkpoint_folder(run.id)
    checkpoint.mkdir()
    (checkpoint / ".tmp-0-state.json").write_text("{")
    default_training(store, run, lambda: False)
    assert fits[0]["resume_from"] is None
    assert [values["iteration"] for values in store.history(run.id)] == [1, 2]
    store.append_iteration(run.id, {"iteration": 3})
    default_training(store, run, lambda: False)
    assert fits[1]["resume_from"] == checkpoint
    assert [values["iteration"] for values in store.history(run.id)] == [1, 2]


def test_default_training_measures_after_a_stop_but_not_when_closing(store, dataset_id, fits):
    run = store.create_run(dataset_id, CONFIG, FakeSplit())
    store.set_state(run.id, "running")
    asked_in_training = iter([False, True, True])
    assert default_training(store, run, lambda: next(asked_in_training)) is None
    assert not store.model_folder(run.id).exists()
    store.set_state(run.id, "stopping")
    asked_in_training = iter([False, True, True])
    assert default_training(store, run, lambda: next(asked_in_training))["device"] == "cpu"
    assert store.model_folder(run.id).exists()


def test_default_training_measures_the_costly_baselines_where_they_were_ordered(store, dataset_id, fits):
    jobs = Jobs(store)
    plain, ordered = (jobs.start(dataset_id, CONFIG, FakeSplit(), all_baselines=wanted) for wanted in (False, True))
    assert plain.id != ordered.id and jobs.start(dataset_id, CONFIG, FakeSplit(), all_baselines=True).id == ordered.id
    assert wait_for_state(store, plain.id, "done", "failed").report["pmf"] is False
    assert wait_for_state(store, ordered.id, "done", "failed").report["pmf"] is True
    assert any(line.endswith("comparing: Ratings alone (PMF)") for line in jobs.log(ordered.id))
    assert not any("PMF" in line for line in jobs.log(plain.id))
    assert jobs.close()


def test_default_training_ended_by_the_server_among_the_baselines_can_be_resumed(store, dataset_id, fits):
    run = store.create_run(dataset_id, CONFIG, FakeSplit(), all_baselines=True)
    store.set_state(run.id, "running")
    asked = iter([False, False, True])
    assert default_training(store, run, lambda: next(asked)) is None


def test_the_time_left_is_that_of_the_training_alone(store, dataset_id):
    jobs = Jobs(store)
    run = store.create_run(dataset_id, CONFIG, FakeSplit())
    store.set_state(run.id, "running")
    for phase, known in (("training", True), (comparing("pmf"), False)):
        store.update_run(run.id, phase=phase)
        store.append_iteration(run.id, {"iteration": 1})
        assert (jobs.progress(run.id).seconds_left is not None) is known
    assert jobs.close()


@pytest.mark.parametrize("stopped", [True, False])
def test_a_run_that_was_stopped_early_is_told_from_one_that_was_corrected(store, dataset_id, fits, stopped):
    run = store.create_run(dataset_id, CONFIG, FakeSplit(), "")
    for state in ("running", "stopping"):
        store.set_state(run.id, state)
    report = default_training(store, run, lambda: bool(fits) and stopped)
    assert report["stopped_early"] == stopped
    assert store.set_state(run.id, "stopped", report=report).is_uncorrected == stopped
    plain = store.create_run(dataset_id, dataclasses.replace(CONFIG, calibration=False), FakeSplit(), "")
    assert not store.update_run(plain.id, report=report).is_uncorrected


def test_default_training_stopped_while_reading_trains_nothing(store, dataset_id, fits):
    run = store.create_run(dataset_id, CONFIG, FakeSplit())
    with pytest.raises(RunError, match="no model yet"):
        default_training(store, run, lambda: True)
    assert fits == []


def test_a_resumed_run_that_fails_while_it_is_measured_keeps_no_older_figures(store, dataset_id, fits):
    jobs = Jobs(store)
    run = jobs.start(dataset_id, CONFIG, FakeSplit())
    assert wait_for_state(store, run.id, "done").report
    store.database.update("runs", run.id, {"state": "stopped"})

    def fails(*_: Any, **__: Any) -> None:
        raise MemoryError

    sys.modules["convmf.evaluation.report"].build_report = fails
    jobs.resume(run.id)
    failed = wait_for_state(store, run.id, "failed")
    assert failed.report is None and not failed.is_trained
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


def test_data_without_descriptions_are_trained_without_a_network(jobs, store, training):
    silent = store.add_dataset(dataclasses.replace(FakeDataset(), n_items_with_text=0))
    run = jobs.start(silent.id, CONFIG, FakeSplit())
    assert run.config["text"] == "none"
    training.finish.set()


def test_a_clock_that_was_set_back_counts_no_negative_time(store, dataset_id):
    run = store.create_run(dataset_id, CONFIG, FakeSplit())
    store.set_state(run.id, "running")
    store.database.update("runs", run.id, {"started": time.time() + 3600})
    jobs = Jobs(store, lambda *_: None)
    assert jobs.progress(run.id).seconds_elapsed == 0.0
    assert jobs.close()
