"""What people see of a long task, and how they end it."""

from __future__ import annotations

import signal
import sys
import time
from typing import Any


class Progress:
    """One line on stderr that moves with the iterations; silent where stderr is no terminal."""

    def __init__(self, n_iterations: int) -> None:
        self.n_iterations = n_iterations
        self.started = time.perf_counter()
        self.first: int | None = None
        self.shown = sys.stderr.isatty()

    def __call__(self, result: Any) -> None:
        if not self.shown:
            return
        self.first = result.iteration - 1 if self.first is None else self.first
        each = (time.perf_counter() - self.started) / (result.iteration - self.first)
        filled = 20 * result.iteration // self.n_iterations
        valid = "" if result.valid_rmse is None else f", validation RMSE {result.valid_rmse:.4f}"
        left = each * (self.n_iterations - result.iteration)
        print(
            f"\r[{'#' * filled}{'.' * (20 - filled)}] iteration {result.iteration} of at most {self.n_iterations}"
            f"{valid}, at most {left:.0f} s left ",
            end="",
            file=sys.stderr,
            flush=True,
        )

    def close(self) -> None:
        """Leave the line."""
        if self.shown:
            print(file=sys.stderr)


class StopOnInterrupt:
    """The first ctrl-C asks the training to stop after keeping what it has; a second one ends at once."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> None:
        self.before = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, self._ask)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self.before)

    def _ask(self, number: int, frame: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
