"""Picking one of many users or items by name; the browser gets a short list, however many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import streamlit as st

from convmf.labels import one_line
from pages.shared import address
from pages.shared.workspace import dataset

MOST = 2_000
"""So many options are sent to the browser whole, where they can be searched; of more, only what fits a search."""
MOST_MATCHES = 50


@st.cache_resource(show_spinner=False, max_entries=6)
def item_labels(dataset_id: str) -> dict[str, str]:
    """Item id to title, or to the id where there is none; titles that stand twice have their ids behind them."""
    data = dataset(dataset_id)
    titles = {item_id: one_line(title) or item_id for item_id, title in zip(data.item_ids, data.titles, strict=True)}
    times = Counter(titles.values())
    return {item_id: title if times[title] == 1 else f"{title} ({item_id})" for item_id, title in titles.items()}


@st.cache_resource(show_spinner=False, max_entries=6)
def user_labels(dataset_id: str) -> dict[str, str]:
    """User id to the id with the number of ratings."""
    data = dataset(dataset_id)
    counts = zip(data.user_ids, data.user_counts().tolist(), strict=True)
    return {user_id: f"{one_line(user_id)} · {count:,} rating{'s' * (count != 1)}" for user_id, count in counts}


def pick(label: str, labels: Mapping[str, str], name: str, key: str, default: str, *, what: str) -> str:
    """One of ``labels`` (id to words); the address has it as ``?name=…``.

    On the first look at the page it is what the address asks for. ``what`` is what one of them is called, in words
    of the page's own.
    """
    if st.session_state.get(key) not in labels:
        asked = st.query_params.get(name)
        # Not where another model was chosen on the page itself, and the address still has the item of before.
        if asked is not None and asked not in labels and key not in st.session_state:
            st.warning(f"The {what} in this address isn't in the data of this model. Another one is chosen.")
        st.session_state[key] = asked if asked in labels else default
    with st.container(horizontal=True):
        options = _search(labels, key, what) if len(labels) > MOST else list(labels)
        chosen = str(st.selectbox(label, options, format_func=lambda choice: labels[choice], key=key))
    address.remember(name, chosen)
    return chosen


def _search(labels: Mapping[str, str], key: str, what: str) -> list[str]:
    """A field to search by, and what fits it, with the present choice."""
    chosen = str(st.session_state[key])
    sought = st.text_input(
        f"Find one of {len(labels):,} {what}s",
        key=f"{key}_sought",
        placeholder="Part of a name or id",
        width=300,
        on_change=_take_first,
        args=(labels, key),
    )
    found = matches(labels, sought)
    if sought and not found:
        st.caption(f"There is no {what} with these letters in its name or id.")
    return found if chosen in found else [chosen, *found]


def _take_first(labels: Mapping[str, str], key: str) -> None:
    found = matches(labels, st.session_state[f"{key}_sought"])
    if found:
        st.session_state[key] = found[0]


def matches(labels: Mapping[str, str], sought: str) -> list[str]:
    """The first ids that fit ``sought``: itself, then names that begin with it, then names and ids that hold it."""
    wanted = sought.strip().casefold()
    ranked: tuple[list[str], list[str], list[str]] = ([], [], [])
    for choice, words in labels.items():
        name = words.casefold()
        if wanted == choice.casefold():
            ranked[0].append(choice)
        elif name.startswith(wanted):
            ranked[1].append(choice)
        elif wanted in name or wanted in choice.casefold():
            ranked[2].append(choice)
    return [choice for group in ranked for choice in group][:MOST_MATCHES]
