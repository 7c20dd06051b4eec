"""The answer of the Cold start page: what rating to expect, from whom, and near which items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from convmf.labels import in_percent
from pages.shared import charts, cold_charts, frame, metrics
from pages.shared.cold_state import Subject, reading

if TYPE_CHECKING:  # the module behind it imports torch
    from convmf.explain import TextReading

FEW_WORDS = 5
WHY_PASSED_OVER = "missing there, too rare, or in so many of them that they tell nothing"
"""Why words of a description aren't in the vocabulary, after "in the descriptions that it learned from"."""
MANY_UNKNOWN = 0.5
"""Unknown words, as a share of the known ones, from which they are spoken of."""
METRIC_WIDTH = 190


def remarks(subject: Subject, text: str, result: TextReading) -> None:
    """In a sentence, what is special about a text of which the model can read nothing, little, or not all."""
    net = subject.net
    assert net.vocabulary is not None
    if not text.strip():
        st.info("The description is empty. The figures below are for an item of which nothing is known.")
    elif not net.vocabulary.words:
        st.warning(
            "This model learned from data without descriptions, so it can't read any. The figures below are for an "
            "item of which nothing is known."
        )
    elif not result.known_words and not result.unknown_words:
        st.info(
            "There is no word in this description that says something about an item. "
            "The figures below are those for an empty description."
        )
    elif not result.known_words:
        st.warning(
            "The model reads none of these words. In the descriptions that it learned from they are "
            f"{WHY_PASSED_OVER}. So the figures below are those for an empty description, and say nothing about this "
            "one."
        )
    elif len(result.known_words) < FEW_WORDS:
        st.info(
            f"The model reads only {len(result.known_words)} of the words in this description. "
            "A few sentences make a better prediction."
        )
    elif len(result.unknown_words) >= MANY_UNKNOWN * len(result.known_words):
        st.info(
            f"The model reads {len(result.known_words)} of the {len(result.known_words) + len(result.unknown_words)} "
            "words here that could say something. In the descriptions that it learned from, the others are "
            f"{WHY_PASSED_OVER}; so they don't count, however clear they are."
        )
    n_known = len(net.vocabulary.read(text))
    if n_known > net.config.max_length:
        st.info(
            f"This is a long description. The model reads the first {net.config.max_length:,} of its {n_known:,} "
            "known words; the rest doesn't count."
        )


def figures(subject: Subject, result: TextReading) -> None:
    """The expected rating, how sure it is, and how far tastes differ."""
    silent = reading(subject.run_id, subject.ended, "").mean
    with st.container(horizontal=True):
        st.metric(
            "Expected rating",
            f"{result.mean:.2f}",
            **metrics.against(result.mean, silent, f"against {silent:.2f} without a text", good=1),
            width=230,
            help="Mean of the predicted ratings of all users, on the scale of the data. Without a text: what it "
            "expects of an item of which nothing is known. The usual rating in this data, of items that people chose "
            f"to rate, is {subject.usual:.2f}.",
        )
        if result.low is not None and result.high is not None:
            st.metric(
                "One person's rating",
                f"{result.low:.1f} to {result.high:.1f}",
                width=METRIC_WIDTH,
                help=f"In this range lies the rating of somebody picked at random, in {in_percent(result.level)} of "
                "cases. Measured on ratings of items that the model had no ratings of: error and taste together.",
            )
        st.metric(
            "Predictions for 8 in 10 users",
            f"{result.p10:.2f} to {result.p90:.2f}",
            width=230,
            help="The 10th and the 90th percentile of the predictions for all users: how far tastes differ. How far a "
            "prediction may be off isn't in it, as it is in one person's rating.",
        )
    if result.low is None:
        st.caption(
            "How far a single rating may lie from this isn't known: the training had too few validation ratings to "
            "measure it."
        )


def distribution(subject: Subject, result: TextReading) -> None:
    """How many users would give which rating."""
    scale = subject.net.scale
    chart = charts.spread_chart(
        result.ratings, mean=result.mean, p10=result.p10, p90=result.p90, lowest=scale.lowest, highest=scale.highest
    )
    charts.draw(chart, "cold_spread", cold_charts.spread_words(result))
    st.caption(
        f"Predicted ratings of all {len(result.ratings):,} users. The spread shows how much the users' tastes differ, "
        "not how certain the prediction is."
    )


def people(subject: Subject, result: TextReading) -> None:
    """Who would like it most, and why they in particular."""
    st.header("Who would like it most", anchor=False)
    table = pd.DataFrame(
        {
            "User": [user.user_id for user in result.top_users],
            "Predicted rating": [user.rating for user in result.top_users],
        }
    )
    event = st.dataframe(
        table,
        hide_index=True,
        width=460,
        key="cold_people",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Predicted rating": st.column_config.NumberColumn(
                format="%.2f", help="On the scale of the data; the mean of what this user's rating may be."
            )
        },
        alt="The users with the highest predicted ratings of this description",
    )
    chosen = [result.top_users[row] for row in event["selection"]["rows"] if row < len(result.top_users)]
    if not chosen:
        st.caption("Choose a row to see which phrases make the rating for this user.")
        return
    phrases = result.effects.evidence(chosen[0].user_id)[: charts.MAX_PHRASES]
    if phrases:
        st.markdown(f"**What counts for {frame.plain(chosen[0].user_id)}**")
        charts.draw(charts.evidence_chart(phrases), "cold_person", cold_charts.evidence_words(phrases))


def nearest(subject: Subject, result: TextReading) -> None:
    """The known items in whose descriptions the model reads much the same."""
    st.header("The most similar known items", anchor=False)
    data = subject.data
    row_of = {label: row for row, label in enumerate(data.item_ids)}
    near = [(row_of[item.item_id], item.score) for item in result.nearest_items if item.item_id in row_of]
    counts = data.item_counts()
    table = pd.DataFrame(
        {
            "Item": [data.label(row) for row, _ in near],
            "Similarity": [score for _, score in near],
            "Ratings": [int(counts[row]) for row, _ in near],
            "Description": [data.texts[row] for row, _ in near],
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
            "Ratings": st.column_config.NumberColumn(format="%d", help="How often the item was rated."),
            "Description": st.column_config.TextColumn(width="medium"),
        },
        alt="The items whose descriptions are nearest, with their similarity",
    )
    selected = [row for row in event["selection"]["rows"] if row < len(near)]
    if not selected:
        st.caption("Choose a row to read its description.")
        return
    row = near[selected[0]][0]
    with st.container(border=True):
        st.markdown(f"**{frame.plain(data.label(row))}**")
        st.text(data.texts[row] or "It has no description.")
