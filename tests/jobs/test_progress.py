"""What a background training says of itself: log, phases, time left."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from convmf.evaluation.comparison import COSTLY
from convmf.runs import jobs as jobs_module
from convmf.runs.jobs import Jobs
from convmf.runs.progress import ENDING, MEASURING, READING, SAVING, TRAINING, comparing, fewest_left
from tests.jobs.fakes import CONFIG, FakeSplit, wait_for, wait_for_state


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


def test_the_time_left_is_that_of_the_training_alone(store, dataset_id):
    jobs = Jobs(store)
    run = store.create_run(dataset_id, CONFIG, FakeSplit())
    store.set_state(run.id, "running")
    for phase, known in (("training", True), (comparing("pmf"), False)):
        store.update_run(run.id, phase=phase)
        store.append_iteration(run.id, {"iteration": 1})
        assert (jobs.progress(run.id).seconds_left is not None) is known
    assert jobs.close()


def test_a_clock_that_was_set_back_counts_no_negative_time(store, dataset_id):
    run = store.create_run(dataset_id, CONFIG, FakeSplit())
    store.set_state(run.id, "running")
    store.database.update("runs", run.id, {"started": time.time() + 3600})
    jobs = Jobs(store, lambda *_: None)
    assert jobs.progress(run.id).seconds_elapsed == 0.0
    assert jobs.close()
