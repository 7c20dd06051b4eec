"""Stand-ins for what a background training needs, and a training that ends when the test says so."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from convmf.config import ConvMFConfig
from convmf.data.vectors import WordVectors
from convmf.runs.store import Store

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


def small_vectors(value: float = 1.0) -> WordVectors:
    return WordVectors(("war", "love"), np.array([[value, 2.0], [3.0, 4.0]]), "small.txt")


def wait_for_state(store: Store, run_id: str, *states: str) -> Any:
    return wait_for(lambda: (run := store.run(run_id)).state in states and run)


def wait_for(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 30
    while not (value := found()):
        assert time.monotonic() < deadline, "waited half a minute in vain"
        time.sleep(0.002)
    return value
