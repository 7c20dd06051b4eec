"""A file of pretrained word vectors from the user: taking it in, saying what it covers, using it."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass

import streamlit as st

from convmf.config import ConvMFConfig
from convmf.data.text import Vocabulary
from convmf.data.vectors import WordVectors, distinct_words, read_vectors
from convmf.errors import ConvMFError
from convmf.labels import in_percent
from convmf.runs.store import DatasetRecord
from pages.shared import settings, workspace
from pages.shared.frame import plain

_HELP = (
    "A file in the text format of GloVe or word2vec, plain or gzip-compressed: in each line a word and its numbers. "
    "The vectors say beforehand which words mean something similar; they should be of the descriptions' language."
)


@dataclass(frozen=True)
class _Upload:
    name: str
    content: bytes
    digest: str


def draw(data: DatasetRecord, config: ConvMFConfig) -> tuple[WordVectors | None, ConvMFConfig]:
    """Let the user hand in word vectors; returns those in use for ``data``, and the settings with them.

    A file that can't be read is an error on the page; the training then starts without one.
    """
    st.markdown("**Pretrained word vectors**")
    state = st.session_state
    key = f"vectors_file_{state.setdefault('vectors_generation', 0)}"
    st.file_uploader("Word vectors (optional)", key=key, help=_HELP, on_change=_copy_out, args=(key,))
    upload: _Upload | None = state.get("vectors_upload")
    if upload is None:
        if former := state.get("train_vectors_of"):
            st.warning(
                f"{plain(former)}, whose settings these are, started from pretrained word vectors. Choose their file "
                "again, or the words start at random."
            )
        st.caption("Without a file the words start at random, and the model learns from your descriptions alone.")
        return None, config
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Chosen: {plain(upload.name)}")
        st.button("Remove", key="vectors_remove", type="tertiary", on_click=_forget)
    vectors = _read(upload, data.id)
    if isinstance(vectors, str):
        st.error(plain(f"{vectors} The training starts without word vectors."))
        return None, config
    if vectors.n_bad_lines:
        st.warning(plain(vectors.bad_lines_text()))
    coverage = vectors.coverage(_vocabulary(data.id, config.max_words, config.max_document_frequency))
    st.caption(
        f"{coverage.n_known:,} of the {coverage.n_words:,} words that matter most ({in_percent(coverage.share, 1)}) "
        f"have a vector of {vectors.dim} numbers. The word vector length above then counts only for the networks that "
        "read along in the end."
    )
    if coverage.missing:
        st.caption(f"The others start at random, for example: {plain(', '.join(coverage.missing[:8]))}.")
    frozen = settings.draw_setting("freeze_embedding", config.freeze_embedding, key="train_freeze_embedding")
    return vectors, dataclasses.replace(config, freeze_embedding=bool(frozen))


def _copy_out(key: str) -> None:
    """Keep the bytes of an upload at once: Streamlit drops them when the page changes."""
    file = st.session_state[key]
    if file is None:
        _drop()
        return
    content = file.getvalue()
    st.session_state["vectors_upload"] = _Upload(file.name, content, hashlib.sha256(content).hexdigest())


def _drop() -> None:
    for key in ("vectors_upload", "vectors_read"):
        st.session_state.pop(key, None)


def _forget() -> None:
    _drop()
    # A new key empties the upload field.
    st.session_state["vectors_generation"] += 1


def _read(upload: _Upload, dataset_id: str) -> WordVectors | str:
    """The vectors of the data set's words, or why there are none; from memory when nothing changed."""
    key = (upload.digest, dataset_id)
    kept = st.session_state.get("vectors_read")
    if kept is None or kept[0] != key:
        with st.spinner(f"Reading {plain(upload.name)} …", show_time=True):
            try:
                known = distinct_words(workspace.dataset(dataset_id).texts)
                kept = (key, read_vectors(upload.content, known, upload.name))
            except ConvMFError as error:
                kept = (key, str(error))
        st.session_state["vectors_read"] = kept
    result: WordVectors | str = kept[1]
    return result


@st.cache_data(show_spinner="Counting the words …", max_entries=8)
def _vocabulary(dataset_id: str, max_words: int, max_document_frequency: float) -> Vocabulary:
    """The words of all descriptions; a training leaves out those of the items that it holds out."""
    texts = workspace.dataset(dataset_id).texts
    return Vocabulary.build(texts, max_words=max_words, max_document_frequency=max_document_frequency)
