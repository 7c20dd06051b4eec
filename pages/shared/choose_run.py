"""Choosing the model that a page predicts with, and what the page says while there is none."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from convmf.runs.store import RunRecord
from pages.shared import address, frame
from pages.shared.distinct import run_labels
from pages.shared.run_words import UNCORRECTED, reads_texts
from pages.shared.workspace import jobs, store

_LAST = "run_chosen_last"


def usable_runs(*, with_texts: bool) -> list[RunRecord]:
    """The ended runs that left a model, the latest first; ``with_texts``: only those that read texts."""
    return [run for run in store().runs() if run.is_trained and (reads_texts(run) or not with_texts)]


def nothing_yet(purpose: str) -> None:
    """What to do while there is no model; ``purpose`` ends the sentence "its model can …", in the page's own words."""
    active = jobs().active()
    if active is not None:
        frame.empty_state(
            f"{frame.plain(active.name)} is still in training. As soon as it has ended, or you stop it, "
            f"its model can {purpose}.",
            "pages/train.py",
            "Watch the training",
        )
        return
    if usable_runs(with_texts=False):
        frame.empty_state(
            "The models here learned from ratings alone, so they can't read a description. Load data with "
            "descriptions, and train on them.",
            "pages/data.py",
            "Add data",
        )
        return
    frame.empty_state(
        "There is no trained model yet. Train one first; a quick one takes less than a minute on the built-in data.",
        "pages/train.py",
        "Train a model",
    )
    frame.read_only_note("no training can be started.")


def choose_run(runs: Sequence[RunRecord], key: str) -> RunRecord:
    """One of ``runs``: that in the address, else the one chosen last on such a page, else the first.

    ``key`` is the select box's. The address has the choice, so that a refresh or a copied link shows the same model.
    """
    by_id = {run.id: run for run in runs}
    labels = run_labels(runs, {record.id: record.name for record in store().datasets()})
    if st.session_state.get(key) not in by_id:
        asked = st.query_params.get("run")
        if asked is not None and asked not in by_id:
            learned_without = any(run.id == asked for run in usable_runs(with_texts=False))
            reason = (
                "learned from ratings alone, so it can't read descriptions"
                if learned_without
                else "has no model, or isn't in the workspace any more"
            )
            st.warning(f"The run in this address {reason}. Another one is chosen.")
        st.session_state[key] = next(
            (run_id for run_id in (asked, st.session_state.get(_LAST)) if run_id in by_id), runs[0].id
        )
    chosen = st.selectbox(
        "Model of",
        list(by_id),
        format_func=lambda run_id: labels.get(run_id, ""),
        key=key,
        help="Every training that has ended leaves a model. The latest one is chosen at first.",
    )
    st.session_state[_LAST] = chosen
    address.remember("run", chosen)
    if by_id[chosen].is_uncorrected:
        st.caption(UNCORRECTED)
    return by_id[chosen]
