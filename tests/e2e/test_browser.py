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
TWO_SCRIPTS = """2026-11-30 07:46:52.670 Uncaught app execution
Traceback (most recent call last):
  File "session_state.py", line 920, in on_script_will_rerun
    self._call_callbacks(
  File "session_state.py", line 956, in _call_callbacks
    for wid in self._new_widget_state:
  File "session_state.py", line 222, in __iter__
    yield from self.states
RuntimeError: dictionary changed size during iteration
"""
OWN_DICTIONARY = """Traceback (most recent call last):
  File "session_state.py", line 960, in _call_callbacks
    callback()
  File "app.py", line 3, in on_click
    choose(names)
  File "app.py", line 9, in choose
    for name in names:
RuntimeError: dictionary changed size during iteration
"""
OWN = """Traceback (most recent call last):
  File "app.py", line 3, in main
    value = names[run]
KeyError: 'run'
"""


@pytest.mark.parametrize(
    ("output", "crashed"),
    [
        ("Stopping...\n", False),
        (GONE, False),
        (TWO_SCRIPTS + GONE, False),
        (OWN, True),
        (OWN_DICTIONARY, True),
        (GONE + OWN, True),
        (OWN + GONE, True),
        (OWN + TWO_SCRIPTS, True),
    ],
)
def test_only_what_is_streamlit_s_own_is_no_crash(tmp_path: Path, output: str, crashed: bool) -> None:
    server = AppServer(tmp_path / "workspace", tmp_path / "server.log")
    server.log.write_text(output)
    assert server.crashed() == crashed
