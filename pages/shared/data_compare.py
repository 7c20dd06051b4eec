"""Several data sets side by side: their figures in one table, their long tails in one picture."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from convmf.data.statistics import DatasetStatistics, concentration
from convmf.errors import ConvMFError
from convmf.runs.store import DatasetRecord
from pages.shared import address, data_charts, frame, workspace
from pages.shared.distinct import distinct

MAX_COMPARED = 4
MEANING = "What it is"

FIGURES: tuple[tuple[str, str, str], ...] = (
    ("Users", "{0.n_users:,}", "People who gave at least one rating."),
    ("Items", "{0.n_items:,}", "Everything that was rated or described."),
    ("Items without a rating", "{0.n_unrated_items:,}", "Known by their description alone."),
    ("Ratings", "{0.n_ratings:,}", "One user's rating of one item."),
    ("Density", "{0.density:.2%}", "Share of all user-item pairs that were rated."),
    ("Ratings of a user", "{0.ratings_per_user:,.0f}", "Median."),
    ("Ratings of a rated item", "{0.ratings_per_item:,.0f}", "Median. Where it is low, descriptions have most to add."),
    (
        "Ratings of the top tenth",
        "{0.top_tenth:.0%}",
        "Share that the most rated tenth of the rated items has; of fewer than ten, the first.",
    ),
    ("Rating scale", "{0.lowest:.4g} to {0.highest:.4g}", "Lowest and highest rating that occurs."),
    ("Mean rating", "{0.mean:.2f}", "In rating points."),
    ("Standard deviation", "{0.deviation:.2f}", "In rating points: the error of giving everything the mean."),
    ("Items with a text", "{0.n_items_with_text:,}", "Items that have a description."),
    (
        "Ratings of items without one",
        "{0.ratings_without_text:.1%}",
        "Share of all ratings: texts can't help there.",
    ),
    ("Words of a text", "{0.words_per_text:,.0f}", "Median."),
)
"""Name, format and meaning of each row of the table."""


def draw(records: list[DatasetRecord]) -> None:
    """The figures of up to four data sets beside each other."""
    by_id = {record.id: record for record in records}
    names = distinct({record.id: record.name for record in records}, taken=MEANING)
    first = list(by_id)[:MAX_COMPARED]
    asked = [key for key in st.query_params.get("compare", "").split(",") if key in by_id][:MAX_COMPARED]
    chosen = st.multiselect(
        "Data sets to compare",
        list(by_id),
        default=asked or first,
        format_func=lambda key: names.get(key, ""),
        max_selections=MAX_COMPARED,
        key=f"compared_{hash(tuple(names.items()))}",  # another name, another list: the address keeps the choice
        help=f"Up to {MAX_COMPARED} at a time.",
    )
    address.remember("compare", "" if chosen == first else ",".join(chosen))
    if len(chosen) < 2:
        st.info("Choose at least two.")
        return
    try:
        figures = {key: _figures(key) for key in chosen}
        curves = {key: _curve(key) for key in chosen}
    except ConvMFError as error:
        st.error(frame.plain(str(error)))
        return
    # A table, not a dataframe: it breaks its lines, so what each figure is can be read in narrow windows, too.
    st.table(figures_table({frame.plain(names[key]): figures[key] for key in chosen}), border="horizontal")
    picture = data_charts.tails({names[key]: curves[key] for key in chosen})
    st.markdown(f"**{picture.title}**")
    st.plotly_chart(picture.figure, config=data_charts.CONFIG, alt=picture.alt, key="chart_tails")
    st.caption(picture.caption)


def figures_table(figures: dict[str, DatasetStatistics]) -> pd.DataFrame:
    """A row a figure and a column a data set, as text, and what each figure is."""
    table = {name: [_text(pattern, one) for _, pattern, _ in FIGURES] for name, one in figures.items()}
    table[MEANING] = [meaning for *_, meaning in FIGURES]
    return pd.DataFrame(table, index=[name for name, *_ in FIGURES])


def _text(pattern: str, figures: DatasetStatistics) -> str:
    if "words_per_text" in pattern and figures.words_per_text is None:
        return "–"
    return pattern.format(figures).replace("%", "\u00a0%")


@st.cache_data(show_spinner="Counting …", max_entries=32)
def _figures(dataset_id: str) -> DatasetStatistics:
    return DatasetStatistics.of(workspace.dataset(dataset_id))


@st.cache_data(show_spinner="Counting …", max_entries=32)
def _curve(dataset_id: str) -> tuple[list[float], list[float]]:
    share, ratings = concentration(workspace.dataset(dataset_id))
    return share.tolist(), ratings.tolist()
