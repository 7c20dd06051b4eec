"""axe-core finds no serious or critical violation on any page: light and dark, in an empty and a filled workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from pages.shared.frame import MENU
from tests.e2e.browser import AppServer, open_page, wait_until_drawn
from tests.e2e.screenshots import fill

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


def check_every_page(browser: Browser, server: AppServer) -> None:
    """Walk through the menu once and look at each page in both themes, which the browser switches in place."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000}, color_scheme="light")
    page.set_default_timeout(60_000)
    page.goto(server.url)
    faults = []
    for _, label in MENU:
        open_page(page, label)
        wait_until_drawn(page)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", theme)
            page.wait_for_timeout(500)  # colours fade over
            faults += [f"{label}, {theme}: {fault}" for fault in violations(page)]
    page.close()
    assert not faults, "\n".join(faults)


@pytest.mark.browser
def test_an_empty_workspace_is_accessible(browser: Browser, server: AppServer) -> None:
    check_every_page(browser, server)


@pytest.mark.browser
def test_a_filled_workspace_is_accessible(browser: Browser, tmp_path: Path) -> None:
    fill(tmp_path / "workspace")
    with AppServer(tmp_path / "workspace", tmp_path / "server.log") as server:
        check_every_page(browser, server)
