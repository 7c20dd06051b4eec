"""The Overview, the Data and the Train page in a real browser, each by what it is there for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from convmf.data.sample import SAMPLE_NOTE
from convmf.runs.store import Store
from tests.e2e.browser import AppServer, Watcher, badge, metric, wait_for_app
from tests.helpers import tiny_dataset

NO_ROAD = "http://127.0.0.1:9"
"""A proxy that isn't there: whatever goes to another host ends at once, on every machine."""


@contextmanager
def watched(browser: Browser) -> Iterator[Page]:
    """A page that makes no error and no request to another host, which is looked at in the end."""
    page = browser.new_page(viewport={"width": 1440, "height": 1400})
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    watcher = Watcher(page)
    yield page
    watcher.check()
    page.close()


def has_loaded(image: Locator) -> bool:
    return bool(image.evaluate("image => image.complete && image.naturalWidth > 0"))


@pytest.mark.browser
def test_from_the_first_screen_to_an_insight_by_the_next_steps_alone(browser: Browser, server: AppServer) -> None:
    with watched(browser) as page:
        walk_to_an_insight(page, server)


def walk_to_an_insight(page: Page, server: AppServer) -> None:
    page.goto(server.url)
    picture = page.get_by_role("img", name=re.compile("^How ConvMF works, in five boxes"))
    expect(picture).to_be_visible()
    assert has_loaded(picture)

    page.get_by_role("button", name="Load the built-in data", exact=True).click()
    train = page.get_by_role("button", name="Train a model", exact=True)
    train.focus()
    page.keyboard.press("Enter")  # the keyboard does as well as the mouse
    expect(page).to_have_url(re.compile(r"/train\?dataset=[0-9a-f]+"))
    page.get_by_text("Quick", exact=True).click()
    expect(page).to_have_url(re.compile("preset=quick"))
    expect(page.get_by_text(re.compile(r"^Time: (.*at least .* at most|a few seconds)"))).to_be_visible()
    page.get_by_role("button", name="Start training", exact=True).click()
    expect(badge(page)).to_have_text("finished")
    address = page.url
    curves = page.get_by_test_id("stVegaLiteChart").first
    expect(curves).to_have_attribute(
        "aria-label", re.compile(r"lowest on validation ratings is 0\.\d{3}, in iteration")
    )

    page.get_by_role("link", name="Describe a new item").click()
    expect(metric(page, "Expected rating")).to_have_text(re.compile(r"^\d\.\d\d$"))

    page.goto(server.url)
    expect(metric(page, "RMSE, new items")).to_have_text(re.compile(r"^0\.\d{3}$"))
    page.goto(address)  # the link of the run opens it again
    expect(badge(page)).to_have_text("finished")


@pytest.mark.browser
def test_data_sets_are_looked_at_renamed_and_deleted(browser: Browser, tmp_path: Path) -> None:
    home = tmp_path / "workspace"
    store = Store(home)
    store.add_dataset(tiny_dataset(), note=SAMPLE_NOTE)
    other = store.add_dataset(tiny_dataset(20), note="Another one.")
    store.close()
    with AppServer(home, tmp_path / "server.log") as server, watched(browser) as page:
        page.goto(f"{server.url}/data?dataset={other.id}&view=texts&texts=missing")
        expect(page.get_by_text("1 of 24 items have no description.")).to_be_visible()
        wait_for_app(page)
        page.get_by_role("radio", name="Ratings", exact=True).click()
        expect(page.get_by_test_id("stPlotlyChart").first).to_have_attribute(
            "aria-label", re.compile("^Bar chart of the ratings")
        )
        page.get_by_role("radio", name="Side by side", exact=True).click()
        page.get_by_role("button", name="Rename", exact=True).click()
        page.get_by_role("textbox", name="New name").fill("*Mine* <b>")
        page.get_by_role("textbox", name="New name").press("Enter")
        page.get_by_role("button", name="Save the name", exact=True).click()
        expect(page.get_by_text("The new name is saved.")).to_be_visible()
        expect(page.get_by_role("row", name="*Mine* <b> tiny What it is")).to_be_visible()
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("button", name="Delete for good", exact=True).click()
        expect(page.get_by_text("*Mine* <b> was deleted.")).to_be_visible()
        wait_for_app(page)
        assert other.id not in page.url


@pytest.mark.browser
def test_movielens_without_a_connection_says_what_to_do(browser: Browser, tmp_path: Path) -> None:
    with AppServer(tmp_path / "workspace", tmp_path / "server.log", https_proxy=NO_ROAD) as server:
        page = browser.new_page()
        page.goto(f"{server.url}/data")
        expect(page.get_by_text("Research use only.")).to_be_visible(timeout=60_000)
        page.get_by_role("button", name="Fetch MovieLens from GroupLens", exact=True).click()
        error = page.locator("[data-testid='stAlertContentError']")
        expect(error).to_contain_text("Check this machine's connection to the internet", timeout=30_000)
        expect(error).to_contain_text("download ml-latest-small.zip elsewhere")
        expect(page.get_by_role("button", name="Try again", exact=True)).to_be_visible()
        page.close()
