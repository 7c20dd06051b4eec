"""A public data set fetched into the workspace by a thread of its own, so that a page can show and stop it."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from convmf.errors import ConvMFError
from convmf.runs.store import Store

if TYPE_CHECKING:
    from convmf.data.dataset import Dataset

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 3.0


class Source(Protocol):
    """What fetches a data set, such as :func:`convmf.data.movielens.fetch`."""

    def __call__(
        self, *, on_progress: Callable[[int, int | None], None], should_stop: Callable[[], bool]
    ) -> Dataset: ...


@dataclass(frozen=True)
class FetchStatus:
    """How far a fetch is: idle → running → stopping → done | stopped | failed, and from there to running again.

    ``received`` of ``total`` bytes have come (``total`` is None where the server doesn't say), ``dataset_id``
    is the data set that a done one has put into the workspace, ``reason`` says why a failed one failed.
    """

    state: str = "idle"
    received: int = 0
    total: int | None = None
    dataset_id: str = ""
    reason: str = ""

    @property
    def is_active(self) -> bool:
        """Whether it is at work."""
        return self.state in ("running", "stopping")


class Fetch:
    """Fetches one data set into a workspace, when asked. May be used from any thread.

    Parameters
    ----------
    store
        The workspace; stays open when the fetch is closed.
    source
        What does the fetching.
    note
        Kept with the data set: where it came from, and on which terms.
    """

    def __init__(self, store: Store, source: Source, note: str) -> None:
        self._store, self._source, self._note = store, source, note
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._status = FetchStatus()

    @property
    def status(self) -> FetchStatus:
        """How far it is now."""
        return self._status

    def start(self) -> None:
        """Begin, unless it is at work already."""
        with self._guard:
            if self._status.is_active:
                return
            self._stop.clear()
            self._status = FetchStatus("running")
            self._thread = threading.Thread(target=self._work, name="convmf-fetch", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ask it to stop; what has come so far is thrown away."""
        with self._guard:
            self._stop.set()
            if self._status.state == "running":
                self._status = dataclasses.replace(self._status, state="stopping")

    def close(self) -> bool:
        """Stop it and wait for its thread, at most a few seconds; whether it has ended."""
        self.stop()
        thread = self._thread
        if thread is not None:
            thread.join(CLOSE_SECONDS)
        return thread is None or not thread.is_alive()

    def _work(self) -> None:
        try:
            dataset = self._source(on_progress=self._note_progress, should_stop=self._stop.is_set)
            if self._stop.is_set():
                self._change(state="stopped")
                return
            record = self._store.add_dataset(dataset, note=self._note)
        except ConvMFError as error:
            if self._stop.is_set():
                self._change(state="stopped")
            else:
                self._change(state="failed", reason=str(error))
        except BaseException as error:  # the end of the thread: nobody further up could tell the user
            logger.exception("The fetch failed")
            self._change(
                state="failed",
                reason=f"An unexpected error ({type(error).__name__}). Its details are in the server's log.",
            )
        else:
            self._change(state="done", dataset_id=record.id)

    def _note_progress(self, received: int, total: int | None) -> None:
        self._change(received=received, total=total)

    def _change(self, **values: str | int | None) -> None:
        with self._guard:
            self._status = dataclasses.replace(self._status, **values)  # type: ignore[arg-type]
