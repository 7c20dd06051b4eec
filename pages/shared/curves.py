"""Curves of a training: its error, its objective and the loss of its text network after each iteration.

Written as Vega-Lite itself (https://vega.github.io/vega-lite/docs/), not by Altair: a live curve is drawn every second
in every session, and Altair would check the unchanging specification against its schema each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd
import streamlit as st

from convmf.palette import ACCENT, AMBER, QUIET, RED

History = Sequence[Mapping[str, Any]]
Spec = dict[str, Any]

TRAIN, VALID = "Training ratings", "Validation ratings"
BIASES, GLOBAL_MEAN = "User and item averages", "Global average"
BEST = "Best iteration"
TERMS = {
    "rating_loss": ("Error on the training ratings", QUIET),
    "user_penalty": ("Pull on users", AMBER),
    "item_penalty": ("Pull of the text on items", ACCENT),
    "cnn_penalty": ("Penalty on the network", RED),
}
"""The four terms of the objective, the lowest first."""
RMSE_HEIGHT, SMALL_HEIGHT = 420, 390

_ZOOM = "zoom"
_DATA = "history"
_SERIES = {TRAIN: QUIET, VALID: ACCENT, BIASES: AMBER, GLOBAL_MEAN: "#98A0AD"}
_BASELINES = {"biases": BIASES, "global_mean": GLOBAL_MEAN}
_SOLID, _DASHED = [1, 0], [6, 4]
_TARGET = {"type": "point", "filled": True, "size": 500, "opacity": 0}
"""An unseen point that is easily met by the pointer."""
_LEGEND = {"title": None, "orient": "top", "direction": "vertical", "labelLimit": 260, "symbolSize": 120}
"""One entry a line: so it fits into the narrowest window."""
_ITERATION = {
    "field": "iteration",
    "type": "quantitative",
    "title": "Iteration",
    "axis": {"format": "d", "tickMinStep": 1, "grid": False, "labelExpr": "datum.value < 1 ? '' : datum.label"},
    "scale": {"zero": False, "nice": False, "padding": 28},
}


def draw(spec: Spec, table: pd.DataFrame, key: str, words: str, *, live: bool) -> None:
    """Show a curve that can be zoomed.

    Streamlit forgets the zoom when new data come, unless the zoom counts as a selection. That draws the run anew at
    each zoom, so an ended run, which gets no new data, does without.
    """
    with_data = {**spec, "datasets": {_DATA: table}}
    if live:
        st.vega_lite_chart(with_data, width="stretch", key=key, alt=words, on_select="rerun", selection_mode=_ZOOM)
    else:
        st.vega_lite_chart(with_data, width="stretch", key=key, alt=words)


def best_iteration(history: History) -> tuple[int, float] | None:
    """Number and RMSE of the first iteration with the lowest validation RMSE, None without one."""
    measured = [
        (values["valid_rmse"], values["iteration"]) for values in history if values.get("valid_rmse") is not None
    ]
    if not measured:
        return None
    rmse, iteration = min(measured)
    return int(iteration), float(rmse)


# The error ------------------------------------------------------------------------------------------


@cache
def rmse_spec() -> Spec:
    """Training and validation RMSE after each iteration, the best one marked, baselines as dashed lines.

    All layers read the one table of :func:`rmse_table`.
    """
    legend = {**_LEGEND, "symbolType": "stroke", "symbolSize": 350}
    dashes = [_DASHED if series in _BASELINES.values() else _SOLID for series in _SERIES]
    # The padding leaves room below every line and curve for the label of the best iteration.
    rmse = {"field": "rmse", "type": "quantitative", "title": "RMSE (rating points)"}
    rmse["scale"] = {"zero": False, "padding": 26}
    by_series = {
        "y": rmse,
        "color": _scaled("series", legend, _SERIES),
        "strokeDash": _scaled("series", legend, dict(zip(_SERIES, dashes, strict=True))),
    }
    series, iteration, value = _tip("series", "Series"), _tip("iteration", "Iteration"), _tip("rmse", "RMSE", ".4f")
    curves = {"x": _ITERATION, **by_series, "tooltip": [series, iteration, value]}
    best = {"x": _ITERATION, "tooltip": [series, iteration, value]}
    # Streamlit fits axes and legend into the height, so the foot of the curves is known to the browser alone.
    foot = {**best, "y": {"value": {"expr": "height - 9"}}, "text": {"field": "label"}}
    stem = {**best, "y": {"value": 0}, "y2": {"value": {"expr": "height - 20"}}}
    measured, levels, marked = (_only("series", *names) for names in ((TRAIN, VALID), (BIASES, GLOBAL_MEAN), (BEST,)))
    layers = [
        _layer({"type": "rule", "strokeWidth": 1.5}, {**by_series, "tooltip": [series, value]}, levels),
        _layer({"type": "rule", "color": ACCENT, "strokeWidth": 1, "opacity": 0.5}, stem, marked),
        _layer({"type": "line", "strokeWidth": 2}, curves, measured),
        _layer({"type": "point", "filled": True, "size": 28}, curves, measured),
        _layer({"type": "point", "color": ACCENT, "size": 170, "strokeWidth": 2}, {**best, "y": rmse}, marked),
        _layer({"type": "text", "color": ACCENT, "fontWeight": "bold", "baseline": "middle"}, foot, marked),
        _layer(_TARGET, curves, measured),
    ]
    return _chart(layers, 2, RMSE_HEIGHT)


def rmse_table(history: History, baselines: Mapping[str, Mapping[str, float]] | None) -> pd.DataFrame:
    """Columns series, iteration, rmse, label; baselines are those of the validation part where there is one."""
    rows: list[tuple[str, int, float, str]] = []
    for values in history:
        for key, series in (("train_rmse", TRAIN), ("valid_rmse", VALID)):
            if values.get(key) is not None:
                rows.append((series, int(values["iteration"]), float(values[key]), ""))
    best = best_iteration(history)
    if best is not None:
        rows.append((BEST, best[0], best[1], f"best: {best[0]}"))
    rows += [(series, 1, level, "") for series, level in _levels(baselines)]
    return pd.DataFrame(rows, columns=["series", "iteration", "rmse", "label"])


def rmse_words(history: History, baselines: Mapping[str, Mapping[str, float]] | None) -> str:
    """The chart of the RMSE, for those who can't see it."""
    words = "Line chart of the RMSE on training and validation ratings after each iteration, beside simple averages."
    best = best_iteration(history)
    if best is None:
        return words
    words += f" The lowest on validation ratings is {best[1]:.3f}, in iteration {best[0]} of {len(history)}."
    for series, level in _levels(baselines):
        words += f" {series}: {level:.3f}."
    return words


def _levels(baselines: Mapping[str, Mapping[str, float]] | None) -> list[tuple[str, float]]:
    """Name and RMSE of the baselines, on the validation ratings where there are any."""
    levels = []
    for key, series in _BASELINES.items():
        parts = (baselines or {}).get(key) or {}
        level = parts.get("valid", parts.get("train"))
        if level is not None:
            levels.append((series, float(level)))
    return levels


# The objective --------------------------------------------------------------------------------------


@cache
def objective_spec() -> Spec:
    """The objective after each iteration, stacked from its four terms as :func:`terms_table` gives them."""
    stacked = {
        "x": _ITERATION,
        "y": {
            "field": "value",
            "type": "quantitative",
            "title": "Objective",
            "stack": "zero",
            "axis": {"format": "~s"},
        },
        "color": _scaled("term", _LEGEND, dict(TERMS.values())),
        "order": {"field": "order", "type": "quantitative"},
    }
    tooltip = [
        _tip("iteration", "Iteration"),
        _tip("term", "Term"),
        _tip("value", "Its value", ",.1f"),
        _tip("total", "Objective", ",.1f"),
    ]
    area = {"type": "area", "opacity": 0.55, "line": {"strokeWidth": 1.5}, "tooltip": None}
    """Without a tooltip: it would tell of its first point only."""
    points = {**stacked, "tooltip": tooltip}
    dots = {"type": "point", "filled": True, "size": 24, "opacity": 1}
    return _chart([_layer(area, stacked), _layer(dots, points), _layer(_TARGET, points)], 0, SMALL_HEIGHT)


def terms_table(history: History) -> pd.DataFrame:
    """Columns iteration, term, order, value and total (the objective): a row a term that isn't always zero."""
    present = [key for key in TERMS if any(values.get(key) for values in history)]
    rows = [
        (int(values["iteration"]), TERMS[key][0], order, float(values[key]), float(values["objective"]))
        for values in history
        for order, key in enumerate(present)
    ]
    return pd.DataFrame(rows, columns=["iteration", "term", "order", "value", "total"])


def objective_words(history: History) -> str:
    """The chart of the objective, for those who can't see it."""
    words = "Area chart of the objective after each iteration, stacked from its four terms."
    if not history:
        return words
    first, last = history[0], history[-1]
    terms = ", ".join(f"{name} {float(last.get(key) or 0.0):,.0f}" for key, (name, _) in TERMS.items())
    return f"{words} At first {first['objective']:,.0f}; now {last['objective']:,.0f}: {terms}."


# The text network -----------------------------------------------------------------------------------


@cache
def cnn_spec() -> Spec:
    """The loss of the text network after each iteration, as :func:`cnn_table` gives it."""
    loss = {"field": "loss", "type": "quantitative", "title": "Loss of an item"}
    encoding = {
        "x": _ITERATION,
        "y": {**loss, "axis": {"format": "~g"}, "scale": {"zero": False}},
        "tooltip": [_tip("iteration", "Iteration"), {**loss, "format": ".4f"}],
    }
    line, dots = {"type": "line", "color": ACCENT}, {"type": "point", "color": ACCENT, "filled": True, "size": 28}
    return _chart([_layer(mark, encoding) for mark in (line, dots, _TARGET)], 0, SMALL_HEIGHT)


def cnn_table(history: History) -> pd.DataFrame:
    """Columns iteration and loss: a row an iteration that trained the network."""
    rows = [
        (int(values["iteration"]), float(values["cnn_loss"]))
        for values in history
        if values.get("cnn_loss") is not None
    ]
    return pd.DataFrame(rows, columns=["iteration", "loss"])


def cnn_words(history: History) -> str:
    """The chart of the network's loss, for those who can't see it."""
    losses = [values["cnn_loss"] for values in history if values.get("cnn_loss") is not None]
    words = "Line chart of the text network's loss after each iteration."
    return f"{words} At first {losses[0]:.3f}, at most {max(losses):.3f}, now {losses[-1]:.3f}." if losses else words


# Parts of a specification ---------------------------------------------------------------------------


def _chart(layers: Sequence[Spec], zoomed: int, height: int) -> Spec:
    """Layers over one another that can be moved and zoomed along the iterations; the plain wheel scrolls the page.

    Ctrl, because browsers turn Shift and the wheel into scrolling sideways; a pinch on a touchpad counts as it, too.
    Everything in it is the same from one look to the next, so a live chart doesn't flicker.
    """
    zoom = {
        "name": _ZOOM,
        "select": {"type": "interval", "encodings": ["x"], "zoom": "wheel![event.ctrlKey || event.metaKey]"},
        "bind": "scales",
    }
    layers = [{**layer, "params": [zoom]} if place == zoomed else layer for place, layer in enumerate(layers)]
    return {"data": {"name": _DATA}, "layer": layers, "height": height}


def _layer(mark: Spec, encoding: Spec, *transform: Spec) -> Spec:
    return {"mark": mark, "encoding": encoding, **({"transform": list(transform)} if transform else {})}


def _only(field: str, *values: str) -> Spec:
    return {"filter": {"field": field, "oneOf": list(values)}}


def _scaled(field: str, legend: Spec, steps: Mapping[str, Any]) -> Spec:
    """A colour or a dash by the value of a field."""
    scale = {"domain": list(steps), "range": list(steps.values())}
    return {"field": field, "type": "nominal", "scale": scale, "legend": legend}


def _tip(field: str, title: str, number: str = "") -> Spec:
    """A line of a tooltip; ``number`` is its format."""
    if not number:
        return {"field": field, "title": title}
    return {"field": field, "type": "quantitative", "title": title, "format": number}
