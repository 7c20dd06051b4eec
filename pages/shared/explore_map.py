"""The figure of the catalogue as a map, in Plotly: a point an item, coloured by what is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from convmf.evaluation.plots import SERIES
from convmf.explain.catalogue import NO_GENRE, OTHER, CatalogueFigures, main_genres
from convmf.explain.projection import Projection
from convmf.labels import in_percent, one_line, plotly_text
from convmf.palette import MODEBAR

MOST_POINTS = 10_000
FEW_POINTS = 1_500
"""So many are drawn as SVG, which is there at once; WebGL takes longer to begin, and then bears any number."""
HEIGHT = 540
GREY = "#98A0AD"
MARK = "#E0218A"
"""The chosen item: like no genre and no value."""
SCALE = ("#3D5A99", "#14A394", "#E3B341")
"""From little to much; its ends can be told from light and from dark ground."""
COLOURS = {"genre": "Genre", "mean": "Mean rating", "count": "Popularity", "trust": "Text trust"}
_LONGEST = 70
_GRID = "rgba(138, 146, 158, 0.25)"


@dataclass(frozen=True, eq=False)
class MapItems:
    """What the map shows of each item, (n_items,) each; ``genres`` as in the data set, such as "Comedy|Crime"."""

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    genres: tuple[str, ...]
    figures: CatalogueFigures


def colour_choices(items: MapItems) -> dict[str, str]:
    """By what the points can be coloured, key to words: only what the data and the model have."""
    present = {"mean", "count"}
    present |= {"genre"} if any(items.genres) else set()
    present |= {"trust"} if items.figures.text_trust is not None else set()
    return {key: words for key, words in COLOURS.items() if key in present}


def shown_rows(figures: CatalogueFigures) -> NDArray[np.int64]:
    """The rows on the map: all, or of very many the most rated ones."""
    return np.sort(np.argsort(-figures.n_ratings, kind="stable")[:MOST_POINTS])


def map_figure(projection: Projection, items: MapItems, colour: str) -> go.Figure:
    """The map without a mark; each point's customdata is its item id."""
    rows = shown_rows(items.figures)
    figure = go.Figure()
    if colour == "genre":
        _add_genres(figure, projection, items, rows)
    else:
        _add_values(figure, projection, items, rows, colour)
    first, second = projection.explained
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 8, "r": 8, "t": 34, "b": 8},
        dragmode="pan",
        hovermode="closest",
        hoverlabel={"align": "left"},
        # Below the map: above it the buttons for zooming appear.
        legend={"orientation": "h", "yanchor": "top", "y": -0.1, "x": 0, "itemsizing": "constant"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        modebar=MODEBAR,
    )
    common = {"showticklabels": False, "gridcolor": _GRID, "zeroline": False}
    if colour == "genre":
        # Room for three rows of genres: to find out how much they need Plotly would draw the whole map twice.
        figure.update_layout(margin={"l": 30, "r": 8, "t": 34, "b": 120, "autoexpand": False})
        common["automargin"] = False
    figure.update_xaxes(title=f"Axis 1: {in_percent(first)} of the differences", **common)
    figure.update_yaxes(title=f"Axis 2: {in_percent(second)} of the differences", **common)
    return figure


def with_mark(figure: go.Figure, projection: Projection, row: int) -> go.Figure:
    """A copy with a ring around one item. A click on a point makes it vanish: Plotly marks that point itself."""
    x, y = projection.points[row].tolist()
    marked = go.Figure(figure)
    marked.add_trace(
        type(figure.data[0])(
            x=[x],
            y=[y],
            mode="markers",
            marker={"size": 20, "color": "rgba(0,0,0,0)", "line": {"color": MARK, "width": 4}},
            unselected={"marker": {"opacity": 0}},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    return marked


def _add_genres(figure: go.Figure, projection: Projection, items: MapItems, rows: NDArray[np.int64]) -> None:
    genre_of = np.array(main_genres(items.genres), dtype=object)
    rest = (OTHER, NO_GENRE)
    colours = iter(SERIES)
    for name in sorted(set(genre_of[rows].tolist()), key=lambda name: (name not in rest, name)):
        # The rest first, so that it lies below; in the legend it is the last.
        colour = GREY if name in rest else next(colours)
        points = _points(projection, items, rows[genre_of[rows] == name], plotly_text(name), {"color": colour})
        figure.add_trace(points.update(legendrank=1001 if name in rest else 1000))


def _add_values(
    figure: go.Figure, projection: Projection, items: MapItems, rows: NDArray[np.int64], colour: str
) -> None:
    """A trace of those that have the value, and one in grey of the others."""
    values = _values(items.figures, colour)
    known = np.isfinite(values[rows])
    if not known.all():
        figure.add_trace(_points(projection, items, rows[~known], "Without ratings", {"color": GREY}))
    bar: dict[str, object] = {"title": {"text": COLOURS[colour], "side": "top"}, "thickness": 12, "len": 0.9}
    if colour == "count":
        powers = range(int(np.nanmax(values[rows], initial=0.0)) + 1)
        bar |= {
            "title": {"text": "Ratings", "side": "top"},
            "tickvals": list(powers),
            "ticktext": [f"{10**power:,}" for power in powers],
        }
    elif colour == "trust":
        bar |= {"tickformat": ".0%"}
    marker = {"color": values[rows[known]].tolist(), "colorscale": list(SCALE), "showscale": True, "colorbar": bar}
    figure.add_trace(_points(projection, items, rows[known], COLOURS[colour], marker))
    figure.update_layout(showlegend=not known.all())


def _values(figures: CatalogueFigures, colour: str) -> NDArray[np.float64]:
    """What the colour stands for, NaN where an item has none; popularity on a log scale."""
    if colour == "mean":
        return figures.mean_rating
    if colour == "trust" and figures.text_trust is not None:
        return figures.text_trust.astype(np.float64)
    counts = figures.n_ratings.astype(np.float64)
    return np.log10(counts, out=np.full(len(counts), np.nan), where=counts > 0)


def _points(
    projection: Projection, items: MapItems, rows: NDArray[np.int64], name: str, marker: dict[str, object]
) -> go.Scatter | go.Scattergl:
    x, y = projection.points[rows].T
    kind = go.Scatter if len(items.ids) <= FEW_POINTS else go.Scattergl
    return kind(
        x=x.tolist(),
        y=y.tolist(),
        name=name,
        mode="markers",
        marker={"size": 7, "opacity": 0.8, **marker},
        selected={"marker": {"size": 16, "color": MARK, "opacity": 1}},
        unselected={"marker": {"opacity": 0.6}},
        customdata=[[items.ids[row]] for row in rows.tolist()],
        hovertext=[hover_text(items, row) for row in rows.tolist()],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def hover_text(items: MapItems, row: int) -> str:
    """Title, genres, ratings and trust of an item, safe for Plotly."""
    figures, label = items.figures, items.labels[row]
    label = label if len(label) <= _LONGEST else f"{label[:_LONGEST]} …"
    count, mean = int(figures.n_ratings[row]), float(figures.mean_rating[row])
    lines = [f"<b>{plotly_text(label)}</b>"]
    if items.genres[row]:
        lines.append(plotly_text(one_line(items.genres[row].replace("|", ", "))[:_LONGEST]))
    lines.append(f"{count:,} rating{'s' * (count != 1)}, mean {mean:.2f}" if count else "no ratings yet")
    if figures.text_trust is not None:
        lines.append(f"text trust {in_percent(float(figures.text_trust[row]))}")
    return "<br>".join(lines)


def map_words(items: MapItems, projection: Projection, by: str, colour: str) -> str:
    """What the map shows, in words, for those who can't see it; the same whatever item is chosen, as the map is."""
    shown: Sequence[int] = shown_rows(items.figures).tolist()
    first, second = projection.explained
    return (
        f"Scatter plot of {len(shown):,} items by their {by} factors on two axes, which show "
        f"{in_percent(first + second)} of the differences, coloured by {COLOURS[colour].lower()}. The search "
        "field above and the lists of neighbours below lead to the same items by keyboard."
    )
