"""Several descriptions at once: a file in, a file with predictions back."""

from __future__ import annotations

import hashlib
from functools import partial

import pandas as pd
import streamlit as st

from convmf.data.csv_download import csv_bytes
from convmf.data.descriptions import MAX_DESCRIPTIONS, read_descriptions
from convmf.data.readers import Table
from convmf.errors import ConvMFError
from pages.shared import read_report
from pages.shared.cold_state import Subject
from pages.shared.safe_text import plain
from pages.shared.workspace import model

MAX_SHOWN = 500
_HELP = "It is read and rated here, and kept until you remove it or leave the app."
TEMPLATE = pd.DataFrame(
    {
        "id": ["a", "b"],
        "title": ["First idea", "Second idea"],
        "description": ["Two detectives share a flat by the sea.", "A quiet love story in a mountain village."],
    }
)
POINTS = ("Expected rating", "One person's rating, from", "to", "8 in 10 users, from", "8 in 10 users, to")


def show(subject: Subject) -> None:
    """Upload, predictions, download."""
    st.caption(
        f"A table with a header line that names a column “description”; an id and a title may stand beside it. At most "
        f"{MAX_DESCRIPTIONS:,} rows. Comma, tab, semicolon and | are recognised, plain or gzip."
    )
    st.download_button(
        "Download a file to fill in (CSV)",
        partial(csv_bytes, TEMPLATE),
        file_name="descriptions.csv",
        mime="text/csv",
        key="cold_template",
        on_click="ignore",
    )
    key = f"cold_upload_{st.session_state.setdefault('cold_file_generation', 0)}"
    st.file_uploader("Descriptions", key=key, help=_HELP, on_change=_copy_out, args=(key,))
    kept = st.session_state.get("cold_file")
    if kept is None:
        st.info("Upload a file of descriptions. The predictions appear here, and can be downloaded as a table.")
        return
    name, content = kept
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"In use: {plain(name)}")
        st.button("Remove", key="cold_file_remove", type="tertiary", on_click=_forget)
    digest = hashlib.sha256(content).hexdigest()
    try:
        table, rated = _rated(subject.run_id, subject.ended, name, digest, content)
    except ConvMFError as error:
        st.error(plain(str(error)))
        return
    read_report.show(table.report, "descriptions")
    result = _result(table, rated)
    st.download_button(
        "Download the predictions (CSV)",
        partial(csv_bytes, result),
        file_name="predictions.csv",
        mime="text/csv",
        key="cold_predictions",
        on_click="ignore",
        type="primary",
    )
    points = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        result.head(MAX_SHOWN),
        hide_index=True,
        width="stretch",
        column_config={
            **dict.fromkeys(POINTS, points),
            "Similarity": st.column_config.NumberColumn(format="%.3f"),
            "Description": st.column_config.TextColumn(width="medium"),
        },
        alt="The descriptions with their predictions",
    )
    st.caption(
        ("" if len(result) <= MAX_SHOWN else f"The first {MAX_SHOWN:,} of {len(result):,} rows; the download has all. ")
        + "Ratings are on the scale of the data. One person's rating lies in its range in eight of ten cases, and the "
        "predictions for eight in ten users in theirs: that is how far tastes differ."
    )


def _copy_out(key: str) -> None:
    """Keep the bytes of an upload, or let go of them: Streamlit drops them when the page changes."""
    file = st.session_state[key]
    if file is None:
        st.session_state.pop("cold_file", None)
    else:
        st.session_state["cold_file"] = (file.name, file.getvalue())


def _forget() -> None:
    st.session_state.pop("cold_file", None)
    st.session_state["cold_file_generation"] += 1  # a new key empties the field


@st.cache_resource(max_entries=4, show_spinner="Rating the descriptions …")
def _rated(run_id: str, ended: str, name: str, digest: str, _content: bytes) -> tuple[Table, pd.DataFrame]:
    """The file and its predictions, kept by the content's ``digest``."""
    from convmf.explain import rate_texts  # imports torch

    table = read_descriptions(_content, name=name)
    return table, rate_texts(model(run_id, ended), table.frame["text"].tolist())


def _result(table: Table, rated: pd.DataFrame) -> pd.DataFrame:
    """The predictions beside what they are for, under names for people; columns without content are left out."""
    frame = table.frame
    result = pd.DataFrame({"Id": frame["item_id"], "Title": frame["title"]})
    for label, column in zip(POINTS, ("expected", "low", "high", "p10", "p90"), strict=True):
        result[label] = rated[column].round(3)
    result["Would like it most"] = rated["best_user"]
    result["Nearest item"] = rated["nearest_title"].where(rated["nearest_title"] != "", rated["nearest_item"])
    result["Similarity"] = rated["similarity"].round(4)
    result["Known words"], result["Unknown words"] = rated["n_known"], rated["n_unknown"]
    result["Description"] = frame["text"]
    empty = [column for column in ("Id", "Title") if (result[column] == "").all()]
    return result.drop(columns=empty)
