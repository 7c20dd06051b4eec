"""Who may come in: with an [auth] section in Streamlit's secrets nobody who hasn't signed in, else everybody."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import streamlit as st
from streamlit.errors import Error as StreamlitError
from streamlit.errors import StreamlitSecretNotFoundError

from pages.shared.safe_text import plain

logger = logging.getLogger(__name__)


def demand(title: str) -> None:
    """End the page here, with buttons to sign in, when sign-in is configured and the visitor hasn't signed in.

    A secrets file that can't be read lets nobody in: it may be the one that was to demand it.
    """
    try:
        section = st.secrets["auth"]
    except KeyError:
        return
    except StreamlitSecretNotFoundError:
        if not any(Path(path).exists() for path in st.get_option("secrets.files")):
            return
        logger.exception("The secrets can't be read, so nobody is let in")
        _refuse(title, "The sign-in of this server isn't set up completely. Its log says what is wrong.")
    if _is_signed_in():
        return
    st.title(title, anchor=False)
    st.markdown("Sign in to go on.")
    for provider, label in _providers(section):
        if st.button(label, type="primary", key=f"sign_in_{provider}"):
            _begin(provider)
    st.stop()


def draw_visitor() -> None:
    """Who is signed in, and the way out; nothing where no sign-in is configured."""
    if _is_signed_in():
        st.caption(f"Signed in as {plain(str(st.user.get('email') or st.user.get('name') or 'a guest'))}")
        st.button("Sign out", on_click=st.logout, key="sign_out", type="tertiary")


def _is_signed_in() -> bool:
    return st.user.get("is_logged_in") is True


def _providers(section: object) -> list[tuple[str | None, str]]:
    """Each identity provider's name in the section, None for one without, and what its button says."""
    keys = section if isinstance(section, Mapping) else {}
    named = [name for name, value in keys.items() if isinstance(value, Mapping) and "client_id" in value]
    return [(name, f"Sign in with {plain(name.capitalize())}") for name in named] or [(None, "Sign in")]


def _begin(provider: str | None) -> None:
    try:
        st.login(provider)
    except StreamlitError:
        logger.exception("Nobody can sign in")
        st.error("The sign-in of this server isn't set up completely. Its log says what is missing.")


def _refuse(title: str, why: str) -> None:
    st.title(title, anchor=False)
    st.error(why)
    st.stop()
