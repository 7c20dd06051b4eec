"""Cold start: how an item that doesn't exist yet would be received, from its description alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from convmf.data.dataset import Dataset
from convmf.data.sample import EXAMPLE_DESCRIPTIONS, SAMPLE_NOTE
from convmf.errors import ConvMFError
from convmf.runs.store import RunRecord
from pages.shared import charts, frame
from pages.shared.choose_run import choose_run, nothing_yet, usable_runs
from pages.shared.workspace import dataset, model, store

if TYPE_CHECKING:
    from convmf.explain import TextReading
    from convmf.model.convmf import ConvMF

N_EXAMPLES = 5
POPULAR = 100
EXAMPLE_WORDS = 200
SHOWN_WORDS = 150


def main() -> None:
    """The page below its heading."""
    usable = usable_runs(with_texts=True)
    if not usable:
        nothing_yet("rate new descriptions here")
        return
    run = choose_run(usable, "cold_run")
    net = model(run.id, str(run.ended))
    data = dataset(run.dataset_id)
    low, high = net.scale.lowest, net.scale.highest
    st.caption(
        f"Trained on {frame.plain(data.name)}: {data.n_users:,} users, ratings from {low:g} to {high:g}. "
        + frame.plain(store().dataset_record(run.dataset_id).note)
    )
    text = _description(_examples(run, data))
    result = _reading(run.id, str(run.ended), text)
    _remarks(net, text, result)
    _rating(net, data, result)
    _reasons(result)
    _people(data, result)
    _words(result)


# The description ----------------------------------------------------------------------------------


def _examples(run: RunRecord, data: Dataset) -> list[tuple[str, str]]:
    """Name and text of some descriptions to begin with."""
    if store().dataset_record(run.dataset_id).note == SAMPLE_NOTE:
        return list(EXAMPLE_DESCRIPTIONS)
    popular = np.argsort(-data.item_counts(), kind="stable")[:POPULAR]
    # One can judge best what one knows; among the popular items, those about which most is said.
    longest = sorted(popular.tolist(), key=lambda row: -min(len(data.texts[row].split()), EXAMPLE_WORDS))
    rows = [row for row in longest if data.texts[row].strip()][:N_EXAMPLES]
    return [(data.label(row), data.texts[row]) for row in rows]


def _description(examples: list[tuple[str, str]]) -> str:
    """The text to rate: typed, or one of the examples."""
    if "cold_text" not in st.session_state:
        st.session_state["cold_text"] = examples[0][1] if examples else ""
    if examples:
        st.markdown("**Begin with an example, or write your own**")
        with st.container(horizontal=True):
            for number, (name, text) in enumerate(examples):
                st.button(frame.plain(name), key=f"cold_example_{number}", on_click=_take, args=(text,))
    text = st.text_area(
        "Description of an item that nobody has rated",
        key="cold_text",
        height=170,
        placeholder="What is it about? For whom? In what mood?",
        persist_state="session",
    )
    st.button("Predict", type="primary", key="cold_predict")
    return text or ""


def _take(text: str) -> None:
    st.session_state["cold_text"] = text


@st.cache_resource(max_entries=20, show_spinner="Reading the description …")
def _reading(run_id: str, ended: str, text: str) -> TextReading:
    from convmf.explain import read_text  # imports torch

    return read_text(model(run_id, ended), text)


def _remarks(net: ConvMF, text: str, result: TextReading) -> None:
    """In a sentence, what is special about a text of which the model can read nothing, little, or not all."""
    assert net.vocabulary is not None
    if not text.strip():
        st.info("The description is empty. The figures below are for an item of which nothing is known.")
    elif not result.known_words and not result.unknown_words:
        st.info(
            "There is no word in this description that says something about an item. "
            "The figures below are those for an empty description."
        )
    elif not result.known_words:
        st.warning(
            "The model knows none of these words: they don't occur in the descriptions that it learned from. "
            "So the figures below are those for an empty description, and say nothing about this one."
        )
    elif len(result.known_words) < 5:
        st.info(
            f"The model knows only {len(result.known_words)} of the words in this description. "
            "A few sentences make a better prediction."
        )
    n_known = len(net.vocabulary.encode_text(text, len(text) + 1)[0]) if result.known_words else 0
    if n_known > net.config.max_length:
        st.info(
            f"This is a long description. The model reads the first {net.config.max_length:,} of its {n_known:,} "
            "known words; the rest doesn't count."
        )


# What the model expects ---------------------------------------------------------------------------


def _rating(net: ConvMF, data: Dataset, result: TextReading) -> None:
    usual = float(data.ratings.rating.mean())
    st.subheader("How it would be received", anchor=False)
    with st.container(horizontal=True):
        st.metric(
            "Expected rating",
            f"{result.mean:.2f}",
            delta=f"{result.mean - usual:+.2f} against the usual {usual:.2f}",
            width=230,
            help="Mean of the predicted ratings of all users. Usual: the average of all ratings.",
        )
        st.metric(
            "10 % rate below", f"{result.p10:.2f}", width=150, help="A tenth of the users: the 10th percentile, p10."
        )
        st.metric(
            "10 % rate above", f"{result.p90:.2f}", width=150, help="A tenth of the users: the 90th percentile, p90."
        )
    low, high = net.scale.lowest, net.scale.highest
    chart = charts.spread_chart(
        result.ratings, mean=result.mean, p10=result.p10, p90=result.p90, lowest=low, highest=high
    )
    st.altair_chart(chart, width="stretch", key="cold_spread")
    st.caption(
        f"Predicted ratings of all {len(result.ratings):,} users. The spread shows how much the users' tastes differ, "
        "not how certain the prediction is."
    )


def _reasons(result: TextReading) -> None:
    st.subheader("What in the text speaks for and against it", anchor=False)
    if not result.evidence:
        st.caption("There is no phrase in this description that the model can read.")
        return
    st.altair_chart(charts.evidence_chart(result.evidence), width="stretch", key="cold_evidence")
    st.caption(
        "The phrases that the model picked out, and how many rating points each adds for the average user, or takes, "
        "compared with an empty description. No word counts twice; small effects are left out."
    )


def _words(result: TextReading) -> None:
    st.subheader("What the model knows of this text", anchor=False)
    known, unknown = st.columns(2)
    with known:
        st.markdown(f"**Known words ({len(result.known_words):,})**", help="They stand in the texts learned from.")
        st.text(_word_list(result.known_words))
    with unknown:
        st.markdown(f"**Unknown words ({len(result.unknown_words):,})**", help="The model passes over them.")
        st.text(_word_list(result.unknown_words))


def _word_list(words: tuple[str, ...]) -> str:
    if not words:
        return "None."
    rest = len(words) - SHOWN_WORDS
    return ", ".join(words[:SHOWN_WORDS]) + (f" … and {rest:,} more" if rest > 0 else "")


def _people(data: Dataset, result: TextReading) -> None:
    st.subheader("Who would like it most", anchor=False)
    table = pd.DataFrame(
        {
            "User": [user.user_id for user in result.top_users],
            "Predicted rating": [user.rating for user in result.top_users],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        width=420,
        column_config={"Predicted rating": st.column_config.NumberColumn(format="%.2f")},
    )
    st.subheader("The most similar known items", anchor=False)
    _neighbours(data, result)


def _neighbours(data: Dataset, result: TextReading) -> None:
    row_of = {label: row for row, label in enumerate(data.item_ids)}
    rows = [row_of[item.item_id] for item in result.nearest_items if item.item_id in row_of]
    table = pd.DataFrame(
        {
            "Item": [data.label(row) for row in rows],
            "Similarity": [item.score for item in result.nearest_items if item.item_id in row_of],
            "Description": [data.texts[row] for row in rows],
        }
    )
    event = st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        key="cold_neighbours",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Similarity": st.column_config.NumberColumn(
                format="%.3f", help="1 means that the model reads the same in both descriptions, 0 nothing in common."
            ),
            "Description": st.column_config.TextColumn(width="medium"),
        },
    )
    selected = [row for row in event["selection"]["rows"] if row < len(rows)]
    if not selected:
        st.caption("Choose a row to read its description.")
        return
    row = rows[selected[0]]
    with st.container(border=True):
        st.markdown(f"**{frame.plain(data.label(row))}**")
        st.text(data.texts[row] or "It has no description.")


frame.page(
    "Cold start",
    "Describe something that nobody has rated yet, and see how the users would receive it.",
)
try:
    main()
except ConvMFError as error:
    st.error(frame.plain(str(error)))
