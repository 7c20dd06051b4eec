"""The descriptions of a data set: examples of every length, those that are missing, and their words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from convmf.config import ConvMFConfig
from convmf.data.dataset import Dataset
from convmf.data.statistics import VocabularyTable, items_by_text_length, items_without_text, vocabulary_table
from convmf.data.text import words
from pages.shared import address, frame, workspace

N_EXAMPLES = 3
EXAMPLE_LENGTH = 700
MAX_ROWS = 1_000
MIX, LONGEST, SHORTEST, MISSING = "mix", "longest", "shortest", "missing"
KINDS = {MIX: "A mix", LONGEST: "The longest", SHORTEST: "The shortest", MISSING: "Missing"}
USES = {
    "read": ("Read", "The words that the model reads: the best by tf-idf (often in few descriptions)."),
    "too common": ("Too common", "In so many descriptions that they tell nothing about one of them."),
    "stop word": ("Stop words", "Words such as “the” and “with”, which every text has."),
    "beyond the limit": (
        "Rarer words",
        "Less telling than those read; “Vocabulary size” on the Train page sets the limit.",
    ),
}


def draw_examples(dataset_id: str, dataset: Dataset) -> None:
    """Some descriptions of the kind that is chosen, or the items that have none."""
    st.subheader("Descriptions", anchor=False)
    n_missing = dataset.n_items - dataset.n_items_with_text
    kinds = {**KINDS, MISSING: f"{KINDS[MISSING]} ({n_missing:,})"}
    which = address.choice("Which descriptions", kinds, "texts", MIX, show_label=False)
    order, missing = _orders(dataset_id)
    if which == MISSING:
        _draw_missing(dataset, missing)
        return
    rows, turn = {LONGEST: order[::-1], SHORTEST: order}.get(which, order), _turn(dataset_id, which)
    n_shown = min(N_EXAMPLES, len(rows))
    step = max(1, len(rows) // n_shown) if which == MIX else 1
    first = turn if which == MIX else turn * n_shown
    for place in range(n_shown):
        _draw_example(dataset, int(rows[(first + place * step) % len(rows)]))
    if len(rows) > n_shown:
        st.button("Show others", on_click=_turn_on, args=(dataset_id, which))


def _turn(dataset_id: str, which: str) -> int:
    return int(st.session_state.get(f"example_turn_{dataset_id}_{which}", 0))


def _turn_on(dataset_id: str, which: str) -> None:
    st.session_state[f"example_turn_{dataset_id}_{which}"] = _turn(dataset_id, which) + 1


@st.cache_data(show_spinner="Sorting the descriptions …", max_entries=8)
def _orders(dataset_id: str) -> tuple[np.ndarray, np.ndarray]:
    """Items from the shortest text to the longest, and items without one."""
    dataset = workspace.dataset(dataset_id)
    return items_by_text_length(dataset), items_without_text(dataset)


def _draw_example(dataset: Dataset, row: int) -> None:
    text = dataset.texts[row]
    n_ratings = int(dataset.item_counts()[row])
    facts = [f"{len(words(text)):,} words", f"{n_ratings:,} rating{'' if n_ratings == 1 else 's'}"]
    if dataset.genres[row]:
        facts.insert(0, frame.plain(dataset.genres[row].replace("|", ", ")))
    with st.container(border=True):
        st.markdown(f"**{frame.plain(dataset.label(row))}**")
        st.caption(" · ".join(facts))
        if len(text) <= EXAMPLE_LENGTH:
            st.markdown(frame.plain(text))
            return
        st.markdown(frame.plain(text[:EXAMPLE_LENGTH].rsplit(" ", 1)[0] + " …"))
        with st.expander("The whole description"):
            st.markdown(frame.plain(text))


def _draw_missing(dataset: Dataset, rows: Sequence[int]) -> None:
    if not len(rows):
        st.success("Every item has a description.")
        return
    counts = dataset.item_counts()[rows]
    st.markdown(
        f"{len(rows):,} of {dataset.n_items:,} items have no description. They have {counts.sum():,} of the "
        f"{dataset.n_ratings:,} ratings, and the model knows them by these alone; of those without a rating "
        f"({int((counts == 0).sum()):,}) it knows nothing. The most rated come first: there a description helps most."
    )
    shown = [int(row) for row in rows[:MAX_ROWS]]
    table = pd.DataFrame(
        {
            "Title": [dataset.titles[row] for row in shown],
            "Item": [dataset.item_ids[row] for row in shown],
            "Ratings": counts[: len(shown)],
        }
    )
    st.dataframe(table, hide_index=True, alt="Items without a description, the most rated first")
    if len(rows) > len(shown):
        st.caption(f"The first {len(shown):,}.")


@st.cache_data(show_spinner="Counting the words …", max_entries=8)
def _vocabulary(dataset_id: str, max_words: int, max_document_frequency: float) -> VocabularyTable:
    return vocabulary_table(workspace.dataset(dataset_id).texts, max_words, max_document_frequency)


def draw_words(dataset_id: str) -> None:
    """The words of the descriptions, and what a training with the usual settings makes of each."""
    config = ConvMFConfig()
    table = _vocabulary(dataset_id, config.max_words, config.max_document_frequency)
    st.subheader("Words", anchor=False)
    with st.container(horizontal=True):
        st.metric("Distinct words", f"{len(table.words):,}", help="After lower-casing.", border=True, width=150)
        for use, (label, meaning) in USES.items():
            st.metric(label, f"{table.count(use):,}", help=meaning, border=True, width=150)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        use = address.choice("Show", {use: label for use, (label, _) in USES.items()}, "words", "read")
        part = address.words("Find a word", "word", placeholder="a part of it")
    chosen = table.words[table.words["use"] == use]
    if part:
        # A word is looked for among all of them: it may be left out, and then that is the answer.
        chosen = table.words[table.words["word"].str.contains(part.lower(), regex=False)]
    if chosen.empty:
        st.info("There is no such word in these descriptions.")
        return
    _draw_word_table(chosen, table)


def _draw_word_table(chosen: pd.DataFrame, table: VocabularyTable) -> None:
    shown = chosen.head(MAX_ROWS)
    named = pd.DataFrame(
        {
            "Word": shown["word"],
            "Descriptions": shown["n_texts"],
            "Share of them": shown["n_texts"] / table.n_counted,
            "Times": shown["n_times"],
            "Score": shown["score"],
            "Used": shown["use"].map({use: label for use, (label, _) in USES.items()}),
        }
    )
    st.dataframe(
        named,
        hide_index=True,
        height=320,
        column_config={
            "Descriptions": st.column_config.NumberColumn(format="localized", help="Descriptions that the word is in."),
            "Share of them": st.column_config.NumberColumn(format="percent", help="Of the descriptions with a text."),
            "Times": st.column_config.NumberColumn(format="localized", help="How often it occurs in all of them."),
            "Score": st.column_config.NumberColumn(format="%.0f", help="Sum of tf-idf: frequent, but in few texts."),
            "Used": st.column_config.TextColumn(help="With the settings of preset Default."),
        },
        alt="Words of the descriptions with their counts, the highest score first",
    )
    rest = f" The first {len(shown):,} of {len(chosen):,}." if len(chosen) > len(shown) else ""
    counted = (
        f" Counted in {table.n_counted:,} of {table.n_texts:,} descriptions." if table.n_counted < table.n_texts else ""
    )
    st.caption(
        "By the settings of preset Default; held-out items count here too. Behind each year its decade is read as well."
        f"{rest}{counted}"
    )
