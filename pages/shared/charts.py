"""Charts of trainings and predictions, in Altair: it redraws in place, and its colours work on light and dark.

Every chart, Altair's or Plotly's, comes onto a page by :func:`draw`, which asks for it in words as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from convmf.palette import ACCENT, AMBER, QUIET, RED

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from convmf.explain import Phrase  # imports torch, which a page with curves alone does without

TRAIN, VALID = "Training ratings", "Validation ratings"
BIASES, GLOBAL_MEAN = "User and item averages", "Global average"
BEST = "Best iteration"
ZOOM = "zoom"
"""Name of the selection along the iterations in every curve."""

_SERIES = {TRAIN: QUIET, VALID: ACCENT, BIASES: AMBER, GLOBAL_MEAN: "#98A0AD"}
_BASELINES = {"biases": BIASES, "global_mean": GLOBAL_MEAN}
_TARGET: dict[str, Any] = {"filled": True, "size": 500, "opacity": 0}
"""An unseen point that is easily met by the pointer."""
_SOLID, _DASHED = [1, 0], [6, 4]
_ITERATION = alt.X(
    "iteration:Q",
    title="Iteration",
    axis=alt.Axis(format="d", tickMinStep=1, grid=False, labelExpr="datum.value < 1 ? '' : datum.label"),
    scale=alt.Scale(zero=False, nice=False, padding=28),
)
_LEGEND = alt.Legend(title=None, orient="top", direction="horizontal", columns=2, labelLimit=220)
RMSE_HEIGHT, SMALL_HEIGHT = 380, 360
N_BINS = 30
MAX_PHRASES = 10
PLOTLY_CONFIG = {
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "png", "scale": 2, "filename": "convmf"},
}


def draw(
    chart: alt.TopLevelMixin | Figure,
    key: str,
    words: str,
    *,
    width: int | Literal["stretch"] = "stretch",
) -> None:
    """Show a chart.

    Parameters
    ----------
    key
        Of the element, the same from one look to the next.
    words
        What is to be seen in it, its main figures included: its accessible name, read aloud to those who can't see
        it. Plain text; nothing in it is taken for Markdown or HTML.
    """
    if isinstance(chart, alt.TopLevelMixin):
        st.altair_chart(chart, width=width, key=key, alt=words)
    else:
        st.plotly_chart(chart, width=width, key=key, alt=words, config=PLOTLY_CONFIG)


TERMS = {
    "rating_loss": ("Error on the training ratings", QUIET),
    "user_penalty": ("Pull on users", AMBER),
    "item_penalty": ("Pull of the text on items", ACCENT),
    "cnn_penalty": ("Penalty on the network", RED),
}
"""The four terms of the objective, the lowest first."""


def _zoom() -> alt.Parameter:
    """Moving and zooming along the iterations; the plain wheel goes on scrolling the page.

    Ctrl, because browsers turn Shift and the wheel into scrolling sideways; a pinch on a touchpad counts as it, too.

    The view that it is added to needs a name of its own: Altair's would change with the data, and the chart flicker.
    """
    return alt.selection_interval(
        name=ZOOM, bind="scales", encodings=["x"], zoom="wheel![event.ctrlKey || event.metaKey]"
    )


def objective_chart(history: Sequence[Mapping[str, Any]]) -> alt.LayerChart:
    """The objective after each iteration, stacked from its four terms.

    The specification never changes, so a live chart doesn't flicker.
    """
    names, colours = zip(*TERMS.values(), strict=True)
    base = alt.Chart(terms_table(history)).encode(
        _ITERATION,
        alt.Y("value:Q", title="Objective", axis=alt.Axis(format="~s"), stack="zero"),
        alt.Color("term:N", scale=alt.Scale(domain=list(names), range=list(colours)), legend=_LEGEND),
        alt.Order("order:Q"),
    )
    tooltip = [
        alt.Tooltip("iteration:Q", title="Iteration"),
        alt.Tooltip("term:N", title="Term"),
        alt.Tooltip("value:Q", title="Its value", format=",.1f"),
        alt.Tooltip("total:Q", title="Objective", format=",.1f"),
    ]
    area = base.mark_area(opacity=0.55, line={"strokeWidth": 1.5}, tooltip=None)  # it would tell its first point only
    points = base.encode(tooltip=tooltip)
    return alt.layer(
        area.properties(name="terms").add_params(_zoom()),
        points.mark_point(filled=True, size=24, opacity=1),
        points.mark_point(**_TARGET),
    ).properties(height=SMALL_HEIGHT)


def terms_table(history: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Columns iteration, term, order, value and total (the objective): a row a term that isn't always zero."""
    present = [key for key in TERMS if any(values.get(key) for values in history)]
    rows = [
        (int(values["iteration"]), TERMS[key][0], order, float(values[key]), float(values["objective"]))
        for values in history
        for order, key in enumerate(present)
    ]
    return pd.DataFrame(rows, columns=["iteration", "term", "order", "value", "total"])


def objective_words(history: Sequence[Mapping[str, Any]]) -> str:
    """The chart of the objective, for those who can't see it."""
    words = "Area chart of the objective after each iteration, stacked from its four terms."
    if not history:
        return words
    first, last = history[0], history[-1]
    terms = ", ".join(f"{name} {float(last.get(key) or 0.0):,.0f}" for key, (name, _) in TERMS.items())
    return f"{words} At first {first['objective']:,.0f}; now {last['objective']:,.0f}: {terms}."


def cnn_chart(history: Sequence[Mapping[str, Any]]) -> alt.LayerChart:
    """The loss of the text network after each iteration; its specification never changes."""
    rows = [
        (int(values["iteration"]), float(values["cnn_loss"]))
        for values in history
        if values.get("cnn_loss") is not None
    ]
    base = alt.Chart(pd.DataFrame(rows, columns=["iteration", "loss"])).encode(
        _ITERATION,
        alt.Y("loss:Q", title="Loss of an item", axis=alt.Axis(format="~g"), scale=alt.Scale(zero=False)),
        tooltip=[
            alt.Tooltip("iteration:Q", title="Iteration"),
            alt.Tooltip("loss:Q", title="Loss of an item", format=".4f"),
        ],
    )
    line = base.mark_line(color=ACCENT).properties(name="curve").add_params(_zoom())
    points = base.mark_point(color=ACCENT, filled=True, size=28)
    return (line + points + base.mark_point(**_TARGET)).properties(height=SMALL_HEIGHT)


def cnn_words(history: Sequence[Mapping[str, Any]]) -> str:
    """The chart of the network's loss, for those who can't see it."""
    losses = [values["cnn_loss"] for values in history if values.get("cnn_loss") is not None]
    words = "Line chart of the text network's loss after each iteration."
    return f"{words} At first {losses[0]:.3f}, at most {max(losses):.3f}, now {losses[-1]:.3f}." if losses else words


def rmse_chart(
    history: Sequence[Mapping[str, Any]], baselines: Mapping[str, Mapping[str, float]] | None
) -> alt.LayerChart:
    """Training and validation RMSE after each iteration, the best one marked, baselines as dashed lines.

    All layers read one table, so that only the data changes from one look to the next, never the specification.
    """
    base = alt.Chart(rmse_table(history, baselines))
    legend = alt.Legend(
        title=None, orient="top", direction="horizontal", columns=2, labelLimit=220, symbolType="stroke", symbolSize=500
    )
    colour = alt.Color("series:N", scale=alt.Scale(domain=list(_SERIES), range=list(_SERIES.values())), legend=legend)
    dashes = [_DASHED if series in _BASELINES.values() else _SOLID for series in _SERIES]
    dash = alt.StrokeDash("series:N", scale=alt.Scale(domain=list(_SERIES), range=dashes), legend=legend)
    # The padding leaves room below every line and curve for the label of the best iteration.
    rmse = alt.Y("rmse:Q", title="RMSE (rating points)", scale=alt.Scale(zero=False, padding=26))
    tooltip = [
        alt.Tooltip("series:N", title="Series"),
        alt.Tooltip("iteration:Q", title="Iteration"),
        alt.Tooltip("rmse:Q", title="RMSE", format=".4f"),
    ]
    measured = alt.FieldOneOfPredicate("series", [TRAIN, VALID])
    curves = base.transform_filter(measured).encode(_ITERATION, rmse, colour, dash, tooltip=tooltip)
    lines = base.transform_filter(alt.FieldOneOfPredicate("series", [BIASES, GLOBAL_MEAN])).encode(
        rmse, colour, dash, tooltip=[tooltip[0], tooltip[2]]
    )
    best = base.transform_filter(alt.FieldEqualPredicate(BEST, "series")).encode(_ITERATION, tooltip=tooltip)
    # Streamlit fits axes and legend into the height, so the foot of the curves is known to the browser alone.
    foot = best.encode(alt.YValue(alt.expr("height - 9")), text="label:N")
    stem = best.encode(alt.YValue(0), alt.Y2Value(alt.expr("height - 20")))
    return alt.layer(
        lines.mark_rule(strokeWidth=1.5),
        stem.mark_rule(color=ACCENT, strokeWidth=1, opacity=0.5),
        curves.mark_line(strokeWidth=2).properties(name="curves").add_params(_zoom()),
        curves.mark_point(filled=True, size=28),
        best.encode(rmse).mark_point(color=ACCENT, size=170, strokeWidth=2),
        foot.mark_text(color=ACCENT, fontWeight="bold", align="center", baseline="middle"),
        curves.mark_point(**_TARGET),
    ).properties(height=RMSE_HEIGHT)


def rmse_words(history: Sequence[Mapping[str, Any]], baselines: Mapping[str, Mapping[str, float]] | None) -> str:
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


def rmse_table(
    history: Sequence[Mapping[str, Any]], baselines: Mapping[str, Mapping[str, float]] | None
) -> pd.DataFrame:
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


def best_iteration(history: Sequence[Mapping[str, Any]]) -> tuple[int, float] | None:
    """Number and RMSE of the first iteration with the lowest validation RMSE, None without one."""
    measured = [
        (values["valid_rmse"], values["iteration"]) for values in history if values.get("valid_rmse") is not None
    ]
    if not measured:
        return None
    rmse, iteration = min(measured)
    return int(iteration), float(rmse)


def spread_chart(
    ratings: NDArray[np.float32], *, mean: float, p10: float, p90: float, lowest: float, highest: float
) -> alt.LayerChart:
    """How many users would give which rating: a histogram with the mean and the middle 80 % of users marked."""
    edges = np.linspace(lowest, highest if highest > lowest else lowest + 1.0, N_BINS + 1)
    counts, _ = np.histogram(ratings, edges)
    middle = (edges[:-1] + edges[1:]) / 2
    bars = pd.DataFrame(
        {
            "start": edges[:-1],
            "end": edges[1:],
            "users": counts,
            "part": np.where((middle >= p10) & (middle <= p90), "The middle 80 % of users", "The other users"),
        }
    )
    top = max(1, counts.max()) * 1.1  # room for the label of the mean
    x = alt.X(
        "start:Q", bin="binned", title="Predicted rating", scale=alt.Scale(domain=[edges[0], edges[-1]], nice=False)
    )
    histogram = (
        alt.Chart(bars)
        .mark_bar(binSpacing=1)
        .encode(
            x,
            alt.X2("end:Q"),
            alt.Y(
                "users:Q",
                title="Users",
                axis=alt.Axis(tickMinStep=1, format="d"),
                scale=alt.Scale(domain=[0, float(top)], nice=False),
            ),
            alt.Color(
                "part:N",
                scale=alt.Scale(domain=["The middle 80 % of users", "The other users"], range=[ACCENT, QUIET]),
                legend=_LEGEND,
            ),
            tooltip=[
                alt.Tooltip("start:Q", title="From", format=".2f"),
                alt.Tooltip("end:Q", title="To", format=".2f"),
                alt.Tooltip("users:Q", title="Users", format=",d"),
            ],
        )
    )
    line = alt.Chart(pd.DataFrame({"rating": [mean], "label": [f"mean {mean:.2f}"]})).encode(alt.X("rating:Q"))
    left = mean > (lowest + highest) / 2
    text = line.mark_text(
        color=AMBER, align="right" if left else "left", dx=-6 if left else 6, fontWeight="bold", fontSize=13
    ).encode(alt.Y(datum=float(top)), text="label:N")
    return (histogram + line.mark_rule(color=AMBER, strokeWidth=2) + text).properties(height=320)


def evidence_chart(phrases: Sequence[Phrase]) -> alt.Chart:
    """What each phrase adds to the average user's rating, or takes from it, the strongest on top."""
    table = evidence_table(phrases)
    return (
        alt.Chart(table)
        .mark_bar(cornerRadius=2)
        .encode(
            alt.Y("phrase:N", sort=None, title=None, axis=alt.Axis(labelLimit=220, labelOverlap=False, ticks=False)),
            alt.X("weight:Q", title="Effect on the rating (points)", axis=alt.Axis(format="+.2f", tickCount=6)),
            alt.Color(
                "effect:N",
                scale=alt.Scale(domain=["raises it", "lowers it"], range=[ACCENT, RED]),
                legend=alt.Legend(title=None, orient="top", direction="horizontal"),
            ),
            tooltip=[
                alt.Tooltip("phrase:N", title="Phrase"),
                alt.Tooltip("weight:Q", title="Rating points", format="+.3f"),
            ],
        )
        .properties(height=110 + 30 * len(table))
    )


def evidence_table(phrases: Sequence[Phrase]) -> pd.DataFrame:
    """Columns phrase, weight (rating points), effect; a phrase that stands twice in the text counts once, summed."""
    sums: dict[str, float] = {}
    for phrase in phrases:
        sums[phrase.phrase] = sums.get(phrase.phrase, 0.0) + phrase.weight
    strongest = sorted(sums.items(), key=lambda pair: -abs(pair[1]))[:MAX_PHRASES]
    return pd.DataFrame(
        [(phrase, weight, "raises it" if weight >= 0 else "lowers it") for phrase, weight in strongest],
        columns=["phrase", "weight", "effect"],
    )
