"""Plotly figures of a run's results, for the page and for the report; colours that work on light and on dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from convmf.evaluation.bootstrap import Estimate
from convmf.evaluation.comparison import FLOOR, Row
from convmf.evaluation.diagnostics import CalibrationBin, Slice, Spread, calibration_gap
from convmf.labels import plotly_text, signed
from convmf.palette import ACCENT, AMBER, MODEBAR, QUIET, RED

GREY = "#8A929E"
SERIES = (ACCENT, AMBER, QUIET, "#A77BD8", RED, "#7FA53A", "#5B55EE", "#9A6633")
HEIGHT = 360
_GRID = "rgba(138, 146, 158, 0.25)"
_PARTS = {"test": "known items", "cold": "new items"}
LUCK = {"test": "if other users had been asked", "cold": "if other items had been the new ones"}
"""What the intervals of each part allow for."""


@dataclass(frozen=True)
class Picture:
    """A figure, what it is in a sentence or two, and what is to be seen in it, for those who can't see it."""

    title: str
    figure: go.Figure
    what: str
    alt: str


def comparison_plot(rows: Sequence[Row], part: str) -> Picture:
    """The RMSE of each measured predictor with its interval, the model on top."""
    shown = [row for row in rows if row.rmse is not None][::-1]
    estimates = [row.rmse for row in shown if row.rmse is not None]
    colours = [ACCENT if row.is_model else GREY if row.key == FLOOR else QUIET for row in shown]
    names = [f"<b>{row.label}</b>" if row.is_model else row.label for row in shown]
    figure = _figure(max(190, 70 + 38 * len(shown)), "RMSE (lower is better)", "")
    figure.add_trace(
        go.Scatter(
            x=[estimate.value for estimate in estimates],
            y=names,
            error_x=_bars(estimates, colours[0] if len(set(colours)) == 1 else GREY),
            mode="markers",
            marker={"color": colours, "size": 12},
            customdata=[_words(estimate) for estimate in estimates],
            hovertemplate="%{y}: %{customdata}<extra></extra>",
        )
    )
    figure.update_layout(hovermode="closest")
    best = min(shown, key=lambda row: row.rmse.value if row.rmse and row.key != FLOOR else float("inf"))
    listed = "; ".join(f"{row.label} {_words(row.rmse)}" for row in shown[::-1] if row.rmse)
    return Picture(
        f"Typical error on {_PARTS[part]}",
        figure,
        "RMSE, the typical distance between predicted and real rating. The whiskers are 95 % intervals: where the "
        f"figure could lie {LUCK[part]}.",
        f"Dot plot of the error of each predictor. Lowest: {best.label}. {listed}.",
    )


def slices_plot(slices: Sequence[Slice], title: str, x_title: str, what: str) -> Picture:
    """RMSE of the model by group, with intervals, and that of averages beside it."""
    labels = [part.label for part in slices]
    figure = _figure(HEIGHT, x_title, "RMSE (rating points)")
    common = {"x": labels, "mode": "lines+markers"}
    figure.add_trace(
        go.Scatter(
            **common,
            y=[part.baseline_rmse for part in slices],
            name="User and item averages",
            line={"color": AMBER, "width": 1.5, "dash": "dash"},
            marker={"size": 6},
            hovertemplate="averages %{y:.3f}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            **common,
            y=[part.rmse.value for part in slices],
            error_y=_bars([part.rmse for part in slices], ACCENT),
            name="This model",
            line={"color": ACCENT, "width": 2.5},
            marker={"size": 9},
            customdata=[
                f"{_words(part.rmse)}<br>predicts {signed(part.mean_error.value)} against reality on average"
                f"<br>{part.n_ratings:,} rating{'s' * (part.n_ratings != 1)}"
                for part in slices
            ],
            hovertemplate="model %{customdata}<extra></extra>",
        )
    )
    figure.update_layout(hovermode="x")
    figure.update_xaxes(type="category")
    listed = "; ".join(f"{part.label}: {part.rmse.value:.2f} ({part.n_ratings:,} ratings)" for part in slices)
    return Picture(title, figure, what, f"Line chart of the model's error by group. {x_title} – {listed}.")


def spread_plot(spreads: Sequence[Spread]) -> Picture:
    """What was predicted for each real rating: the middle 80 and 50 % and the median."""
    labels = [part.label for part in spreads]
    figure = _figure(HEIGHT, "Real rating", "Predicted rating")
    figure.add_trace(
        go.Box(
            x=labels,
            lowerfence=[part.p10 for part in spreads],
            q1=[part.p25 for part in spreads],
            median=[part.median for part in spreads],
            mean=[part.mean for part in spreads],
            q3=[part.p75 for part in spreads],
            upperfence=[part.p90 for part in spreads],
            name="Predictions",
            line={"color": ACCENT, "width": 1.5},
            showlegend=False,
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=labels,
            y=[part.median for part in spreads],
            mode="markers",
            marker={"color": ACCENT, "size": 5},
            showlegend=False,
            customdata=[
                f"median {part.median:.2f}<br>half of them {part.p25:.2f} to {part.p75:.2f}"
                f"<br>four in five {part.p10:.2f} to {part.p90:.2f}<br>{part.n_ratings:,} ratings"
                for part in spreads
            ],
            hovertemplate="real rating %{x}: %{customdata}<extra></extra>",
        )
    )
    values = [_number(part.label) for part in spreads]
    if None not in values:
        figure.add_trace(
            go.Scatter(
                x=labels,
                y=values,
                mode="lines",
                name="Predicted = real",
                line={"color": AMBER, "width": 1.5, "dash": "dash"},
                hoverinfo="skip",
            )
        )
    figure.update_xaxes(type="category")
    listed = "; ".join(f"real {part.label}: median {part.median:.2f}" for part in spreads)
    return Picture(
        "Predicted against real",
        figure,
        "For each real rating, what the model had predicted: the box holds the middle half of the predictions, the "
        "whiskers four in five. A perfect model would lie on the dashed line.",
        f"Box plot of the predictions by real rating. {listed}.",
    )


def calibration_plot(bins: Sequence[CalibrationBin]) -> Picture:
    """The mean real rating of each tenth of the predictions, against the diagonal."""
    predicted = [part.predicted for part in bins]
    ends = [*predicted, *(part.actual.value for part in bins)]
    figure = _figure(HEIGHT, "Mean predicted rating", "Mean real rating")
    figure.add_trace(
        go.Scatter(
            x=[min(ends), max(ends)],
            y=[min(ends), max(ends)],
            mode="lines",
            name="Promise kept",
            line={"color": AMBER, "width": 1.5, "dash": "dash"},
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=predicted,
            y=[part.actual.value for part in bins],
            error_y=_bars([part.actual for part in bins], ACCENT),
            mode="lines+markers",
            name="This model",
            line={"color": ACCENT, "width": 2},
            marker={"size": 9},
            customdata=[f"{_words(part.actual)}<br>{part.n_ratings:,} ratings" for part in bins],
            hovertemplate="predicted %{x:.2f}, real %{customdata}<extra></extra>",
        )
    )
    figure.update_layout(hovermode="closest")
    listed = "; ".join(f"{part.predicted:.2f} → {part.actual.value:.2f}" for part in bins)
    return Picture(
        "Calibration",
        figure,
        f"The predictions in {len(bins)} group{'s' * (len(bins) != 1)}, from the lowest to the highest: what was "
        "promised, and what people gave on average. On the dashed line, both agree. Mean distance from it: "
        f"{calibration_gap(bins):.2f} rating points.",
        f"Line chart of the mean real rating by predicted rating, predicted → real: {listed}.",
    )


def curves_plot(histories: Mapping[str, Sequence[Mapping[str, Any]]]) -> Picture:
    """Validation RMSE (training RMSE dotted) by iteration, a colour a run; the names are shown as they stand."""
    figure = _figure(HEIGHT, "Iteration", "RMSE (rating points)")
    told = []
    for number, (name, history) in enumerate(histories.items()):
        colour, label = SERIES[number % len(SERIES)], plotly_text(name)
        for key, kind, dash in (("valid_rmse", "validation", "solid"), ("train_rmse", "training", "dot")):
            points = [(values["iteration"], values[key]) for values in history if values.get(key) is not None]
            if not points:
                continue
            figure.add_trace(
                go.Scatter(
                    x=[iteration for iteration, _ in points],
                    y=[value for _, value in points],
                    mode="lines+markers" if len(points) < 40 else "lines",
                    name=f"{label}, {kind}",
                    line={"color": colour, "width": 2.5 if dash == "solid" else 1.5, "dash": dash},
                    marker={"size": 5},
                    hovertemplate=f"{label}, {kind}: %{{y:.4f}}<extra></extra>",
                )
            )
            if key == "valid_rmse":
                told.append(f"{name}: best validation error {min(value for _, value in points):.4f}")
    figure.update_layout(hovermode="x unified")
    return Picture(
        "Learning curves",
        figure,
        "The error after each round of learning. Solid: on validation ratings, which the model doesn't learn from; "
        "their lowest point is the model that was kept. Dotted: on the ratings that it learns from.",
        f"Line chart of the error by iteration. {'; '.join(told) or 'Nothing was measured on validation ratings'}.",
    )


def _figure(height: int, x_title: str, y_title: str) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        dragmode=False,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        modebar=MODEBAR,
    )
    figure.update_xaxes(title=x_title, fixedrange=True, automargin=True, gridcolor=_GRID, zeroline=False)
    figure.update_yaxes(title=y_title, fixedrange=True, automargin=True, gridcolor=_GRID, zeroline=False)
    return figure


def _bars(estimates: Sequence[Estimate], colour: str) -> dict[str, Any]:
    """Whiskers from each interval; none where there is no interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [0.0 if part.upper is None else part.upper - part.value for part in estimates],
        "arrayminus": [0.0 if part.lower is None else part.value - part.lower for part in estimates],
        "color": colour,
        "thickness": 1.5,
        "width": 5,
    }


def _words(estimate: Estimate) -> str:
    if estimate.interval is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} (95 %: {estimate.interval[0]:.3f} to {estimate.interval[1]:.3f})"


def _number(label: str) -> float | None:
    try:
        return float(label)
    except ValueError:
        return None
