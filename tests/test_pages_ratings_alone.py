"""A model that learned from ratings alone: no page says that it reads descriptions, or leads to where that is asked."""

from __future__ import annotations

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings
from convmf.runs.store import RunRecord
from pages.shared import results_view
from pages.shared import workspace as shared
from tests.helpers import TINY, tiny_dataset
from tests.page_helpers import ROOT, page, texts, trained
from tests.train_page import ended_run, train_page


@pytest.fixture
def run(workspace) -> RunRecord:
    return ended_run(dataclasses.replace(TINY, text="none"))


def links(app: AppTest) -> dict[str, str]:
    """The page that each link leads to, by its label."""
    return {link.label: link.page for link in app.get("page_link")}


def test_train_shows_what_it_learned_from_and_leads_to_recommendations(run):
    app = train_page(run=run.id)
    assert app.table[0].value["What it is"]["This model"] == "Ratings alone; it reads no descriptions."
    assert "of which this model knows nothing" in texts(app) and "descriptions alone" not in texts(app)
    assert links(app)["**See recommendations** →"] == "recommend"
    assert "**Describe a new item** →" not in links(app)


def test_results_and_their_report_say_that_it_knew_nothing_of_new_items(run):
    app = page("pages/results.py", run=run.id)
    assert "reads no descriptions, it knew nothing of them" in texts(app)
    assert "All that the model had" not in texts(app)
    meanings = next(
        table.value for table in app.table if "Global average" in table.value.index and len(table.value.columns) == 1
    )
    assert meanings["What it is"]["This model"] == "Ratings alone; it reads no descriptions."
    assert "**See recommendations** →" in links(app) and "**Describe a new item** →" not in links(app)
    report = results_view.results(run.id, str(run.ended)).client_report(run.name).to_html()
    assert "it knew nothing of them" in report
    assert "Ratings and descriptions together" not in report and "the description has to help" not in report


def test_a_run_that_reads_descriptions_is_told_as_before(workspace):
    run = ended_run()
    app = train_page(run=run.id)
    assert "predicted from their descriptions alone" in texts(app)
    assert links(app)["**Describe a new item** →"] == "cold_start"
    assert "All that the model had of them is the description" in texts(page("pages/results.py", run=run.id))


def test_overview_leads_to_recommendations_though_the_data_have_descriptions(run):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert [button.label for button in app.button] == ["See recommendations"]


def test_cold_start_says_why_another_model_is_chosen(run):
    other = trained(tiny_dataset())
    app = page("pages/cold_start.py", run=run.id)
    assert app.selectbox(key="cold_run").value == other.id
    assert "The run in this address learned from ratings alone" in app.warning[0].value
    gone = shared.store().create_run(other.dataset_id, ConvMFConfig(), SplitSettings())
    assert "has no model" in page("pages/cold_start.py", run=gone.id).warning[0].value
