"""MovieLens on request: its terms, the fetch and its progress, and what to do when it fails."""

from __future__ import annotations

import streamlit as st

from convmf.data import movielens
from convmf.errors import ConvMFError
from convmf.runs.fetches import Fetch
from convmf.runs.store import DatasetRecord
from pages.shared import data_view, workspace
from pages.shared.frame import plain

LOOK_SECONDS = 0.5
_WATCHED = "movielens_watched"


def draw(records: list[DatasetRecord]) -> None:
    """The section of the Data page; nothing is fetched unless its button is pressed."""
    st.header("MovieLens latest-small", anchor=False)
    st.markdown(
        "Real ratings: 100,836 by 610 people, of 9,742 films, half a star to five. A film is described by its title, "
        "genres and tags, so the texts are short."
    )
    st.caption(
        "It belongs to GroupLens and is not part of this app. The button asks files.grouplens.org for it "
        "(1 MB); that is the only request to another host that this app ever makes."
    )
    st.markdown("**Its licence, in short: for research, not for commercial use**")
    st.markdown("\n".join(f"- {plain(term)}" for term in movielens.TERMS))
    st.link_button("GroupLens's own words ↗", movielens.TERMS_URL, type="tertiary")
    fetch = workspace.movielens_fetch()
    if fetch.status.is_active:
        st.session_state[_WATCHED] = True
        st.fragment(_watch, run_every=LOOK_SECONDS)()
    else:
        _offer(fetch, any(record.note == movielens.NOTE for record in records))


def is_active() -> bool:
    """Whether a fetch is at work, so that its section is to be seen."""
    return workspace.movielens_fetch().status.is_active or _WATCHED in st.session_state


def _watch() -> None:
    fetch = workspace.movielens_fetch()
    if fetch.status.is_active:
        _progress(fetch)
    else:
        st.rerun()


def _offer(fetch: Fetch, is_there: bool) -> None:
    """The button, and how the last fetch ended."""
    status = fetch.status
    if st.session_state.pop(_WATCHED, False) and status.state == "done":
        _show(status.dataset_id)
    if is_there:
        st.caption("It is in the workspace already.")
        return
    if status.state == "failed":
        st.error(plain(status.reason))
    elif status.state == "stopped":
        st.info("Stopped. Nothing was kept.")
    label = "Try again" if status.state == "failed" else "Fetch MovieLens from GroupLens"
    st.button(label, key="movielens_start", on_click=_start, args=(fetch,))


def _start(fetch: Fetch) -> None:
    fetch.start()
    st.session_state[_WATCHED] = True


def _progress(fetch: Fetch) -> None:
    status = fetch.status
    megabytes = f"{status.received / 1e6:.2f} MB"
    if status.total and status.received >= status.total:
        text, share = "All here; reading it …", 1.0
    elif status.total:
        text, share = f"Fetching: {megabytes} of {status.total / 1e6:.2f} MB", status.received / status.total
    else:
        text, share = ("Asking for it …" if not status.received else f"Fetching: {megabytes}"), 0.0
    st.progress(min(1.0, share), text="Stopping …" if status.state == "stopping" else text)
    st.button("Stop fetching", key="movielens_stop", disabled=status.state == "stopping", on_click=fetch.stop)


def _show(dataset_id: str) -> None:
    """Show the new data set on the page."""
    try:
        data_view.announce(workspace.store().dataset_record(dataset_id))
    except ConvMFError:  # deleted again in another browser
        st.rerun()
