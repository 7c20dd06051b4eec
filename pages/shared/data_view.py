"""The stored data sets: choose one, look at it, rename it, delete it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import streamlit as st

from convmf.data.dataset import Dataset
from convmf.data.sample import SampleTruth, sample_truth
from convmf.errors import ConvMFError
from convmf.runs.store import MAX_LABEL_LENGTH, DatasetRecord
from pages.shared import data_charts, frame, workspace

N_EXAMPLES = 3
EXAMPLE_LENGTH = 700
CHART_WIDTH = 482


def select(dataset_id: str) -> None:
    """Make this the data set that is shown, and that the address leads to."""
    st.session_state["data_selected"] = dataset_id
    st.query_params["dataset"] = dataset_id


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
    if st.button("Train on this data", type="primary", disabled=workspace.read_only()):
        st.switch_page("pages/train.py", query_params={"dataset": record.id})
    _charts(record.id)
    if dataset.n_items_with_text:
        _examples(dataset)
    else:
        st.info("No item of this data set has a description. The model can learn from its ratings alone.")


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
        st.query_params.pop("dataset")
    chosen = wanted if wanted in ids else st.session_state.get("data_selected")
    chosen = chosen if chosen in ids else ids[0]
    by_id = {record.id: record for record in records}
    st.header("In the workspace", anchor=False)
    st.session_state["dataset_choice"] = chosen
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Data set",
            ids,
            key="dataset_choice",
            format_func=lambda key: f"{by_id[key].name} ({by_id[key].n_ratings:,} ratings)",
            on_change=lambda: select(st.session_state["dataset_choice"]),
            width=420,
        )
        _manage(by_id[chosen])
    select(chosen)
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
        ("Items with text", f"{with_text / dataset.n_items:.1%}", f"{with_text:,} items have a description."),
        ("Density", f"{dataset.density:.2%}", "Share of all user-item pairs that were rated."),
        ("Rating scale", f"{low:g} to {high:g}", "Lowest and highest rating that occurs."),
    )
    with st.container(horizontal=True):
        for label, value, explanation in shown:
            st.metric(label, value, help=explanation, border=True, width=150)


@st.cache_data(show_spinner="Drawing the data …", max_entries=8)
def _pictures(dataset_id: str) -> list[data_charts.Picture]:
    return data_charts.pictures(workspace.dataset(dataset_id))


def _charts(dataset_id: str) -> None:
    drawn = _pictures(dataset_id)
    with st.container(horizontal=True):
        for picture in drawn[:2]:
            _draw(picture, CHART_WIDTH)
    for picture in drawn[2:]:
        _draw(picture, "stretch")


def _draw(picture: data_charts.Picture, width: int | Literal["stretch"]) -> None:
    with st.container(border=True, width=width):
        st.subheader(picture.title, anchor=False)
        st.plotly_chart(picture.figure, config=data_charts.CONFIG, alt=picture.alt, key=f"chart_{picture.title}")
        st.caption(picture.caption)


def _examples(dataset: Dataset) -> None:
    with_text = [row for row, text in enumerate(dataset.texts) if text.strip()]
    n_shown = min(N_EXAMPLES, len(with_text))
    st.subheader("Some of the descriptions", anchor=False)
    turn = st.session_state.setdefault("example_turn", 0)
    step = max(1, len(with_text) // n_shown)
    counts = dataset.item_counts()
    for place in range(n_shown):
        row = with_text[(place * step + turn) % len(with_text)]
        text = dataset.texts[row]
        shown = text if len(text) <= EXAMPLE_LENGTH else text[:EXAMPLE_LENGTH].rsplit(" ", 1)[0] + " …"
        with st.container(border=True):
            st.markdown(f"**{frame.plain(dataset.label(row))}**")
            genres = f"{frame.plain(dataset.genres[row])} · " if dataset.genres[row] else ""
            st.caption(f"{genres}{counts[row]:,} ratings")
            st.markdown(frame.plain(shown))
    if len(with_text) > n_shown:
        st.button("Show others", on_click=lambda: st.session_state.update(example_turn=turn + 1))


def _manage(record: DatasetRecord) -> None:
    with st.popover("Rename", disabled=workspace.read_only()):
        name = st.text_input("New name", record.name, max_chars=MAX_LABEL_LENGTH, key=f"name_{record.id}")
        if st.button("Save the name", key=f"rename_{record.id}"):
            _try(lambda: workspace.store().rename_dataset(record.id, name), "The new name is saved.")
    with st.popover("Delete", disabled=workspace.read_only()):
        _delete(record)


def _delete(record: DatasetRecord) -> None:
    n_runs = sum(run.dataset_id == record.id for run in workspace.store().runs())
    st.markdown(f"Delete **{frame.plain(record.name)}** from the workspace? Your own files stay where they are.")
    with_runs = n_runs > 0 and st.checkbox(f"Also delete its trained runs ({n_runs})", key=f"runs_of_{record.id}")
    if st.button("Delete for good", key=f"delete_{record.id}"):
        _try(
            lambda: workspace.store().delete_dataset(record.id, with_runs=with_runs),
            f"{record.name} was deleted.",
            gone=True,
        )


def _try(change: Callable[[], object], done: str, *, gone: bool = False) -> None:
    """Make a change and say so at the top of the page, or show here why it was refused."""
    try:
        change()
    except ConvMFError as error:
        st.error(frame.plain(str(error)))
        return
    st.session_state["data_message"] = done
    if gone:
        st.query_params.pop("dataset", None)
        st.session_state.pop("data_selected", None)
    st.rerun()
