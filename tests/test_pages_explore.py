"""The Explore page: the map, an item's card and neighbours, and the kernels."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from convmf.data.dataset import Dataset
from convmf.explain import (
    CatalogueFigures,
    FactorMove,
    Kernel,
    KernelPhrase,
    Neighbour,
    Projection,
    SharedPhrase,
    kernel_readings,
    project,
)
from convmf.labels import in_percent
from convmf.runs.store import RunRecord
from pages.shared import explore_item, explore_kernels, explore_map
from pages.shared import workspace as shared
from tests import page_helpers
from tests.helpers import tiny_dataset
from tests.page_helpers import net_of, texts

GENRES = ("War|Action", "Romance", "War", "Romance") * 6


def explore_page(**query: str) -> AppTest:
    """The page, drawn once."""
    return page_helpers.page("pages/explore.py", **query)


def trained(data: Dataset | None = None, **changes: object) -> RunRecord:
    """A finished run on ``data``."""
    return page_helpers.trained(data or dataclasses.replace(tiny_dataset(), genres=GENRES), **changes)


def drawn(app: AppTest) -> dict:
    """The map as Plotly gets it."""
    (chart,) = app.get("plotly_chart")
    figure: dict = json.loads(chart.proto.spec)
    return figure


def metric(app: AppTest, label: str) -> str:
    return str(next(element.value for element in app.metric if element.label == label))


def test_without_a_model_the_page_points_to_training(workspace):
    assert "no trained model yet" in texts(explore_page())


def test_every_item_is_on_the_map_and_the_page_says_how_much_it_shows(workspace):
    run = trained()
    app = explore_page()
    points = [ids[0] for trace in drawn(app)["data"] for ids in trace.get("customdata", [])]
    assert sorted(points) == sorted(net_of(run).item_ids)
    share = sum(project(net_of(run)).explained)
    assert f"show {in_percent(share)} of the differences between the 4 numbers" in texts(app)
    assert "share one point" not in texts(app), "there is only one without a text"
    (chart,) = app.get("plotly_chart")
    assert "24 items by their text factors" in chart.proto.alt


def test_the_card_shows_the_item_of_the_address(workspace):
    run = trained()
    app = explore_page(item="i4", run=run.id)
    net, data = net_of(run), shared.dataset(run.dataset_id)
    own = data.ratings.rating[data.ratings.item_index == 4]
    assert metric(app, "Ratings") == str(len(own)) and metric(app, "Mean rating") == f"{own.mean():.2f}"
    assert metric(app, "Expected") == f"{net.predict(net.user_ids, ['i4'] * 30).mean():.2f}"
    assert data.texts[4] in [element.value for element in app.text]
    near = [item.title for item in net.similar_items("i4", 10, by="text")]
    assert list(app.dataframe[0].value["Item"]) == near
    assert list(app.dataframe[1].value["Item"]) == [item.title for item in net.similar_items("i4", 10)]
    app.selectbox(key="explore_item").set_value("i23").run()
    assert app.query_params["item"] == "i23"
    assert metric(app, "Ratings") == "0" and metric(app, "Mean rating") == "none yet"


def test_an_address_with_odd_things_shows_the_default(workspace):
    trained()
    app = explore_page(item="nothing", by="moon", colour="smell", view="inside")
    assert "The item in this address" in texts(app)
    assert app.selectbox(key="explore_item").value == "i0"
    assert len(app.get("plotly_chart")) == 1


def test_links_take_the_item_along(workspace):
    run = trained()
    links = {element.proto.label: element.proto for element in explore_page(item="i4").get("page_link")}
    cold = next(proto for label, proto in links.items() if "Cold start" in label and "text" in label)
    liked = next(proto for label, proto in links.items() if "who likes it" in label)
    assert "text=" in cold.query_string and f"run={run.id}" in cold.query_string
    assert "who=new" in liked.query_string and "i4" in liked.query_string


@pytest.mark.parametrize("colour", ["genre", "mean", "count", "trust"])
def test_points_can_be_coloured_by_what_there_is(workspace, colour):
    trained()
    app = explore_page(colour=colour)
    traces = drawn(app)["data"][:-1]  # the last one is the ring
    names = [trace["name"] for trace in traces]
    if colour == "genre":
        assert names == ["Action", "Romance", "War"]
    elif colour == "trust":
        assert names == ["Text trust"]
    else:
        assert names == ["Without ratings", explore_map.COLOURS[colour]]


def test_a_model_without_texts_has_a_map_by_ratings_alone(workspace):
    run = trained(tiny_dataset(), text="none")
    app = explore_page()
    assert "What the kernels read" not in [
        option.content for group in app.get("button_group") for option in group.proto.options
    ]
    assert [trace["name"] for trace in drawn(app)["data"][:-1]] == ["Without ratings", "Mean rating"]
    (table,) = app.dataframe
    assert list(table.value["Item"]) == [item.title for item in net_of(run).similar_items("i0", 10)]


@pytest.mark.parametrize("calibration", [False, True])
def test_the_kernels_view_says_what_reads_beside_them(workspace, calibration):
    trained(calibration=calibration)
    assert ("what each word tells by itself" in texts(explore_page(view="kernels"))) == calibration


def test_the_kernels_and_what_they_read(workspace):
    run = trained()
    app = explore_page(view="kernels")
    kernels = kernel_readings(net_of(run), shared.dataset(run.dataset_id).texts)
    table = app.dataframe[0].value
    # The sums may differ in their last digits between one thread and two.
    assert table["Effect"].tolist() == pytest.approx([kernel.effect for kernel in kernels], rel=1e-4, abs=1e-6)
    assert list(app.dataframe[1].value["Phrase"]) == [found.phrase for found in kernels[0].phrases]
    app.text_input(key="address_word").set_value("soldiers").run()
    assert len(app.dataframe[0].value) == len(explore_kernels.with_phrase(kernels, "soldiers")) < len(kernels)
    assert app.query_params["word"] == "soldiers"
    app.text_input(key="address_word").set_value("zeppelin").run()
    assert "No kernel has this" in texts(app)
    chosen = explore_page(view="kernels", kernel=str(kernels[2].numbers[0]))
    assert list(chosen.dataframe[1].value["Phrase"]) == [found.phrase for found in kernels[2].phrases]
    assert explore_kernels.kernel_name(kernels[2]) in [header.value for header in chosen.header]
    names = [
        explore_kernels.kernel_name(dataclasses.replace(kernels[0], numbers=numbers))
        for numbers in ((7,), (7, 9), (7, 9, 11))
    ]
    assert names == ["Kernel 7", "Kernel 7, and 1 more that reads the same", "Kernel 7, and 2 more that read the same"]


def test_titles_are_shown_as_they_stand(workspace):
    evil = "<b>![x](http://example.org/x.png)</b> $a$ %{x}"
    trained(dataclasses.replace(tiny_dataset(), titles=(evil,) * 24, genres=("<i>A</i>",) * 24))
    app = explore_page()
    assert "![" not in "\n".join(element.value for kind in (app.markdown, app.header) for element in kind)
    assert "<b>![" not in json.dumps(drawn(app)) and "<i>A" not in json.dumps(drawn(app))


# The pieces ---------------------------------------------------------------------------------------


def some_items(n: int = 3) -> explore_map.MapItems:
    figures = CatalogueFigures(np.array([5, 0, 1][:n]), np.array([3.5, np.nan, 1.0][:n]), None)
    return explore_map.MapItems(("a", "b", "c")[:n], ("A", "B", "C")[:n], ("", "", "X|Y")[:n], figures)


def test_of_very_many_items_the_most_rated_are_drawn(monkeypatch):
    monkeypatch.setattr(explore_map, "MOST_POINTS", 2)
    projection = Projection(np.arange(6.0).reshape(3, 2), (0.6, 0.3))
    figure = explore_map.map_figure(projection, some_items(), "count")
    assert [ids for trace in figure.data for ids in trace.customdata] == [["a"], ["c"]]
    marked = explore_map.with_mark(figure, projection, 1)
    assert (marked.data[-1].x, marked.data[-1].y) == ((2.0,), (3.0,)), "the chosen one has its ring all the same"
    assert len(figure.data) + 1 == len(marked.data)


@pytest.mark.parametrize(("few", "kind"), [(3, "scatter"), (2, "scattergl")])
def test_only_a_large_catalogue_asks_for_webgl(monkeypatch, few, kind):
    monkeypatch.setattr(explore_map, "FEW_POINTS", few)
    projection = Projection(np.arange(6.0).reshape(3, 2), (0.6, 0.3))
    figure = explore_map.map_figure(projection, some_items(), "genre")
    assert {trace.type for trace in explore_map.with_mark(figure, projection, 1).data} == {kind}


def test_hover_says_what_is_known():
    items = some_items()
    assert explore_map.hover_text(items, 0) == "<b>A</b><br>5 ratings, mean 3.50"
    assert explore_map.hover_text(items, 1) == "<b>B</b><br>no ratings yet"
    assert explore_map.hover_text(items, 2) == "<b>C</b><br>X, Y<br>1 rating, mean 1.00"
    assert set(explore_map.colour_choices(items)) == {"genre", "mean", "count"}


def test_a_phrase_that_both_texts_have_stands_once():
    shared_phrases = (SharedPhrase("war", "war", 0.3), SharedPhrase("night", "dark", 0.1))
    table = explore_item.neighbours_table([Neighbour("a", "A", 0.9, 0.4, shared_phrases)], "item", {"a": "Alpha"})
    assert table.values.tolist() == [["Alpha", 0.4, "war; night ↔ dark"]]


def test_the_level_is_named_where_there_is_one():
    kernel = Kernel((4, 9), 2, (KernelPhrase("war", 1.0, "a", "A"),), (FactorMove(0, 0.5), FactorMove(3, -0.1)), 0.1, 0)
    with_levels = explore_kernels.moves_table(kernel, levels=True)
    assert with_levels.values.tolist() == [["Level", 0.5, "moves it up"], ["Factor 3", -0.1, "moves it down"]]
    assert explore_kernels.moves_table(kernel, levels=False)["factor"].tolist() == ["Factor 1", "Factor 4"]
