"""The stored data sets: choose one, look at it from all sides, lay several side by side."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from convmf.data.dataset import Dataset
from convmf.data.sample import SampleTruth, sample_truth
from convmf.errors import ConvMFError
from convmf.labels import in_percent
from convmf.runs.store import DatasetRecord
from pages.shared import address, data_charts, data_compare, data_manage, data_texts, frame, workspace
from pages.shared.distinct import dataset_labels

RATINGS, TEXTS, WORDS, BESIDE = "ratings", "texts", "words", "beside"
VIEWS = {RATINGS: "Ratings", TEXTS: "Descriptions", WORDS: "Words", BESIDE: "Side by side"}


def select(dataset_id: str) -> None:
    """Make this the data set that is shown, and that the address leads to."""
    st.session_state["data_selected"] = dataset_id
    st.query_params["dataset"] = dataset_id


def announce(record: DatasetRecord) -> None:
    """Show a data set that has just come, and say so."""
    st.session_state["data_message"] = f"{record.name} is in the workspace. You can train on it now."
    select(record.id)
    st.rerun()


def show(records: list[DatasetRecord]) -> None:
    """Choose a data set of ``records`` and show it."""
    record = _choose(records)
    _describe(record)
    try:
        dataset = workspace.dataset(record.id)
    except ConvMFError as error:
        st.error(frame.plain(str(error)))
        return
    _figures(dataset)
    # With the id in its key, a press on what was deleted elsewhere is none on what is shown instead.
    if st.button("Train on this data", type="primary", key=f"train_on_{record.id}", disabled=workspace.read_only()):
        st.switch_page("pages/train.py", query_params={"dataset": record.id})
    if not dataset.n_items_with_text:
        st.info("No item of this data set has a description. The model can learn from its ratings alone.")
    _look_closer(record, dataset, records)


def _look_closer(record: DatasetRecord, dataset: Dataset, records: list[DatasetRecord]) -> None:
    """One side of the data set at a time."""
    has_text = dataset.n_items_with_text > 0
    there = {RATINGS: True, TEXTS: has_text, WORDS: has_text, BESIDE: len(records) > 1}
    views = {view: words for view, words in VIEWS.items() if there[view]}
    view = address.choice("Look at", views, "view", RATINGS, show_label=False)
    if view == RATINGS:
        with frame.row("pictures"):
            for picture in _rating_pictures(record.id):
                _draw(picture, frame.CARD_WIDTH)
    elif view == TEXTS:
        _draw(_length_picture(record.id), "stretch")
        data_texts.draw_examples(record.id, dataset)
    elif view == WORDS:
        data_texts.draw_words(record.id)
    else:
        data_compare.draw(records)


def is_sample(record: DatasetRecord) -> bool:
    """Whether this is the built-in data set."""
    return record.note == workspace.SAMPLE_NOTE


def sample_text() -> str:
    """What the built-in data set holds, in a phrase that says it is invented."""
    truth = _truth()
    if truth is None:
        return "invented films with a synopsis each, and invented ratings"
    return f"{truth.n_items:,} invented films with a synopsis each, and {truth.n_ratings:,} invented ratings"


def floor_text() -> str:
    """The lowest RMSE that is possible on the built-in data, in a sentence; empty where it isn't known."""
    truth = _truth()
    if truth is None:
        return ""
    return (
        f"The ratings were made with a known amount of chance, so the lowest possible RMSE is known: "
        f"{truth.rmse_floor_warm:.3f} for rated films, {truth.rmse_floor_cold:.3f} for films without ratings."
    )


def _truth() -> SampleTruth | None:
    try:
        return sample_truth()
    except ConvMFError:
        return None


def _choose(records: list[DatasetRecord]) -> DatasetRecord:
    ids = [record.id for record in records]
    wanted = st.query_params.get("dataset")
    if wanted is not None and wanted not in ids:
        st.warning("The data set of this address isn't in the workspace any more. Here is another one.")
    chosen = wanted if wanted in ids else st.session_state.get("data_selected")
    chosen = chosen if chosen in ids else ids[0]
    by_id, labels = {record.id: record for record in records}, dataset_labels(records)
    st.header("In the workspace", anchor=False)
    st.session_state["dataset_choice"] = chosen
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Data set",
            ids,
            key="dataset_choice",
            format_func=lambda key: labels.get(key, ""),
            on_change=lambda: select(st.session_state["dataset_choice"]),
            width=420,
        )
        data_manage.draw(by_id[chosen])
    st.session_state["data_selected"] = chosen
    address.remember("dataset", chosen)
    return by_id[chosen]


def _describe(record: DatasetRecord) -> None:
    if is_sample(record):
        st.badge("Invented data", color="orange")
        st.caption(f"{record.note} {floor_text()}")
    else:
        st.caption(f"{frame.plain(record.note)} Added {record.created:%d %B %Y, %H:%M} UTC.")


def _figures(dataset: Dataset) -> None:
    low, high = dataset.rating_range
    with_text = dataset.n_items_with_text
    shown = (
        ("Users", f"{dataset.n_users:,}", "People who gave at least one rating."),
        ("Items", f"{dataset.n_items:,}", "Everything that was rated or described."),
        ("Ratings", f"{dataset.n_ratings:,}", "One user's rating of one item."),
        ("Items with text", in_percent(with_text / dataset.n_items, 1), f"{with_text:,} items have a description."),
        ("Density", in_percent(dataset.density, 2), "Share of all user-item pairs that were rated."),
        ("Rating scale", f"{low:.4g} to {high:.4g}", "Lowest and highest rating that occurs."),
    )
    with st.container(horizontal=True):
        for label, value, explanation in shown:
            st.metric(label, value, help=explanation, border=True, width=150)


@st.cache_data(show_spinner="Drawing the data …", max_entries=8)
def _rating_pictures(dataset_id: str) -> list[data_charts.Picture]:
    dataset = workspace.dataset(dataset_id)
    return [data_charts.rating_histogram(dataset), data_charts.long_tail(dataset)]


@st.cache_data(show_spinner="Counting the words …", max_entries=8)
def _length_picture(dataset_id: str) -> data_charts.Picture:
    return data_charts.text_lengths(workspace.dataset(dataset_id))


def _draw(picture: data_charts.Picture, width: int | Literal["stretch"]) -> None:
    # Side by side, the two cards end at one height.
    with st.container(border=True, width=width, height="content" if width == "stretch" else "stretch"):
        st.subheader(picture.title, anchor=False)
        st.plotly_chart(picture.figure, config=data_charts.CONFIG, alt=picture.alt, key=f"chart_{picture.title}")
        st.caption(picture.caption)
