"""Trainings in the background: one at a time in a thread of this process, the rest in a queue."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convmf.config import ConvMFConfig
from convmf.errors import ConvMFError, RunError
from convmf.runs.leftovers import sweep
from convmf.runs.log import LOG_LINES, last_lines, logging_to
from convmf.runs.progress import Progress, progress_of
from convmf.runs.store import RunRecord, Store
from convmf.runs.training import Training, default_training, reason_of

if TYPE_CHECKING:
    from convmf.data.splits import SplitSettings
    from convmf.data.vectors import WordVectors

__all__ = ["Jobs", "Progress", "Training", "default_training"]

logger = logging.getLogger(__name__)

DOUBLE_START_SECONDS = 2.0
CLOSE_SECONDS = 3.0
RETRY_SECONDS = 10.0
"""After a waiting run couldn't begin: a database that is locked holds up every look at the jobs while it is asked."""


class Jobs:
    """The trainings of one workspace. May be used from any thread; make one per process and workspace.

    The first one in a workspace takes its lock, and marks runs left over by a process that died as
    interrupted. While another process holds the lock, everything can be looked at and nothing started.
    At the end of the process ``close`` is called by itself; a SIGTERM reaches that point only when the
    program turns it into an ordinary exit, as Streamlit does.

    Parameters
    ----------
    store
        The workspace; stays open when the jobs are closed.
    run_training
        What a training does.
    """

    def __init__(self, store: Store, run_training: Training = default_training) -> None:
        self._store = store
        self._run_training = run_training
        self._guard = threading.RLock()
        self._orders: deque[tuple[float, _Order, str]] = deque(maxlen=20)
        self._unrecorded: dict[str, Callable[[], None]] = {}
        self._queue: deque[str] = deque()
        self._current: _Task | None = None
        self._thread: threading.Thread | None = None
        self._next_try = 0.0
        self._owns_workspace = False
        self._closed = False
        try:
            self._try_to_own()
        except RunError as error:
            self._store.active_runs()  # raises when nothing can be read either
            logger.warning("%s", error)  # a read-only workspace can be looked at; whoever starts a training is told
        _open_jobs.add(self)

    def start(
        self,
        dataset_id: str,
        config: ConvMFConfig,
        split: SplitSettings,
        name: str = "",
        word_vectors: WordVectors | None = None,
        *,
        all_baselines: bool = False,
    ) -> RunRecord:
        """Queue a training; it begins at once when no other one is at work.

        ``word_vectors`` to start from are kept with the run. With ``all_baselines`` PMF, the text controls and
        the tf-idf ridge are trained after the model, to be measured beside it.

        The same order given again within two seconds (a double click) returns the run that is there.

        Raises
        ------
        RunError
            Another process runs this workspace, this one is closing, or there is no such data set.
        """
        with self._guard:
            self._own()
            config = config.for_data(self._store.dataset_record(dataset_id).n_items_with_text)
            order = (dataset_id, config.to_dict(), split.to_dict(), _digest(word_vectors), all_baselines)
            twin = self._twin(order)
            if twin is not None:
                return twin
            run = self._store.create_run(dataset_id, config, split, name, word_vectors, all_baselines=all_baselines)
            self._orders.append((time.monotonic(), order, run.id))
            self._enqueue(run.id)
            return run

    def resume(self, run_id: str) -> RunRecord:
        """Queue a stopped, failed or interrupted run again; it goes on from its checkpoint.

        A run that is queued or training already is returned as it is.

        Raises
        ------
        RunError
            The run is done or still stopping, there is no such run, another process runs this workspace,
            or this one is closing.
        """
        with self._guard:
            self._own()
            self._next_try = 0.0
            self._settle()
            run = self._store.run(run_id)
            if run.state in ("queued", "running"):
                return run
            run = self._store.set_state(run_id, "queued")
            self._enqueue(run_id)
            return run

    def stop(self, run_id: str) -> RunRecord:
        """Ask a run to stop: a queued one at once, a training one after the batch it is in.

        Does nothing to a run that is stopping or has ended.

        Raises
        ------
        RunError
            There is no such run, or another process trains it.
        """
        with self._guard:
            self._settle()
            if self._store.run(run_id).is_active:
                self._own()
            run = self._store.run(run_id)
            if self._current is not None and self._current.run_id == run_id:
                self._current.stop.set()
                return self._store.set_state(run_id, "stopping") if run.state == "running" else run
            if not run.is_active:
                return run
            if run.state == "queued":
                stopped = self._store.set_state(run_id, "stopped", "Stopped before it began.")
                with contextlib.suppress(ValueError):
                    self._queue.remove(run_id)
                return stopped
            # Its thread ended, and what it ended with can't be recorded.
            self._unrecorded.pop(run_id, None)
            return self._store.set_state(run_id, "interrupted", "The training ended without a result.")

    @property
    def store(self) -> Store:
        """The store that the trainings write to."""
        return self._store

    def active(self) -> RunRecord | None:
        """The run in training, else the next one in the queue, else None."""
        with self._guard:
            self._settle()
            if self._current is not None:
                return self._store.run(self._current.run_id)
            if self._queue:
                return self._store.run(self._queue[0])
        waiting = self._store.active_runs()
        if waiting and self._takes_over():
            waiting = self._store.active_runs()
        return next((run for run in waiting if run.state != "queued"), waiting[0] if waiting else None)

    def progress(self, run_id: str) -> Progress:
        """How far a run is, and how long it may still take by the mean time of its iterations."""
        with self._guard:
            self._settle()
        run = self._store.run(run_id)
        at_work = run.state == "running"
        times = self._store.iteration_times(run_id) if at_work else []
        history = self._store.history(run_id) if at_work else []
        return progress_of(run, times, history, datetime.now(UTC))

    def log(self, run_id: str) -> list[str]:
        """The last lines of a run's log, the newest at the end."""
        path = _log_path(self._store, self._store.run(run_id))
        with self._guard:
            if self._current is not None and self._current.run_id == run_id:
                return list(self._current.log_lines)
        return last_lines(path)

    def close(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Stop the training, mark it and the waiting ones as interrupted, and give back the workspace.

        May be called again. Returns False when the training hasn't ended within ``timeout`` seconds; it
        still ends at its next look at the stop signal, and gives the workspace back then.
        """
        with self._guard:
            self._closed = True
            waiting = list(self._queue)
            self._queue.clear()
            for run_id in waiting:
                self._try_set_state(run_id, "interrupted", "The server was closed before this run began.")
            if self._current is not None:
                self._current.stop.set()
            thread = self._thread
            if thread is None:
                self._settle()
                self._release()
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    # Owning the workspace

    def _takes_over(self) -> bool:
        """Whether the server that trained here has died, so that this one has just marked its runs as interrupted."""
        with self._guard:
            if self._closed or self._owns_workspace:
                return False
            try:
                return self._try_to_own()
            except RunError:  # the workspace can't be written to; looking at it needs no more
                return False

    def _try_to_own(self) -> bool:
        if not self._owns_workspace and self._store.acquire():
            self._owns_workspace = True
            try:
                self._store.recover()
            except BaseException:
                self._release()
                raise
            self._tidy()
        return self._owns_workspace

    def _tidy(self) -> None:
        """Free what a killed process left; no reason to refuse a start when it can't be done."""
        try:
            sweep(self._store)
        except RunError as error:
            logger.warning("%s", error)
        self._back_up()

    def _back_up(self) -> None:
        try:
            self._store.back_up()
        except RunError as error:
            logger.warning("No copy of the database was made: %s", error)

    def _own(self) -> None:
        self._store.require_writable()
        if self._closed:
            raise RunError("This server is closing; start the training again when it is back.")
        if not self._try_to_own():
            raise RunError(
                f"Another server runs the workspace {self._store.folder}. Start and stop trainings there, "
                "end that server, or set CONVMF_HOME to another folder."
            )

    def _release(self) -> None:
        if self._owns_workspace:
            self._owns_workspace = False
            self._store.lock.release()

    # The queue and its thread

    def _twin(self, order: _Order) -> RunRecord | None:
        """The run that the same order has just begun. By a clock that nobody can set."""
        since = time.monotonic() - DOUBLE_START_SECONDS
        for moment, earlier, run_id in self._orders:
            if moment > since and earlier == order:
                run = next((run for run in self._store.active_runs() if run.id == run_id), None)
                if run is not None and run.state != "stopping":
                    return run
        return None

    def _enqueue(self, run_id: str) -> None:
        self._queue.append(run_id)
        try:
            self._ensure_thread()
        except RuntimeError as error:
            self._queue.remove(run_id)
            reason = f"The training could not begin ({error}). Free some memory, then resume this run."
            self._try_set_state(run_id, "interrupted", reason)
            raise RunError(reason) from error

    def _ensure_thread(self) -> None:
        if self._thread is None:
            # A daemon, because atexit (which stops it) only runs after all other threads have ended.
            thread = threading.Thread(target=self._work, name="convmf-training", daemon=True)
            thread.start()
            self._thread = thread

    def _work(self) -> None:
        while (task := self._next()) is not None:
            self._train(*task)

    def _next(self) -> tuple[RunRecord, _Task] | None:
        with self._guard:
            while self._queue:
                run_id = self._queue[0]
                run = self._try_set_state(run_id, "running")
                if run is None and self._still_waits(run_id):
                    self._next_try = time.monotonic() + RETRY_SECONDS  # a later look at the jobs tries again
                    break
                self._queue.popleft()
                if run is not None:
                    self._current = _Task(run_id, threading.Event(), deque(maxlen=LOG_LINES))
                    return run, self._current
            self._thread = None
            if self._closed:
                self._release()
            return None

    def _still_waits(self, run_id: str) -> bool:
        try:
            return any(run.id == run_id and run.state == "queued" for run in self._store.active_runs())
        except RunError:  # nothing can be read either
            return True

    def _train(self, run: RunRecord, task: _Task) -> None:
        report, failed, reason = None, False, ""
        self._back_up()  # a copy without this run would lose what it trains
        with logging_to(task.log_lines, _log_path(self._store, run)):
            try:
                report = self._run_training(self._store, run, task.stop.is_set)
            except BaseException as error:  # the end of the thread: nobody further up could tell the user
                logger.exception("The training ended with an error")
                reason = reason_of(error)
                failed = not (isinstance(error, ConvMFError) and task.stop.is_set())
            with self._guard:
                self._end(run, task, report, failed, reason)

    def _end(self, run: RunRecord, task: _Task, report: dict[str, Any] | None, failed: bool, reason: str) -> None:
        self._current = None
        if failed:
            logger.error("%s failed: %s", run.name, reason)
        self._unrecorded[run.id] = lambda: self._record_end(run, task, report, failed, reason)
        self._settle()
        self._back_up()

    def _settle(self) -> None:
        """Record how runs ended, and begin what waits; what can't be now (the disk is full, say) is tried again at
        the next look."""
        for run_id, record in list(self._unrecorded.items()):
            try:
                record()
            except RunError as error:
                logger.error("The end of run %s could not be recorded: %s", run_id, error)
            else:
                del self._unrecorded[run_id]
        if self._queue and not self._unrecorded and not self._closed and time.monotonic() >= self._next_try:
            try:
                self._ensure_thread()
            except RuntimeError as error:
                logger.error("The queue could not go on: %s", error)

    def _record_end(
        self, run: RunRecord, task: _Task, report: dict[str, Any] | None, failed: bool, reason: str
    ) -> None:
        if failed:
            self._store.set_state(run.id, "failed", reason)
            return
        state = "done"
        if self._store.run(run.id).state == "stopping":
            state = "stopped"
        elif task.stop.is_set() and report is None:
            state, reason = "interrupted", "The server was closed. Resume this run to go on."
        device = None if report is None else report.get("device")
        try:
            self._store.set_state(run.id, state, reason, report=report, device=device)
        except (TypeError, ValueError) as error:  # a report that is no JSON
            logger.exception("The report could not be stored")
            self._store.set_state(run.id, "failed", reason_of(error))

    def _try_set_state(self, run_id: str, state: str, reason: str = "") -> RunRecord | None:
        """Change a state where no caller could be told of an error: it goes to the log."""
        try:
            return self._store.set_state(run_id, state, reason)
        except RunError as error:
            logger.error("Run %s could not become %s: %s", run_id, state, error)
            return None


_Order = tuple[str, dict[str, Any], dict[str, Any], str, bool]
"""Data set, settings, split, digest of the word vectors, all baselines: what makes two starts the same."""


@dataclass(frozen=True)
class _Task:
    """The run in training, the signal that stops it, and the end of its log."""

    run_id: str
    stop: threading.Event
    log_lines: deque[str]


def _log_path(store: Store, run: RunRecord) -> Path:
    return store.folder / "runs" / run.id / "log.txt"


def _digest(word_vectors: WordVectors | None) -> str:
    return "" if word_vectors is None else word_vectors.digest


_open_jobs: weakref.WeakSet[Jobs] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    ended = [jobs.close() for jobs in list(_open_jobs)]
    if not all(ended):
        # A thread that is inside native code while the interpreter is taken down aborts the process; what
        # matters is on the disk, and the next start marks the run as interrupted.
        logging.shutdown()
        os._exit(143)
