"""So few ratings that nothing, or hardly anything, can be held out and drawn: the pages say so."""

from __future__ import annotations

import numpy as np
import pytest
import streamlit as st

from convmf.data.dataset import Dataset, Ratings
from convmf.data.splits import SplitSettings
from convmf.runs.store import RunRecord
from pages.shared import data_charts, recommend_known, run_result
from pages.shared import workspace as shared
from tests.helpers import tiny_dataset
from tests.page_helpers import page, texts, trained
from tests.train_page import train_page

CHARTS = (data_charts.long_tail, data_charts.rating_histogram, data_charts.text_lengths)


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


def few() -> Dataset:
    """Five ratings of three items, which have two words each."""
    users, items = np.arange(5, dtype=np.int32), np.array([0, 0, 0, 1, 2], dtype=np.int32)
    ratings = Ratings(users, items, np.array([1, 2, 3, 3, 3], dtype=np.float32))
    ids = ("a", "b", "c")
    return Dataset("few", tuple(map(str, users)), ids, ids, ("two words",) * 3, ("",) * 3, ratings)


def test_axes_that_count_a_few_have_no_ticks_between_whole_numbers():
    tail, bars, lengths = (draw(few()).figure for draw in CHARTS)
    assert tail.layout.xaxis.dtick == bars.layout.yaxis.dtick == 1
    assert lengths.layout.xaxis.dtick == lengths.layout.yaxis.dtick == 1
    assert len([tick for tick in tail.layout.yaxis.tickvals if tick <= 3]) == 2, "1 and 2, not the powers of ten alone"
    assert lengths.data[0].x[2] == 2.0, "a bar of one length stands above its number"


def test_of_many_the_axes_are_left_to_themselves():
    data = tiny_dataset(n_users=200, n_items=30)
    tail, bars, lengths = (draw(data).figure for draw in CHARTS)
    assert tail.layout.xaxis.dtick is bars.layout.yaxis.dtick is lengths.layout.yaxis.dtick is None
    assert tail.layout.yaxis.dtick == 1 and tail.layout.yaxis.tickvals is None


@pytest.mark.parametrize(("n_items", "height"), [(5, "content"), (40, recommend_known.TABLE_HEIGHT)])
def test_the_table_of_a_user_s_ratings_has_no_empty_rows(workspace, monkeypatch, n_items, height):
    seen, draw = {}, st.dataframe
    monkeypatch.setattr(st, "dataframe", lambda table, **how: seen.update({how["key"]: how}) or draw(table, **how))
    page("pages/recommend.py", run=trained(tiny_dataset(n_items=n_items)).id)
    assert seen["recommend_ratings"]["height"] == height
