"""A server and a browser for the tests in this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.browser import AppServer, find_chromium, launch


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AppServer]:
    """The app with a workspace that nobody has used yet."""
    with AppServer(tmp_path / "workspace", tmp_path / "server.log") as running:
        yield running


@pytest.fixture
def chromium() -> str:
    """Path of a Chromium. Without one the test is skipped, but in CI it fails: there it must never go missing."""
    with sync_playwright() as playwright:
        found = find_chromium(playwright)
    if found is None:
        reason = "No Chromium was found. Install one, or run: python -m playwright install chromium"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    """A real Chromium."""
    with sync_playwright() as playwright:
        running = launch(playwright, chromium)
        try:
            yield running
        finally:
            running.close()


@pytest.fixture
def uploads() -> tuple[Path, Path]:
    """Ratings and items as a user would upload them: MovieLens 100k, else the built-in data set's own files."""
    folder = os.environ.get("CONVMF_TEST_DATA", "").strip()
    if folder:
        movielens = Path(folder) / "ml-100k"
        return movielens / "ratings.csv.gz", movielens / "items.csv.gz"
    from convmf.data.sample import sample_paths

    return sample_paths()
