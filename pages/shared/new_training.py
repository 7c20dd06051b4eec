"""The form of a new training: filled from an address or from a run's settings, and the address that reopens it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from convmf.config import PRESETS, ConvMFConfig, parse_setting
from convmf.errors import ConfigError
from convmf.runs.command import changes, nearest_preset
from convmf.runs.store import RunRecord
from pages.shared import settings
from pages.shared.frame import plain
from pages.shared.workspace import store

COLD_PERCENT = 10
MOST_COLD_PERCENT = 50
_FIRST = next(iter(PRESETS))


def fill_from_address() -> None:
    """On the first look at the form: the settings that the address asks for, else those of the default preset.

    What can't be used is said calmly, and the preset's settings stand there.
    """
    if "train_preset" in st.session_state:
        return
    query = st.query_params
    preset = query["preset"] if query.get("preset") in PRESETS else _FIRST
    config = ConvMFConfig.preset(preset)
    try:
        asked = dict(parse_setting(f"{name}={query[name]}") for name in settings.FIELDS if name in query)
        config = ConvMFConfig.preset(preset, **asked)
    except ConfigError as error:
        st.warning(plain(f"The settings in this address can't be used, so the preset's are shown. {error}"))
    _fill(preset, config, _percent(query.get("cold", "")), query.get("baselines") == "on")


def fill_from_run(run: RunRecord) -> None:
    """For a button's callback: show the form with the settings of a run."""
    config = ConvMFConfig.from_dict(run.config)
    _fill(nearest_preset(config), config, round(100 * run.split["cold_items"]), run.all_baselines)
    st.session_state["train_dataset"] = run.dataset_id
    st.session_state["train_vectors_of"] = run.name if store().has_word_vectors(run.id) else ""
    st.session_state["train_seed"] = run.split["seed"]


def address(
    dataset_id: str, preset: str, config: ConvMFConfig, cold_percent: int, all_baselines: bool
) -> Mapping[str, str]:
    """The query that reopens the form as it is: only what isn't the default."""
    wanted = {"dataset": dataset_id}
    if preset != _FIRST:
        wanted["preset"] = preset
    if cold_percent != COLD_PERCENT:
        wanted["cold"] = str(cold_percent)
    if all_baselines:
        wanted["baselines"] = "on"
    return {**wanted, **changes(config, preset)}


def _fill(preset: str, config: ConvMFConfig, cold_percent: int, all_baselines: bool) -> None:
    filled: dict[str, Any] = {
        "train_preset": preset,
        "train_cold": min(cold_percent, MOST_COLD_PERCENT),
        "train_seed": config.seed,
        "train_device": config.device,
        "train_freeze_embedding": config.freeze_embedding,
        "train_baselines": all_baselines,
    }
    for key, value in filled.items():
        st.session_state[key] = value
    settings.fill(preset, config)


def _percent(text: str) -> int:
    return min(int(text), MOST_COLD_PERCENT) if text.isdecimal() and len(text) < 4 else COLD_PERCENT
