"""Recommendations for a user in the data: their taste as their ratings show it, and what they would like next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from convmf.data.dataset import Dataset
from convmf.runs.store import RunRecord
from pages.shared import charts, frame, metrics, pick, recommend_charts, recommend_list
from pages.shared.workspace import dataset, model

if TYPE_CHECKING:  # the modules behind them import torch
    from convmf.explain import PredictionParts, TastePhrase, UserRatings
    from convmf.model.convmf import ConvMF

TABLE_HEIGHT, TABLE_ROWS = 386, 10
"""Height of the user's ratings in pixels, and how many rows fit into it."""


def show(run: RunRecord, net: ConvMF, data: Dataset) -> None:
    """Choose a user; their taste, and the list."""
    from convmf.explain import user_ratings

    users = pick.user_labels(run.dataset_id)
    user = pick.pick("User", users, "user", "recommend_user", data.user_ids[0], what="user")
    labels = pick.item_labels(run.dataset_id)
    st.header("What they like", anchor=False)
    ratings = user_ratings(net, user)
    _figures(ratings)
    with frame.row("taste"):
        with st.container(border=True, width=frame.CARD_WIDTH):
            _ratings(ratings, labels)
        if net.cnn is not None:
            with st.container(border=True, width=frame.CARD_WIDTH):
                _phrases(_taste(run.id, str(run.ended), run.dataset_id, user))
    st.header("What they would like next", anchor=False)
    rows = _recommended(run.id, str(run.ended), user)
    recommend_list.show(run, net, rows, labels, f"recommend_list_{run.id}_{user}", user=user)


@st.cache_resource(show_spinner="Reading the texts of what this user rated …", max_entries=20)
def _taste(run_id: str, ended: str, dataset_id: str, user: str) -> tuple[TastePhrase, ...]:
    from convmf.explain import taste_phrases

    return taste_phrases(model(run_id, ended), user, dataset(dataset_id).texts)


@st.cache_resource(show_spinner=False, max_entries=50)
def _recommended(run_id: str, ended: str, user: str) -> list[PredictionParts]:
    from convmf.explain import split_prediction

    net = model(run_id, ended)
    found = net.recommend(user, recommend_list.N_ITEMS)
    return [split_prediction(net, user, item.item_id) for item in found]


def _figures(ratings: UserRatings) -> None:
    values = [item.rating for item in ratings.items]
    with st.container(horizontal=True):
        st.metric("Ratings given", f"{len(values):,}", width=170, help="All of this user's ratings in the data.")
        if not values:
            return
        st.metric(
            "Their mean rating",
            f"{ratings.mean:.2f}",
            **metrics.against(ratings.mean, ratings.usual, f"against everybody's {ratings.usual:.2f}"),
            width=260,
            help="In rating points. Some rate everything higher than others do; the model sets that apart from taste.",
        )
        st.metric("Highest and lowest", f"{max(values):g} and {min(values):g}", width=220, help="In rating points.")


def _ratings(ratings: UserRatings, labels: Mapping[str, str]) -> None:
    st.markdown("**Their own ratings**")
    table = pd.DataFrame(
        {
            "Item": [labels[item.item_id] for item in ratings.items],
            "Rating": [item.rating for item in ratings.items],
            "Above their mean": [item.above_mean for item in ratings.items],
        }
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        height=TABLE_HEIGHT if len(table) > TABLE_ROWS else "content",
        key="recommend_ratings",
        column_config={
            "Item": st.column_config.TextColumn(width="medium"),
            "Rating": number(format="%.3g", width=70),
            "Above their mean": number(format="%+.2f", width=130),
        },
        alt="The user's ratings, the highest first",
    )
    st.caption("The highest first, in rating points; below 0 they liked it less than they usually like things.")


def _phrases(phrases: tuple[TastePhrase, ...]) -> None:
    st.markdown("**Phrases that speak to them**")
    table = recommend_charts.phrases_table(phrases)
    if table.empty:
        st.caption("In what this user rated there is no phrase that does more, or less, for them than for others.")
        return
    charts.draw(recommend_charts.phrases_chart(table), "recommend_phrases", recommend_charts.phrases_words(table))
    st.caption(
        "What phrases add to this user's rating of an item beyond what they add for the average user. They stand in "
        "the texts of the items this user rated highest and lowest."
    )
