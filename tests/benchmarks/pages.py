"""First paint on a fresh server, page switches while a training runs, and the answer to a key, in a real browser.

    python -m tests.benchmarks.pages [--starts 5] [--rounds 5] [--keys 30]

First paint: from asking a server that has just begun to answer until the page's title is visible. A switch: from the
click on the menu until the new title is visible and the page's script has ended. The workspace holds the built-in data
and two trained models, and what trains meanwhile is the default model on data of MovieLens 1M's size. A key: from the
last letter of a word on the Cold start page until the expected rating has changed, less the time for which the field
waits for more keys; without a training, and beside it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from convmf.config import ConvMFConfig
from convmf.data.dataset import Dataset
from convmf.data.splits import SplitSettings
from convmf.runs.jobs import Jobs
from convmf.runs.store import Store
from pages.shared.cold_input import DELAY_MS
from pages.shared.frame import MENU
from tests.benchmarks.common import dataset, machine_line, print_table, print_target
from tests.e2e.browser import AppServer, find_chromium, launch, wait_for_app, wait_until_drawn
from tests.e2e.screenshots import PAGES, fill

FIRST_PAINT, SWITCH, KEY = 2.0, 0.5, 0.15
"""Targets in seconds, at the median."""
TITLE = "() => document.querySelector('[data-testid=stMain] h1')?.innerText"
ENDED = "() => document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
"""Looked at in every frame that the browser draws; Playwright's own waiting looks ever more seldom."""
WORDS = ("magnificent", "tedious")
"""Typed by turns at the end of a description: each changes what the model expects of the film."""
EXPECTED = """() => [...document.querySelectorAll("[data-testid=stMetric]")]
    .find((metric) => metric.innerText.includes("Expected rating"))
    ?.querySelector("[data-testid=stMetricValue]").innerText"""
LABELS = [label for _, label in MENU]


@dataclass(frozen=True)
class Switch:
    """Seconds of one switch: until the new title is visible, and until the page's script has ended, too."""

    title: float
    ended: float


def first_paints(browser: Browser, home: Path, path: str, starts: int) -> list[float]:
    """Seconds to the title of the page at ``path``, from a server and a browser session of its own each time."""
    seconds = []
    for _ in range(starts):
        with AppServer(home, home.with_suffix(".log")) as server:
            page = browser.new_page()
            started = time.perf_counter()
            page.goto(f"{server.url}/{path}", wait_until="commit")
            page.wait_for_function(TITLE, timeout=60_000)
            seconds.append(time.perf_counter() - started)
            page.close()
    return seconds


def switches(browser: Browser, server: AppServer, rounds: int) -> dict[str, list[Switch]]:
    """The switches to each page, by its label; one round before only fills the caches."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(server.url)
    page.wait_for_function(TITLE, timeout=60_000)
    wait_for_app(page, 60_000)
    seconds: dict[str, list[Switch]] = {label: [] for label in LABELS}
    for turn in range(rounds + 1):
        for label in [*LABELS[1:], LABELS[0]]:
            spent = switch(page, label)
            if turn:
                seconds[label].append(spent)
            wait_until_drawn(page)
            page.wait_for_timeout(500)  # somebody looks at the page; its charts draw themselves
    page.close()
    return seconds


def switch(page: Page, label: str) -> Switch:
    """Go to another page by the menu."""
    link = page.get_by_test_id("stSidebar").get_by_role("link", name=label, exact=True)
    started = time.perf_counter()
    link.click()
    page.wait_for_function(f"(label) => ({TITLE})() === label", arg=label, timeout=60_000)
    title = time.perf_counter() - started
    page.wait_for_function(ENDED, timeout=60_000)
    return Switch(title, time.perf_counter() - started)


def keystrokes(browser: Browser, server: AppServer, run: str, n_keys: int) -> list[float]:
    """Seconds from a key to the figure that it changes, less the field's own waiting."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(f"{server.url}/cold_start?run={run}")
    field = page.get_by_label("Description of an item that nobody has rated", exact=True)
    field.wait_for(timeout=60_000)
    wait_for_app(page, 60_000)
    seconds = []
    for turn in range(n_keys + 1):  # the first only fills the caches
        word = WORDS[turn % len(WORDS)]
        field.fill(f"A film about a lighthouse, {word[:-1]}")
        wait_for_app(page)
        page.wait_for_timeout(1000)  # somebody thinks
        before = page.evaluate(EXPECTED)
        field.press("End")
        started = time.perf_counter()
        page.keyboard.press(word[-1])
        page.wait_for_function(f"(before) => ({EXPECTED})() !== before", arg=before, timeout=60_000)
        seconds.append(time.perf_counter() - started - DELAY_MS / 1000)
    page.close()
    return seconds[1:]


def train_meanwhile(store: Store, data: Dataset) -> None:
    """Note a training that the server goes on with when it starts, and that no patience ends."""
    record = store.add_dataset(data, note="Made for this benchmark.")
    config = ConvMFConfig.preset("default", n_iterations=1000, patience=1000)
    jobs = Jobs(store)
    run = jobs.start(record.id, config, SplitSettings())
    while store.run(run.id).iterations_done < 1:
        time.sleep(0.2)
    jobs.close()


def resume(browser: Browser, server: AppServer) -> None:
    """Let the noted training go on, and wait until it does."""
    page = browser.new_page()
    page.goto(f"{server.url}/train")
    page.get_by_role("button", name="Resume", exact=True).click(timeout=60_000)
    page.get_by_role("button", name="Stop training", exact=True).wait_for(timeout=60_000)
    page.close()


def report(paints: dict[str, list[float]], spent: dict[str, list[Switch]], typed: dict[str, list[float]]) -> None:
    print("\nfirst paint on a fresh server, seconds")
    print_table(["page", "median", "p95"], [[name, *_two(values)] for name, values in paints.items()])
    print("\nswitches while a training runs, seconds")
    rows = [
        [label, *_two([one.title for one in values]), *_two([one.ended for one in values])]
        for label, values in spent.items()
    ]
    print_table(["to", "title median", "p95", "script's end median", "p95"], rows)
    print("\nanswer to a key, seconds")
    print_table(["", "median", "p95"], [[name, *_two(values)] for name, values in typed.items()])
    for name, values in typed.items():
        print_target(f"answer to a key, {name}, median", float(np.median(values)), KEY, " s")
    for name, values in paints.items():
        print_target(f"first paint of {name}, median", float(np.median(values)), FIRST_PAINT, " s")
    for label, values in spent.items():
        median = float(np.median([one.ended for one in values]))
        print_target(f"switch to {label} while a training runs, median", median, SWITCH, " s")


def _two(values: Sequence[float]) -> tuple[str, str]:
    median, late = np.percentile(values, [50, 95])
    return f"{median:.2f}", f"{late:.2f}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keys", type=int, default=30)
    options = parser.parse_args(arguments)
    print(machine_line())
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        chromium = find_chromium(playwright)
        if chromium is None:
            parser.error("No Chromium was found. Install one, or run: python -m playwright install chromium")
        browser = launch(playwright, chromium)
        home = Path(folder) / "workspace"
        run = fill(home)["finished"]
        paints = {name: first_paints(browser, home, PAGES[name], options.starts) for name in PAGES}
        with AppServer(home, home.with_suffix(".log")) as server:
            typed = {"no training": keystrokes(browser, server, run, options.keys)}
        origin, data = dataset("ml-1m")
        print(f"in training meanwhile: {origin}")
        store = Store(home)
        train_meanwhile(store, data)
        store.close()
        with AppServer(home, home.with_suffix(".log")) as server:
            resume(browser, server)
            spent = switches(browser, server, options.rounds)
            typed["beside a training"] = keystrokes(browser, server, run, options.keys)
        browser.close()
    report(paints, spent, typed)


if __name__ == "__main__":
    main()
