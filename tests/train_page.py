"""What the tests of the Train page share: the page drawn, its words, and trainings that do what a test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings
from convmf.runs.store import RunRecord, Store
from pages.shared import run_words
from pages.shared import workspace as shared
from tests.helpers import TINY, tiny_dataset
from tests.page_helpers import drawn

ROOT = Path(__file__).parents[1]


def train_page(**query: str) -> AppTest:
    """The page, drawn once."""
    return drawn("pages/train.py", **query)


def run_until(app: AppTest, condition: Callable[[], bool]) -> None:
    """Draw the page again, as its clock would, until ``condition`` holds."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "The page never came to show what was expected."
        time.sleep(0.05)
        app.run()
        assert not app.exception


def buttons(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def texts(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.header, app.subheader)
    return "\n".join(element.value for kind in kinds for element in kind)


def metric(app: AppTest, label: str) -> str:
    return next(element.value for element in app.metric if element.label == label)


def badge(app: AppTest) -> str:
    """The run's state, as its badge says it."""
    words = {word for word, _ in run_words.STATES.values()}
    return next(word for word in words if any(f"badge[{word}]" in element.value for element in app.markdown))


class Gate:
    """A training that reports one iteration a permit, and ends when it is stopped or let go."""

    def __init__(self) -> None:
        self.permits = threading.Semaphore(0)
        self.error: Exception | None = None

    def __call__(self, store: Store, run: RunRecord, should_stop: Callable[[], bool]) -> None:
        lines = {"valid": 0.9, "train": 0.88}
        store.update_run(run.id, phase="training", baselines={"biases": lines, "global_mean": {"valid": 1.1}})
        iteration = 0
        while not should_stop():
            if self.error is not None:
                raise self.error
            if not self.permits.acquire(timeout=0.02):
                continue
            iteration += 1
            figures = {"objective": 100.0 / iteration, "train_rmse": 0.8, "valid_rmse": 1.0 / iteration}
            store.append_iteration(run.id, {"iteration": iteration, **figures})


def ended_run(config: ConvMFConfig = TINY, *, note: str = "", cold_items: float = 0.2) -> RunRecord:
    """A run that has really been trained on a tiny data set."""
    data = shared.store().add_dataset(tiny_dataset(), note=note)
    run = shared.jobs().start(data.id, config, SplitSettings(cold_items=cold_items))
    until = time.monotonic() + 60
    while shared.store().run(run.id).is_active:
        assert time.monotonic() < until
        time.sleep(0.05)
    return shared.store().run(run.id)
