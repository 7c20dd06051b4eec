"""What can be done with a stored data set: another name, its files to take away, and deleting it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from convmf.data import export
from convmf.errors import ConvMFError
from convmf.runs.store import MAX_LABEL_LENGTH, DatasetRecord, RunRecord
from pages.shared import frame, run_words, workspace

MAX_RUNS_NAMED = 8


def draw(record: DatasetRecord) -> None:
    """The buttons beside the choice of the data set."""
    with st.popover("Rename", disabled=workspace.read_only()):
        name = st.text_input("New name", record.name, max_chars=MAX_LABEL_LENGTH, key=f"name_{record.id}")
        if st.button("Save the name", key=f"rename_{record.id}"):
            _try(lambda: workspace.store().rename_dataset(record.id, name), "The new name is saved.")
    with st.popover("Download"):
        _download(record)
    with st.popover("Delete", disabled=workspace.read_only()):
        _delete(record)


def download_buttons(record: DatasetRecord, place: str) -> None:
    """Both files of a data set, made when they are asked for; ``place`` tells several of these apart."""
    for name, make in ((export.RATINGS_NAME, export.ratings_csv), (export.ITEMS_NAME, export.items_csv)):
        st.download_button(
            name,
            partial(_file, record.id, make),
            file_name=name,
            mime="application/gzip",
            key=f"{place}_{name}_{record.id}",
            on_click="ignore",
        )


def _file(dataset_id: str, make: Callable[..., bytes]) -> bytes:
    return make(workspace.dataset(dataset_id))


def _download(record: DatasetRecord) -> None:
    st.markdown("The data as two tables (CSV, gzip-compressed, UTF-8), for the command line and other programs.")
    download_buttons(record, "data")


def _delete(record: DatasetRecord) -> None:
    runs = [run for run in workspace.store().runs() if run.dataset_id == record.id]
    st.markdown(f"Delete **{frame.plain(record.name)}** from the workspace? Your own files stay where they are.")
    if runs:
        _name_runs(runs)
    busy = any(run.is_active for run in runs)
    if busy:
        st.warning("A run on it is waiting or in training. Stop that on the Train page first.")
    with_runs = bool(runs) and not busy and _also_runs(record, runs)
    if st.button("Delete for good", key=f"delete_{record.id}", disabled=busy or (bool(runs) and not with_runs)):
        _try(
            lambda: workspace.store().delete_dataset(record.id, with_runs=with_runs),
            f"{record.name} was deleted.",
            gone=True,
        )


def _name_runs(runs: list[RunRecord]) -> None:
    """What hangs on the data set."""
    st.markdown("What was trained on it, and would go with it:")
    for run in runs[:MAX_RUNS_NAMED]:
        word, color = run_words.STATES[run.state]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("pages/train.py", label=frame.plain(run.name), query_params={"run": run.id})
            st.badge(word, color=color)
    if len(runs) > MAX_RUNS_NAMED:
        st.caption(f"and {len(runs) - MAX_RUNS_NAMED} more")


def _also_runs(record: DatasetRecord, runs: list[RunRecord]) -> bool:
    text = "Delete the run with its model too" if len(runs) == 1 else f"Delete all {len(runs)} runs with their models"
    return st.checkbox(text, key=f"runs_of_{record.id}")


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
