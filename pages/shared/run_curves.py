"""The learning curves of one run on the page, live while it trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from convmf.runs.store import RunRecord
from pages.shared import curves, frame, run_words

_ZOOM = "Drag to move along the iterations, Ctrl and the wheel (or a pinch) to zoom, double click to see all again."
_TERMS_HELP = (
    "What the training makes smaller, in the model's own unit: the squared error on the training ratings, the pull on "
    "the users' factors, the pull of the items' factors towards what the network reads, and the penalty on its weights."
)
_CNN_HELP = (
    "λ_V/2 times the squared distance between an item's factors and what the network reads in its text: the mean over "
    "the rated items, in the model's own unit."
)

GROWING_ERROR = (
    " The training error may rise on the way: the pulls grow, and the model lets go of what it had learnt by heart."
)
STEADY_OBJECTIVE = "The sum that the training makes smaller. Its height says nothing by itself; its fall does."
GROWING_OBJECTIVE = (
    "The sum that each step makes smaller. In this run the pulls in it grow from iteration to iteration, so it may "
    "rise between them; judge the training by the validation error above."
)
"""Captions of the curves, for runs whose λ stays (as in the paper) and for those whose λ grows."""


def show(run: RunRecord, history: Sequence[Mapping[str, Any]]) -> None:
    """Error, objective and the text network's loss over the iterations."""
    if not history and not run.is_active:
        st.caption("It ended before its first iteration was finished, so there are no curves.")
        return
    if not history:
        with st.container(
            border=True, height=curves.RMSE_HEIGHT, horizontal_alignment="center", vertical_alignment="center"
        ):
            st.caption("The curves begin here when the first iteration has ended.", width="content")
        return
    grows = run.config.get("lambda_growth", 1.0) > 1.0
    st.markdown("**Error**", help=f"RMSE: typical distance between predicted and real rating. Lower is better. {_ZOOM}")
    table, words = curves.rmse_table(history, run.baselines), curves.rmse_words(_told(run, history), run.baselines)
    curves.draw(curves.rmse_spec(), table, "run_rmse", words, live=run.is_active)
    validated = any("valid" in parts for parts in (run.baselines or {}).values())
    st.caption(
        "Dashed lines: simple averages, on the validation ratings. A useful model comes to lie below them."
        + (GROWING_ERROR if grows else "")
        if validated
        else "Dashed lines: simple averages, on the training ratings. There are no validation ratings, so no curve "
        "says how good the model is on ratings that it doesn't know."
    )
    with frame.row("curves"):
        with st.container(width=frame.CARD_WIDTH):
            _objective(run, history, grows)
        with st.container(width=frame.CARD_WIDTH):
            _cnn_loss(run, history)


def _told(run: RunRecord, history: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """What the words for a chart tell of: nothing that changes while it is live, as other words draw it anew."""
    return [] if run.is_active else history


def _objective(run: RunRecord, history: Sequence[Mapping[str, Any]], grows: bool) -> None:
    st.markdown("**Objective and its four terms**", help=f"{_TERMS_HELP} {_ZOOM}")
    table, words = curves.terms_table(history), curves.objective_words(_told(run, history))
    curves.draw(curves.objective_spec(), table, "run_objective", words, live=run.is_active)
    st.caption(GROWING_OBJECTIVE if grows else STEADY_OBJECTIVE)


def _cnn_loss(run: RunRecord, history: Sequence[Mapping[str, Any]]) -> None:
    st.markdown("**Loss of the text network**", help=f"{_CNN_HELP} {_ZOOM}")
    if not run_words.reads_texts(run):
        st.caption("This run reads no texts, so it has no text network.")
        return
    words = curves.cnn_words(_told(run, history))
    curves.draw(curves.cnn_spec(), curves.cnn_table(history), "run_cnn", words, live=run.is_active)
    st.caption(
        "How far the text of a rated item is from telling what its ratings say. It can't reach zero: a text doesn't "
        "tell everything. The pull in it grows from iteration to iteration, so it may rise in the end."
        if run.config.get("lambda_growth", 1.0) > 1.0
        else "How far the text of a rated item is from telling what its ratings say. It can't reach zero: a text "
        "doesn't tell everything."
    )
