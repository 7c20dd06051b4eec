"""The page Overview: what is there, and the one next step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.proto.Metric_pb2 import Metric as MetricProto
from streamlit.testing.v1 import AppTest

from convmf.config import ConvMFConfig
from convmf.data.sample import SAMPLE_NOTE, sample_truth
from convmf.data.splits import SplitSettings
from convmf.errors import RunError
from convmf.runs.store import Store
from pages.shared import frame
from pages.shared import workspace as shared
from tests.helpers import tiny_dataset


@pytest.fixture
def stored(workspace):
    store = Store(workspace)
    yield store
    store.close()


def _page() -> AppTest:
    return _run(AppTest.from_file("../app.py", default_timeout=30))


def _run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception
    return at


def _texts(at: AppTest) -> str:
    return "\n".join(element.value for kind in (at.markdown, at.caption, at.error) for element in kind)


def _buttons(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def _trained(stored: Store, dataset_id: str, *ends: str, gain: Sequence[float] = ()) -> str:
    run = stored.create_run(dataset_id, ConvMFConfig(), SplitSettings(), name="First *try*")
    stored.set_state(run.id, "running")
    report = {
        "rmse": {"train": 0.7, "valid": 0.8, "test": 0.8125, "cold": None},
        "baselines": {"biases": {"test": 0.95, "cold": None}, "user_mean": {"test": 1.0, "cold": None}, "pmf": None},
    }
    if gain:
        report["user_bootstrap"] = {"test": {"biases": {"rmse": [0.95, 0.9, 1.0], "gain": list(gain)}}}
    for state in ends or ("done",):
        stored.set_state(run.id, state, report=report)
    return run.id


def test_without_data_the_next_step_loads_the_built_in_data(stored):
    page = _page()
    assert _buttons(page) == ["Load the built-in data"]
    assert f"{sample_truth().n_items:,} invented films" in _texts(page)
    assert "RMSE" not in _texts(page), "nobody knows yet what that is"
    (picture,) = page.get("image")
    assert picture.proto.imgs[0].alt.startswith("How ConvMF works")
    page.button[0].click()
    _run(page)
    assert [record.note for record in stored.datasets()] == [SAMPLE_NOTE]
    assert _buttons(page) == ["Train a model"]
    assert "No model is trained yet." in _texts(page)


def test_with_data_the_next_step_is_training(stored):
    stored.add_dataset(tiny_dataset())
    page = _page()
    assert _buttons(page) == ["Train a model"]
    assert "30 users · 24 items" in _texts(page)


def test_a_waiting_run_can_be_watched(stored):
    record = stored.add_dataset(tiny_dataset())
    page = _page()
    stored.create_run(record.id, ConvMFConfig(), SplitSettings(), name="First *try*")
    _run(page)
    assert _buttons(page) == ["Watch the training"]
    assert r"First \*try\*" in _texts(page)


def test_with_a_trained_run_the_next_step_is_a_new_description(stored):
    record = stored.add_dataset(tiny_dataset())
    _trained(stored, record.id)
    page = _page()
    assert _buttons(page) == ["Try a new description"]
    (figure,) = page.metric
    assert (figure.label, figure.value) == ("RMSE, known items", "0.812")
    assert figure.delta == "−0.138 against user and item averages"
    assert "rating points off; the best simple rule" in _texts(page)
    assert r"**First \*try\***" in [link.label for link in page.get("page_link")]
    assert "RMSE on known items 0.812" in _texts(page) and "on new items 0" not in _texts(page)
    assert "lowest possible" not in _texts(page)


@pytest.mark.parametrize(("gain", "colour"), [((0.14, 0.1, 0.2), "GREEN"), ((0.14, -0.01, 0.3), "GRAY")])
def test_a_lead_that_could_be_chance_is_grey(stored, gain, colour):
    _trained(stored, stored.add_dataset(tiny_dataset()).id, gain=gain)
    page = _page()
    assert MetricProto.MetricColor.Name(page.metric[0].proto.color) == colour
    assert ("could be chance" in _texts(page)) == (colour == "GRAY"), "the sentence says the same"


def test_without_descriptions_the_next_step_is_a_recommendation(stored):
    data = tiny_dataset()
    record = stored.add_dataset(replace(data, texts=("",) * data.n_items))
    _trained(stored, record.id)
    assert _buttons(_page()) == ["See recommendations"]


def test_a_run_that_was_resumed_is_no_trained_one(stored):
    record = stored.add_dataset(tiny_dataset())
    page = _page()
    _trained(stored, record.id, "stopping", "stopped", "queued")
    _run(page)
    assert _buttons(page) == ["Watch the training"] and not page.metric


def test_figures_of_the_built_in_data_stand_beside_their_floor(stored):
    record = stored.add_dataset(tiny_dataset(), note=SAMPLE_NOTE)
    _trained(stored, record.id)
    assert "(invented data)" in _texts(_page())
    assert "lowest possible RMSE" in _texts(_page())


def test_a_workspace_that_cannot_be_opened_is_explained(workspace):
    workspace.mkdir()
    (workspace / "workspace.db").write_bytes(b"this is no database, and long enough to be looked at" * 50)
    page = _page()
    assert len(page.error) == 1
    assert "damaged" in page.error[0].value
    assert not page.button


def test_many_data_sets_are_cut_short_with_a_link(stored):
    for number in range(8):
        stored.add_dataset(tiny_dataset(10 + number))
    page = _page()
    assert "17 users" in _texts(page) and "10 users" not in _texts(page)
    assert "All 8 data sets →" in [link.label for link in page.get("page_link")]


def test_trainings_are_closed_before_the_store(workspace: Path) -> None:
    closed: list[str] = []
    store, jobs = shared.store(), shared.jobs()
    close_jobs, close_store = jobs.close, store.close
    jobs.close = lambda *args: closed.append("jobs") or close_jobs(*args)  # type: ignore[method-assign]
    store.close = lambda: closed.append("store") or close_store()  # type: ignore[method-assign]
    shared.jobs.clear()
    assert closed == ["jobs", "store"]
    assert shared.store() is not store and shared.jobs() is not jobs


def test_clearing_the_caches_as_any_browser_may_leaves_the_trainings_alone(workspace: Path) -> None:
    store, jobs = shared.store(), shared.jobs()
    st.cache_resource.clear()
    st.cache_data.clear()
    assert shared.store() is store and shared.jobs() is jobs
    assert store.datasets() == []


def test_runs_are_links_with_their_state(stored):
    record = stored.add_dataset(tiny_dataset())
    page = _page()
    for number in range(7):
        run = stored.create_run(record.id, ConvMFConfig(n_iterations=9), SplitSettings(), name=f"Try {number}")
    stored.set_state(run.id, "running")
    _run(page)
    links = [link.label for link in page.get("page_link")]
    assert "**Try 6**" in links and "**Try 0**" not in links and "All 7 runs →" in links
    assert "tiny · 0 of at most 9 iterations" in _texts(page)
    stored.set_state(run.id, "failed", "The *disk* is full.")
    _run(page)
    assert r"The \*disk\* is full\." in _texts(page)


@pytest.mark.parametrize("path", ["app.py", "pages/data.py", "pages/train.py", "pages/results.py"])
def test_a_database_damaged_while_the_server_runs_is_explained_on_every_page(stored, monkeypatch, path):
    page = _page()
    if path != "app.py":
        page.switch_page(path)
        _run(page)

    def broken(*_: object) -> None:
        raise RunError("The workspace has a damaged workspace.db. Put back a copy of it.")

    for reader in ("runs", "datasets", "active_runs"):
        monkeypatch.setattr(Store, reader, broken)
    page.run()
    assert not page.exception
    assert [frame.plain("a damaged workspace.db") in error.value for error in page.main.error] == [True]
    assert not page.sidebar.error
