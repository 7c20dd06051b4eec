"""What the studies' pictures have in common: one look, and series with error bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from convmf.palette import ACCENT, AMBER, QUIET, RED

RMSE = "RMSE (rating points)"

_INK, _GRID = "#2B3440", "#E4E8EE"
_STYLES = ((ACCENT, "circle"), (QUIET, "square"), (AMBER, "diamond"), (RED, "triangle-up"), ("#4B5563", "x"))
"""Colour and sign of each series: told apart without colours too."""


def figure(title: str, subtitle: str, x: str, y: str, *, height: int = 460) -> go.Figure:
    """An empty picture with its title, what to read in it, and the names of its axes."""
    chart = go.Figure()
    chart.update_layout(
        title={"text": title, "subtitle": {"text": subtitle}, "x": 0.01, "xref": "container", "xanchor": "left"},
        font={"family": "system-ui, -apple-system, 'Segoe UI', sans-serif", "size": 14, "color": _INK},
        plot_bgcolor="white",
        paper_bgcolor="white",
        height=height,
        margin={"l": 70, "r": 30, "t": 120, "b": 60},
        legend={"orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0},
        hoverlabel={"bgcolor": "white", "font": {"color": _INK}},
    )
    axis = {"gridcolor": _GRID, "zerolinecolor": "#9AA4B2", "linecolor": _GRID, "automargin": True}
    chart.update_xaxes(title=x, **axis)
    chart.update_yaxes(title=y, **axis)
    return chart


def style(number: int) -> dict[str, Any]:
    """Colour and sign of the series with this number, from 0."""
    colour, symbol = _STYLES[number % len(_STYLES)]
    return {"color": colour, "symbol": symbol, "size": 9}


def add_series(
    chart: go.Figure,
    name: str,
    number: int,
    x: Sequence[Any] | pd.Series[Any],
    y: Sequence[Any] | pd.Series[Any],
    sd: Sequence[Any] | pd.Series[Any],
    *,
    hover: str,
    lines: bool = True,
    sideways: bool = False,
    details: Sequence[str] = (),
) -> None:
    """A series of means with their standard deviations as bars.

    Parameters
    ----------
    hover
        Plotly's template of the text at a point; ``%{customdata}`` is the deviation as text.
    sideways
        The means stand on the x axis.
    details
        A line more for each point's text.
    """
    marker = style(number)
    bars = {"type": "data", "array": pd.Series(sd).fillna(0.0).tolist(), "thickness": 1.3, "width": 4}
    chart.add_trace(
        go.Scatter(
            x=list(x),
            y=list(y),
            name=name,
            mode="lines+markers" if lines else "markers",
            marker=marker,
            line={"color": marker["color"], "width": 2},
            customdata=["" if pd.isna(value) else f" ± {value:.4f}" for value in sd],
            hovertext=[f"<br>{detail}" for detail in details],
            hovertemplate=hover + ("%{hovertext}" if details else "") + "<extra></extra>",
            **{"error_x" if sideways else "error_y": bars},
        )
    )


def spread_note(n_seeds: int) -> str:
    """What the error bars are, for a subtitle."""
    return f"mean of {n_seeds} seeds, bars ± 1 SD" if n_seeds > 1 else "one seed, so no error bars"


def signed(value: float, sd: float = float("nan")) -> str:
    """A difference with its sign, and its deviation over the seeds where there are several."""
    return f"{value:+.4f}".replace("-", "−") + ("" if pd.isna(sd) else f" ± {sd:.4f}")
