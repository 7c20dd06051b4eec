"""The page's address: one step of the browser's history a change, and no change on the page is undone by it."""

from __future__ import annotations

import pytest
from streamlit.runtime.state.query_params import QueryParams
from streamlit.testing.v1 import AppTest

from pages.shared import workspace as shared
from tests.helpers import tiny_dataset
from tests.page_helpers import page, texts, trained
from tests.train_page import train_page


@pytest.fixture
def steps(monkeypatch) -> list[None]:
    """A step of the browser's history for each message about the address."""
    counted: list[None] = []
    send = QueryParams._send_query_param_msg
    monkeypatch.setattr(QueryParams, "_send_query_param_msg", lambda query: counted.append(None) or send(query))
    return counted


@pytest.mark.parametrize("name", ["data", "train", "results", "cold_start", "recommend", "explore"])
def test_a_page_writes_its_address_once(workspace, steps, name):
    trained(tiny_dataset())
    app = AppTest.from_file("../app.py", default_timeout=60).run()
    app.switch_page(f"pages/{name}.py").run()
    assert len(app.query_params) >= 1 and len(steps) == 1
    app.run()
    assert len(steps) == 1, "nothing has changed"


def test_a_change_on_the_page_comes_before_an_address_that_is_behind(workspace):
    """A click that overtakes the address: the browser sends the one of before along with it."""
    trained(tiny_dataset())
    app = page("pages/results.py")
    begin = dict(app.query_params)
    app.button_group(key="address_section").set_value("errors").run()
    app.query_params.clear()
    for key, values in begin.items():
        app.query_params[key] = values
    app.button_group(key="address_by").set_value("item").run()
    assert (
        app.button_group(key="address_section").value == "errors" and app.button_group(key="address_by").value == "item"
    )
    assert "Where it is wrong" in texts(app)


def test_two_changes_in_a_row_are_both_kept(workspace):
    """The second one still comes with the address from before the first."""
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    begin = dict(app.query_params)
    for name, value in (("n_iterations", 77), ("patience", 33)):
        app.query_params.clear()
        for key, values in begin.items():
            app.query_params[key] = values
        app.number_input(key=f"setting_default_{name}").set_value(value).run()
    assert app.number_input(key="setting_default_n_iterations").value == 77
    assert (app.query_params["n_iterations"], app.query_params["patience"]) == ("77", "33")


def test_a_started_training_leaves_nothing_of_the_form_in_the_address(gate):
    data = shared.store().add_dataset(tiny_dataset())
    app = train_page(dataset=data.id)
    app.number_input(key="setting_default_patience").set_value(33)
    app.button(key="train_start").click().run()
    assert list(app.query_params) == ["run"]


def test_what_persists_over_pages_is_no_wish_of_the_address(workspace):
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.radio(key="train_preset").set_value("quick").run()
    app.query_params.clear()  # as the browser does when it goes to another page
    app.switch_page("pages/data.py").run()
    app.query_params.clear()
    app.switch_page("pages/train.py").run()
    assert app.radio(key="train_preset").value == "quick"
