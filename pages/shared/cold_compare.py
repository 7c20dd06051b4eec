"""Two descriptions side by side, and which words make the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from convmf.labels import in_percent, signed
from pages.shared import charts, cold_charts, cold_coloured
from pages.shared.cold_input import SECOND, TEXT
from pages.shared.cold_state import Subject, reading

if TYPE_CHECKING:  # the module behind it imports torch
    from convmf.explain import TextReading


def show(subject: Subject, text: str) -> None:
    """The second text, both ratings, and the words behind the difference."""
    st.caption("Change a copy of the description, or write another one. It is read while you type, as the first is.")
    with st.container(horizontal=True):
        st.button("Copy the first text here", key="cold_copy", on_click=_copy)
        st.button("Swap the two texts", key="cold_swap", on_click=_swap)
    second = SECOND.draw("Second description", placeholder="The same item told in other words, or another item.")
    if not second.strip():
        st.info("Type a second description, or copy the first one and change it. The difference appears here.")
        return
    one, other = (reading(subject.run_id, subject.ended, each) for each in (text, second))
    with st.container(horizontal=True):
        for label, result in (("First text", one), ("Second text", other)):
            st.metric(label, f"{result.mean:.2f}", width=150, help="Expected rating: the mean over all users.")
        st.metric(
            "Second less first",
            signed(round(other.mean, 2) - round(one.mean, 2)),  # of the two figures as they stand beside it
            width=180,
            help="In rating points. A single person's rating varies much more than this; see the range above.",
        )
        better = float((other.ratings > one.ratings).mean())
        st.metric(
            "Prefer the second", in_percent(better), width=170, help="Share of the users predicted to rate it higher."
        )
    cold_coloured.show_pair((text, one), (second, other))
    _words(one, other)


def _words(one: TextReading, other: TextReading) -> None:
    from convmf.explain import compare_effects  # imports torch

    found = compare_effects(one.effects, other.effects)
    table = cold_charts.difference_table(found)
    st.header("Which words make the difference", anchor=False)
    if table.empty:
        st.caption("To the model both texts say the same.")
        return
    charts.draw(cold_charts.difference_chart(table), "cold_difference", cold_charts.difference_words(table, found))
    clipped = abs(found.difference - (other.mean - one.mean)) > 0.005
    st.caption(
        f"The bars add up to {signed(found.difference)} rating points for the average user. A word in both texts "
        "counts for as much as its surroundings change what it does."
        + (" Cut to the scale, the difference is the one above." if clipped else "")
    )
    with st.expander("All words as a table"):
        every = [
            (word.word, cold_charts.STANDS_IN[word.stands_in], word.first, word.second, word.effect)
            for word in found.words
        ]
        points = st.column_config.NumberColumn(format="%+.3f")
        names = ["Word", "Stands", "In the first text", "In the second text", "Adds to the difference"]
        st.dataframe(
            pd.DataFrame(every, columns=names),
            hide_index=True,
            width="stretch",
            column_config=dict.fromkeys(names[2:], points),
            alt="Every word of both texts with its weight in each, in rating points",
        )


def _copy() -> None:
    SECOND.set(TEXT.text)


def _swap() -> None:
    first, second = TEXT.text, SECOND.text
    TEXT.set(second)
    SECOND.set(first)
