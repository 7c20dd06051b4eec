"""A description is read while it is typed, key by key, and nothing that was typed gets lost."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from convmf.data.splits import SplitSettings
from convmf.runs.jobs import Jobs
from convmf.runs.store import Store
from tests.e2e.browser import AppServer, Watcher, metric, open_page, wait_for_app
from tests.helpers import TINY, tiny_dataset

pytestmark = pytest.mark.browser


@pytest.fixture
def trained(tmp_path: Path) -> Iterator[AppServer]:
    """The app with one small trained model."""
    home = tmp_path / "workspace"
    store = Store(home)
    jobs = Jobs(store)
    run = jobs.start(store.add_dataset(tiny_dataset(60, 40)).id, replace(TINY, n_iterations=20), SplitSettings())
    while store.run(run.id).is_active:
        time.sleep(0.05)
    jobs.close()
    store.close()
    with AppServer(home, tmp_path / "server.log") as running:
        yield running


def field(page: Page, label: str = "Description of an item that nobody has rated") -> Locator:
    return page.get_by_label(label, exact=True)


def open_cold_start(browser: Browser, server: AppServer, query: str = "") -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(f"{server.url}/cold_start{query}")
    field(page).wait_for(timeout=60_000)
    wait_for_app(page)
    return page


def test_the_figures_follow_each_word_that_is_typed(browser: Browser, trained: AppServer) -> None:
    page = open_cold_start(browser, trained, "?text=river")
    watcher = Watcher(page)
    shown = metric(page, "Expected rating")
    seen = [shown.inner_text()]
    # What speaks for a film may cancel what speaks against it, so the second text takes the first one's place.
    for place, word in (("Control+End", " war soldiers"), ("Control+a", "love wedding")):
        field(page).press(place)
        field(page).press_sequentially(word, delay=25)
        expect(shown).not_to_have_text(seen[-1], timeout=15_000)  # the focus is still in the field
        expect(page.get_by_role("button", name=re.compile(f"^{word.split()[-1]}:"))).to_be_visible()
        assert field(page).evaluate("field => field.getRootNode().activeElement === field")
        wait_for_app(page)
        seen.append(shown.inner_text())
    assert field(page).input_value() == "love wedding"
    page.wait_for_function("new URLSearchParams(location.search).get('text')?.endsWith('wedding')", timeout=15_000)
    page.reload()
    expect(field(page)).to_have_value("love wedding", timeout=30_000)
    expect(shown).to_have_text(seen[-1])
    watcher.check()


def test_fast_typing_loses_no_letter_and_survives_another_page(browser: Browser, trained: AppServer) -> None:
    page = open_cold_start(browser, trained, "?text=")
    text = "war and soldiers by the river, a letter to a friend in winter; love on the road at night"
    field(page).press_sequentially(text, delay=45)  # many answers come while the next keys are hit
    expect(field(page)).to_have_value(text)
    expect(page.get_by_role("button", name=re.compile("^night:"))).to_be_visible(timeout=15_000)
    open_page(page, "Data")
    open_page(page, "Cold start")
    expect(field(page)).to_have_value(text, timeout=30_000)
    expect(page.get_by_role("button", name=re.compile("^soldiers:"))).to_be_visible()


def test_a_word_is_replaced_with_the_keyboard_alone(browser: Browser, trained: AppServer) -> None:
    page = open_cold_start(browser, trained, "?text=war+soldiers+zebra")
    words = page.get_by_role("group", name="The text, word by word").get_by_role("button")
    expect(words).to_have_count(3, timeout=15_000)
    expect(words.nth(2)).to_have_attribute("aria-label", re.compile("doesn't read"))
    words.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(words.nth(1)).to_have_attribute("aria-pressed", "true", timeout=15_000)
    page.get_by_role("button", name="Use this text", exact=True).click()
    expect(field(page)).not_to_have_value("war soldiers zebra", timeout=15_000)
    expect(field(page)).to_have_value(re.compile(r"^war \w+ zebra$"))


def test_what_is_typed_is_text_and_nothing_else(browser: Browser, trained: AppServer) -> None:
    page = open_cold_start(browser, trained, "?text=")
    evil = "<img src=x onerror=\"document.title='owned'\"> **war** ![x](http://example.org/x.png)"
    field(page).fill(evil)
    group = page.get_by_role("group", name="The text, word by word")
    expect(group).to_have_text(evil, timeout=15_000)
    assert group.locator("img").count() == 0 and "owned" not in page.title()
    page.wait_for_function("location.search.includes('onerror')", timeout=15_000)
    assert parse_qs(urlparse(page.url).query)["text"] == [evil]
