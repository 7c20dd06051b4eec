"""Where a model is wrong: errors by group, calibration, single users, single predictions and their texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from pages.shared import address, data_view, frame

if TYPE_CHECKING:  # the modules behind them import torch
    from convmf.evaluation.held_out import Example
    from convmf.evaluation.results import Results

CHART_WIDTH = data_view.CHART_WIDTH
N_USERS = 50
_BY = {"item": "Ratings of the item", "user": "Ratings of the user", "rating": "Real rating"}


def show(found: Results, draw: Callable[..., None]) -> None:
    """Choose the ratings to look at, and look at their errors; ``draw`` shows a picture."""
    part = _choose_part(found)
    _where_wrong(found, part, draw)
    _examples(found, part)


def _choose_part(found: Results) -> str:
    from convmf.evaluation.results import PART_MEANINGS, PART_TITLES

    st.header("Where it is wrong", anchor="errors")
    names = found.part_names
    part = address.choice("Ratings of", {name: PART_TITLES[name] for name in names}, "part", names[0])
    st.caption(PART_MEANINGS[part])
    return part


def _where_wrong(found: Results, part: str, draw: Callable[..., None]) -> None:
    by = address.choice("Error by", _BY, "by", "rating")
    draw(found.slices_picture(part, by), f"slices_{part}_{by}")
    with st.container(horizontal=True):
        for picture in found.accuracy_pictures(part):
            draw(picture, f"{picture.title}_{part}", width=CHART_WIDTH)
    with st.expander("Single users with the largest error", key="results_users"):
        _users(found, part)


def _users(found: Results, part: str) -> None:
    from convmf.evaluation.diagnostics import MIN_USER_RATINGS, user_errors

    held = found.parts[part]
    users = user_errors(held.ratings.user_index, held.error)
    if not users:
        st.caption(f"No user has {MIN_USER_RATINGS} held-out ratings or more; with fewer, an error says little.")
        return
    table = pd.DataFrame(
        {
            "User": [found.dataset.user_ids[user.user_index] for user in users[:N_USERS]],
            "RMSE": [user.rmse for user in users[:N_USERS]],
            "Mean error": [user.mean_error for user in users[:N_USERS]],
            "Held-out ratings": [user.n_ratings for user in users[:N_USERS]],
        }
    )
    st.caption(
        f"The first {len(table):,} of {len(users):,} users with {MIN_USER_RATINGS} held-out ratings or more. Mean "
        "error: predicted less real; above 0, the model promises this user too much."
    )
    figures = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        width=560,
        key=f"results_users_{part}",
        alt="Users by the size of the model's error",
        column_config={"RMSE": figures(format="%.2f"), "Mean error": figures(format="%+.2f")},
    )


def _examples(found: Results, part: str) -> None:
    from convmf.evaluation.held_out import examples
    from convmf.evaluation.results import EXAMPLE_KINDS

    st.header("Single predictions and their texts", anchor="examples")
    kind = address.choice("Predictions", EXAMPLE_KINDS, "examples", "worst", show_label=False)
    shown = examples(found.parts[part], found.dataset, kind)
    event = st.dataframe(
        examples_table(shown),
        hide_index=True,
        width="stretch",
        key=f"results_examples_{part}_{kind}",
        on_select="rerun",
        selection_mode="single-row-required",
        alt="Held-out ratings with their predictions",
        column_config={
            name: st.column_config.NumberColumn(format=form)
            for name, form in (("Real", "%g"), ("Predicted", "%.2f"), ("Error", "%+.2f"), ("Averages", "%.2f"))
        },
    )
    st.caption(
        "Error: predicted less real. Averages: what user and item averages alone predict. Choose a row to read the "
        "item's description."
    )
    rows = [row for row in event["selection"]["rows"] if row < len(shown)] or [0]
    _example(shown[rows[0]], known=part == "test")


def _example(example: Example, *, known: bool) -> None:
    with st.container(border=True):
        st.markdown(f"**{frame.plain(example.title)}**")
        count = f"{example.item_count:,} ratings to learn from" if known else "no rating to learn from"
        st.caption(
            f"User {frame.plain(example.user_id)} gave {example.rating:g}; predicted were {example.predicted:.2f}. "
            f"The model had {count} of this item and {example.user_count:,} of this user."
        )
        st.text(example.text or "It has no description.")


def examples_table(shown: Sequence[Example]) -> pd.DataFrame:
    """A row an example."""
    return pd.DataFrame(
        {
            "Item": [example.title for example in shown],
            "User": [example.user_id for example in shown],
            "Real": [example.rating for example in shown],
            "Predicted": [example.predicted for example in shown],
            "Error": [example.predicted - example.rating for example in shown],
            "Averages": [example.averages for example in shown],
            "Ratings of the item": [example.item_count for example in shown],
            "Description": [example.text for example in shown],
        }
    )
