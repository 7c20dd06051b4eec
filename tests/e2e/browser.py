"""The app in a process of its own and a real browser in front of it, for tests and pictures."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Playwright, expect

from convmf.config import ConvMFConfig

ROOT = Path(__file__).parents[2]
_GONE_WHILE_CONNECTED = r"\S*WebSocketDisconnected: .*"
_TWO_SCRIPTS_OF_A_SESSION = (
    r".*in _call_callbacks\n.*\n"
    r".*in __iter__\n.*\n"
    r"RuntimeError: dictionary changed size during iteration"
)
_NOT_OURS = re.compile(
    r"Traceback \(most recent call last\):\n(?:(?!Traceback).*\n)*?"
    rf"(?:{_GONE_WHILE_CONNECTED}|{_TWO_SCRIPTS_OF_A_SESSION})"
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PROBE = re.compile(r"/\w+/_stcore/(health|host-config)$")
"""On a deep link Streamlit's own script looks for its server below the page's path first, which is no error."""
_START_SECONDS = 60.0
_END_SECONDS = 20.0


def find_chromium(playwright: Playwright) -> str | None:
    """Path of a Chromium: the system's, else playwright's own; None where there is none."""
    for name in _NAMES:
        path = shutil.which(name, path=os.pathsep.join(["/usr/bin", os.environ.get("PATH", "")]))
        if path:
            return path
    own = playwright.chromium.executable_path
    return own if own and Path(own).is_file() else None


def launch(playwright: Playwright, chromium: str) -> Browser:
    """A browser that makes no requests on its own account."""
    return playwright.chromium.launch(executable_path=chromium, args=FLAGS)


class AppServer:
    """The app on a free port of 127.0.0.1 with its workspace in ``home``; a context manager.

    ``environment`` holds further variables of its process.

    ``exit_code`` is that of the process once it has ended: SIGTERM, sent to its pid alone, should end it in order.
    """

    def __init__(self, home: Path, log: Path, **environment: str) -> None:
        self.home, self.log, self._environment = home, log, environment
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.exit_code: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> AppServer:
        command = [sys.executable, "-m", "streamlit", "run", "app.py"]
        options = ["--server.port", str(self.port), "--server.address", "127.0.0.1", "--server.headless", "true"]
        environment = {**os.environ, **self._environment, "CONVMF_HOME": str(self.home)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command + options, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            self._wait_until_healthy()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> int:
        """End the server by its pid with SIGTERM, or SIGKILL when that takes too long; returns its exit code."""
        if self._process is None:
            return self.exit_code or 0
        self._process.send_signal(signal.SIGTERM)
        try:
            self.exit_code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.exit_code = self._process.wait()
        self._process = None
        return self.exit_code

    @property
    def pid(self) -> int:
        """The process' id while it is running."""
        assert self._process is not None
        return self._process.pid

    def output(self) -> str:
        """What the server has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def crashed(self) -> bool:
        """Whether it has written a traceback, but for two that are Streamlit's own.

        A browser that left while it was being connected: Streamlit closes such a connection once more, and the web
        server below it complains. And a click on a busy machine: each run of a session's script has a lock of its own
        around the state that they share, so the end of one and the beginning of the next can meet in it.
        """
        return "Traceback" in _NOT_OURS.sub("", self.output())

    def _wait_until_healthy(self) -> None:
        assert self._process is not None
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"The server ended with code {self._process.returncode}:\n{self.output()}")
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"The server did not answer within {_START_SECONDS:g} s:\n{self.output()}")


class Watcher:
    """Everything that a page may not do: call another host, throw, log an error of the app's, show an exception."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.hosts: set[str] = set()
        self.errors: list[str] = []
        page.on("request", lambda request: self._note_request(request.url))
        page.on("websocket", lambda socket: self._note_request(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note_console)

    def _note_request(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme in ("http", "https", "ws", "wss"):
            self.hosts.add(address.hostname or "")

    def _note_console(self, message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        if message.type == "error" and not PROBE.search(url):
            self.errors.append(f"{message.text} {url}")

    def check(self) -> None:
        """Fail if something of that kind has happened so far."""
        expect(self.page.get_by_test_id("stException")).to_have_count(0)
        expect(self.page.locator("[data-testid='stAlertContentError']")).to_have_count(0)
        assert self.hosts == {"127.0.0.1"}
        assert self.errors == []


def wait_for_app(page: Page, timeout: float = 30_000) -> None:
    """Wait until the script behind the page has run to its end."""
    page.wait_for_selector("[data-testid='stApp'][data-test-script-state='notRunning']", timeout=timeout)


def wait_until_drawn(page: Page) -> None:
    """Wait until no part of the page is a grey placeholder any more."""
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=30_000)


def open_page(page: Page, label: str) -> None:
    """Go to another page by the menu."""
    page.get_by_test_id("stSidebar").get_by_role("link", name=label, exact=True).click()
    title = page.get_by_test_id("stMain").get_by_role("heading", level=1)
    expect(title).to_have_text(label, timeout=30_000)
    wait_for_app(page)


def start_training(page: Page) -> None:
    """On the Train page's form, start a quick training that goes on until it is stopped."""
    page.get_by_text("All settings", exact=True).click()
    expect(number(page, "Iterations")).to_be_visible()
    page.get_by_text("Quick", exact=True).click()
    expect(number(page, "Iterations")).to_have_value(
        str(ConvMFConfig.preset("quick").n_iterations)
    )  # now the fields are those of the preset
    changed = []
    for label in ("Iterations", "Patience"):
        number(page, label).fill("5000")
        number(page, label).press("Enter")
        changed.append(label)
        page.get_by_text(f"Changed from the preset: {', '.join(changed)}.").wait_for()
    page.get_by_role("button", name="Start training", exact=True).click()
    expect(badge(page)).to_have_text("training")


def number(page: Page, label: str) -> Locator:
    """The input field of this setting."""
    return page.get_by_test_id("stNumberInput").filter(has_text=label).get_by_role("spinbutton")


def metric(page: Page, label: str) -> Locator:
    """The value of the figure with this label."""
    return page.get_by_test_id("stMetric").filter(has_text=label).first.get_by_test_id("stMetricValue")


def badge(page: Page) -> Locator:
    """The state of the run."""
    return page.get_by_test_id("stMain").locator(".stMarkdownBadge")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
