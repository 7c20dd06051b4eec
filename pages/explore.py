"""Explore: the catalogue as a map, any item with its neighbours, and what the text network reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.shared import frame

frame.page("Explore", "Look around in the catalogue: what lies near what, and what the model reads in the texts.")
# The title is on the screen before what follows is imported: on a fresh server that takes a second.
from convmf.data.dataset import Dataset
from convmf.errors import ConvMFError
from convmf.labels import in_percent
from convmf.runs.store import RunRecord
from pages.shared import address, explore_item, explore_kernels, pick
from pages.shared.choose_run import choose_run, nothing_yet, usable_runs
from pages.shared.workspace import dataset, model, store

if TYPE_CHECKING:  # the modules behind them import torch
    import plotly.graph_objects as go

    from convmf.explain import Projection
    from convmf.model.convmf import ConvMF
    from pages.shared.explore_map import MapItems

MAP, KERNELS = "map", "kernels"
VIEWS = {MAP: "The catalogue as a map", KERNELS: "What the kernels read"}
BY = {"text": "What is read in the texts", "item": "Ratings and texts"}
MAP_WIDTH, CARD_WIDTH = 540, 330
PLOT_CONFIG = {
    "displaylogo": False,
    "scrollZoom": False,
    "modeBarButtons": [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]],
    "toImageButtonOptions": {"format": "png", "scale": 2, "filename": "convmf_map"},
}


def main() -> None:
    """The page below its heading."""
    usable = usable_runs(with_texts=False)
    if not usable:
        nothing_yet("draw the catalogue as a map here")
        return
    run = choose_run(usable, "explore_run")
    net, data = model(run.id, str(run.ended)), dataset(run.dataset_id)
    st.caption(
        f"Trained on {frame.plain(data.name)}: {data.n_items:,} items, {data.n_items_with_text:,} of them with a text, "
        f"{data.n_ratings:,} ratings. " + frame.plain(store().dataset_record(run.dataset_id).note)
    )
    view = MAP
    if net.cnn is not None:
        view = address.choice("Show", VIEWS, "view", MAP, show_label=False)
    if view == KERNELS:
        explore_kernels.show(run, net)
    else:
        for key in ("kernel", "word"):
            address.remember(key, "")
        _catalogue(run, net, data)


def _catalogue(run: RunRecord, net: ConvMF, data: Dataset) -> None:
    labels = pick.item_labels(run.dataset_id)
    most_rated = data.item_ids[int(data.item_counts().argmax())]
    item = pick.pick("Item", labels, "item", explore_item.ITEM_KEY, most_rated, what="item")
    with frame.row("map"):
        with st.container(border=True, width=MAP_WIDTH):
            _map(run, net, data, item)
        with st.container(border=True, width=CARD_WIDTH):
            explore_item.card(run, net, data, item, labels[item])
    explore_item.near(run, net, item, labels)


# The map ------------------------------------------------------------------------------------------


@st.cache_resource(show_spinner="Drawing the map …", max_entries=6)
def _projection(run_id: str, ended: str, by: str) -> Projection:
    from convmf.explain import project

    return project(model(run_id, ended), by)


@st.cache_resource(show_spinner=False, max_entries=3)
def _items(run_id: str, ended: str, dataset_id: str) -> MapItems:
    from convmf.explain import catalogue_figures
    from pages.shared.explore_map import MapItems

    data = dataset(dataset_id)
    labels = tuple(pick.item_labels(dataset_id).values())
    return MapItems(data.item_ids, labels, data.genres, catalogue_figures(model(run_id, ended)))


@st.cache_resource(show_spinner="Drawing the map …", max_entries=8)
def _figure(run_id: str, ended: str, dataset_id: str, by: str, colour: str) -> go.Figure:
    from pages.shared.explore_map import map_figure

    return map_figure(_projection(run_id, ended, by), _items(run_id, ended, dataset_id), colour)


@st.cache_resource(show_spinner=False, max_entries=8)
def _marked_figure(run_id: str, ended: str, dataset_id: str, by: str, colour: str, row: int) -> go.Figure:
    """The map with a ring around one item; Plotly takes longer to copy a figure than the page for all the rest."""
    from pages.shared.explore_map import with_mark

    return with_mark(_figure(run_id, ended, dataset_id, by, colour), _projection(run_id, ended, by), row)


def _map(run: RunRecord, net: ConvMF, data: Dataset, item: str) -> None:
    from pages.shared import explore_map

    ended = str(run.ended)
    items = _items(run.id, ended, run.dataset_id)
    colours = explore_map.colour_choices(items)
    by = "item"
    if net.cnn is not None:
        by = address.choice("Place by", BY, "by", "text")
    colour = address.choice("Colour by", colours, "colour", next(iter(colours)))
    projection = _projection(run.id, ended, by)
    drawn = f"explore_map_{run.id}_{by}_{colour}"
    marked = _marked(drawn, item)
    key = f"{drawn}_{marked}"
    st.plotly_chart(
        _marked_figure(run.id, ended, run.dataset_id, by, colour, int(net.item_rows([marked])[0])),
        key=key,
        on_select=lambda: _take_point(key),
        selection_mode="points",
        config=PLOT_CONFIG,
        alt=explore_map.map_words(items, projection, by, colour),
    )
    _what(net, data, items, projection, by)


def _marked(drawn: str, item: str) -> str:
    """The item with a ring. A clicked point is marked by Plotly, so the figure stays as it is, and its zoom too."""
    before, marked = st.session_state.get("explore_marked", ("", item))
    is_on_screen = before == drawn and f"{drawn}_{marked}" in st.session_state
    if not is_on_screen or st.session_state.get("explore_clicked") != item:
        marked = item
        st.session_state["explore_clicked"] = None
    st.session_state["explore_marked"] = drawn, marked
    return str(marked)


def _take_point(key: str) -> None:
    points = st.session_state[key]["selection"]["points"]
    clicked = points[0]["customdata"][0] if points and points[0].get("customdata") else None
    st.session_state["explore_clicked"] = clicked
    if clicked is not None:
        st.session_state[explore_item.ITEM_KEY] = clicked


def _what(net: ConvMF, data: Dataset, items: MapItems, projection: Projection, by: str) -> None:
    from pages.shared.explore_map import MOST_POINTS

    share = sum(projection.explained)
    st.caption(
        f"Near each other: items with a similar profile. The two axes show {in_percent(share)} of the differences "
        f"between the {net.config.n_factors} numbers of a profile (principal components); {in_percent(1 - share)} "
        "can't be seen here, so look at the lists of neighbours, too. How good an item is thought to be is left out. "
        "Drag to move, zoom by the buttons above the map, click a point to open it."
    )
    n_silent = data.n_items - data.n_items_with_text
    if by == "text" and n_silent > 1:
        st.caption(f"The {n_silent:,} items without a text share one point.")
    if len(items.ids) > MOST_POINTS:
        st.caption(f"Of {len(items.ids):,} items the {MOST_POINTS:,} most rated ones are drawn; search finds all.")


try:
    main()
except ConvMFError as error:
    st.error(frame.plain(str(error)))
address.write()
