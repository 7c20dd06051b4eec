"""Pictures of a data set: how ratings spread, the long tail, how much text there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from convmf.data.dataset import Dataset
from convmf.data.text import words
from convmf.labels import in_percent, plotly_text

MAX_BARS = 25
MAX_POINTS = 400
MAX_TEXTS = 5_000
MOST_SINGLE_STEPS = 6
"""An axis of so few whole numbers is told to take steps of one; left alone, Plotly would take halves."""
FEW_RATINGS = 100
"""Items with fewer ratings have more than the powers of ten on the logarithmic axis."""
HEIGHT = 320
CONFIG = {
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "png", "scale": 2, "filename": "convmf_data"},
}
"""Of Plotly's tools only the one that saves a picture; it shows when the pointer is on the chart."""


@dataclass(frozen=True)
class Picture:
    """A chart, one sentence on what to see in it, and the same for those who can't see it."""

    title: str
    figure: go.Figure
    caption: str
    alt: str


def rating_histogram(dataset: Dataset) -> Picture:
    """How often each rating was given; ratings with many different values are put into ranges."""
    values, counts = np.unique(dataset.ratings.rating, return_counts=True)
    mean, spread = (
        float(dataset.ratings.rating.mean(dtype=np.float64)),
        float(dataset.ratings.rating.std(dtype=np.float64)),
    )
    if len(values) > MAX_BARS:
        counts, edges = np.histogram(dataset.ratings.rating, bins=MAX_BARS)
        values, width = (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0])
    else:
        width = float(np.diff(values).min()) if len(values) > 1 else 1.0
    bars = go.Bar(
        x=values.tolist(),
        y=counts.tolist(),
        width=0.8 * width,
        hovertemplate="Rating %{x:.4~g}: %{y:,} times<extra></extra>",
    )
    caption = f"The mean rating is {mean:.2f}, the standard deviation {spread:.2f}."
    most = values[int(counts.argmax())]
    figure = _figure(bars, "Rating", "Number of ratings", whole_x=len(values) <= 12)
    figure.update_yaxes(_whole_steps(int(counts.max())))
    return Picture(
        "Ratings given",
        figure,
        caption,
        f"Bar chart of the ratings. {caption} The most frequent rating is {most:g}.",
    )


def long_tail(dataset: Dataset) -> Picture:
    """Ratings of each item, the most rated first, on a logarithmic scale."""
    counts = np.sort(dataset.item_counts())[::-1]
    rated = counts[counts > 0]
    ranks = np.unique(np.geomspace(1, len(rated), min(MAX_POINTS, len(rated))).round().astype(int))
    line = go.Scatter(
        x=ranks.tolist(),
        y=rated[ranks - 1].tolist(),
        mode="lines",
        line={"width": 2.5},
        fill="tozeroy",
        hovertemplate="Item number %{x:,}: %{y:,} ratings<extra></extra>",
    )
    # Of fewer than ten items there is no tenth.
    n_top, top = (round(len(rated) / 10), "tenth of the items") if len(rated) >= 10 else (1, "item")
    share = rated[:n_top].sum() / rated.sum()
    n_unrated = len(counts) - len(rated)
    caption = f"The most rated {top} has {in_percent(share)} of the ratings. " + (
        f"Items without any rating: {n_unrated:,}." if n_unrated else "Every item has a rating."
    )
    figure = _figure(line, "Items, the most rated first", "Ratings of the item (log scale)")
    figure.update_xaxes(_whole_steps(len(rated)))
    ticks = {"dtick": 1} if rated[0] >= FEW_RATINGS else {"tickvals": [1, 2, 5, 10, 20, 50]}
    figure.update_yaxes(type="log", range=[-0.1, float(np.log10(rated[0])) + 0.2], **ticks)
    return Picture("The long tail", figure, caption, f"Line chart of the ratings of each item. {caption}")


def tails(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Picture:
    """By name, shares of the items (the most rated first) and of the ratings they have: how steep each tail is."""
    figure = _figure(None, "Share of the rated items, the most rated first", "Share of the ratings")
    for name, (items, ratings) in curves.items():
        shown = plotly_text(name)
        figure.add_scatter(
            x=items,
            y=ratings,
            name=shown,
            mode="lines",
            hovertemplate=f"{shown}: the top %{{x:.0%}} of the items have %{{y:.0%}} of the ratings<extra></extra>",
        )
    figure.update_layout(showlegend=len(curves) > 1, legend={"orientation": "h", "y": 1.15})
    figure.update_xaxes(tickformat=".0%")
    figure.update_yaxes(tickformat=".0%")
    caption = "The higher a line, the more a few items have of all ratings, and the fewer are left for the others."
    return Picture("How the ratings are spread over the items", figure, caption, f"Line chart. {caption}")


def text_lengths(dataset: Dataset) -> Picture:
    """Words of each description; of very many items only every k-th is counted."""
    texts = [text for text in dataset.texts if text.strip()]
    step = -(-len(texts) // MAX_TEXTS)
    lengths = np.array([len(words(text)) for text in texts[::step]])
    longest = max(1, int(np.percentile(lengths, 99)))
    counts, edges = _length_bins(np.minimum(lengths, longest), longest)
    bars = go.Bar(
        x=((edges[:-1] + edges[1:] - 1) / 2).tolist(),
        y=counts.tolist(),
        width=np.diff(edges).tolist(),
        customdata=np.column_stack([edges[:-1], edges[1:] - 1]).tolist(),
        hovertemplate="%{customdata[0]} to %{customdata[1]} words: %{y:,} items<extra></extra>",
    )
    caption = f"Half of the descriptions have up to {np.median(lengths):.0f} words; the longest has {lengths.max():,}."
    if step > 1:
        caption += f" Counted in {len(lengths):,} of {len(texts):,} descriptions."
    figure = _figure(bars, "Words in the description", "Number of items")
    figure.update_xaxes(_whole_steps(longest))
    figure.update_yaxes(_whole_steps(int(counts.max())))
    return Picture("Length of the descriptions", figure, caption, f"Bar chart of the text lengths. {caption}")


def _length_bins(lengths: NDArray[np.int64], longest: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counts and whole-numbered edges of about 25 ranges from 0 to the longest."""
    step = max(1, -(-longest // MAX_BARS))
    edges = np.arange(0, longest + step + 1, step)
    return np.histogram(lengths, bins=edges)[0], edges


def _whole_steps(most: int) -> dict[str, int]:
    """What keeps an axis that counts up to ``most`` from ticks between whole numbers."""
    return {"dtick": 1} if most <= MOST_SINGLE_STEPS else {}


def _figure(trace: go.Bar | go.Scatter | None, x_title: str, y_title: str, *, whole_x: bool = False) -> go.Figure:
    figure = go.Figure(trace)
    figure.update_layout(
        height=HEIGHT, margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=False, bargap=0.1, dragmode=False
    )
    figure.update_xaxes(title=x_title, fixedrange=True, separatethousands=True, showgrid=False)
    figure.update_yaxes(title=y_title, fixedrange=True, separatethousands=True, rangemode="tozero")
    if whole_x:
        figure.update_xaxes(tickvals=list(trace.x))
    return figure
