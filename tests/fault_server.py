"""A server that trains in a workspace and meets a fault: what test_faults.py starts as processes of their own.

python -m tests.fault_server WORKSPACE FAULT
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import convmf.evaluation.report as report_module
import convmf.files as files
import convmf.model.storage as storage
import convmf.training.loop as loop
import convmf.training.state as state
from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings
from convmf.errors import RunError
from convmf.runs.jobs import Jobs
from convmf.runs.records import RunRecord
from convmf.runs.store import Store
from tests.helpers import TINY

CONFIG = replace(TINY, n_iterations=5)
LARGE = replace(TINY, n_iterations=2, n_kernels=200, hidden_dim=1500)
"""Its network takes some 20 MB with gradients and the optimiser's state."""
SPLIT = SplitSettings(cold_items=0.1, seed=3)
AT_ITERATION = 3
FILLER = "filler"

Hook = Callable[[], None]


def serve(folder: Path, fault: str, config: ConvMFConfig = CONFIG) -> None:
    """Train a new run on the workspace's data set until it has ended, or ``fault`` has ended the process."""
    store = Store(folder)
    jobs = Jobs(store)
    run = jobs.start(store.datasets()[0].id, config, SPLIT, "victim")
    arm(fault, folder)
    wait_for_end(jobs, run.id)


def wait_for_end(jobs: Jobs, run_id: str, seconds: float = 60.0) -> RunRecord:
    """The run when it has ended, or when its thread has."""
    deadline = time.monotonic() + seconds
    while (run := jobs.store.run(run_id)).is_active and jobs._thread is not None:
        assert time.monotonic() < deadline, f"{run.name} is still {run.state}: {run.phase}"
        time.sleep(0.01)
    return jobs.store.run(run_id)


def race(folder: Path, begin: Any, answers: Any) -> None:
    """Open the workspace when the others do; tell what became of it, and stay until all have."""
    begin.wait(60)
    try:
        jobs = Jobs(Store(folder))
        jobs._own()
        answers.put("owner")
    except RunError as error:
        answers.put(str(error))
    begin.wait(60)


def long_use(folder: Path, n_runs: int, every: int) -> list[dict[str, int]]:
    """Train ``n_runs`` in one server; threads, open files and memory in kB after each ``every`` of them."""
    figures = []
    jobs = Jobs(Store(folder))
    dataset_id = jobs.store.datasets()[0].id
    for number in range(1, n_runs + 1):
        run = jobs.start(dataset_id, replace(CONFIG, n_iterations=2, seed=number), SPLIT)
        assert wait_for_end(jobs, run.id).state == "done"
        if number % every == 0:
            for thread in threading.enumerate():
                if thread.name == "convmf-training":  # it ends a moment after its run
                    thread.join()
            figures.append({"runs": number, **held()})
    assert jobs.close()
    jobs.store.close()
    return figures


def held() -> dict[str, int]:
    """What this process holds; only Linux tells."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    files = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if _is_open(name)]
    return {"threads": int(status["Threads"]), "files": len(files), "kB": int(status["VmRSS"].split()[0])}


def _is_open(name: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{name}")  # not the one that listed the folder


# The faults ---------------------------------------------------------------------------------------


def kill() -> None:
    """What kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)


def terminate_and_wait() -> None:
    """SIGTERM, and time for the main thread to act on it."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.2)


def hang() -> None:
    """Stay where it is until somebody kills the process."""
    time.sleep(600)


def arm(fault: str, folder: Path) -> None:
    """Make ``fault`` happen at its place in iteration 3."""
    _checkpoint_every_iteration()
    where, _, what = fault.partition(":")
    if what == "terminate":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # as Streamlit does
    action = {"kill": kill, "terminate": terminate_and_wait, "hang": hang}.get(what, kill)
    places: dict[str, Callable[[Hook], None]] = {
        "users": lambda hook: _in_half_step(2 * AT_ITERATION - 1, hook),
        "items": lambda hook: _in_half_step(2 * AT_ITERATION, hook),
        "cnn": _in_cnn,
        "validate": lambda hook: _before(state.Training, "_valid_rmse", AT_ITERATION, hook),
        "recorded": lambda hook: _before(loop, "save_checkpoint", AT_ITERATION, hook),
        "half a checkpoint": lambda hook: _in_checkpoint(hook, half=True),
        "unnamed checkpoint": lambda hook: _in_checkpoint(hook, half=False),
        "half a model": lambda hook: _before(storage, "write_json", 1, hook),
        "measuring": lambda hook: _before(report_module, "build_report", 1, hook),
    }
    if where in places:
        places[where](action)
    elif where == "full disk":
        _in_half_step(2 * AT_ITERATION, lambda: _fill(folder / FILLER))
    elif where == "file size limit":
        _in_half_step(2 * AT_ITERATION, lambda: _limit(resource.RLIMIT_FSIZE, 16_384))
    elif where == "little memory":
        _before(loop, "Training", 1, lambda: _limit(resource.RLIMIT_DATA, _data_size() + 6_000_000))
    elif where == "nan":
        _poison_weights()
    else:
        assert where == "none", where


def _checkpoint_every_iteration() -> None:
    """Not only after a tenth of the time, so that a test knows which one it will find."""

    class Eager(loop._Saver):
        def save(self, training: state.Training) -> None:
            self.due = 0.0
            super().save(training)

    loop._Saver = Eager  # type: ignore[misc]


def _before(owner: Any, name: str, call: int, hook: Hook) -> None:
    """Run ``hook`` when ``owner.name`` is called for the ``call``-th time, just before it acts."""
    original, calls = getattr(owner, name), 0

    def wrapped(*args: Any, **values: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            hook()
        return original(*args, **values)

    setattr(owner, name, wrapped)


def _in_half_step(call: int, hook: Hook) -> None:
    """Run ``hook`` inside the ``call``-th half-step, where it looks whether it is to stop."""
    original, calls = state.half_step, 0

    def wrapped(*args: Any, should_stop: Callable[[], bool], **values: Any) -> Any:
        nonlocal calls
        calls += 1
        now = calls == call

        def asked() -> bool:
            if now:
                hook()
            return should_stop()

        return original(*args, should_stop=asked, **values)

    state.half_step = wrapped  # type: ignore[assignment]


def _in_cnn(hook: Hook) -> None:
    """Run ``hook`` before the second batch of iteration 3: one step of the optimiser is taken then."""
    original = state.TextReader.fit

    def wrapped(self: Any, factors: Any, weights: Any, rows: Any, iteration: int, penalty: float, stop: Any) -> None:
        batches = 0

        def asked() -> bool:
            nonlocal batches
            batches += 1
            if iteration == AT_ITERATION and batches == 2:
                hook()
            return bool(stop())

        original(self, factors, weights, rows, iteration, penalty, asked)

    state.TextReader.fit = wrapped  # type: ignore[method-assign]


def _poison_weights() -> None:
    """Leave a NaN among the weights after the CNN's steps in iteration 3."""
    original = state.TextReader.fit

    def wrapped(self: Any, factors: Any, weights: Any, rows: Any, iteration: int, *rest: Any) -> None:
        original(self, factors, weights, rows, iteration, *rest)
        if iteration == AT_ITERATION:
            self.average.fc_layer2.bias.data[0] = float("nan")

    state.TextReader.fit = wrapped  # type: ignore[method-assign]


def _in_checkpoint(hook: Hook, *, half: bool) -> None:
    """Run ``hook`` when half the bytes of the third checkpoint are written, or all of them under a temporary name."""

    def in_writing(path: Path, data: bytes) -> None:
        with files.replacing(path) as temporary:
            temporary.write_bytes(data[: len(data) // 2] if half else data)
            hook()

    def arm_writer() -> None:
        checkpoint_module.write_atomic = in_writing

    import convmf.training.checkpoint as checkpoint_module

    _before(loop, "save_checkpoint", AT_ITERATION, arm_writer)


def _fill(path: Path) -> None:
    """Write until there is no room left, in ever smaller pieces."""
    with path.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def _limit(which: int, size: int) -> None:
    """Lower the process's own limit, as an administrator's quota would; can be raised again."""
    resource.setrlimit(which, (size, resource.getrlimit(which)[1]))


def _data_size() -> int:
    """Bytes that count against RLIMIT_DATA now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmData"))


if __name__ == "__main__":
    if sys.argv[2] == "long":
        print(json.dumps(long_use(Path(sys.argv[1]), int(sys.argv[3]), int(sys.argv[4]))))  # noqa: T201
    else:
        serve(Path(sys.argv[1]), sys.argv[2])
