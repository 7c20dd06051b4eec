"""One run's results on the page: what came out, beside what, where it is wrong, and downloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import pandas as pd
import streamlit as st

from convmf.errors import ConvMFError
from convmf.evaluation.findings import short_percent
from convmf.evaluation.further import FurtherRow, further_rows
from convmf.runs.store import DatasetRecord, RunRecord
from pages.shared import address, charts, data_view, frame, results_errors, results_take, run_result, run_words
from pages.shared.workspace import dataset, model, store

if TYPE_CHECKING:  # the modules behind them import torch
    from convmf.evaluation.bootstrap import Estimate
    from convmf.evaluation.comparison import Row
    from convmf.evaluation.plots import Picture
    from convmf.evaluation.results import Results

_TONES = {"good": ("green", "good news"), "neutral": ("gray", "worth knowing"), "bad": ("orange", "take care")}
_SECTIONS = {
    "outcome": "What came out",
    "errors": "Where it is wrong",
    "training": "The training",
    "files": "Check and take away",
}


@st.cache_resource(show_spinner="Predicting the held-out ratings anew …", max_entries=4)
def results(run_id: str, ended: str) -> Results:
    """The results of an ended run, measured from its saved model; ``ended`` makes those of a resumed run new ones."""
    from convmf.evaluation.results import Results

    run = store().run(run_id)
    assert run.report is not None
    record = store().dataset_record(run.dataset_id)
    return Results.measure(
        model(run_id, ended), dataset(run.dataset_id), run.report, run_result.lowest_possible(record) or {}
    )


def show(run: RunRecord, record: DatasetRecord) -> None:
    """Everything there is to see of a run with a report."""
    _head(run, record)
    try:
        found = results(run.id, str(run.ended))
    except ConvMFError as error:
        st.error(frame.plain(str(error)))
        st.caption("Its figures can't be checked or broken down without its model. Train it again on the Train page.")
        show_curves(run)
        return
    if not found.part_names:
        st.info(run_result.unmeasured(found.report))
        show_curves(run)
        return
    section = address.choice("Section", _SECTIONS, "section", "outcome", show_label=False)
    if section == "outcome":
        _findings(found)
        if told := run_result.not_ready(found.report):
            st.caption(told)
        _comparison(found)
    elif section == "errors":
        results_errors.show(run.id, found, draw)
    elif section == "training":
        show_curves(run)
    else:
        results_take.show(run, record, found)


def show_curves(run: RunRecord) -> None:
    """The learning curves of a run."""
    from convmf.evaluation.plots import curves_plot

    history = store().history(run.id)
    if history:
        st.header("The training", anchor=False)
        draw(curves_plot({run.name: history}), "curves")


def draw(picture: Picture, key: str, *, width: int | Literal["stretch"] = "stretch") -> None:
    """A figure with what it is beside it."""
    with st.container(border=True, width=width):
        st.subheader(picture.title, anchor=False)
        plot(picture, key)
        st.caption(picture.what)


def plot(picture: Picture, key: str) -> None:
    """The figure alone."""
    charts.draw(picture.figure, f"results_{key}", picture.alt)


# What came out ------------------------------------------------------------------------------------


def _head(run: RunRecord, record: DatasetRecord) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        word, color = run_words.STATES[run.state]
        st.badge(word, color=color)
        if data_view.is_sample(record):
            st.badge("Invented data", color="orange", help=f"{record.note} {data_view.floor_text()}")
        for tag in run.tags:
            st.badge(frame.plain(tag), color="blue")
        ended = f", ended {run.ended:%d %B %Y, %H:%M} UTC" if run.ended else ""
        st.caption(f"Trained on {frame.plain(record.name)}{ended}.")
        run_words.link_to_predictions(run)
    if run.is_uncorrected:
        st.caption(run_words.UNCORRECTED)


def _findings(found: Results) -> None:
    """The cards that say in sentences what the figures say."""
    shown = found.findings
    for start in range(0, len(shown), 2):
        for column, finding in zip(st.columns(2), shown[start : start + 2], strict=False):
            with column, st.container(border=True, height="stretch"):
                color, word = _TONES[finding.tone]
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.markdown(f"**{frame.plain(finding.title)}**", width="content")
                    st.badge(word, color=color)
                st.markdown(frame.plain(finding.text))


# Beside simpler methods ---------------------------------------------------------------------------


def _comparison(found: Results) -> None:
    from convmf.evaluation.results import PART_TITLES

    st.header("Beside simpler methods", anchor=False)
    with frame.row("comparison"):
        for part in found.part_names:
            picture = found.comparison_picture(part)
            with st.container(border=True, width=frame.CARD_WIDTH):
                st.subheader(picture.title, anchor=False)
                st.caption(found.part_meaning(part))
                plot(picture, f"comparison_{part}")
                st.table(comparison_table(found.rows[part]), border="horizontal", width="stretch")
    st.caption(
        "RMSE: the typical distance between predicted and real rating, in rating points. “Less error”: how much lower "
        "the model's is than that of the row, on the same ratings. Whiskers and brackets: 95 % intervals, where a "
        "figure could lie if other users had been asked, or, on new items, if other items had been the new ones."
    )
    names = not_measured(found)
    if names:
        st.caption(
            f"Not measured in this run: {', '.join(names)}. They need trainings of their own: switch on “Train every "
            "comparison too” on the Train page, then train again."
        )
    with st.expander("What these methods are", key="results_methods"):
        meanings = {row.label: row.meaning for rows in found.rows.values() for row in rows}
        st.table(pd.DataFrame({"What it is": meanings}), border="horizontal", width="stretch")
    rows = further_rows(found.report)
    if rows:
        with st.expander("Further figures: absolute error, intervals, ranking", key="results_further"):
            st.table(_further_table(rows, found.part_names, PART_TITLES), border="horizontal", width="stretch")


def comparison_table(rows: Sequence[Row]) -> pd.DataFrame:
    """The measured rows as text, the model in bold."""
    table = {}
    for row in rows:
        if row.rmse is not None:
            figure = with_interval(row.rmse, "{:.3f}")
            gain = short_percent(row.gain) if row.gain else run_words.NONE
            table[row.label] = {"RMSE": f"**{figure}**" if row.is_model else figure, "Less error": gain}
    return pd.DataFrame.from_dict(table, orient="index")


def not_measured(found: Results) -> list[str]:
    """What has no figure in this run."""
    rows = [row for part in found.rows.values() for row in part]
    return list(dict.fromkeys(row.label for row in rows if row.rmse is None))


def with_interval(estimate: Estimate, form: str) -> str:
    """'0.910 (0.893 to 0.925)', or without brackets where there is no interval."""
    text = form.format(estimate.value)
    if estimate.interval is None:
        return text
    lower, upper = (form.format(end) for end in estimate.interval)
    return f"{text} ({lower} to {upper})"


def _further_table(rows: Sequence[FurtherRow], parts: Sequence[str], titles: Mapping[str, str]) -> pd.DataFrame:
    columns = {titles[part]: [row.value(part) for row in rows] for part in parts}
    columns["What it is"] = [row.meaning for row in rows]
    return pd.DataFrame(columns, index=[row.label for row in rows])
