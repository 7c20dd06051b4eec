"""axe-core finds no serious or critical violation on any page or view, in either theme, empty and filled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from pages.shared.frame import MENU
from tests.e2e.browser import AppServer, open_page, wait_for_app, wait_until_drawn
from tests.e2e.screenshots import fill

MORE = (
    ("data", "view=texts"),
    ("data", "view=words"),
    ("data", "view=beside"),
    ("results", "section=errors"),
    ("results", "section=training"),
    ("results", "section=files"),
    ("results", "view=all"),
    ("cold_start", "view=compare"),
    ("cold_start", "view=people"),
    ("cold_start", "view=rated"),
    ("recommend", "who=new"),
    ("explore", "view=kernels"),
)
"""Further views of the pages: path and address."""
GRAVE = ("serious", "critical")


def violations(page: Page) -> list[str]:
    """A line for each element that breaks a rule gravely: its rule, the element, and what to do."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}) at {node['target']}: {node['failureSummary']}\n    {node['html'][:200]}"
        for rule in found
        if rule["impact"] in GRAVE or rule["id"] == "heading-order"
        for node in rule["nodes"]
    ]


def check_every_page(browser: Browser, server: AppServer, further: Sequence[tuple[str, str]] = ()) -> None:
    """Walk through the menu once, then open the further views, and look at each in both themes."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000}, color_scheme="light")
    page.set_default_timeout(60_000)
    page.goto(server.url)
    faults = []
    for _, label in MENU:
        open_page(page, label)
        faults += look_at(page, label)
    for path, query in further:
        page.goto(f"{server.url}/{path}?{query}")
        wait_for_app(page)
        assert query in page.url, "the page doesn't know such a view"
        faults += look_at(page, f"{path}?{query}")
    page.close()
    assert not faults, "\n".join(faults)


def look_at(page: Page, name: str) -> list[str]:
    """What is wrong with this page in either theme; the browser switches it in place."""
    wait_until_drawn(page)
    faults = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", theme)
        page.wait_for_timeout(500)  # colours fade over
        faults += [f"{name}, {theme}: {fault}" for fault in violations(page)]
    return faults


@pytest.mark.browser
def test_an_empty_workspace_is_accessible(browser: Browser, server: AppServer) -> None:
    check_every_page(browser, server)


@pytest.mark.browser
def test_a_filled_workspace_is_accessible(browser: Browser, tmp_path: Path) -> None:
    fill(tmp_path / "workspace")
    with AppServer(tmp_path / "workspace", tmp_path / "server.log") as server:
        check_every_page(browser, server, MORE)
