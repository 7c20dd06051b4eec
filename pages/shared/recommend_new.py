"""Recommendations for somebody new: rate a handful of items, and the list follows each rating."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from convmf.data.dataset import Dataset
from convmf.runs.store import RunRecord
from pages.shared import frame, given_ratings, pick, recommend_list
from pages.shared.workspace import model

if TYPE_CHECKING:  # the modules behind it import torch
    from convmf.model.convmf import ConvMF

N_SHOWN = 6
FIND_KEY = "recommend_find"


def show(run: RunRecord, net: ConvMF, data: Dataset) -> None:
    """Cards to rate, and the list that comes of them."""
    labels = pick.item_labels(run.dataset_id)
    shown = _shown(run)
    st.header("Rate a few items you know", anchor=False)
    _find(run, labels)
    with frame.row("to_rate"):
        for item_id in shown:
            _card(run, net, data, item_id)
    given = _given(run)
    given_ratings.remember("rate", given)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Show other items", key="recommend_others", on_click=_show_others, args=(run,))
        if given:
            st.button("Clear my ratings", key="recommend_clear", on_click=_clear, args=(run,))
    st.header("What you would like", anchor=False)
    if not given:
        st.info("Rate one item or more. The list appears here, and follows every rating that you add or change.")
        return
    _list(run, net, given, labels)


def _list(run: RunRecord, net: ConvMF, given: Mapping[str, float], labels: Mapping[str, str]) -> None:
    from convmf.explain import explain_fold_in, split_prediction

    folded = explain_fold_in(net, given, recommend_list.N_ITEMS)
    rows = [split_prediction(net, folded.user_factors, item.item_id) for item in folded.items]
    st.caption(
        f"From {len(given)} rating{'s' * (len(given) != 1)}. "
        + ("A few more make the list more your own. " if len(given) < 5 else "")
        + "Nothing is stored: the ratings stand in the address of this page only."
    )
    recommend_list.show(run, net, rows, labels, f"recommend_new_{run.id}", reasons=folded.items)


# What was rated, and what is offered --------------------------------------------------------------


def _key(run: RunRecord, what: str) -> str:
    """Where this session keeps something for the data of this run."""
    return f"recommend_{what}_{run.dataset_id}"


def _given(run: RunRecord) -> dict[str, float]:
    return dict(st.session_state[_key(run, "given")])


def _shown(run: RunRecord) -> list[str]:
    """The items on the cards; on the first look the rated ones of the address, and popular ones that differ."""
    key, values = _key(run, "shown"), st.query_params.get_all("rate")
    is_first_look = FIND_KEY not in st.session_state
    if key not in st.session_state or (is_first_look and values):
        net = model(run.id, str(run.ended))
        asked, n_wrong = given_ratings.read(values, net.item_ids, net.scale)
        if n_wrong:
            st.warning(
                f"{n_wrong} of the ratings in this address can't be used: they are of items that aren't in the data of "
                "this model, or off its scale."
            )
        st.session_state[_key(run, "given")] = asked
        st.session_state[key] = [*asked, *_varied(run, tuple(asked))][: max(N_SHOWN, len(asked))]
    return list(st.session_state[key])


def _varied(run: RunRecord, exclude: tuple[str, ...]) -> list[str]:
    from convmf.explain import varied_items

    return varied_items(model(run.id, str(run.ended)), N_SHOWN, exclude=exclude)


def _show_others(run: RunRecord) -> None:
    """Keep the rated cards, and put others that weren't shown yet beside them."""
    shown, given = st.session_state[_key(run, "shown")], _given(run)
    seen = {*st.session_state.get(_key(run, "seen"), ()), *shown}
    fresh = _varied(run, tuple(seen)) or _varied(run, tuple(given))
    st.session_state[_key(run, "seen")] = seen
    st.session_state[_key(run, "shown")] = [*(item for item in shown if item in given), *fresh]


def _clear(run: RunRecord) -> None:
    for item_id in _given(run):
        st.session_state.pop(_widget(run, item_id), None)
    st.session_state[_key(run, "given")] = {}


def _find(run: RunRecord, labels: Mapping[str, str]) -> None:
    """A search for further items to rate."""
    sought = st.text_input(
        "Find an item to rate",
        key=FIND_KEY,
        placeholder="Part of its title or id",
        width=420,
        help="It comes first among the items below.",
    )
    if not (sought or "").strip():
        return
    found = pick.matches(labels, sought)[:N_SHOWN]
    if not found:
        st.caption("There is no item with these letters in its title or id.")
        return
    with st.container(horizontal=True):
        for place, item_id in enumerate(found):
            name = frame.plain(labels[item_id])
            st.button(f"+ {name}", key=f"recommend_found_{place}", on_click=_add, args=(run, item_id))


def _add(run: RunRecord, item_id: str) -> None:
    key = _key(run, "shown")
    st.session_state[key] = [item_id, *(other for other in st.session_state[key] if other != item_id)]
    st.session_state[FIND_KEY] = ""


def _widget(run: RunRecord, item_id: str) -> str:
    return f"rate_{run.dataset_id}_{item_id}"


def _card(run: RunRecord, net: ConvMF, data: Dataset, item_id: str) -> None:
    """An item and its rating, by buttons where the scale has few levels, else by a number."""
    row = int(net.item_rows([item_id])[0])
    key, given = _widget(run, item_id), st.session_state[_key(run, "given")]
    if key not in st.session_state:
        st.session_state[key] = given.get(item_id)
    title = frame.plain(data.label(row))
    about = frame.plain(data.genres[row].replace("|", ", ")) or None
    with st.container(border=True, width=frame.CARD_WIDTH, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{title}**", help=about, width="stretch")
        rating = given_ratings.field(f"Rating of {title}", run.dataset_id, net.scale, key, width=180)
    ratings = {**given, item_id: rating}
    st.session_state[_key(run, "given")] = {item: value for item, value in ratings.items() if value is not None}
