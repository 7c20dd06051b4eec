"""What the other tests here go by when they say that the server has met no error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.browser import AppServer

GONE = """ERROR:    Exception in ASGI application
Traceback (most recent call last):
  File "websocket.py", line 516, in _websocket_endpoint
    data = await websocket.receive_bytes()
starlette.websockets.WebSocketDisconnected: WebSocket is not connected. Need to call "accept" first.

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "websockets.py", line 104, in send
    raise WebSocketDisconnected('Cannot call "send" once a close message has been sent.')
starlette.websockets.WebSocketDisconnected: Cannot call "send" once a close message has been sent.
"""
OWN = """Traceback (most recent call last):
  File "app.py", line 3, in main
    value = names[run]
KeyError: 'run'
"""


@pytest.mark.parametrize(
    ("output", "crashed"),
    [("Stopping...\n", False), (GONE, False), (OWN, True), (GONE + OWN, True), (OWN + GONE, True)],
)
def test_only_a_browser_that_left_is_no_crash(tmp_path: Path, output: str, crashed: bool) -> None:
    server = AppServer(tmp_path / "workspace", tmp_path / "server.log")
    server.log.write_text(output)
    assert server.crashed() == crashed
