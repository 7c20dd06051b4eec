"""The report for a client: one file, hostile texts as plain text, no way out to another host."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import plotly.graph_objects as go
import pytest

from convmf.data.splits import SplitSettings, split_ratings
from convmf.evaluation.html_report import figure_json
from convmf.evaluation.report import build_report
from convmf.evaluation.results import ERRORS_BY, EXAMPLE_KINDS, Results
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset

HOSTILE = '</script><script>alert(1)</script><img src="http://example.org/x.png">&amp;"\''


class Elements(HTMLParser):
    """The elements of a file, and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def results() -> Results:
    data = tiny_dataset()
    data = replace(
        data,
        name=HOSTILE,
        titles=(HOSTILE,) * data.n_items,
        texts=tuple(f"{text} {HOSTILE}" for text in data.texts),
        user_ids=tuple(f"{HOSTILE}{row}" for row in range(data.n_users)),
    )
    split = split_ratings(data, SplitSettings(cold_items=0.2))
    model = fit(split, TINY)
    return Results.measure(model, data, build_report(model, split, seconds=1.0), {"test": 0.1, "cold": 0.2})


@pytest.fixture(scope="module")
def report(results: Results) -> str:
    return results.client_report(HOSTILE, note=HOSTILE).to_html()


def test_hostile_texts_stay_texts_and_nothing_points_elsewhere(report):
    parser = Elements()
    parser.feed(report)
    tags = [tag for tag, _ in parser.tags]
    assert not {"img", "link", "iframe", "a", "form", "base"} & set(tags)
    assert all("src" not in attributes and "href" not in attributes for _, attributes in parser.tags)
    scripts = [attributes.get("type") for tag, attributes in parser.tags if tag == "script"]
    assert scripts.count(None) == 2, "Plotly and the few lines that draw"
    assert "alert(1)</script>" not in report
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in report
    policy = next(attributes["content"] for tag, attributes in parser.tags if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none';") and "http" not in policy


def test_every_figure_has_its_data_and_its_words(report):
    parser = Elements()
    parser.feed(report)
    plots = [attributes for _, attributes in parser.tags if attributes.get("class") == "plot"]
    assert len(plots) == 2 * 6 + 1
    assert all(plot["role"] == "img" and len(plot["aria-label"]) > 40 for plot in plots)
    for content in re.findall(r'<script type="application/json" id="plot-\d+-data">(.*?)</script>', report):
        assert json.loads(content)["data"]


def test_it_tells_the_figures_of_the_run(results, report):
    for part in ("test", "cold"):
        assert f"{results.report['rmse'][part]:.3f}" in report
    assert "not measured" in report and "Lowest possible" in report
    assert ">lambda_u</th><td>2.0</td>" in report


def test_a_figure_s_text_cannot_end_its_script():
    figure = go.Figure(go.Scatter(x=["</script>"], y=[1]), layout={"title": {"text": "<!-- & "}})
    text = figure_json(figure)
    assert "<" not in text and "&" not in text
    assert json.loads(text)["data"][0]["x"] == ["</script>"]


def test_the_results_know_their_parts_and_check_themselves(results):
    assert results.part_names == ["cold", "test"]
    for part in results.part_names:
        now, then = results.checked(part)
        assert now == pytest.approx(then, abs=1e-5)
        for by in ERRORS_BY:
            assert results.error_picture(part, by).figure.data
    assert set(EXAMPLE_KINDS) == {"worst", "best", "gained", "lost"}
