"""Data: take in ratings and descriptions, and look at what is there."""

from __future__ import annotations

from itertools import chain, count

import streamlit as st

from pages.shared import frame

frame.page("Data", "Ratings say what people like. Descriptions say what an item is. Both come from here.")
# The title is on the screen before what follows is imported: on a fresh server that takes a second.
from convmf.data.dataset import Dataset
from convmf.data.readers import Table, unknown_items
from convmf.errors import ConvMFError
from convmf.runs.store import MAX_LABEL_LENGTH, DatasetRecord
from pages.shared import address, data_fetch, data_view, forms, read_report, workspace

GENERIC_NAMES = ("ratings", "rating", "u")


def main() -> None:
    _show_message()
    records = workspace.store().datasets()
    drafting = any(forms.uploaded(kind) for kind in (forms.RATINGS, forms.ITEMS))
    with st.expander("**Add data**", expanded=drafting or data_fetch.is_active() or not records):
        if workspace.read_only():
            frame.read_only_note("data can't be added, renamed or deleted.")
        else:
            _add_sample(records)
            st.divider()
            _add_files()
            st.divider()
            data_fetch.draw(records)
    if records:
        data_view.show(records)


def _show_message() -> None:
    """What the last click did, once."""
    message = st.session_state.pop("data_message", "")
    if message:
        st.success(frame.plain(message))


def _add_sample(records: list[DatasetRecord]) -> None:
    st.header("Built-in data", anchor=False)
    st.markdown(f"{data_view.sample_text().capitalize()}. Good for a first look.")
    st.caption(f"{workspace.SAMPLE_NOTE} {data_view.floor_text()}")
    if any(record.note == workspace.SAMPLE_NOTE for record in records):
        st.caption("It is in the workspace already.")
    elif st.button("Load the built-in data", type="secondary" if records else "primary"):
        try:
            with st.spinner("Loading the built-in data …"):
                record = workspace.add_sample()
        except ConvMFError as error:
            st.error(frame.plain(str(error)))
        else:
            data_view.announce(record)


def _add_files() -> None:
    st.header("Your own files", anchor=False)
    st.markdown("Nothing leaves this machine. Any rating scale, any language, plain or gzip-compressed.")
    left, right = st.columns(2)
    with left:
        ratings = forms.uploader(forms.RATINGS)
    with right:
        items = forms.uploader(forms.ITEMS)
    tables = {kind.name: _check(kind) for kind in (forms.RATINGS, forms.ITEMS) if forms.uploaded(kind)}
    rating_table, item_table = tables.get("ratings"), tables.get("items")
    if items is not None and ratings is None:
        st.info("The descriptions are ready. Now choose the ratings that belong to them.")
    if ratings is None or rating_table is None or (items is not None and item_table is None):
        return
    n_unknown = 0
    if item_table is not None:
        if not item_table.frame["text"].any():
            st.info("No column of the items file is chosen as description, so the model will learn from ratings alone.")
        n_unknown = read_report.show_unknown(unknown_items(rating_table, item_table), rating_table.report.n_kept)
    values = rating_table.frame["rating"]
    if (only := values.min()) == values.max():
        st.warning(
            f"All ratings are {only:g}, so nothing tells what is liked from what isn't, and a model can only say "
            f"{only:g} of everything. Add ratings of what people didn't like."
        )
    _use(rating_table, item_table, ratings, n_unknown)


def _check(kind: forms.Kind) -> Table | None:
    """One file: which column is what, its first rows, and what was wrong with it."""
    upload = forms.uploaded(kind)
    assert upload is not None
    with st.container(border=True):
        st.markdown(f"**{kind.name.capitalize()}:** {frame.plain(upload.name)}")
        columns = forms.choose_columns(kind, upload)
        st.caption("The first rows, as they stand in the file")
        st.dataframe(upload.preview.rows, hide_index=True, height="content", alt="The first rows of the file")
        table = None if columns is None else forms.read_table(kind, upload, columns)
        if table is not None:
            read_report.show(table.report, kind.name)
    return table


def _free_name(name: str) -> str:
    """``name``, or the first with a number behind it that no data set has."""
    taken = {record.name for record in workspace.store().datasets()}
    numbered = (f"{name} {number}" for number in count(2))
    return next(free for free in chain([name], numbered) if free not in taken)


def _use(ratings: Table, items: Table | None, upload: forms.Upload, n_unknown: int) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Name",
            _free_name("My data" if upload.stem.lower() in GENERIC_NAMES else upload.stem),
            max_chars=MAX_LABEL_LENGTH,
            key=f"data_name_{forms.generation()}_{upload.digest[:16]}",
            help="How this data set is called in lists.",
            persist_state="session",
            width=320,
        )
        clicked = st.button("Use this data", type="primary")
    if not clicked:
        return
    try:
        with st.spinner("Storing the data …"):
            dataset = Dataset.from_tables(ratings.frame, None if items is None else items.frame, name=name.strip())
            record = workspace.store().add_dataset(dataset, note=read_report.note(ratings, items, n_unknown))
    except ConvMFError as error:
        st.error(frame.plain(str(error)))
        return
    forms.forget(forms.RATINGS, forms.ITEMS)
    data_view.announce(record)


try:
    main()
except ConvMFError as error:
    st.error(frame.plain(str(error)))
address.write()
