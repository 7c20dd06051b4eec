"""What if the new item had some ratings: how fast they take over from its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from convmf.labels import in_percent
from pages.shared import charts, cold_charts, frame, given_ratings, metrics, pick
from pages.shared.cold_state import Subject

if TYPE_CHECKING:  # the module behind it imports torch
    from convmf.explain import WhatIf

N_USERS = 8
N_FOUND = 8
CARD_WIDTH = 250
NAME = "by"
"""In the address: a rating and who gave it, such as ``by=4:user 7``, once for each."""


def show(subject: Subject, text: str) -> None:
    """Ratings to give, and the item before and after them."""
    from convmf.explain import what_if_rated  # imports torch

    st.caption(
        "Let some users rate the new item. Its text says where it begins; each rating pulls it towards what people "
        "think of it. The users below lie evenly between who would like it least and who would like it most."
    )
    users = _users(subject, text)
    _find(subject)
    with st.container(horizontal=True):
        for user_id in users:
            _card(subject, user_id)
    given = _given(subject)
    given_ratings.remember(NAME, given)
    scale = subject.net.scale
    with st.container(horizontal=True):
        for place, rating in enumerate((scale.highest, scale.lowest)):
            label = f"All give {rating:g}"
            st.button(label, key=f"cold_all_{place}", on_click=_all_give, args=(subject, tuple(users), rating))
        st.button("Show users for this text", key="cold_users", on_click=_forget_users, args=(subject,))
        if given:
            st.button("Clear the ratings", key="cold_clear", on_click=_clear, args=(subject,))
    if not given:
        st.info("Give one rating or more. What they change appears here, with every rating that you add.")
        return
    _change(subject, what_if_rated(subject.net, text, given))


def _change(subject: Subject, found: WhatIf) -> None:
    before, after = float(found.before.mean()), float(found.after.mean())
    with st.container(horizontal=True):
        st.metric(
            "Expected rating",
            f"{after:.2f}",
            **metrics.against(after, before, f"against {before:.2f} by its text", good=1),
            width=230,
            help="Mean of the predicted ratings of all users.",
        )
        st.metric(
            "Still from the text",
            in_percent(found.text_trust),
            width=180,
            help="How much of the item's factors comes from its description: all of it without ratings, less with "
            "each. The rest comes from the ratings.",
        )
    scale = subject.net.scale
    words = f"Two curves of how many users would give which rating: mean {before:.2f} before, {after:.2f} after."
    charts.draw(cold_charts.before_after_chart(found, scale.lowest, scale.highest), "cold_before_after", words)
    given = pd.DataFrame(
        [(each.user_id, each.before, each.given, each.after) for each in found.given],
        columns=["User", "Predicted by the text", "Gives", "Predicted afterwards"],
    )
    st.dataframe(
        given,
        hide_index=True,
        width="stretch",
        column_config=dict.fromkeys(given.columns[1:], st.column_config.NumberColumn(format="%.2f")),
        alt="The given ratings, beside what was predicted for these users before and after",
    )
    with st.expander("For specialists: how the item moves, from its text to its ratings", key="cold_movement_part"):
        table = cold_charts.movement_table(found, biases=subject.net.config.biases)
        charts.draw(cold_charts.movement_chart(table), "cold_movement", cold_charts.movement_words(table))
        st.caption(
            "The factors that moved most. An item without ratings stands where its text puts it; by equation (8) of "
            "the model its ratings pull it away, against the same pull of the text as in the training."
        )


# Who rates it -------------------------------------------------------------------------------------


def _key(subject: Subject, what: str) -> str:
    """Where this session keeps something for this data."""
    return f"cold_rated_{what}_{subject.run.dataset_id}"


def _given(subject: Subject) -> dict[str, float]:
    return dict(st.session_state[_key(subject, "given")])


def _users(subject: Subject, text: str) -> list[str]:
    """The users on the cards; on the first look those of the address, and some whose tastes differ."""
    key = _key(subject, "users")
    if _key(subject, "given") not in st.session_state:
        net = subject.net
        asked, n_wrong = given_ratings.read(st.query_params.get_all(NAME), net.user_ids, net.scale)
        if n_wrong:
            st.warning(
                f"{n_wrong} of the ratings in this address can't be used: they are by users who aren't in the data of "
                "this model, or off its scale."
            )
        st.session_state[_key(subject, "given")] = asked
    if key not in st.session_state:
        from convmf.explain import spread_users

        given = _given(subject)
        others = [user for user in spread_users(subject.net, text, N_USERS) if user not in given]
        st.session_state[key] = [*given, *others][: max(N_USERS, len(given))]
    return list(st.session_state[key])


def _find(subject: Subject) -> None:
    sought = st.text_input(
        "Find a user", key="cold_find_user", placeholder="Part of a user's id", width=320, help="They come first below."
    )
    if not (sought or "").strip():
        return
    labels = pick.user_labels(subject.run.dataset_id)
    known = set(subject.net.user_ids)
    found = [user_id for user_id in pick.matches(labels, sought) if user_id in known][:N_FOUND]
    if not found:
        st.caption("There is no user with these letters in their id.")
        return
    with st.container(horizontal=True):
        for place, user_id in enumerate(found):
            name = frame.plain(labels[user_id])
            st.button(f"+ {name}", key=f"cold_found_{place}", on_click=_add, args=(subject, user_id))


def _add(subject: Subject, user_id: str) -> None:
    key = _key(subject, "users")
    st.session_state[key] = [user_id, *(other for other in st.session_state[key] if other != user_id)]
    st.session_state["cold_find_user"] = ""


def _widget(subject: Subject, user_id: str) -> str:
    return f"cold_by_{subject.run.dataset_id}_{user_id}"


def _card(subject: Subject, user_id: str) -> None:
    """A user and their rating, by buttons where the scale has few levels, else by a number."""
    key, given = _widget(subject, user_id), _given(subject)
    if key not in st.session_state:
        st.session_state[key] = given.get(user_id)
    name = frame.plain(user_id)
    with st.container(border=True, width=CARD_WIDTH):
        st.markdown(f"**User {name}**")
        rating = given_ratings.field(f"Rating by {name}", subject.run.dataset_id, subject.net.scale, key)
    ratings = {**given, user_id: rating}
    st.session_state[_key(subject, "given")] = {user: value for user, value in ratings.items() if value is not None}


def _all_give(subject: Subject, users: tuple[str, ...], rating: float) -> None:
    for user_id in users:
        st.session_state[_widget(subject, user_id)] = rating


def _forget_users(subject: Subject) -> None:
    """Choose the users on the cards anew, for the text as it is now."""
    st.session_state.pop(_key(subject, "users"), None)


def _clear(subject: Subject) -> None:
    for user_id in _given(subject):
        st.session_state.pop(_widget(subject, user_id), None)
    st.session_state[_key(subject, "given")] = {}
