"""Runs wait, train, stop, go on and fail, with a fake training that ends when the test says so."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import pytest

from convmf.config import ConvMFConfig
from convmf.errors import DataError, RunError
from convmf.runs import jobs as jobs_module
from convmf.runs.jobs import Jobs
from convmf.runs.training import reason_of
from tests.jobs.fakes import CONFIG, FakeDataset, FakeSplit, small_vectors, wait_for, wait_for_state

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


def test_data_without_descriptions_are_trained_without_a_network(jobs, store, training):
    silent = store.add_dataset(dataclasses.replace(FakeDataset(), n_items_with_text=0))
    run = jobs.start(silent.id, CONFIG, FakeSplit())
    assert run.config["text"] == "none"
    training.finish.set()


def test_word_vectors_stay_with_their_run(jobs, store, training, dataset_id):
    orders = [None, small_vectors(), small_vectors(5.0)]
    runs = [jobs.start(dataset_id, CONFIG, FakeSplit(), word_vectors=vectors) for vectors in orders]
    assert len({run.id for run in runs}) == 3
    again = [jobs.start(dataset_id, CONFIG, FakeSplit(), word_vectors=vectors) for vectors in orders]
    assert [run.id for run in again] == [run.id for run in runs], "a double click on each"
    assert store.word_vectors(runs[0].id) is None
    assert store.word_vectors(runs[1].id).digest == small_vectors().digest


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


def test_a_waiting_run_that_could_not_begin_begins_later(jobs, store, training, dataset_id, monkeypatch):
    first, second = (jobs.start(dataset_id, CONFIG, FakeSplit(seed)) for seed in range(2))
    training.wait_for_begin()
    set_state = store.set_state

    def busy(run_id: str, state: str, *args: Any, **values: Any) -> Any:
        if (run_id, state) == (second.id, "running"):
            raise RunError("The workspace is being written by another process.")
        return set_state(run_id, state, *args, **values)

    with monkeypatch.context() as patch:
        patch.setattr(store, "set_state", busy)
        training.finish.set()
        wait_for(lambda: jobs._thread is None)
        assert [store.run(run.id).state for run in (first, second)] == ["done", "queued"]
    assert jobs.resume(second.id).state == "queued"
    wait_for_state(store, second.id, "done")


def test_a_waiting_run_that_cannot_be_stopped_waits_on(jobs, store, training, dataset_id, monkeypatch):
    first, second = (jobs.start(dataset_id, CONFIG, FakeSplit(seed)) for seed in range(2))
    training.wait_for_begin()

    def busy(*_args: Any, **_values: Any) -> None:
        raise RunError("The workspace is being written by another process.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "set_state", busy)
        with pytest.raises(RunError, match="another process"):
            jobs.stop(second.id)
    training.finish.set()
    wait_for_state(store, second.id, "done")


def test_a_waiting_run_that_is_gone_holds_up_nobody(jobs, store, training, dataset_id):
    first, second, third = (jobs.start(dataset_id, CONFIG, FakeSplit(seed)) for seed in range(3))
    training.wait_for_begin()
    store.database.execute("DELETE FROM runs WHERE id = ?", second.id)
    training.finish.set()
    wait_for_state(store, third.id, "done")
    assert training.trained == [first.id, third.id]


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
