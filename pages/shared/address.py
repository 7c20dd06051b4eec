"""Choices that stand in the page's address, so that a link or a refresh shows the same."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st


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


def set_choice(key: str, value: str) -> None:
    """Choose from a callback what :func:`choice` will show."""
    st.session_state[f"address_{key}"] = value


def remember(key: str, value: str) -> None:
    """Put ``value`` into the address, or take the key out where it is empty."""
    if st.query_params.get(key, "") != value:
        if value:
            st.query_params[key] = value
        else:
            st.query_params.pop(key)
