"""Pictures of figures on a study's page, for the README.

    python -m tests.e2e.study_screenshots FOLDER/controls.html:1 FOLDER/words.html:2 --out assets/screenshots

Each PAGE:NUMBER becomes OUT/study_<page>.png.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.e2e.browser import find_chromium, launch

logger = logging.getLogger(__name__)

_SIZE = {"width": 960, "height": 900}


def main() -> None:
    """Run the script from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.e2e.study_screenshots",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("figures", nargs="+", metavar="PAGE:NUMBER", help="a study's page, and which figure of it")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the pictures go")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with sync_playwright() as playwright:
        chromium = find_chromium(playwright)
        if chromium is None:
            parser.error("No Chromium was found. Install one, or run: python -m playwright install chromium")
        browser = launch(playwright, chromium)
        for figure in options.figures:
            page, _, number = figure.rpartition(":")
            file = options.out / f"study_{Path(page).stem}.png"
            take_figure(browser, Path(page), int(number), file)
            logger.info("%s: %d kB", file, file.stat().st_size // 1024)
        browser.close()


def take_figure(browser: Browser, page_file: Path, number: int, file: Path) -> None:
    """A picture of one figure, counted from 1, as it looks in a window of 960 pixels."""
    context = browser.new_context(viewport=_SIZE, color_scheme="light")
    try:
        page = context.new_page()
        page.goto(page_file.resolve().as_uri(), timeout=120_000)  # a large file, on a machine that may be busy
        figure = page.locator(f"#figure-{number}")
        figure.locator(".main-svg").first.wait_for(timeout=30_000)
        page.add_style_tag(content=".modebar { display: none !important; }")
        figure.screenshot(path=file, animations="disabled")
    finally:
        context.close()


if __name__ == "__main__":
    main()
