"""A workspace with a data set, and jobs that train nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from convmf.runs.jobs import Jobs
from convmf.runs.store import Store
from tests.jobs.fakes import FakeDataset, FakeTraining


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
