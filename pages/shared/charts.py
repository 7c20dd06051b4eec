"""Charts of predictions, in Altair: it redraws in place, and its colours work on light and dark.

Every chart, Altair's or Plotly's, comes onto a page by :func:`draw`, which asks for it in words as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from convmf.palette import ACCENT, AMBER, QUIET, RED

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from convmf.explain import Phrase  # imports torch, which takes over a second

LEGEND = alt.Legend(title=None, orient="top", direction="vertical", labelLimit=260)
"""One entry a line: so it fits into the narrowest window."""
ROW = alt.Step(28)
"""Height of a bar with its space, in pixels; axes and legend come on top, so a single bar has room as well."""
SIGNED_AXIS = alt.Axis(format="+f", tickCount=5)
"""Signed figures with as many digits as tell the ticks apart."""
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
                legend=LEGEND,
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
            alt.X("weight:Q", title="Effect on the rating (points)", axis=SIGNED_AXIS),
            alt.Color(
                "effect:N",
                scale=alt.Scale(domain=["raises it", "lowers it"], range=[ACCENT, RED]),
                legend=LEGEND,
            ),
            tooltip=[
                alt.Tooltip("phrase:N", title="Phrase"),
                alt.Tooltip("weight:Q", title="Rating points", format="+.3f"),
            ],
        )
        .properties(height=ROW)
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
