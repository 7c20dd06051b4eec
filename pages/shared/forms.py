"""Files from the user: taking them in, choosing their columns, reading them once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import streamlit as st

from convmf.data.readers import Preview, Table, preview, read_items, read_ratings
from convmf.errors import ConvMFError
from pages.shared.frame import plain

NOT_USED = ""
SUFFIXES = (".gz", ".csv", ".tsv", ".dat", ".txt", ".data")


@dataclass(frozen=True)
class Role:
    """A meaning that a column of a file can have."""

    name: str
    label: str
    help: str
    required: bool = False
    many: bool = False


@dataclass(frozen=True)
class Kind:
    """One of the files that can be handed in."""

    name: str
    label: str
    help: str
    roles: tuple[Role, ...]
    guess: Callable[[Preview], Mapping[str, Any]]
    read: Callable[..., Table]


RATINGS = Kind(
    "ratings",
    "Ratings file",
    "A text table with one rating a line: who, what, how many stars. CSV, TSV, or with ; | or :: between the "
    "columns, plain or gzip-compressed. A header line and the encoding are recognised.",
    (
        Role("user_id", "User", "Who rated. Any label will do: a number, a name, a code.", required=True),
        Role("item_id", "Item", "What was rated. The same labels as in the items file.", required=True),
        Role("rating", "Rating", "A number on any scale, higher is better.", required=True),
        Role("timestamp", "Time", "When it was rated. Of two ratings by one user for one item the latest counts."),
    ),
    lambda shown: shown.rating_roles,
    read_ratings,
)
ITEMS = Kind(
    "items",
    "Items file (optional)",
    "A text table with one item a line: its label, title and description. Without it the model learns from the "
    "ratings alone and can't say anything about a new item.",
    (
        Role("item_id", "Item", "The same labels as in the ratings file.", required=True),
        Role("title", "Title", "A short name for people to read."),
        Role("text", "Description", "What the model reads. Several columns are joined.", many=True),
        Role("genres", "Genres", "Only shown, not read by the model.", many=True),
    ),
    lambda shown: shown.item_roles,
    read_items,
)


@dataclass(frozen=True)
class Upload:
    """A file of the user's whose start could be read; ``digest`` stands for its content."""

    name: str
    content: bytes
    digest: str
    preview: Preview

    @property
    def stem(self) -> str:
        """The file's name without its endings."""
        name = PurePath(self.name).name
        while name.lower().endswith(SUFFIXES):
            name = name[: name.rindex(".")]
        return name


def uploader(kind: Kind) -> Upload | None:
    """Let the user hand in a file; returns the last one that could be read, also after a change of page."""
    key = f"upload_{kind.name}_{generation()}"
    st.file_uploader(kind.label, key=key, help=kind.help, on_change=_copy_out, args=(kind, key))
    arrived = st.session_state.pop(f"arrived_{kind.name}", None)
    if arrived is not None:
        _look_into(kind, *arrived)
    error = st.session_state.get(f"upload_error_{kind.name}")
    current = uploaded(kind)
    if error:
        st.error(plain(error))
        if current is not None:
            st.caption(f"{plain(current.name)}, which you chose before, is still in use.")
    if current is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"In use: {plain(current.name)} ({_size(len(current.content))})")
            st.button("Remove", key=f"remove_{kind.name}", type="tertiary", on_click=forget, args=(kind,))
    return current


def uploaded(kind: Kind) -> Upload | None:
    """The file in use, if any."""
    return st.session_state.get(f"upload_of_{kind.name}")


def forget(*kinds: Kind) -> None:
    """Forget the files of these kinds, with what was read from them."""
    for kind in kinds:
        for key in ("upload_of", "upload_error", "former", "table"):
            st.session_state.pop(f"{key}_{kind.name}", None)
    # A new key empties the upload fields; the other file stays in use although its field is empty, too.
    st.session_state["upload_generation"] = generation() + 1


def choose_columns(kind: Kind, upload: Upload) -> dict[str, Any] | None:
    """Let the user check which column is what; None as long as the choice is incomplete or contradicts itself."""
    guessed = kind.guess(upload.preview)
    with st.container(horizontal=True):
        chosen = {role.name: _choose_column(kind, role, upload, guessed.get(role.name)) for role in kind.roles}
    missing = [role.label for role in kind.roles if role.required and not chosen[role.name]]
    if missing:
        st.warning(f"Choose the column for: {', '.join(missing)}.")
        return None
    used = [name for value in chosen.values() for name in ([value] if isinstance(value, str) else value) if name]
    twice = sorted({name for name in used if used.count(name) > 1})
    if twice:
        st.warning(f"Chosen twice: {plain(', '.join(twice))}. Each column can have one meaning; change one of them.")
        return None
    return chosen


def read_table(kind: Kind, upload: Upload, columns: dict[str, Any]) -> Table | None:
    """The file read with these columns, from memory when nothing changed; None where its error is shown."""
    key = (upload.digest, repr(columns))
    kept = st.session_state.get(f"table_{kind.name}")
    if kept is None or kept[0] != key:
        with st.spinner(f"Reading {plain(upload.name)} …", show_time=True):
            try:
                kept = (key, kind.read(upload.content, columns=columns, name=upload.name), "")
            except ConvMFError as error:
                kept = (key, None, str(error))
        st.session_state[f"table_{kind.name}"] = kept
    if kept[2]:
        st.error(plain(kept[2]))
    return kept[1]


def generation() -> int:
    """How often files were taken into use or forgotten: what belongs to the next ones has a new key."""
    return st.session_state.setdefault("upload_generation", 0)


def _copy_out(kind: Kind, key: str) -> None:
    """Keep the bytes of an upload at once: Streamlit drops them when the page changes."""
    file = st.session_state[key]
    st.session_state.pop(f"upload_error_{kind.name}", None)
    if file is not None:
        st.session_state[f"arrived_{kind.name}"] = (file.name, file.getvalue())
    elif uploaded(kind) is not None:
        # Choosing another file empties the field first; should that file be broken, this one comes back.
        st.session_state[f"former_{kind.name}"] = st.session_state.pop(f"upload_of_{kind.name}")


def _look_into(kind: Kind, name: str, content: bytes) -> None:
    """Take a file into use if its start can be read; else note the error and leave the former one in use."""
    with st.spinner(f"Looking into {plain(name)} …"):
        try:
            shown = preview(content, n_rows=5)
        except ConvMFError as error:
            st.session_state[f"upload_error_{kind.name}"] = f"{name}{str(error).removeprefix('the file')}"
            former = st.session_state.pop(f"former_{kind.name}", None)
            st.session_state.setdefault(f"upload_of_{kind.name}", former)
            return
    st.session_state.pop(f"former_{kind.name}", None)
    digest = hashlib.sha256(content).hexdigest()
    st.session_state[f"upload_of_{kind.name}"] = Upload(name, content, digest, shown)


def _choose_column(kind: Kind, role: Role, upload: Upload, guessed: Any) -> Any:
    key = f"column_{kind.name}_{role.name}_{upload.digest[:16]}"
    columns = list(upload.preview.columns)
    if role.many:
        return tuple(
            st.multiselect(
                role.label,
                columns,
                default=list(guessed or ()),
                key=key,
                help=role.help,
                placeholder="Not in this file",
                persist_state="session",
                width=220,
            )
        )
    options = columns if role.required else [NOT_USED, *columns]
    index = options.index(guessed) if guessed in options else (None if role.required else 0)
    return st.selectbox(
        role.label,
        options,
        index=index,
        key=key,
        help=role.help,
        format_func=lambda name: name or "Not in this file",
        placeholder="Choose a column",
        persist_state="session",
        width=160,
    )


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e5 else f"{max(1, round(n_bytes / 1e3)):,} kB"
