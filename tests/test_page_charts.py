"""Charts and figures of the pages: room for every bar, ticks that differ, narrow windows, true differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from convmf.evaluation import plots
from convmf.evaluation.bootstrap import Estimate
from convmf.evaluation.comparison import Row
from convmf.explain import Phrase, TastePhrase
from pages.shared import charts, cold_charts, curves, explore_kernels, metrics, recommend_charts

NARROW = 34
"""Characters of an axis title for which a window of 390 pixels has room."""


def bar_charts() -> dict[str, Any]:
    taste = recommend_charts.phrases_table([TastePhrase("war", "i", "", 0.001, 0.0)])
    words = pd.DataFrame([["war", 0.001, 0.0, 0.001, cold_charts.STANDS_IN["second"]]])
    words.columns = ["word", "effect", "first", "second", "stands_in"]
    moves = pd.DataFrame({"factor": ["Level"], "change": [0.001], "effect": [explore_kernels.RAISES]})
    return {
        "phrases": charts.evidence_chart([Phrase("war", 0.001, 0, 3)]),
        "difference": cold_charts.difference_chart(words),
        "taste": recommend_charts.phrases_chart(taste),
        "kernel": explore_kernels.moves_chart(moves),
    }


def inside(spec: Any, key: str) -> Iterator[Any]:
    """Every value of ``key`` in a specification."""
    if isinstance(spec, dict):
        yield from ([spec[key]] if key in spec else [])
        spec = list(spec.values())
    if isinstance(spec, list):
        for part in spec:
            yield from inside(part, key)


@pytest.mark.parametrize("name", ["phrases", "difference", "taste", "kernel"])
def test_a_single_bar_has_its_room_and_its_axis_digits_that_tell_the_ticks_apart(name):
    chart = bar_charts()[name].to_dict()
    assert chart["height"] == {"step": charts.ROW["step"]}
    axis = chart["encoding"]["x"]["axis"]
    assert axis["format"] == "+f", "without a number of digits Vega takes as many as the ticks need"


def test_charts_with_rows_of_their_own_grow_with_them():
    steps = recommend_charts.waterfall_table(("Mean", 3.0), [("Level", 0.2)], ("Sum", 3.2))
    moved = pd.DataFrame({"factor": ["Factor 1"], "text": [0.1], "item": [0.2], "moved": [0.1]})
    for chart in (recommend_charts.waterfall_chart(steps, "Points"), cold_charts.movement_chart(moved)):
        assert chart.to_dict()["height"] == {"step": charts.ROW["step"]}


@pytest.mark.parametrize("name", ["phrases", "difference", "taste", "rmse", "objective"])
def test_legends_have_one_entry_a_line_and_titles_fit_into_a_narrow_window(name):
    curve = {"rmse": curves.rmse_spec, "objective": curves.objective_spec}
    spec = curve[name]() if name in curve else bar_charts()[name].to_dict()
    legends = [legend for legend in inside(spec, "legend") if legend]
    assert legends and all(legend["direction"] == "vertical" and "columns" not in legend for legend in legends)
    assert all(len(axis.get("title") or "") < NARROW for key in ("x", "y") for axis in inside(spec, key))


def test_the_axis_of_the_comparison_fits_into_a_narrow_window():
    rows = [Row("model", "This model", "m", Estimate(0.8)), Row("biases", "User and item averages", "b", Estimate(0.9))]
    assert len(plots.comparison_plot(rows, "test").figure.layout.xaxis.title.text) < NARROW


@pytest.mark.parametrize(
    ("value", "other", "good", "delta", "arrow", "colour"),
    [
        (4.264, 3.415, 1, "+0.84", "up", "green"),
        (0.8125, 0.95, -1, "−0.14", "down", "green"),
        (3.0, 3.2, 1, "−0.20", "down", "red"),
        (3.0, 3.2, 0, "−0.20", "down", "gray"),
        (3.001, 3.004, 1, "+0.00", "off", "gray"),
    ],
)
def test_a_metric_beside_another_differs_by_what_the_shown_figures_do(value, other, good, delta, arrow, colour):
    shown = metrics.against(value, other, "against it", good=good)
    assert shown == {"delta": f"{delta} against it", "delta_arrow": arrow, "delta_color": colour}
