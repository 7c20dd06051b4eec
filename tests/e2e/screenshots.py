"""Pictures of every page, light and dark, wide and narrow, in each state of the workspace.

    python -m tests.e2e.screenshots FOLDER [--only STATE]
    python -m tests.e2e.screenshots assets/screenshots --tour

The states are empty (a fresh workspace), running, finished and failed. It takes about eight minutes. The tour is the
README's: one picture of each page with a finished run, cut to a height for reading, in half a minute.
"""

from __future__ import annotations

import argparse
import logging
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import product
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from convmf.config import ConvMFConfig
from convmf.data.dataset import sample_dataset
from convmf.data.sample import SAMPLE_NOTE
from convmf.data.splits import SplitSettings
from convmf.runs.jobs import Jobs
from convmf.runs.store import Store
from tests.e2e.browser import AppServer, find_chromium, launch, metric, start_training, wait_for_app, wait_until_drawn
from tests.helpers import tiny_dataset

logger = logging.getLogger(__name__)

PAGES = {
    "overview": "",
    "data": "data",
    "train": "train",
    "results": "results",
    "cold_start": "cold_start",
    "recommend": "recommend",
    "explore": "explore",
}
WIDTHS = {1440: 3800, 900: 4600}
"""Width of the window and a height in which a whole page fits: Streamlit scrolls inside, not the window."""
VIEWS = {
    "texts_data": "data?view=texts",
    "words_data": "data?view=words",
    "beside_data": "data?view=beside",
    "errors_results": "results?run={finished}&section=errors",
    "training_results": "results?run={finished}&section=training",
    "files_results": "results?run={finished}&section=files",
    "compared_results": "results?view=all&compare={finished},{second}",
    "new_recommend": "recommend?run={finished}&who=new&rate=5:f0001&rate=4:f0004&rate=1:f0009",
    "kernels_explore": "explore?run={finished}&view=kernels",
}
"""Further views of the finished state: name and address, with the ids of runs by state."""
TOUR = {
    "overview": ("", 1270),
    "data": ("data", 1160),
    "train": ("train?run={finished}", 1335),
    "results": ("results?run={finished}", 1430),
    "cold_start": ("cold_start?run={finished}", 1225),
    "recommend": (VIEWS["new_recommend"], 1345),
    "explore": ("explore?run={finished}", 1340),
}
"""The README's pictures: address and height."""
COLOURS = 256
COLD_VIEWS = {
    "people": "",
    "compare": "&text2=A+dull+film+about+love+and+war.+Flawless,+and+played+magnificently.",
    "rated": "&by=5:u0001&by=1:u0010",
    "file": "",
}
"""Views of the Cold start page beside the first, and what their addresses ask for."""
THEMES = ("light", "dark")
STATES = ("empty", "running", "finished", "failed")
FAILURE = "Not enough memory. Take a smaller batch, fewer kernels or shorter texts. (out of memory)"


def main() -> None:
    """Run the script from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go; made if need be")
    parser.add_argument("--only", choices=STATES, help="pictures of one state only")
    parser.add_argument("--tour", action="store_true", help="the README's pictures, and no others")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options.folder.mkdir(parents=True, exist_ok=True)
    states = [options.only] if options.only else list(STATES)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        chromium = find_chromium(playwright)
        if chromium is None:
            parser.error("No Chromium was found. Install one, or run: python -m playwright install chromium")
        browser = launch(playwright, chromium)
        if options.tour:
            take_tour(browser, options.folder, Path(scratch))
        else:
            take_all(browser, options.folder, Path(scratch), states)
        browser.close()


def take_all(browser: Browser, folder: Path, scratch: Path, states: list[str]) -> None:
    """Pictures of all pages in ``states``, as FOLDER/<state>_<page>_<width>_<theme>.png."""
    if "empty" in states:
        with AppServer(scratch / "empty", scratch / "empty.log") as server:
            take_state(browser, server, folder, "empty", {})
    if states == ["empty"]:
        return
    home = scratch / "filled"
    runs = fill(home)
    with AppServer(home, scratch / "filled.log") as server:
        for state in ("finished", "failed"):
            if state in states:
                asked = f"?run={runs[state]}"
                take_state(browser, server, folder, state, {"train": asked, "results": asked})
        if "finished" in states:
            take_details(browser, server, folder, runs["finished"])
            for (name, path), theme, width in product(VIEWS.items(), THEMES, WIDTHS):
                with visit(browser, server, path.format(**runs), width, theme) as page:
                    page.screenshot(path=folder / f"{name}_{width}_{theme}.png")
        if "running" in states:
            with visit(browser, server, "train", 1440, "light") as page:
                page.get_by_text("New training", exact=True).first.click()
                page.get_by_text("Preset", exact=True).wait_for()
                page.get_by_text("All settings", exact=True).click()
                wait_until_drawn(page)
                page.wait_for_timeout(500)  # the expander opens slowly
                page.screenshot(path=folder / "form_train_1440_light.png")
                page.get_by_text("All settings", exact=True).click()
                start_training(page)
                expect(metric(page, "Iterations")).to_have_text(re.compile(r"[3-9]|\d\d"), timeout=120_000)
            take_state(browser, server, folder, "running", {})
            with visit(browser, server, "train", 1440, "light") as page:
                page.get_by_role("button", name="Stop training", exact=True).click()
                page.get_by_role("button", name="Resume", exact=True).wait_for(timeout=30_000)
                page.screenshot(path=folder / "stopped_train_1440_light.png")


def take_tour(browser: Browser, folder: Path, scratch: Path) -> None:
    """The README's pictures as FOLDER/<page>.png, of few colours and so small."""
    home = scratch / "tour"
    runs = fill(home)
    with AppServer(home, scratch / "tour.log") as server:
        for name, (path, height) in TOUR.items():
            with visit(browser, server, path.format(**runs), 1440, "light", height) as page:
                expect(page.get_by_text("Device: looking …")).to_have_count(0, timeout=60_000)
                picture = Image.open(BytesIO(page.screenshot()))
            file = folder / f"{name}.png"
            picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
            logger.info("%s: %d kB", file, file.stat().st_size // 1000)


def take_details(browser: Browser, server: AppServer, folder: Path, run: str) -> None:
    """What is folded away on the pages, opened."""
    for theme in THEMES:
        for width in WIDTHS:
            with visit(browser, server, f"train?run={run}", width, theme) as page:
                for label in ("Log", "Settings of this run", "The same from the command line"):
                    page.get_by_test_id("stExpander").get_by_text(label, exact=True).click()
                page.wait_for_timeout(800)
                page.screenshot(path=folder / f"details_train_{width}_{theme}.png")
            for view, more in COLD_VIEWS.items():
                with visit(browser, server, f"cold_start?run={run}&view={view}{more}", width, theme) as page:
                    page.screenshot(path=folder / f"{view}_cold_start_{width}_{theme}.png")
            with visit(browser, server, "train", width, theme) as page:
                page.get_by_text("New training", exact=True).first.click()
                page.get_by_text("Time:").wait_for()
                wait_until_drawn(page)
                page.screenshot(path=folder / f"form_train_{width}_{theme}.png")
            with visit(browser, server, "data", width, theme) as page:
                page.get_by_text("Add data", exact=True).click()
                page.wait_for_timeout(800)
                page.screenshot(path=folder / f"add_data_{width}_{theme}.png")
            with visit(browser, server, "data?view=texts", width, theme) as page:
                page.get_by_text("Missing", exact=False).click()
                page.get_by_role("button", name="Delete", exact=True).click()
                page.wait_for_timeout(800)
                page.screenshot(path=folder / f"delete_data_{width}_{theme}.png")


def fill(home: Path) -> dict[str, str]:
    """A workspace with the built-in data, a finished and a failed run; their ids by state."""
    store = Store(home)
    jobs = Jobs(store)
    store.add_dataset(tiny_dataset(120, 60), note="Made for these pictures.")
    data = store.add_dataset(sample_dataset(), note=SAMPLE_NOTE)
    split = SplitSettings(cold_items=0.1)
    second = jobs.start(data.id, ConvMFConfig.preset("quick", lambda_v=40.0, n_iterations=6), split, name="Strong pull")
    store.update_run(second.id, tags=["trial", "for the client"])
    done = jobs.start(data.id, ConvMFConfig.preset("quick"), split)
    while store.run(done.id).is_active:
        time.sleep(0.2)
    jobs.close()
    failed = store.create_run(data.id, ConvMFConfig.preset("default", n_kernels=2048), split)
    store.set_state(failed.id, "running")
    store.set_state(failed.id, "failed", FAILURE)
    store.close()
    return {"finished": done.id, "failed": failed.id, "second": second.id}


def take_state(browser: Browser, server: AppServer, folder: Path, state: str, queries: dict[str, str]) -> None:
    """Every page in both themes and widths."""
    for theme in THEMES:
        for width in WIDTHS:
            for name, path in PAGES.items():
                with visit(browser, server, path + queries.get(name, ""), width, theme) as page:
                    file = folder / f"{state}_{name}_{width}_{theme}.png"
                    page.screenshot(path=file)
                    logger.info("%s", file)


@contextmanager
def visit(browser: Browser, server: AppServer, path: str, width: int, theme: str, height: int = 0) -> Iterator[Page]:
    """A page in a browser session of its own, drawn to its end."""
    context = browser.new_context(
        viewport={"width": width, "height": height or WIDTHS[width]},
        color_scheme="dark" if theme == "dark" else "light",
    )
    try:
        page = context.new_page()
        page.goto(f"{server.url}/{path}")
        page.get_by_test_id("stMain").get_by_role("heading", level=1).wait_for(timeout=120_000)
        wait_for_app(page, 120_000)
        wait_until_drawn(page)
        page.wait_for_timeout(1000)  # charts draw themselves after the script has ended
        yield page
    finally:
        context.close()


if __name__ == "__main__":
    main()
