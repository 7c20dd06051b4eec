"""How a run's figures were measured, and everything to take away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from convmf.runs import export
from convmf.runs.store import DatasetRecord, RunRecord
from pages.shared import frame
from pages.shared.workspace import store

if TYPE_CHECKING:  # the module behind it imports torch
    from convmf.evaluation.results import Results


def show(run: RunRecord, record: DatasetRecord, found: Results) -> None:
    """The two last sections of a run."""
    _measured(found)
    _downloads(run, record, found)


def _measured(found: Results) -> None:
    """How the figures came about, and the one check that counts: the saved model still gives them."""
    from convmf.evaluation.results import PART_TITLES

    st.header("How this was measured", anchor=False)
    for part in found.part_names:
        now, then = found.checked(part)
        if then is not None and abs(now - then) < 5e-4:
            st.caption(
                f"✓ {PART_TITLES[part]}: the saved model, asked again just now, gives RMSE {now:.4f}, as the training "
                "wrote down."
            )
        elif then is not None:
            st.warning(
                f"{PART_TITLES[part]}: the saved model gives RMSE {now:.4f} now, but the training wrote down "
                f"{then:.4f}. The data set or the model was changed since; train it again."
            )
    facts = pd.DataFrame(found.facts(), columns=["What", "How"]).set_index("What")
    st.table(facts.map(frame.plain), border="horizontal", width="stretch")


@dataclass(frozen=True)
class Offer:
    """A file to download; it is made when it is asked for."""

    label: str
    make: Callable[[], bytes | str]
    file_name: str
    mime: str
    help: str


def offers(run: RunRecord, note: str, found: Results) -> list[Offer]:
    """All files that a run gives to take away."""
    stem = f"convmf_{run.id[:8]}"
    return [
        Offer(
            "Report for a client (HTML)",
            lambda: found.client_report(run.name, note).to_html(),
            f"{stem}_report.html",
            "text/html",
            "One file with all figures and some examples, for any browser, offline too.",
        ),
        Offer(
            "Predictions (CSV)",
            lambda: export.predictions_csv(found.dataset, found.parts),
            f"{stem}_predictions.csv",
            "text/csv",
            "Every held-out rating and what was predicted for it: all errors can be checked by it.",
        ),
        Offer(
            "Model (ZIP)",
            lambda: export.model_zip(store().model_folder(run.id), run),
            f"{stem}_model.zip",
            "application/zip",
            "For the library and the command line. It holds the ratings and user ids that it learned from.",
        ),
        Offer(
            "Settings (JSON)",
            lambda: export.settings_json(run),
            f"{stem}_settings.json",
            "application/json",
            "All settings and how the data were split.",
        ),
    ]


def _downloads(run: RunRecord, record: DatasetRecord, found: Results) -> None:
    st.header("Take it away", anchor=False)
    with st.container(horizontal=True):
        for offer in offers(run, record.note, found):
            st.download_button(
                offer.label,
                offer.make,
                file_name=offer.file_name,
                mime=offer.mime,
                help=offer.help,
                key=f"results_get_{offer.mime}",
                on_click="ignore",
            )
    st.caption(
        "The model and the predictions hold the users' ids and ratings; the report shows a few of them as examples."
    )
