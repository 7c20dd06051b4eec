from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from convmf.studies.controls import STUDY
from convmf.studies.plan import StudySettings
from convmf.studies.runner import run_study
from tests.e2e.study_screenshots import take_figure
from tests.helpers import TINY, tiny_dataset


@pytest.mark.browser
def test_the_page_of_a_study_draws_its_figures_and_asks_no_host(browser: Browser, tmp_path: Path) -> None:
    run_study(STUDY, tiny_dataset(), StudySettings(TINY, n_seeds=1), tmp_path)
    page = browser.new_page()
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((tmp_path / "controls.html").as_uri(), timeout=120_000)
    for number in (1, 2):
        figure = page.locator(f"#figure-{number}")
        figure.locator(".scatterlayer .trace").first.wait_for(timeout=30_000)
    page.wait_for_load_state("networkidle")
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == [] and errors == []
    take_figure(browser, tmp_path / "controls.html", 1, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5_000
