"""What every page shares: its settings, the menu, its heading, the status line, and safe text."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Literal, NoReturn

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from convmf.errors import ConvMFError
from pages.shared import address, device, sign_in
from pages.shared.safe_text import plain

APP_NAME = "ConvMF"
ASSETS = Path(__file__).parents[2] / "assets"
ICON, STYLE = ASSETS / "icon.svg", ASSETS / "style.css"
MENU = (
    ("app.py", "Overview"),
    ("pages/data.py", "Data"),
    ("pages/train.py", "Train"),
    ("pages/results.py", "Results"),
    ("pages/cold_start.py", "Cold start"),
    ("pages/recommend.py", "Recommend"),
    ("pages/explore.py", "Explore"),
)
CARD_WIDTH = 420
"""Least width of a card in a row of them, in pixels: two stand beside each other in a window of 1366."""
STATUS_SECONDS = 2.0
WARM_UP_AFTER_SECONDS = 1.0


def page(title: str, lead: str = "") -> None:
    """Begin a page: settings, menu, title and one lead sentence. Call it first; both texts are the page's own."""
    st.set_page_config(
        page_title=f"{title} · {APP_NAME}",
        page_icon=str(ICON),
        layout="wide",
        initial_sidebar_state="auto",
    )
    st.html(STYLE)
    _warm_up()
    sign_in.demand(title)
    with st.sidebar:
        st.markdown(f"### {APP_NAME}")
        st.caption("Ratings and descriptions in one model")
        for path, label in MENU:
            st.page_link(path, label=label, width="stretch")
        st.divider()
        status = st.container()
        sign_in.draw_visitor()
    st.title(title, anchor=False)
    if lead:
        st.markdown(lead)
    address.begin()
    _open_workspace()
    try:
        with status:
            _draw_status()
    except ConvMFError as error:  # on the page, where there is room for it, and not in the sidebar
        _end_with(error)


def row(key: str, *, gap: Literal["small", "medium"] = "small") -> DeltaGenerator:
    """Cards of some least width beside one another: they share the width there is, and in a narrow window the last
    ones come below. ``key`` is the row's own on its page."""
    return st.container(horizontal=True, key=f"row_{key}", gap=gap)


def read_only_note(what: str) -> None:
    """Say calmly, where a control would be, what can't be done in a read-only demo; nothing in another workspace."""
    from pages.shared.workspace import read_only

    if read_only():
        st.caption(f"This is a read-only demo: {what}")


def empty_state(message: str, page: str, label: str) -> None:
    """Say what is missing (the page's own words) and link to the page that helps, such as "pages/data.py"."""
    with st.container(border=True):
        st.markdown(message)
        st.page_link(page, label=f"**{label}** →")


@cache
def _warm_up() -> None:
    """Get torch and the training's machine code once, in the background: neither the first paint nor Train waits."""
    timer = threading.Timer(WARM_UP_AFTER_SECONDS, _get_ready)
    timer.daemon = True
    timer.start()


def _get_ready() -> None:
    from convmf.device import leave_a_core

    leave_a_core()  # before the rest is imported: the sidebar says how many cores there are as soon as it can
    import convmf.training.loop  # noqa: F401
    from convmf.training.warm_up import warm_up

    warm_up()


def _open_workspace() -> None:
    """Open it before the page needs it; where it can't be opened the page ends with the reason."""
    # Imported here so that the title is on the screen before the heavier modules are.
    from pages.shared.workspace import jobs

    try:
        jobs()
    except ConvMFError as error:
        _end_with(error)


def _end_with(error: ConvMFError) -> NoReturn:
    st.error(plain(str(error)))
    st.stop()


def _draw_status() -> None:
    """The status, looked at again while it may change by itself."""
    from pages.shared.workspace import jobs

    may_change = jobs().active() is not None or not device.is_known()
    st.fragment(_status, run_every=STATUS_SECONDS if may_change else None)()


def _status() -> None:
    from pages.shared.workspace import jobs

    try:
        run = jobs().active()
    except ConvMFError as error:
        st.caption(plain(str(error)))
        return
    if jobs().store.read_only:
        st.caption("Read-only demo: look around and predict.")
    if run is None:
        st.caption("No training is running.")
    else:
        st.caption(f"**In training:** {plain(run.name)} ({run.iterations_done} of {run.n_iterations} iterations)")
    st.caption(f"Device: {plain(device.describe() or 'looking …')}")
