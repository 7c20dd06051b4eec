"""Every page that shows a model says when it was stopped before its text network was corrected."""

from __future__ import annotations

import pytest

from pages.shared import workspace as shared
from pages.shared.run_words import UNCORRECTED
from tests.helpers import tiny_dataset
from tests.page_helpers import page, texts, trained

PAGES = ["train", "results", "cold_start", "recommend", "explore"]


@pytest.mark.parametrize("name", PAGES)
def test_a_model_that_was_stopped_early_is_shown_as_one(workspace, name):
    run = trained(tiny_dataset(), calibration=True, biases=True)
    assert UNCORRECTED not in texts(page(f"pages/{name}.py", run=run.id))
    assert run.report is not None
    shared.store().update_run(run.id, report=run.report | {"stopped_early": True})
    assert UNCORRECTED in texts(page(f"pages/{name}.py", run=run.id))
