"""Input fields for the settings of a training, made from the documentation and range that each setting carries."""

from __future__ import annotations

import dataclasses
from typing import Any

import streamlit as st

from convmf.config import ConvMFConfig, parse_setting

FIELDS = {field.name: field for field in dataclasses.fields(ConvMFConfig)}

LABELS = {
    "n_factors": "Hidden tastes",
    "lambda_u": "Pull on users",
    "lambda_v": "Pull of the text",
    "lambda_growth": "Growth of both pulls",
    "lambda_w": "Weight penalty",
    "lambda_bias": "Pull on averages",
    "biases": "User and item averages",
    "user_weights": "Weight of a user",
    "item_weights": "Weight of an item",
    "text": "Text to read",
    "n_networks": "Text networks",
    "embedding_dim": "Word vector length",
    "embedding_std": "Word vector spread",
    "freeze_embedding": "Fixed word vectors",
    "kernel_sizes": "Window sizes",
    "n_kernels": "Kernels per window",
    "hidden_dim": "Hidden layer width",
    "dropout": "Dropout",
    "optimizer": "Optimiser",
    "learning_rate": "Learning rate",
    "batch_size": "Batch size",
    "cnn_epochs": "CNN passes",
    "relaxation": "Over-relaxation",
    "averaging": "Averaging",
    "calibration": "Correct for unseen texts",
    "linear_share": "Linear reader's share",
    "n_iterations": "Iterations",
    "patience": "Patience",
    "max_words": "Vocabulary size",
    "max_length": "Text length",
    "max_document_frequency": "Common-word limit",
    "seed": "Seed",
    "device": "Device",
}

GROUPS = {
    "Ratings": (
        "n_factors",
        "lambda_u",
        "lambda_v",
        "lambda_growth",
        "lambda_bias",
        "user_weights",
        "item_weights",
        "biases",
    ),
    "Descriptions": ("text", "max_words", "max_length", "max_document_frequency"),
    "Text network": (
        "n_networks",
        "embedding_dim",
        "embedding_std",
        "kernel_sizes",
        "n_kernels",
        "hidden_dim",
        "dropout",
        "lambda_w",
    ),
    "Fitting": (
        "n_iterations",
        "patience",
        "cnn_epochs",
        "relaxation",
        "averaging",
        "calibration",
        "linear_share",
        "optimizer",
        "learning_rate",
        "batch_size",
    ),
}
"""The folded settings by what they concern."""

SHOWN = ("seed", "device")
"""Settings that the page shows itself."""

LEFT_OUT = ("freeze_embedding",)
"""Settings that only do something with a file of word vectors, and are drawn beside it."""

_STEPS = {
    "lambda_growth": 0.05,
    "learning_rate": 0.0005,
    "embedding_std": 0.005,
    "relaxation": 0.1,
    "averaging": 0.05,
    "linear_share": 0.05,
    "dropout": 0.05,
    "max_document_frequency": 0.05,
}
_WIDTH = 210


def draw_settings(preset: str) -> ConvMFConfig:
    """Draw the folded settings, filled from ``preset``, and return the configuration that they make.

    Raises
    ------
    ConfigError
        A field was filled with something that the setting doesn't accept.
    """
    base = ConvMFConfig.preset(preset).to_dict()
    values: dict[str, Any] = {}
    for heading, names in setting_groups().items():
        st.markdown(f"**{heading}**")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            for name in names:
                values[name] = draw_setting(name, base[name], key=_key(preset, name))
    for name, value in values.items():
        if isinstance(FIELDS[name].default, tuple):
            values[name] = parse_setting(f"{name}={value}")[1]
    return ConvMFConfig.from_dict({**base, **values})


def fill(preset: str, config: ConvMFConfig) -> None:
    """Let the fields that :func:`draw_settings` draws for ``preset`` show the settings of ``config``."""
    values = config.to_dict()
    for names in setting_groups().values():
        for name in names:
            st.session_state[_key(preset, name)] = _in_field(name, values[name])


def draw_setting(name: str, value: Any, *, key: str) -> Any:
    """One input field that starts at ``value``; a list of numbers comes back as the text that was typed."""
    field = FIELDS[name]
    rules, default = field.metadata, field.default
    st.session_state.setdefault(key, _in_field(name, value))
    common: dict[str, Any] = {
        "label": setting_label(name),
        "key": key,
        "help": setting_help(name, value),
        "persist_state": "session",
    }
    if rules["choices"]:
        choices = rules["choices"]
        return st.selectbox(options=choices, width=_WIDTH, **common)
    if isinstance(default, bool):
        return st.checkbox(width=_WIDTH, **common)
    if isinstance(default, tuple):
        return st.text_input(width=_WIDTH, **common)
    kind = type(default)
    return st.number_input(
        min_value=kind(rules["minimum"]),
        max_value=kind(rules["maximum"]),
        step=kind(_STEPS.get(name, 1)),
        format="%g" if kind is float else "%d",
        width=_WIDTH,
        **common,
    )


def _key(preset: str, name: str) -> str:
    return f"setting_{preset}_{name}"


def _in_field(name: str, value: Any) -> Any:
    """A setting's value as its field holds it."""
    default = FIELDS[name].default
    return ", ".join(map(str, value)) if isinstance(default, tuple) else type(default)(value)


def setting_groups() -> dict[str, tuple[str, ...]]:
    """The groups, and behind them the settings that belong to none."""
    placed = {*SHOWN, *LEFT_OUT, *(name for names in GROUPS.values() for name in names)}
    rest = tuple(name for name in FIELDS if name not in placed)
    return {**GROUPS, "Further settings": rest} if rest else GROUPS


def setting_name(name: str) -> str:
    """The setting in words."""
    return LABELS.get(name, name.replace("_", " ").capitalize())


def setting_label(name: str) -> str:
    """The setting in words, with the paper's symbol where there is one."""
    symbol = FIELDS[name].metadata["symbol"].replace("λ", r"\lambda")
    label = setting_name(name)
    return f"{label} ${symbol}$" if symbol else label


def setting_help(name: str, value: Any) -> str:
    """What the setting does, its range, and the value of the chosen preset."""
    rules = FIELDS[name].metadata
    text = rules["help"]
    if rules["minimum"] is not None:
        each = "Each from" if isinstance(FIELDS[name].default, tuple) else "From"
        text += f" {each} {rules['minimum']:g} to {rules['maximum']:g}."
    shown = ", ".join(map(str, value)) if isinstance(value, list) else {True: "on", False: "off"}.get(value, value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        shown = f"{value:g}"
    return f"{text} Preset: {shown}. Name in the library: `{name}`."


def changed_settings(config: ConvMFConfig, preset: str) -> list[str]:
    """Names of the settings that differ from the preset's, those with a place of their own on the page aside."""
    base, now = ConvMFConfig.preset(preset).to_dict(), config.to_dict()
    return [name for name in now if now[name] != base[name] and name not in SHOWN]
