"""An item's card, and its neighbours by text and by ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from convmf.data.dataset import Dataset
from convmf.labels import in_percent
from convmf.runs.store import RunRecord
from pages.shared import frame
from pages.shared.workspace import dataset, model

if TYPE_CHECKING:  # the modules behind them import torch
    from convmf.explain import ItemFigures, Neighbour, Neighbours
    from convmf.model.convmf import ConvMF

LONGEST_SHOWN = 2000
"""Characters of a description that the card shows: it has no bar to scroll by, which the keyboard wouldn't reach."""
N_NEIGHBOURS = 10
NEIGHBOURS_WIDTH = 2 * frame.CARD_WIDTH
LONGEST_IN_ADDRESS = 4_000
"""Characters of a text that a link takes along; the model reads a few hundred words of it anyway."""
ITEM_KEY = "explore_item"


def card(run: RunRecord, net: ConvMF, data: Dataset, item_id: str, label: str) -> None:
    """What the data and the model know of an item, and where to go with it."""
    from convmf.explain import item_figures

    row = int(net.item_rows([item_id])[0])
    text = data.texts[row]
    st.header(frame.plain(label), anchor=False)
    st.caption(frame.plain(data.genres[row].replace("|", ", ")) if data.genres[row] else "No genre is given.")
    _figures(net, item_figures(net, item_id), has_text=bool(text.strip()))
    with st.container(border=True):
        shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]} …"
        st.text(shown if text.strip() else "It has no description.")
    if net.cnn is not None and text.strip():
        st.page_link(
            "pages/cold_start.py",
            label="**Take its text to Cold start** →",
            query_params={"run": run.id, "text": text[:LONGEST_IN_ADDRESS]},
        )
    st.page_link(
        "pages/recommend.py",
        label="**What would somebody like who likes it?** →",
        query_params={"run": run.id, "who": "new", "rate": f"{net.scale.highest:g}:{item_id}"},
    )


def _figures(net: ConvMF, figures: ItemFigures, *, has_text: bool) -> None:
    mean = "none yet" if figures.mean_rating is None else f"{figures.mean_rating:.2f}"
    with st.container(horizontal=True):
        st.metric("Ratings", f"{figures.n_ratings:,}", width=80, help="All ratings of this item in the data.")
        st.metric("Mean rating", mean, width=110, help="The mean of these ratings, in rating points.")
        st.metric(
            "Expected",
            f"{figures.expected:.2f}",
            width=100,
            help="The mean of the ratings that the model predicts for all users, in rating points. Those who chose to "
            "rate an item like it more than the others would, so this is often lower.",
        )
    if figures.text_trust is not None and has_text:
        st.progress(figures.text_trust, text=f"**Text trust: {in_percent(figures.text_trust)}**")
        st.caption(
            "How much of the item's profile comes from its text: all of it without ratings, little with many.",
        )
    elif net.cnn is not None and has_text:
        st.caption("This model was saved before the trust in each text was kept with it; train it again to see it.")


# Neighbours ---------------------------------------------------------------------------------------


@st.cache_resource(show_spinner="Comparing the texts of the neighbours …", max_entries=50)
def _neighbours(run_id: str, ended: str, dataset_id: str, item_id: str) -> Neighbours:
    from convmf.explain import neighbours

    return neighbours(model(run_id, ended), item_id, dataset(dataset_id).texts, N_NEIGHBOURS)


def near(run: RunRecord, net: ConvMF, item_id: str, labels: Mapping[str, str]) -> None:
    """The neighbours both ways, side by side; choosing one opens its card."""
    st.header("Its neighbours", anchor=False)
    if net.cnn is None:
        found = net.similar_items(item_id, N_NEIGHBOURS)
        table = pd.DataFrame(
            {"Item": [labels[item.item_id] for item in found], "Similarity": [item.score for item in found]}
        )
        with st.container(border=True, width=frame.CARD_WIDTH):
            _table("item", table, [item.item_id for item in found], item_id, "Nearest by ratings")
        return
    both = _neighbours(run.id, str(run.ended), run.dataset_id, item_id)
    with frame.row("neighbours"):
        for by, title, what, found_by in (
            ("text", "Nearest by text", "Items in whose texts the model reads the same.", both.by_text),
            ("item", "Nearest by ratings", "Items that the same people like; text and ratings together.", both.by_item),
        ):
            # Below each other: titles and phrases are what there is to read.
            with st.container(border=True, width=NEIGHBOURS_WIDTH):
                st.markdown(f"**{title}**", help=what)
                ids = [item.item_id for item in found_by]
                _table(by, neighbours_table(found_by, by, labels), ids, item_id, title)
    st.caption(
        "Choose a row to open that item. 1 means that both profiles point the same way, 0 that they have nothing in "
        "common, beyond what all items have. Shared phrases: one of this item's text ↔ one of the neighbour's, those "
        "that add most to the similarity of the texts; a double click on a cell shows all of it."
    )


def neighbours_table(found: Sequence[Neighbour], by: str, labels: Mapping[str, str]) -> pd.DataFrame:
    """A row a neighbour, with what the list goes by: 'text' or 'item'."""
    return pd.DataFrame(
        {
            "Item": [labels[item.item_id] for item in found],
            "Similarity": [item.text_similarity if by == "text" else item.item_similarity for item in found],
            "Shared phrases": [
                "; ".join(pair.own if pair.own == pair.other else f"{pair.own} ↔ {pair.other}" for pair in item.shared)
                for item in found
            ],
        }
    )


def _table(by: str, table: pd.DataFrame, ids: Sequence[str], item_id: str, title: str) -> None:
    key = f"explore_near_{by}_{item_id}"
    st.dataframe(
        table,
        hide_index=True,
        key=key,
        on_select=lambda: _open(key, ids),
        selection_mode="single-row",
        column_config={
            "Item": st.column_config.TextColumn(width=240),
            "Similarity": st.column_config.NumberColumn(
                format="%.2f", width=90, help="The cosine of the two profiles."
            ),
            "Shared phrases": st.column_config.TextColumn(width=540),
        },
        alt=f"{title}: {', '.join(table['Item'])}",
    )


def _open(key: str, ids: Sequence[str]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows and rows[0] < len(ids):
        st.session_state[ITEM_KEY] = ids[rows[0]]
