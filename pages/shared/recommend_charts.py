"""Charts of the Recommend page, in Altair, which redraws in place while ratings come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import altair as alt
import pandas as pd

from convmf.labels import signed
from convmf.palette import ACCENT, AMBER, QUIET, RED
from pages.shared import charts

if TYPE_CHECKING:  # the module behind it imports torch
    from convmf.explain import TastePhrase

Step = tuple[str, float]
"""What something is called, and how many rating points it adds."""
RAISES, LOWERS = "raises it", "lowers it"
_KINDS = {"begins with": QUIET, RAISES: ACCENT, LOWERS: RED, "ends with": AMBER}
MAX_STEPS = 8
MAX_PHRASES = 6


def waterfall_table(first: Step, steps: Sequence[Step], last: Step) -> pd.DataFrame:
    """Columns step, start, end, label, kind: from the first value, step by step, to the last one."""
    rows = [(first[0], first[1], first[1], f"{first[1]:.2f}", "begins with")]
    level = first[1]
    for name, value in steps:
        rows.append((name, level, level + value, signed(value), RAISES if value >= 0 else LOWERS))
        level += value
    rows.append((last[0], last[1], last[1], f"{last[1]:.2f}", "ends with"))
    return pd.DataFrame(rows, columns=["step", "start", "end", "label", "kind"])


def waterfall_chart(table: pd.DataFrame, title: str) -> alt.LayerChart:
    """How a prediction comes about: each step begins where the one above it ends."""
    lowest, highest = table[["start", "end"]].min().min(), table[["start", "end"]].max().max()
    room = max(0.25 * (highest - lowest), 0.1)  # for the labels
    table = table.assign(right=table[["start", "end"]].max(axis=1))
    base = alt.Chart(table).encode(
        # Said in words, because layers with data of their own each would bring an order of their own.
        alt.Y(
            "step:N",
            sort=table["step"].tolist(),
            title=None,
            axis=alt.Axis(labelLimit=230, ticks=False, labelPadding=8),
        ),
        tooltip=[
            alt.Tooltip("step:N", title="Part"),
            alt.Tooltip("label:N", title="Rating points"),
            alt.Tooltip("end:Q", title="The sum up to here", format=".3f"),
        ],
    )
    scale = alt.Scale(domain=[lowest - room, highest + room], nice=False, zero=False)
    x = alt.X("start:Q", title=title, scale=scale, axis=alt.Axis(tickCount=6))
    colour = alt.Color("kind:N", scale=alt.Scale(domain=list(_KINDS), range=list(_KINDS.values())), legend=None)
    is_end = alt.FieldOneOfPredicate("kind", ["begins with", "ends with"])
    bars = base.transform_filter(~is_end).mark_bar(cornerRadius=2, height=16).encode(x, alt.X2("end:Q"), colour)
    ends = base.transform_filter(is_end).mark_tick(thickness=4, height=20).encode(x, colour)
    words = base.mark_text(align="left", dx=7, fontSize=13).encode(
        alt.X("right:Q", scale=scale), text="label:N", color=alt.value(QUIET)
    )
    return (bars + ends + words).properties(height=charts.ROW)


def waterfall_words(table: pd.DataFrame) -> str:
    """What is to be seen in the chart, in words."""
    steps = "; ".join(f"{row.step} {row.label}" for row in table.itertuples())
    return f"Step chart of a prediction in rating points: {steps}."


def largest_steps(steps: Sequence[Step], rest: str) -> list[Step]:
    """The steps that are largest, in their order, and what is left of the others as one step called ``rest``."""
    if len(steps) <= MAX_STEPS:
        return list(steps)
    kept = sorted(sorted(range(len(steps)), key=lambda place: -abs(steps[place][1]))[: MAX_STEPS - 1])
    others = sum(value for place, (_, value) in enumerate(steps) if place not in kept)
    return [*(steps[place] for place in kept), (rest, others)]


def phrases_table(phrases: Sequence[TastePhrase]) -> pd.DataFrame:
    """Columns phrase, difference, weight, usual, item, effect: those at both ends of the list that do anything."""
    raising = [phrase for phrase in phrases if phrase.difference > 0][:MAX_PHRASES]
    lowering = [phrase for phrase in phrases if phrase.difference < 0][-MAX_PHRASES:]
    rows = [
        (
            phrase.phrase,
            phrase.difference,
            phrase.weight,
            phrase.usual,
            phrase.title or phrase.item_id,
            "more than to others" if phrase.difference > 0 else "less than to others",
        )
        for phrase in raising + lowering
    ]
    return pd.DataFrame(rows, columns=["phrase", "difference", "weight", "usual", "item", "effect"])


def phrases_chart(table: pd.DataFrame) -> alt.Chart:
    """What phrases do for one user beyond what they do for the average one."""
    return (
        alt.Chart(table)
        .mark_bar(cornerRadius=2)
        .encode(
            alt.Y("phrase:N", sort=None, title=None, axis=alt.Axis(labelLimit=200, labelOverlap=False, ticks=False)),
            alt.X(
                "difference:Q",
                title="Points beyond the average user's",
                axis=charts.SIGNED_AXIS,
            ),
            alt.Color(
                "effect:N",
                scale=alt.Scale(domain=["more than to others", "less than to others"], range=[ACCENT, RED]),
                legend=charts.LEGEND,
            ),
            tooltip=[
                alt.Tooltip("phrase:N", title="Phrase"),
                alt.Tooltip("item:N", title="It stands in"),
                alt.Tooltip("weight:Q", title="Points for this user", format="+.3f"),
                alt.Tooltip("usual:Q", title="For the average user", format="+.3f"),
            ],
        )
        .properties(height=charts.ROW)
    )


def phrases_words(table: pd.DataFrame) -> str:
    """What is to be seen in the chart, in words."""
    listed = "; ".join(f"{row.phrase} {signed(row.difference)}" for row in table.itertuples())
    return f"Bar chart of phrases by how many points more they add for this user than for the average one: {listed}."
