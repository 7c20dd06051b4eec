"""Where a model is wrong: errors by group, calibration, single users, single predictions and their texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from pages.shared import address, frame, pick
from pages.shared.workspace import store

if TYPE_CHECKING:  # the modules behind them import torch
    from convmf.evaluation.held_out import Example
    from convmf.evaluation.results import Results

N_USERS = 50


def show(run_id: str, found: Results, draw: Callable[..., None]) -> None:
    """Choose the ratings to look at, and look at their errors; ``draw`` shows a picture."""
    part = _choose_part(found)
    _where_wrong(found, part, draw)
    _examples(run_id, found, part)


def _choose_part(found: Results) -> str:
    from convmf.evaluation.results import PART_TITLES

    st.header("Where it is wrong", anchor=False)
    names = found.part_names
    part = address.choice("Ratings of", {name: PART_TITLES[name] for name in names}, "part", names[0])
    st.caption(found.part_meaning(part))
    return part


def _where_wrong(found: Results, part: str, draw: Callable[..., None]) -> None:
    from convmf.evaluation.results import ERRORS_BY

    by = address.choice("Error by", ERRORS_BY, "by", "rating")
    draw(found.error_picture(part, by), f"errors_{part}_{by}")
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
        "error: predicted less real; above 0, the model promises this user too much. Choose one to see the predictions "
        "below."
    )
    key, figures = f"results_users_{part}", st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        width=560,
        key=key,
        on_select=lambda: _take_user(table["User"].tolist(), key),
        selection_mode="single-row",
        alt="Users by the size of the model's error",
        column_config={"RMSE": figures(format="%.2f"), "Mean error": figures(format="%+.2f")},
    )


def _take_user(user_ids: Sequence[str], key: str) -> None:
    """The chosen user becomes the one whose predictions are shown."""
    rows = st.session_state[key]["selection"]["rows"]
    address.set_choice("user", user_ids[rows[0]] if rows else None)


def _examples(run_id: str, found: Results, part: str) -> None:
    from convmf.evaluation.held_out import examples
    from convmf.evaluation.results import EXAMPLE_KINDS

    st.header("Single predictions and their texts", anchor=False)
    kind = address.choice("Predictions", EXAMPLE_KINDS, "examples", "worst", show_label=False)
    user, item = _of_whom(run_id, found, part)
    shown = examples(found.parts[part], found.dataset, kind, user_id=user, item_id=item)
    if not shown:
        st.info("This user has no held-out rating of this item. Take one of the two away to see more.")
        return
    list_name = f"{part}_{kind}_{user}_{item}"
    is_other = st.session_state.setdefault("results_list", list_name) != list_name
    st.session_state["results_list"] = list_name
    asked = "" if is_other else st.query_params.get("row", "")  # a row of another list is none of this one
    first = int(asked) - 1 if asked.isascii() and asked.isdecimal() and 1 <= int(asked) <= len(shown) else 0
    event = st.dataframe(
        examples_table(shown),
        hide_index=True,
        width="stretch",
        key=f"results_examples_{list_name}",
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [first]}},
        alt="Held-out ratings with their predictions",
        column_config={
            "Item": st.column_config.TextColumn(width=190),
            **{
                name: st.column_config.NumberColumn(format=form, width=width)
                for name, form, width in (
                    ("Real", "%g", 55),
                    ("Predicted", "%.2f", 80),
                    ("Error", "%+.2f", 65),
                    ("Averages", "%.2f", 80),
                )
            },
        },
    )
    st.caption(
        "Error: predicted less real. Averages: what user and item averages alone predict. Choose a row to read the "
        "item's description."
    )
    row = next((row for row in event["selection"]["rows"] if row < len(shown)), first)
    address.remember("row", str(row + 1) if row else "")
    _example(run_id, shown[row], known=part == "test")


def _of_whom(run_id: str, found: Results, part: str) -> tuple[str | None, str | None]:
    """The user and the item whose predictions are asked for, if any."""
    data, ratings = found.dataset, found.parts[part].ratings
    users = [data.user_ids[row] for row in sorted(set(ratings.user_index.tolist()))]
    labels = pick.item_labels(store().run(run_id).dataset_id)
    items = {data.item_ids[row]: labels[data.item_ids[row]] for row in set(ratings.item_index.tolist())}
    with st.container(horizontal=True):
        user = address.pick(
            "Of user",
            _few("Of user", {label: label for label in users}, "user"),
            "user",
            gone="The user in this address has no rating among these, so all users are shown.",
        )
        item = address.pick(
            "Of item",
            _few("Of item", dict(sorted(items.items(), key=lambda pair: pair[1].casefold())), "item"),
            "item",
            gone="The item in this address has no rating among these, so all items are shown.",
            width=320,
        )
    return user, item


def _few(label: str, labels: Mapping[str, str], key: str) -> Mapping[str, str]:
    """``labels``, or where they are too many for the browser those that fit a search, and the present choice."""
    if len(labels) <= pick.MOST:
        return labels
    sought = st.text_input(f"Search: {label}", key=f"results_sought_{key}", placeholder="Part of a name or id")
    found = pick.matches(labels, sought)
    present = st.session_state.get(f"address_{key}") or st.query_params.get(key)
    kept = [present] if present in labels and present not in found else []
    return {choice: labels[choice] for choice in [*kept, *found]}


def _example(run_id: str, example: Example, *, known: bool) -> None:
    with st.container(border=True):
        st.markdown(f"**{frame.plain(example.title)}**")
        count = f"{example.item_count:,} other ratings" if known else "no rating"
        st.caption(
            f"User {frame.plain(example.user_id)} gave {example.rating:g}; the prediction was {example.predicted:.2f}. "
            f"To learn from, the model had {count} of this item and {example.user_count or 'none'} of this user."
        )
        st.text(example.text or "It has no description.")
        st.page_link(
            "pages/recommend.py",
            label="**What this user would be recommended** →",
            query_params={"run": run_id, "user": example.user_id},
        )


def examples_table(shown: Sequence[Example]) -> pd.DataFrame:
    """A row an example."""
    return pd.DataFrame(
        {
            "Item": [example.title for example in shown],
            "Real": [example.rating for example in shown],
            "Predicted": [example.predicted for example in shown],
            "Error": [example.predicted - example.rating for example in shown],
            "User": [example.user_id for example in shown],
            "Averages": [example.averages for example in shown],
            "Ratings of the item": [example.item_count for example in shown],
            "Description": [example.text for example in shown],
        }
    )
