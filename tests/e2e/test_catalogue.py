"""Recommend and Explore in a real browser: a list that follows ratings, and a map that keeps its zoom."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from convmf.data.splits import SplitSettings
from convmf.runs.jobs import Jobs
from convmf.runs.store import Store
from tests.e2e.browser import AppServer, wait_for_app, wait_until_drawn
from tests.e2e.test_story import Watcher
from tests.helpers import TINY, tiny_dataset

AT_ITEM = """([chart, item]) => {
    const layout = chart._fullLayout, box = chart.getBoundingClientRect();
    for (const trace of chart._fullData) {
        const place = (trace.customdata || []).findIndex((ids) => ids[0] === item);
        if (place >= 0) return [
            box.x + layout._size.l + layout.xaxis.l2p(trace.x[place]),
            box.y + layout._size.t + layout.yaxis.l2p(trace.y[place]),
        ];
    }
}"""
FARTHEST = """(chart) => {
    let best = null, most = -1;
    for (const trace of chart._fullData) (trace.customdata || []).forEach((ids, place) => {
        const distance = Math.abs(trace.x[place]) + Math.abs(trace.y[place]);
        if (distance > most) { most = distance; best = ids[0]; }
    });
    return best;
}"""
RANGE = "(chart) => chart._fullLayout.xaxis.range.map((end) => end.toFixed(4)).join()"


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[AppServer]:
    """The app with a model."""
    store = Store(tmp_path / "workspace")
    jobs = Jobs(store)
    run = jobs.start(store.add_dataset(tiny_dataset()).id, TINY, SplitSettings())
    until = time.monotonic() + 60
    while store.run(run.id).is_active:
        assert time.monotonic() < until
        time.sleep(0.05)
    jobs.close()
    store.close()
    with AppServer(tmp_path / "workspace", tmp_path / "server.log") as server:
        yield server


def opened(browser: Browser, server: AppServer, path: str) -> tuple[Page, Watcher]:
    page = browser.new_page(viewport={"width": 1440, "height": 1500})
    watcher = Watcher(page)
    page.goto(f"{server.url}/{path}")
    page.get_by_test_id("stMain").get_by_role("heading", level=1).wait_for(timeout=60_000)
    wait_for_app(page, 60_000)
    return page, watcher


@pytest.mark.browser
def test_a_new_user_rates_by_keyboard_and_the_link_reopens_the_list(browser: Browser, filled: AppServer) -> None:
    page, watcher = opened(browser, filled, "recommend?who=new")
    expect(page.get_by_text("Rate one item or more.")).to_be_visible(timeout=30_000)
    field = page.get_by_test_id("stNumberInput").first.get_by_role("spinbutton")
    field.focus()
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    expect(page.get_by_text("From 1 rating.")).to_be_visible(timeout=30_000)
    expect(page.get_by_test_id("stDataFrame")).to_have_count(1)
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"rate=5%3Ai\d+"))
    wait_for_app(page)
    title = page.get_by_role("heading", name=re.compile("^Why ")).inner_text()
    page.goto(page.url)
    expect(page.get_by_role("heading", name=re.compile("^Why "))).to_have_text(title, timeout=60_000)
    page.get_by_role("link", name=re.compile("Look at this item")).click()
    expect(page.get_by_test_id("stMain").get_by_role("heading", level=1)).to_have_text("Explore", timeout=30_000)
    expect(page.get_by_role("heading", name=title.removeprefix("Why "), exact=True)).to_be_visible(timeout=30_000)
    watcher.check()
    page.close()


@pytest.mark.browser
def test_a_point_opens_its_card_and_the_zoom_stays(browser: Browser, filled: AppServer) -> None:
    page, watcher = opened(browser, filled, "explore?item=i0")
    expect(page.get_by_role("heading", name="Film 0", exact=True)).to_be_visible(timeout=30_000)
    chart = page.locator(".js-plotly-plot")
    chart.locator(".points .point").first.wait_for(timeout=30_000)
    wait_until_drawn(page)
    item = chart.evaluate(FARTHEST)
    chart.hover()
    before = chart.evaluate(RANGE)
    page.locator("[data-title='Zoom out']").click()
    page.wait_for_function(f"(before) => ({RANGE})(document.querySelector('.js-plotly-plot')) !== before", arg=before)
    page.wait_for_timeout(500)  # the points have moved to their new places
    zoomed = chart.evaluate(RANGE)
    page.mouse.click(*chart.evaluate(f"(chart) => ({AT_ITEM})([chart, '{item}'])"))
    expect(page.get_by_role("heading", name=f"Film {item[1:]}", exact=True)).to_be_visible(timeout=30_000)
    expect(page).to_have_url(re.compile(f"item={item}(&|$)"))
    wait_for_app(page)
    page.wait_for_timeout(500)
    assert chart.evaluate(RANGE) == zoomed, "The zoom is lost when a point is chosen."
    watcher.check()
    page.close()
