"""What all sessions of the server share: the store, the training jobs, and what was loaded from it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

import streamlit as st

from convmf.data import movielens
from convmf.data.dataset import Dataset, sample_dataset
from convmf.data.sample import SAMPLE_NAME, SAMPLE_NOTE
from convmf.runs.fetches import Fetch
from convmf.runs.jobs import Jobs
from convmf.runs.store import DatasetRecord, Store, wants_read_only, workspace_folder

if TYPE_CHECKING:
    from convmf.model.convmf import ConvMF

T = TypeVar("T")

_sample_lock = threading.Lock()


class _Shared(Generic[T]):
    """One object for all sessions, made when it is first asked for.

    Not ``st.cache_resource``: any browser, signed in or not, may tell Streamlit to clear its caches, and that must
    not end a training. Data and models may go that way; they are loaded again.
    """

    def __init__(self, make: Callable[[], T], release: Callable[[T], object]) -> None:
        self._make, self._release = make, release
        self._guard = threading.RLock()
        self._value: T | None = None

    def __call__(self) -> T:
        with self._guard:
            if self._value is None:
                self._value = self._make()
            return self._value

    def clear(self) -> None:
        """Release it; the next one who asks gets a new one."""
        with self._guard:
            value, self._value = self._value, None
            if value is not None:
                self._release(value)


def _close(jobs: Jobs) -> None:
    """Stop and join the training, then close the store that it writes to, never the other way round."""
    if jobs.close():
        store.clear()


store = _Shared(lambda: Store(workspace_folder(), read_only=wants_read_only()), lambda opened: opened.close())
"""The workspace on disk; with CONVMF_READ_ONLY it can be looked at, and not changed."""

jobs = _Shared(lambda: Jobs(store()), _close)
"""The background trainings."""

movielens_fetch = _Shared(lambda: Fetch(store(), movielens.fetch, movielens.NOTE), Fetch.close)
"""The one fetch of MovieLens that may be at work; it does nothing until it is started."""


def read_only() -> bool:
    """Whether the workspace is only looked at; a control that would change it is then disabled.

    That is a courtesy: the store refuses every change by itself.
    """
    return store().read_only


@st.cache_resource(show_spinner="Loading the data …", max_entries=3)
def dataset(dataset_id: str) -> Dataset:
    """A stored data set."""
    return store().load_dataset(dataset_id)


@st.cache_resource(show_spinner="Loading the model …", max_entries=3)
def model(run_id: str, ended: str) -> ConvMF:
    """The model of an ended run; ``ended`` makes a resumed run's model a new one."""
    # torch takes over a second to import; pages that need no model don't wait for it.
    from convmf.model.convmf import ConvMF

    return ConvMF.load(store().model_folder(run_id))


def add_sample() -> DatasetRecord:
    """The built-in data set, put into the workspace where it isn't there yet."""
    with _sample_lock:
        for record in store().datasets():
            if record.note == SAMPLE_NOTE:
                return record
        data = sample_dataset()
        return store().add_dataset(data, note=SAMPLE_NOTE)


__all__ = [
    "SAMPLE_NAME",
    "SAMPLE_NOTE",
    "add_sample",
    "dataset",
    "jobs",
    "model",
    "movielens_fetch",
    "read_only",
    "store",
]
