"""A list of recommendations, each prediction split in its parts, and a chart of the chosen one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from convmf.labels import in_percent, signed
from convmf.runs.store import RunRecord
from pages.shared import address, charts, frame, recommend_charts

if TYPE_CHECKING:  # the modules behind them import torch
    from convmf.explain import ExplainedItem, PredictionParts
    from convmf.model.convmf import ConvMF

N_ITEMS = 10
PARTS = {
    "mean": ("Mean of all", "The mean of all training ratings: where every prediction begins."),
    "user_bias": ("User's level", "How far this user rates above or below the mean, whatever the item."),
    "item_bias": ("Item's level", "How far this item is rated above or below the mean, whoever rates it."),
    "text_part": ("Text part", "How this user likes what the model reads in the item's text."),
    "rating_part": ("Rating part", "How this user likes what the item's ratings say beyond its text."),
    "clipping": ("Cut to the scale", "What keeps the sum inside the scale of ratings."),
}
"""Parts of a prediction in their order: a name, and what it is."""


def shown_parts(net: ConvMF, rows: Sequence[PredictionParts]) -> list[str]:
    """The parts that this model has, and the cut to the scale where it happens."""
    parts = ["mean", "user_bias", "item_bias"] if net.config.biases else []
    parts += ["text_part"] if net.cnn is not None else []
    return [*parts, "rating_part", *(["clipping"] if any(abs(row.clipping) >= 0.005 for row in rows) else [])]


def show(
    run: RunRecord,
    net: ConvMF,
    rows: Sequence[PredictionParts],
    labels: Mapping[str, str],
    key: str,
    *,
    user: str | None = None,
    reasons: Sequence[ExplainedItem] = (),
) -> None:
    """The list and the chosen row, of a ``user`` in the data, or of a new one with what each of their ratings does."""
    if not rows:
        st.info("There is nothing left to recommend: every item is rated.")
        return
    parts = shown_parts(net, rows)
    table = list_table(rows, parts, labels, reasons)
    if key not in st.session_state:  # the first look
        asked = st.query_params.get("item")
        first = next((place for place, row in enumerate(rows) if row.item_id == asked), 0)
        st.session_state[f"{key}_first"] = first
    event = st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        key=key,
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [st.session_state[f"{key}_first"]]}},
        column_config=_columns(parts),
        alt="Recommended items, best first, with the parts of each prediction",
    )
    st.caption(
        "Items that this user hasn't rated, best first; figures are rating points. "
        + _begin(rows, parts)
        + "Choose a row to see its parts as a chart."
    )
    chosen = next((place for place in event["selection"]["rows"] if place < len(rows)), 0)
    address.remember("item", rows[chosen].item_id)
    likely_range = _likely_range(net, user, rows[chosen].item_id) if user is not None else ""
    _explain(run, rows[chosen], parts, labels, reasons[chosen] if reasons else None, likely_range)


def _common(rows: Sequence[PredictionParts], parts: Sequence[str]) -> list[str]:
    """The parts that are the same in all rows: the mean, and a user's level unless it depends on an item's ratings."""
    levels = [row.user_bias for row in rows]
    same = {"mean"} | ({"user_bias"} if max(levels) - min(levels) < 0.005 else set())
    return [part for part in parts if part in same]


def _begin(rows: Sequence[PredictionParts], parts: Sequence[str]) -> str:
    """What every prediction of the list begins with, in a sentence; nothing where a model has no levels."""
    common = _common(rows, parts)
    if not common:
        return ""
    level = f" and this user's level ({signed(rows[0].user_bias)})" if "user_bias" in common else ""
    return f"Each begins with the mean of all ratings ({rows[0].mean:.2f}){level}; the parts are added to that. "


def list_table(
    rows: Sequence[PredictionParts],
    parts: Sequence[str],
    labels: Mapping[str, str],
    reasons: Sequence[ExplainedItem] = (),
) -> pd.DataFrame:
    """A row an item, figures as numbers; what is the same for all of them has no column."""
    columns: dict[str, list[object]] = {
        "Item": [labels[row.item_id] for row in rows],
        "Predicted": [row.rating for row in rows],
    }
    if reasons:
        columns["Raised most by"] = [raised_by(item, labels) for item in reasons]
    for part in parts[len(_common(rows, parts)) :]:
        columns[PARTS[part][0]] = [_unsigned_zero(getattr(row, part)) for row in rows]
    if any(row.text_trust is not None for row in rows):
        columns["Text trust"] = [None if row.text_trust is None else 100 * row.text_trust for row in rows]
    return pd.DataFrame(columns)


def _unsigned_zero(part: float) -> float:
    """A part that is shown as 0.00 has no sign: "-0.00" would make people wonder."""
    return 0.0 if abs(part) < 0.005 else part


def raised_by(item: ExplainedItem, labels: Mapping[str, str]) -> str:
    """The given rating that raises an item most: how many points it adds, and what was rated how."""
    best = max(item.shares, key=lambda share: share.share, default=None)
    if best is None or best.share < 0.005:
        return "none of them"
    return f"{signed(best.share)} {labels[best.item_id]}: {best.given:g}"  # the figure first: a long title is cut


def _columns(parts: Sequence[str]) -> dict[str, object]:
    number = st.column_config.NumberColumn
    config: dict[str, object] = {
        "Item": st.column_config.TextColumn(width=260),
        "Predicted": number(format="%.2f", width=78, help="The rating that this user would give, in rating points."),
        "Raised most by": st.column_config.TextColumn(
            width=180,
            help="Which of the new user's ratings adds most to this prediction: by how many rating points, the "
            "item, and its rating.",
        ),
        "Text trust": st.column_config.ProgressColumn(
            format="%.0f %%",
            min_value=0.0,
            max_value=100.0,
            width=92,
            help="How much of the item's profile comes from its text: all without ratings, little with many.",
        ),
    }
    for part in parts:
        name, meaning = PARTS[part]
        config[name] = number(format="%+.2f", width=118 if part == "clipping" else 92, help=meaning)
    return config


def _likely_range(net: ConvMF, user: str, item_id: str) -> str:
    """How sure the prediction is, in a sentence; nothing where the model can't tell."""
    from convmf.model.intervals import LEVEL

    if net.intervals is None:
        return ""
    low, high = (float(end[0]) for end in net.interval([user], [item_id]))
    return f"With a probability of {in_percent(LEVEL)} the real rating would lie between {low:.1f} and {high:.1f}."


def _explain(
    run: RunRecord,
    row: PredictionParts,
    parts: Sequence[str],
    labels: Mapping[str, str],
    reasons: ExplainedItem | None,
    likely_range: str,
) -> None:
    title = frame.plain(labels[row.item_id])
    st.subheader(f"Why {title}", anchor=False)
    named = [(PARTS[part][0], float(getattr(row, part))) for part in parts]
    # A model without levels has no mean to begin with.
    start, steps = (named[0], named[1:]) if parts[0] == "mean" else (("Nothing", 0.0), named)
    with frame.row("parts"):
        with st.container(border=True, width=frame.CARD_WIDTH):
            st.markdown("**What the prediction is made of**", help=_meanings(parts))
            table = recommend_charts.waterfall_table(start, steps, ("Prediction", row.rating))
            _waterfall(table, "recommend_parts")
            if likely_range:
                st.caption(likely_range)
        if reasons is not None:
            with st.container(border=True, width=frame.CARD_WIDTH):
                st.markdown(
                    "**What each of the ratings does**",
                    help="It begins with what somebody without any rating would be predicted. Each rating's share is "
                    "exact: they add up.",
                )
                _waterfall(_reasons_table(reasons, labels), "recommend_shares")
    st.page_link(
        "pages/explore.py",
        label="**Look at this item and its neighbours** →",
        query_params={"run": run.id, "item": row.item_id},
    )


def _waterfall(table: pd.DataFrame, key: str) -> None:
    chart = recommend_charts.waterfall_chart(table, "Rating points")
    charts.draw(chart, key, recommend_charts.waterfall_words(table))


def _reasons_table(item: ExplainedItem, labels: Mapping[str, str]) -> pd.DataFrame:
    steps = [(f"{labels[share.item_id]}: {share.given:g}", share.share) for share in item.shares]
    steps = recommend_charts.largest_steps(steps, "The other ratings")
    if abs(item.clipping) >= 0.005:
        steps.append((PARTS["clipping"][0], item.clipping))
    return recommend_charts.waterfall_table(("Without ratings", item.base), steps, ("Prediction", item.rating))


def _meanings(parts: Sequence[str]) -> str:
    return "\n".join(f"- **{PARTS[part][0]}**: {PARTS[part][1]}" for part in parts)
