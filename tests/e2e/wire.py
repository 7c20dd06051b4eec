"""Sessions without a browser: they speak the server's own protocol as a page does, and draw nothing.

So the cores of the machine are the server's alone, as where people look at it from machines of their own. A fragment
that looks again by itself is asked for again, as a page would.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from pathlib import PurePath
from types import TracebackType

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from pages.shared.frame import MENU

LABELS = {PurePath(path).stem.removesuffix("app"): label for path, label in MENU}
"""By the last part of a page's address."""


@dataclass(eq=False)
class WireSession:
    """A session on the app at ``url`` (http://…); a context manager. ``errors`` get what a page would show as one."""

    url: str
    errors: list[str]
    pages: dict[str, str] = field(default_factory=dict)
    page: str = ""
    titled: float = 0.0
    _drawn: asyncio.Future[float] | None = None
    _timers: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def __aenter__(self) -> WireSession:
        address = f"{self.url.replace('http', 'ws', 1)}/_stcore/stream"
        self._socket: ClientConnection = await connect(address, subprotocols=["streamlit"], max_size=None)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._socket.close()
        await self._reader
        self._stop_timers(list(self._timers))

    async def open(self, label: str, limit: float) -> tuple[float, float]:
        """Ask for a page; the seconds until its title has come, and until its script has run to the end."""
        began, self.titled = time.monotonic(), 0.0
        self._wanted, self._drawn = label, asyncio.get_running_loop().create_future()
        self._stop_timers(list(self._timers))
        await self._ask(page=self.pages.get(label, ""))
        drawn = await asyncio.wait_for(self._drawn, limit)
        return (self.titled or drawn) - began, drawn - began

    async def _ask(self, *, page: str, fragment: str = "") -> None:
        message = BackMsg()
        message.rerun_script.page_script_hash = page
        message.rerun_script.fragment_id = fragment
        message.rerun_script.is_auto_rerun = bool(fragment)
        await self._socket.send(message.SerializeToString())

    async def _read(self) -> None:
        async for frame in self._socket:
            message = ForwardMsg()
            message.ParseFromString(frame if isinstance(frame, bytes) else frame.encode())
            self._take(message)

    def _take(self, message: ForwardMsg) -> None:
        kind, is_fragment = message.WhichOneof("type"), bool(message.metadata.run.fragment_ids)
        if kind == "new_session" and not is_fragment:
            self._stop_timers(list(self._timers))
        elif kind == "navigation":
            self.page = message.navigation.page_script_hash
            self.pages = {LABELS[page.url_pathname]: page.page_script_hash for page in message.navigation.app_pages}
        elif kind == "auto_rerun":
            fragment = message.auto_rerun.fragment_id
            self._stop_timers([fragment])
            self._timers[fragment] = asyncio.create_task(self._look_again(fragment, message.auto_rerun.interval))
        elif kind == "stop_auto_rerun":
            self._stop_timers(message.stop_auto_rerun.fragment_ids)
        elif kind == "delta":
            self._take_element(message)
        elif kind == "script_finished" and not is_fragment:
            is_done = message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
            if is_done and self.page == self.pages.get(self._wanted) and self._drawn and not self._drawn.done():
                self._drawn.set_result(time.monotonic())

    def _take_element(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "heading" and element.heading.tag == "h1" and element.heading.body == self._wanted:
            self.titled = self.titled or time.monotonic()
        elif kind == "exception":
            self.errors.append(f"{element.exception.type}: {element.exception.message}")
        elif kind == "alert" and element.alert.format == Alert.ERROR:
            self.errors.append(element.alert.body)

    async def _look_again(self, fragment: str, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            with contextlib.suppress(ConnectionClosed):  # the session ends just now
                await self._ask(page=self.pages.get(self._wanted, self.page), fragment=fragment)

    def _stop_timers(self, fragments: list[str]) -> None:
        for fragment in fragments:
            timer = self._timers.pop(fragment, None)
            if timer is not None:
                timer.cancel()
