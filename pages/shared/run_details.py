"""What lies behind a run: its log, its settings, the command that trains the same."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings
from convmf.runs.command import train_command
from convmf.runs.store import DatasetRecord, RunRecord
from pages.shared import data_manage, frame, settings
from pages.shared.workspace import jobs, store

LOG_LINES = 40

_SPLIT = (
    ("valid", "Validation share", "Share of the ratings that choose the best iteration."),
    ("test", "Test share", "Share of the ratings that are read once, at the end."),
    ("cold_items", "Items held out as if new", "Share of the rated items that lose all their ratings."),
    ("seed", "Seed of the split", "Start of the random choice of these parts."),
)


def show(run: RunRecord) -> None:
    """Three folded parts: log, settings, command."""
    with st.expander("Log", key="run_log"):
        _log(run.id)
    with st.expander("Settings of this run", key="run_settings"):
        # A table, not a dataframe: it breaks its lines, so the meanings can be read in narrow windows, too.
        table = settings_table(run).map(frame.plain).set_index("Setting")
        st.table(table, border="horizontal")
    with st.expander("The same from the command line", key="run_command"):
        data = store().dataset_record(run.dataset_id)
        vectors = ((run.report or {}).get("word_vectors") or {}).get("file", "")
        if not vectors and store().has_word_vectors(run.id):  # a run that failed has no report
            vectors = "vectors.txt"
        show_command(data, ConvMFConfig.from_dict(run.config), SplitSettings.from_dict(run.split), vectors)


def _log(run_id: str) -> None:
    """The end of what the run has logged; it is kept with the run."""
    lines = jobs().log(run_id)
    if not lines:
        st.caption("Nothing has been logged yet.")
        return
    st.code("\n".join(lines[-LOG_LINES:]), language=None, wrap_lines=True)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"The last {min(LOG_LINES, len(lines))} lines, in this machine's time. The log is kept with the run."
        )
        st.download_button(
            "Download the log",
            partial(_log_file, run_id),
            file_name="log.txt",
            mime="text/plain",
            key="run_log_file",
            on_click="ignore",
        )


def _log_file(run_id: str) -> bytes:
    return "\n".join(jobs().log(run_id)).encode("utf-8")


def settings_table(run: RunRecord) -> pd.DataFrame:
    """A row a setting: its name in words with the paper's symbol, its value, what it means, its name in the library."""
    rows = [
        (_with_symbol(name, field.metadata["symbol"]), _value(run.config[name]), field.metadata["help"], name)
        for name, field in settings.FIELDS.items()
        if name in run.config
    ]
    rows += [(name, _value(run.split[key]), meaning, key) for key, name, meaning in _SPLIT if key in run.split]
    table = [(setting, value, f"{meaning} In the library: {name}.") for setting, value, meaning, name in rows]
    return pd.DataFrame(table, columns=["Setting", "Value", "What it is"])


def _with_symbol(name: str, symbol: str) -> str:
    return f"{settings.setting_name(name)} ({symbol})" if symbol else settings.setting_name(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def show_command(data: DatasetRecord, config: ConvMFConfig, split: SplitSettings, vectors: str) -> None:
    """The command that trains the same model, to copy, and the two files that it reads."""
    st.code(train_command(config, split, vectors=vectors), language="bash", wrap_lines=True)
    st.caption(
        "On the CPU it gives the same figures as here. It reads these two files of the data set, from the folder in "
        "which it is called" + (", and the file of word vectors that you chose." if vectors else ":")
    )
    with st.container(horizontal=True):
        data_manage.download_buttons(data, "command")
