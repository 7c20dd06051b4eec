"""So few ratings that nothing, or hardly anything, can be held out and drawn: the pages say so."""

from __future__ import annotations

import pytest

from convmf.data.splits import SplitSettings
from convmf.runs.store import RunRecord
from pages.shared import run_result
from pages.shared import workspace as shared
from tests.helpers import tiny_dataset
from tests.page_helpers import page, texts, trained
from tests.train_page import train_page


@pytest.fixture
def unmeasured(workspace) -> RunRecord:
    """Of one user and three rated items: each rating is needed for the training."""
    return trained(tiny_dataset(n_users=1, n_items=5), split=SplitSettings(cold_items=0.1))


def test_a_run_without_a_held_out_rating_says_why_it_has_no_figures(unmeasured):
    told = "It was to be 10\u00a0% of the ratings and 10\u00a0% of the items; of so few"
    app = train_page(run=unmeasured.id)
    assert told in texts(app) and not any("This model" in table.value.index for table in app.table)
    assert told in texts(page("pages/results.py", run=unmeasured.id))


def test_the_form_says_before_that_no_item_will_be_held_out(workspace):
    shared.store().add_dataset(tiny_dataset(n_items=5))
    app = train_page()
    assert "10\u00a0% of 5 items is none: nothing will be measured on new items" in texts(app)
    app.slider(key="train_cold").set_value(30).run()
    assert not app.warning
    app.slider(key="train_cold").set_value(0).run()
    assert not app.warning, "nothing was asked for"


def test_items_that_were_to_be_held_out_but_are_none_are_told_below_the_figures(workspace):
    run = trained(tiny_dataset(n_items=5), split=SplitSettings(cold_items=0.1))
    app = train_page(run=run.id)
    assert "No items were held out as if new: 10\u00a0% of so few is none" in texts(app)
    assert app.table[0].value["New items"]["This model"] == "**–**"


def test_what_was_not_to_be_held_out_is_no_matter_of_few_ratings():
    told = run_result.unmeasured({"split": {"test": 0.0, "cold_items": 0.0}})
    assert told.endswith("Train again with ratings kept for the test, or with items held out “as if new”.")
