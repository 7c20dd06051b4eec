"""The Results page in a real browser: looked at, reopened by its link, compared, taken away, renamed, deleted."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from convmf.data.splits import SplitSettings
from convmf.runs.jobs import Jobs
from convmf.runs.store import Store
from tests.e2e.browser import AppServer, Watcher, wait_for_app
from tests.helpers import TINY, tiny_dataset

NAME = "For ![x](http://example.org/x.png) <b>Ann</b>"


@pytest.fixture
def results_server(tmp_path: Path) -> AppServer:
    """The app on two runs, trained a moment ago."""
    store = Store(tmp_path / "workspace")
    jobs = Jobs(store)
    data = store.add_dataset(tiny_dataset())
    for name, config in (("First", TINY), ("Second", replace(TINY, lambda_v=8.0))):
        run = jobs.start(data.id, config, SplitSettings(cold_items=0.2), name=name)
        while store.run(run.id).is_active:
            time.sleep(0.05)
    jobs.close()
    store.close()
    return AppServer(tmp_path / "workspace", tmp_path / "server.log")


@pytest.mark.browser
def test_the_results_page(browser: Browser, results_server: AppServer, tmp_path: Path) -> None:
    expect.set_options(timeout=30_000)
    with results_server as server:
        page = browser.new_page(viewport={"width": 1440, "height": 4000})
        watcher = Watcher(page)
        page.goto(f"{server.url}/results")
        look_closer(page)
        reopened = browser.new_page(viewport={"width": 900, "height": 4000}, color_scheme="dark")
        reopened.goto(page.url)
        expect(figure(reopened, "Ratings of the item to learn from")).to_be_visible()
        expect(reopened.get_by_role("combobox", name=re.compile("Of user"))).to_have_value("u13")
        assert reopened.url == page.url
        read_the_report(browser, page, tmp_path)
        rename(page)
        watcher.check()
        compare_and_delete(page)
        watcher.check()
    assert not server.crashed()


def figure(page: Page, words: str) -> Locator:
    """The chart whose alternative text holds these words."""
    return page.get_by_role("figure", name=re.compile(re.escape(words)))


def look_closer(page: Page) -> None:
    """Known items, by the number of ratings, of one user, who is chosen by the keyboard alone."""
    dots = figure(page, "Dot plot of the error of each predictor")
    expect(dots).to_have_count(2, timeout=90_000)  # the first visit imports torch
    wait_for_app(page)
    dots.last.locator(".scatterlayer .point").last.hover(force=True)  # known items: the few new ones have no interval
    expect(page.locator(".hovertext").first).to_contain_text("95 %")
    page.get_by_role("radio", name="Where it is wrong").click()
    page.get_by_role("radio", name="Known items").click()
    page.get_by_role("radio", name="Ratings of the item").click()
    expect(figure(page, "Ratings of the item to learn from")).to_be_visible()
    wait_for_app(page)
    page.get_by_role("combobox", name=re.compile("Of user")).focus()
    page.keyboard.type("u13")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("section=errors&part=test&by=item&user=u13"))
    wait_for_app(page)


def read_the_report(browser: Browser, page: Page, folder: Path) -> None:
    """The report opens from the disk alone and asks no host."""
    page.get_by_role("radio", name="Check and take away").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report for a client (HTML)").click()
    path = folder / "report.html"
    download.value.save_as(path)
    report = browser.new_page()
    asked: list[str] = []
    report.on("request", lambda request: asked.append(request.url))
    report.goto(path.as_uri(), timeout=60_000)
    report.locator(".plot .scatterlayer .trace").first.wait_for(timeout=30_000)
    expect(report.get_by_role("heading", level=1)).to_contain_text("Second: results on")
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    report.close()


def rename(page: Page) -> None:
    """The new name is shown as it was typed, everywhere."""
    page.get_by_role("button", name="Rename", exact=True).click()
    page.get_by_role("textbox", name="New name").fill(NAME)
    page.get_by_role("textbox", name="New name").press("Enter")
    wait_for_app(page)
    page.get_by_role("button", name="Save the name").click()
    expect(page.get_by_text("The new name is saved.")).to_be_visible()
    expect(page.get_by_role("combobox", name=re.compile("Run"))).to_have_value(re.compile(re.escape(NAME)))
    wait_for_app(page)


def compare_and_delete(page: Page) -> None:
    """Both runs side by side by a link, then both deleted."""
    page.get_by_role("radio", name="All runs").click()
    expect(page.get_by_text("Choose runs by the boxes on the left")).to_be_visible()
    wait_for_app(page)
    table = page.get_by_test_id("stDataFrame").first.locator("canvas").first.bounding_box()
    assert table is not None
    for row in (1, 2):  # the boxes are drawn on a canvas
        page.mouse.click(table["x"] + 20, table["y"] + 35 * row + 17)
        page.wait_for_url(re.compile("compare=[0-9a-f]{16}" + "(,|%2C)[0-9a-f]{16}" * (row - 1)))
        wait_for_app(page)
    expect(page.get_by_text("Settings: 1 differ")).to_be_visible()
    wait_for_app(page)
    page.get_by_role("button", name="Delete 2 runs").click()
    page.get_by_role("button", name="Delete them for good").click()
    expect(page.get_by_text("2 runs were deleted.")).to_be_visible()
    expect(page.get_by_text("nothing has been trained")).to_be_visible()
