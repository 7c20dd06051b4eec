"""Rename, tag and delete a run, from wherever it is shown."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from convmf.errors import ConvMFError
from convmf.runs.store import MAX_LABEL_LENGTH, RunRecord
from pages.shared import frame
from pages.shared.workspace import read_only, store


def show_message() -> None:
    """What the last change did."""
    message = st.session_state.pop("results_message", "")
    if message:
        st.success(frame.plain(message))


def draw(run: RunRecord) -> None:
    """The three buttons of a run, each with its small form."""
    locked = read_only()
    with st.popover("Rename", disabled=locked):
        name = st.text_input("New name", run.name, max_chars=MAX_LABEL_LENGTH, key=f"results_name_{run.id}")
        if st.button("Save the name", key=f"results_rename_{run.id}"):
            change(lambda: store().update_run(run.id, name=name), "The new name is saved.")
    with st.popover("Tags", disabled=locked):
        _tags(run)
    reason = "Stop the training first." if run.is_active else None
    with st.popover("Delete", disabled=locked or run.is_active, help=reason):
        st.markdown(f"Delete **{frame.plain(run.name)}** with its model, figures and tags? The data set stays.")
        if st.button("Delete for good", key=f"results_delete_{run.id}"):
            delete([run])


def all_tags() -> list[str]:
    """Every tag in use, in alphabetical order."""
    return sorted({tag for run in store().runs() for tag in run.tags}, key=str.casefold)


def delete(runs: list[RunRecord]) -> None:
    """Delete runs, and say so on top of the page."""

    def delete_all() -> None:
        store().delete_runs([run.id for run in runs])
        if st.query_params.get("run") in {run.id for run in runs}:
            st.query_params.pop("run")  # what is gone needn't be missed

    what = runs[0].name + " was" if len(runs) == 1 else f"{len(runs)} runs were"
    change(delete_all, f"{what} deleted.")


def change(action: Callable[[], object], done: str) -> None:
    """Make a change and draw the page again with ``done`` on top, or show here why it was refused."""
    try:
        action()
    except ConvMFError as error:
        st.error(frame.plain(str(error)))
        return
    st.session_state["results_message"] = done
    st.session_state.pop("results_run", None)  # chosen anew from the address, so that the box shows a new name
    st.rerun()


def _tags(run: RunRecord) -> None:
    tags = st.multiselect(
        "Tags",
        all_tags(),
        default=list(run.tags),
        accept_new_options=True,
        key=f"results_tags_{run.id}_{'|'.join(run.tags)}",
        placeholder="Choose a tag, or type a new one",
        help="Words to find the run by, such as “for the client”.",
        width=320,
    )
    if st.button("Save the tags", key=f"results_tag_{run.id}"):
        change(lambda: store().update_run(run.id, tags=tags), "The tags are saved.")
