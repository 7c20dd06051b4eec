"""Fixtures that several test files share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from convmf.training.forecast import Costs

if TYPE_CHECKING:
    from tests.train_page import Gate

# The same examples everywhere and always, no limit of time on a busy machine, and no files of examples.
settings.register_profile("steady", derandomize=True, deadline=None, database=None)
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker takes all of the browser's tests: several browsers at once would only wait for each other."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """An empty workspace of its own for the pages; afterwards its trainings are stopped and nothing stays cached."""
    import streamlit as st

    from pages.shared import forecast_view
    from pages.shared import workspace as shared

    def clear() -> None:
        shared.jobs.clear()  # before the store, which a training still writes to, and a fetch
        shared.movielens_fetch.clear()
        shared.store.clear()
        st.cache_resource.clear()
        st.cache_data.clear()

    clear()
    folder = tmp_path / "workspace"
    monkeypatch.setenv("CONVMF_HOME", str(folder))
    # A real calibration trains a model, on every page that shows a forecast.
    monkeypatch.setattr(forecast_view, "calibrate", lambda device: Costs(1e-5, 1e-9, 1e-9, 5e-9))
    yield folder
    clear()


@pytest.fixture
def gate(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Trainings that do what the test says."""
    from convmf.runs.jobs import Jobs
    from pages.shared import workspace as shared
    from tests.train_page import Gate

    training = Gate()
    monkeypatch.setattr(shared, "Jobs", lambda store: Jobs(store, training))
    return training


@pytest.fixture
def test_data() -> Path:
    """The folder of real data sets that CONVMF_TEST_DATA names."""
    folder = os.environ.get("CONVMF_TEST_DATA", "").strip()
    if not folder:
        pytest.skip("CONVMF_TEST_DATA is not set: it names the folder with the real data sets (ml-100k, ml-1m, …).")
    if not Path(folder).is_dir():
        pytest.skip(f"CONVMF_TEST_DATA names {folder}, which is not a folder.")
    return Path(folder)
