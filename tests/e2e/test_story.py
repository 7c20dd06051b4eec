"""The whole story in a real browser: a fresh server, own files, a training, its stop, a prediction."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from pages.shared.frame import MENU
from tests.e2e.browser import AppServer, Watcher, badge, metric, open_page, start_training, wait_for_app

DESCRIPTION = (
    "A detective in a big city hunts a murderer through the night, helped by a young reporter. "
    "A dark and funny story about love, family and an old crime."
)


@pytest.mark.browser
def test_from_a_fresh_server_to_a_prediction(browser: Browser, server: AppServer, uploads: tuple[Path, Path]) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 1400})
    page.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)
    watcher = Watcher(page)

    page.goto(f"{server.url}/train")  # the first visit of all is a deep link
    expect(page.get_by_test_id("stMain").get_by_role("heading", level=1)).to_have_text("Train", timeout=60_000)
    wait_for_app(page)
    expect(page.get_by_test_id("stSidebar").get_by_role("link")).to_have_text([label for _, label in MENU])
    watcher.check()

    upload(page, *uploads)
    watcher.check()

    open_page(page, "Train")
    start_training(page)
    watch_the_curve_move(page)
    watcher.check()

    page.get_by_role("button", name="Stop training", exact=True).click()
    expect(badge(page)).to_have_text("stopped")
    expect(page.get_by_text("Result: typical error")).to_be_visible()  # drawn last, so the figures above are final
    wait_for_app(page)
    iterations = metric(page, "Iterations").inner_text()

    page.reload()
    expect(badge(page)).to_have_text("stopped")
    expect(metric(page, "Iterations")).to_have_text(iterations)
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
    watcher.check()

    predict(page)
    watcher.check()

    open_page(page, "Train")
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(badge(page)).to_have_text("training")
    open_page(page, "Overview")
    watcher.check()
    page.close()
    assert server.end() in (0, 143), server.output()  # in mid-training: in order, or cut short; a crash is -6
    assert not server.crashed()


def upload(page: Page, ratings: Path, items: Path) -> None:
    """Hand in the two files on the Data page and use them."""
    open_page(page, "Data")
    for label, path in (("Ratings file", ratings), ("Items file", items)):
        box = page.get_by_test_id("stFileUploader").filter(has_text=label)
        box.locator("input[type=file]").set_input_files(path)
        expect(page.get_by_text(f"In use: {path.name}")).to_be_visible()
        wait_for_app(page)
    page.get_by_role("button", name="Use this data", exact=True).click()
    expect(page.get_by_text("is in the workspace.")).to_be_visible()
    wait_for_app(page)


def watch_the_curve_move(page: Page) -> None:
    """Wait until the count of iterations has grown twice, and the chart with it, in place."""
    value = metric(page, "Iterations")
    expect(value).to_have_text(re.compile(r"^[1-9]\d*$"), timeout=60_000)
    chart = page.get_by_test_id("stVegaLiteChart").first.locator("canvas, svg").first
    expect(chart).to_be_visible()
    chart.evaluate("element => { element.dataset.seenBefore = 'yes' }")
    for _ in range(2):
        before = int(value.inner_text())
        picture = chart.screenshot()
        expect(value).not_to_have_text(str(before))
        assert int(value.inner_text()) > before
        assert chart.get_attribute("data-seen-before") == "yes", "The chart was taken away and drawn anew: it flickers."
        wait_for_another_picture(page, chart, picture)
    expect(value).to_have_text(re.compile(r"^([6-9]|\d\d+)$"))
    zoom_in(page, chart)
    axis, before = axis_labels(chart), int(value.inner_text())
    assert axis and int(axis[-1]) - int(axis[0]) < before / 2, "Ctrl and the wheel don't zoom."
    expect(value).to_have_text(re.compile(f"^(?!{before}$)"))
    page.wait_for_timeout(300)  # the chart follows the figure
    assert axis_labels(chart) == axis, "The zoom is lost when an iteration comes."


def zoom_in(page: Page, chart: Locator) -> None:
    """Zoom the chart along its iterations, far into the middle."""
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.down("Control")
    for _ in range(12):
        page.mouse.wheel(0, -120)
        page.wait_for_timeout(30)
    page.keyboard.up("Control")


def axis_labels(chart: Locator) -> list[str]:
    """The numbers along the iterations."""
    return chart.locator("g[aria-label^='X-axis'] .role-axis-label text").all_text_contents()


def wait_for_another_picture(page: Page, chart: Locator, before: bytes) -> None:
    """Wait until the chart looks different."""
    for _ in range(100):
        if chart.screenshot() != before:
            return
        page.wait_for_timeout(50)
    raise AssertionError("The curve does not move.")


def predict(page: Page) -> None:
    """Type a description and see what comes of it."""
    open_page(page, "Cold start")
    box = page.get_by_role("textbox", name="Description of an item that nobody has rated")
    before = box.input_value()
    assert before
    box.fill("")
    expect(page.get_by_text("The description is empty.")).to_be_visible()
    box.fill(DESCRIPTION)  # nothing else to press: it is read while one types
    expect(page.get_by_text("The description is empty.")).to_have_count(0)
    expect(metric(page, "Expected rating")).to_have_text(re.compile(r"^\d\.\d\d$"))
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    wait_for_app(page)
