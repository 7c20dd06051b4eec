"""Choices that stand in the page's address, so that a link or a refresh shows the same.

Each change of the address is a step in the browser's history, so what a run of a page remembers is written in one go
when the page has been drawn (:func:`write`). The address is read on the first look at a page only: a click that
overtakes it comes with the one of before, which can't be told from the browser's Back button, and would be undone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pages.shared.distinct import distinct

_WANTED = "address_wanted"


def begin() -> None:
    """Begin a run of a page; what one that was cut short remembered is nobody's wish any more."""
    st.session_state[_WANTED] = {}


def write() -> None:
    """Put what was remembered into the address, at the end of a page and of a fragment that remembers something."""
    query = {key: st.query_params.get_all(key) for key in st.query_params}
    wanted = {key: values for key, values in {**query, **st.session_state.get(_WANTED, {})}.items() if values}
    if wanted != query:
        st.query_params.from_dict(wanted)
    begin()


def choice(label: str, options: Mapping[str, str], key: str, default: str, *, show_label: bool = True) -> str:
    """One of ``options`` (key to words) by buttons; the address has it as ``?key=…`` unless it is the default.

    On the first look at the page it is what the address asks for, as long as that is an option.
    """
    widget = f"address_{key}"
    if st.session_state.get(widget) not in options:
        asked = st.query_params.get(key)
        st.session_state[widget] = asked if asked in options else default
    chosen = st.segmented_control(
        label,
        list(options),
        format_func=lambda option: options[option],
        required=True,
        key=widget,
        label_visibility="visible" if show_label else "collapsed",
    )
    remember(key, "" if chosen == default else str(chosen))
    return str(chosen)


def pick(
    label: str,
    options: Mapping[str, str],
    key: str,
    *,
    gone: str = "",
    placeholder: str = "All",
    width: int = 190,
    help: str | None = None,
) -> str | None:
    """One of ``options`` (key to words) from a list, or none; the address has it as ``?key=…``.

    ``gone`` is the warning where the address asks for something that isn't an option.
    """
    widget = f"address_{key}"
    if st.session_state.get(widget) not in options:
        asked = st.query_params.get(key)
        if gone and asked is not None and asked not in options:
            st.warning(gone)
        st.session_state[widget] = asked if asked in options else None
    shown = distinct(options)
    chosen = st.selectbox(
        label,
        list(shown),
        index=None,
        format_func=lambda option: shown[option],
        key=widget,
        placeholder=placeholder,
        width=width,
        help=help,
    )
    remember(key, chosen or "")
    return chosen


def words(label: str, key: str, *, placeholder: str = "", width: int = 220) -> str:
    """A line of text; the address has it as ``?key=…``."""
    widget = f"address_{key}"
    if widget not in st.session_state:
        st.session_state[widget] = st.query_params.get(key, "")
    text = st.text_input(label, key=widget, placeholder=placeholder, width=width).strip()
    remember(key, text)
    return text


def switch(label: str, key: str) -> bool:
    """A switch that is off at first; the address has it as ``?key=on``."""
    widget = f"address_{key}"
    if widget not in st.session_state:
        st.session_state[widget] = st.query_params.get(key) == "on"
    on = st.toggle(label, key=widget)
    remember(key, "on" if on else "")
    return on


def set_choice(key: str, value: str | None) -> None:
    """Choose from a callback what :func:`choice` or :func:`pick` will show."""
    st.session_state[f"address_{key}"] = value
    remember(key, value or "")


def remember_only(query: Mapping[str, str]) -> None:
    """As :func:`remember`, for all of the address: what isn't in ``query`` goes from it."""
    begin()
    for key in {*st.query_params, *query}:
        remember(key, query.get(key, ""))


def remember(key: str, value: str) -> None:
    """Let ``value`` come into the address, or the key go from it where it is empty."""
    remember_all(key, [value] if value else [])


def remember_all(key: str, values: Sequence[str]) -> None:
    """As :func:`remember`, for a choice of several values: the address has ``key`` once for each."""
    st.session_state.setdefault(_WANTED, {})[key] = list(values)


def exact(rating: float) -> str:
    """As short as it may be without becoming another number, which might be off the scale."""
    short = f"{rating:g}"
    return short if float(short) == rating else repr(float(rating))
