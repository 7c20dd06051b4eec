"""The page's address and the browser's history: one step a visit, and Back shows what was there."""

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


def go_back(app: AppTest, query: dict[str, list[str]]) -> None:
    """As the browser does: the page runs again, with another address and nothing changed on it."""
    app.query_params.clear()
    for key, values in query.items():
        app.query_params[key] = values
    app.run()
    assert not app.exception and not app.warning


@pytest.mark.parametrize("name", ["data", "train", "results", "cold_start", "recommend", "explore"])
def test_a_page_writes_its_address_once(workspace, steps, name):
    trained(tiny_dataset())
    app = AppTest.from_file("../app.py", default_timeout=60).run()
    app.switch_page(f"pages/{name}.py").run()
    assert len(app.query_params) >= 1 and len(steps) == 1
    app.run()
    assert len(steps) == 1, "nothing has changed"


def test_back_shows_the_section_the_view_and_the_run_of_before(workspace):
    first, latest = trained(tiny_dataset()), trained(tiny_dataset(seed=1))
    app = page("pages/results.py")
    addresses = [dict(app.query_params)]
    app.button_group(key="address_section").set_value("errors").run()
    addresses.append(dict(app.query_params))
    app.selectbox(key="results_run").set_value(first.id).run()
    addresses.append(dict(app.query_params))
    app.button_group(key="address_view").set_value("all").run()
    go_back(app, addresses[2])
    assert app.button_group(key="address_view").value == "one"
    assert app.selectbox(key="results_run").value == first.id
    go_back(app, addresses[1])
    assert app.selectbox(key="results_run").value == latest.id
    assert app.button_group(key="address_section").value == "errors"
    go_back(app, addresses[0])
    assert app.button_group(key="address_section").value == "outcome" and app.query_params == addresses[0]
    go_back(app, addresses[2])  # forward again
    assert app.selectbox(key="results_run").value == first.id


def test_back_shows_the_form_of_a_training_as_it_was(workspace):
    run = trained(tiny_dataset())
    app = train_page()
    begin = dict(app.query_params)
    app.radio(key="train_view").set_value("New training").run()
    form = dict(app.query_params)
    app.radio(key="train_preset").set_value("quick").run()
    go_back(app, form)
    assert app.radio(key="train_preset").value == "default" and app.query_params == form
    go_back(app, begin)
    assert app.radio(key="train_view").value == "Runs" and app.selectbox(key="train_run").value == run.id


def test_back_shows_the_user_and_the_text_of_before(workspace):
    trained(tiny_dataset())
    app = page("pages/recommend.py")
    begin = dict(app.query_params)
    app.selectbox(key="recommend_user").set_value("u3").run()
    go_back(app, begin)
    assert app.selectbox(key="recommend_user").value == "u0"
    app = page("pages/cold_start.py", text="war soldiers")
    begin = dict(app.query_params)
    app.button(key="cold_example_0").click().run()
    assert app.query_params != begin
    go_back(app, begin)
    assert app.session_state["cold_text_text"] == "war soldiers" and app.query_params == begin


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


def test_what_persists_over_pages_is_no_wish_of_the_address(workspace):
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.radio(key="train_preset").set_value("quick").run()
    app.query_params.clear()  # as the browser does when it goes to another page
    app.switch_page("pages/data.py").run()
    app.query_params.clear()
    app.switch_page("pages/train.py").run()
    assert app.radio(key="train_preset").value == "quick"
