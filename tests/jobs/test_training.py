"""The training of a run itself, with small stand-ins for data and model."""

from __future__ import annotations

import dataclasses
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from convmf.errors import RunError
from convmf.runs.jobs import Jobs, default_training
from tests.jobs.fakes import CONFIG, FakeDataset, FakeSplit, small_vectors, wait_for_state


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
