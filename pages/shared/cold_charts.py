"""Charts of the Cold start page, and what is to be seen in them in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import altair as alt
import numpy as np
import pandas as pd

from convmf.labels import signed
from convmf.palette import ACCENT, AMBER, QUIET, RED
from pages.shared import charts

if TYPE_CHECKING:  # the modules behind it import torch
    from convmf.explain import Phrase, TextDifference, TextReading, WhatIf

MAX_WORDS = 14
MAX_FACTORS = 10
N_STEPS = 40
OTHER_WORDS, OTHER_COLOUR = "all other words", "#A77BD8"
STANDS_IN = {"first": "only in the first text", "second": "only in the second text", "both": "in both"}
BY_TEXT, WITH_RATINGS = "by its text alone", "with these ratings"


def spread_words(result: TextReading) -> str:
    """The histogram of predicted ratings in words."""
    return (
        f"Histogram of the predicted ratings of {len(result.ratings):,} users: mean {result.mean:.2f}, eight in ten "
        f"between {result.p10:.2f} and {result.p90:.2f}."
    )


def evidence_words(phrases: Sequence[Phrase]) -> str:
    """The bars of the phrases in words."""
    table = charts.evidence_table(phrases)
    listed = "; ".join(f"{row.phrase} {signed(row.weight)}" for row in table.itertuples())
    return f"Bar chart of the phrases and the rating points that each adds: {listed}."


def difference_table(found: TextDifference) -> pd.DataFrame:
    """Columns word, effect, first, second, stands_in: the strongest words, and the sum of the others as one row."""
    rows = [(word.word, word.effect, word.first, word.second, STANDS_IN[word.stands_in]) for word in found.words]
    rows = [row for row in rows if row[1]]
    if len(rows) > MAX_WORDS:
        others = rows[MAX_WORDS - 1 :]
        first, second = (sum(row[place] for row in others) for place in (2, 3))
        rows = [
            *rows[: MAX_WORDS - 1],
            (f"{len(others)} other words", second - first, first, second, OTHER_WORDS),
        ]
    return pd.DataFrame(rows, columns=["word", "effect", "first", "second", "stands_in"])


def difference_chart(table: pd.DataFrame) -> alt.Chart:
    """What each word adds to the second text's rating over the first one's."""
    colours = dict(zip([*STANDS_IN.values(), OTHER_WORDS], [AMBER, ACCENT, QUIET, OTHER_COLOUR], strict=True))
    if OTHER_WORDS not in table["stands_in"].tolist():
        del colours[OTHER_WORDS]
    return (
        alt.Chart(table)
        .mark_bar(cornerRadius=2)
        .encode(
            alt.Y("word:N", sort=None, title=None, axis=alt.Axis(labelLimit=200, labelOverlap=False, ticks=False)),
            alt.X(
                "effect:Q",
                title="← first text   ·   second text →",
                axis=charts.SIGNED_AXIS,
            ),
            alt.Color(
                "stands_in:N",
                scale=alt.Scale(domain=list(colours), range=list(colours.values())),
                legend=charts.LEGEND,
            ),
            tooltip=[
                alt.Tooltip("word:N", title="Word"),
                alt.Tooltip("stands_in:N", title="Stands"),
                alt.Tooltip("first:Q", title="Weight in the first text", format="+.3f"),
                alt.Tooltip("second:Q", title="Weight in the second text", format="+.3f"),
                alt.Tooltip("effect:Q", title="Adds to the difference", format="+.3f"),
            ],
        )
        .properties(height=charts.ROW)
    )


def difference_words(table: pd.DataFrame, found: TextDifference) -> str:
    """The bars of the words in words."""
    listed = "; ".join(f"{row.word} {signed(row.effect)}, {row.stands_in}" for row in table.itertuples())
    return (
        f"Bar chart of the words behind the difference of {signed(found.difference)} rating points between the second "
        f"text and the first: {listed}."
    )


def before_after_chart(found: WhatIf, lowest: float, highest: float) -> alt.Chart:
    """How many users would give which rating, by the text alone and with the ratings."""
    edges = np.linspace(lowest, highest if highest > lowest else lowest + 1.0, N_STEPS + 1)
    middle = (edges[:-1] + edges[1:]) / 2
    tables = [
        pd.DataFrame({"rating": middle, "users": np.histogram(ratings, edges)[0], "item": name})
        for name, ratings in ((BY_TEXT, found.before), (WITH_RATINGS, found.after))
    ]
    return (
        alt.Chart(pd.concat(tables))
        .mark_area(opacity=0.35, interpolate="monotone", line={"strokeWidth": 2})
        .encode(
            alt.X("rating:Q", title="Predicted rating", scale=alt.Scale(domain=[lowest, float(edges[-1])], nice=False)),
            alt.Y("users:Q", title="Users", stack=None, axis=alt.Axis(tickMinStep=1, format="d")),
            alt.Color(
                "item:N", scale=alt.Scale(domain=[BY_TEXT, WITH_RATINGS], range=[QUIET, ACCENT]), legend=charts.LEGEND
            ),
            tooltip=[
                alt.Tooltip("item:N", title="The item"),
                alt.Tooltip("rating:Q", title="Rating near", format=".2f"),
                alt.Tooltip("users:Q", title="Users", format=",d"),
            ],
        )
        .properties(height=280)
    )


def movement_table(found: WhatIf, *, biases: bool) -> pd.DataFrame:
    """Columns factor, text, item, moved: the factors that the ratings moved most, the largest movement first."""
    theta, item = found.text_factors.tolist(), found.item_factors.tolist()
    rows = [
        (_factor_name(place, biases), theta[place], item[place], item[place] - theta[place])
        for place in found.largest_movements[:MAX_FACTORS]
    ]
    return pd.DataFrame(rows, columns=["factor", "text", "item", "moved"])


def movement_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Where each factor stands by the text, and where the ratings moved it to."""
    table = table.assign(direction=np.where(table["moved"] >= 0, "up", "down"), by_text=BY_TEXT, rated=WITH_RATINGS)
    y = alt.Y("factor:N", sort=None, title=None, axis=alt.Axis(ticks=False, labelOverlap=False))
    tooltip = [
        alt.Tooltip("factor:N", title="Factor"),
        alt.Tooltip("text:Q", title="By its text", format="+.3f"),
        alt.Tooltip("item:Q", title="With the ratings", format="+.3f"),
        alt.Tooltip("moved:Q", title="Moved by", format="+.3f"),
    ]
    base = alt.Chart(table).encode(y, tooltip=tooltip)
    title = "Value of the factor (the model's own unit)"
    colour = alt.Scale(domain=[BY_TEXT, WITH_RATINGS], range=[QUIET, ACCENT])
    line = base.mark_rule(strokeWidth=3, opacity=0.6).encode(
        alt.X("text:Q", title=title, scale=alt.Scale(zero=False, padding=14)),
        alt.X2("item:Q"),
        alt.Color("direction:N", scale=alt.Scale(domain=["up", "down"], range=[ACCENT, RED]), legend=None),
    )
    dots = [
        base.mark_point(filled=True, size=90, opacity=1).encode(
            alt.X(f"{column}:Q", title=title), alt.Color(f"{name}:N", scale=colour, legend=legend)
        )
        for column, name, legend in (("text", "by_text", charts.LEGEND), ("item", "rated", None))
    ]
    return alt.layer(line, *dots).resolve_scale(color="independent").properties(height=charts.ROW)


def movement_words(table: pd.DataFrame) -> str:
    """The movements in words."""
    listed = "; ".join(f"{row.factor} from {signed(row.text)} to {signed(row.item)}" for row in table.itertuples())
    return f"Chart of the item's factors, from what the text says to where the ratings moved them: {listed}."


def _factor_name(place: int, biases: bool) -> str:
    return "Its level" if biases and place == 0 else f"Factor {place + (not biases)}"
