"""A run's results as one HTML file to send to somebody: no other file, no request to any host.

Every text of the user's passes through :func:`html.escape`; the figures' data are JSON in which no tag can end.
The file forbids itself (Content-Security-Policy) to load anything, so that even a mistake here stays harmless.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from convmf.evaluation.bootstrap import Estimate
from convmf.evaluation.comparison import Row
from convmf.evaluation.findings import Finding
from convmf.evaluation.further import FurtherRow
from convmf.evaluation.held_out import Example
from convmf.evaluation.plots import Picture

MAX_TEXT = 1200
_NONE = "–"
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"

_STYLE = """
:root { color-scheme: light dark; --text: #1b2b2a; --quiet: #5a6b69; --back: #fff; --card: #f1f5f4; --line: #d5dfdd;
  --accent: #0f766e; --bad: #b45309; }
@media (prefers-color-scheme: dark) { :root { --text: #e4ecea; --quiet: #9fb0ad; --back: #101817; --card: #192423;
  --line: #2e3f3d; --accent: #2dd4bf; --bad: #f0a860; } }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 60rem; background: var(--back); color: var(--text);
  font: 16px/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .3rem; } h2 { margin: 2.5rem 0 .5rem; font-size: 1.4rem; }
h3 { margin: 1.6rem 0 .2rem; font-size: 1.1rem; } p { margin: .4rem 0; } .quiet { color: var(--quiet); }
.note { border-left: 4px solid var(--bad); padding: .3rem .8rem; background: var(--card); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem; }
.card { background: var(--card); border-top: 4px solid var(--line); border-radius: .5rem; padding: .7rem 1rem; }
.card h3 { margin-top: 0; } .good { border-color: var(--accent); } .bad { border-color: var(--bad); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; margin: .8rem 0; overflow-wrap: normal; }
th, td { text-align: left; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.figure { white-space: nowrap; font-variant-numeric: tabular-nums; } tr.model { font-weight: 650; }
.description { white-space: pre-wrap; } summary { cursor: pointer; color: var(--quiet); }
section { break-inside: avoid; } @media print { body { max-width: none; } details:not([open]) { display: none; } }
"""

_SCRIPT = """
const ink = () => getComputedStyle(document.body).color;
const places = [...document.querySelectorAll(".plot")];
const draw = () => {  // one at a time, so that the text can be read and scrolled meanwhile
  const place = places.shift();
  if (!place) return;
  const figure = JSON.parse(document.getElementById(place.id + "-data").textContent);
  figure.layout.font = { color: ink(), family: "system-ui, sans-serif" };
  Plotly.newPlot(place, figure.data, figure.layout,
    { responsive: true, displaylogo: false, modeBarButtons: [["toImage"]] }).then(() => setTimeout(draw));
};
draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const place of document.querySelectorAll(".js-plotly-plot")) Plotly.relayout(place, { "font.color": ink() });
});
"""


@dataclass(frozen=True)
class ClientReport:
    """Everything that the report tells; all texts are plain text.

    Attributes
    ----------
    further
        Other figures.
    facts
        How it was measured: label and value.
    rows
        The comparison by heading.
    pictures, examples
        By heading, in the order in which they are shown.
    settings
        Name and value of each setting.
    """

    title: str
    subtitle: str
    note: str
    findings: Sequence[Finding]
    rows: Mapping[str, Sequence[Row]]
    pictures: Mapping[str, Sequence[Picture]]
    examples: Mapping[str, Sequence[Example]] = field(default_factory=dict)
    further: Sequence[FurtherRow] = ()
    facts: Sequence[tuple[str, str]] = ()
    settings: Sequence[tuple[str, str]] = ()

    def to_html(self) -> str:
        """The whole file."""
        from plotly.offline import get_plotlyjs

        body = "\n".join([self._head(), self._comparisons(), self._pictures(), self._examples(), self._end()])
        return (
            f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{_escape(self.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n"
            f"<script>{get_plotlyjs()}</script>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n"
        )

    def _head(self) -> str:
        note = f'<p class="note">{_escape(self.note)}</p>' if self.note else ""
        cards = "".join(
            f'<div class="card {finding.tone}"><h3>{_escape(finding.title)}</h3><p>{_escape(finding.text)}</p></div>'
            for finding in self.findings
        )
        return (
            f'<header><h1>{_escape(self.title)}</h1><p class="quiet">{_escape(self.subtitle)}</p>{note}</header>\n'
            f'<section><h2>What came out</h2><div class="cards">{cards}</div></section>'
        )

    def _comparisons(self) -> str:
        tables = "".join(
            f"<section><h3>{_escape(heading)}</h3>{_comparison_table(rows)}</section>"
            for heading, rows in self.rows.items()
        )
        return (
            "<h2>Beside simpler methods</h2><p>RMSE is the typical distance between predicted and real rating, in "
            "rating points; lower is better. The 95 % interval says where a figure could lie if other users had been "
            "asked, or, on new items, if other items had been the new ones. “Less error” compares the model with that "
            f"row, measured on the same ratings.</p>{tables}"
            f"{self._further()}"
        )

    def _further(self) -> str:
        if not self.further:
            return ""
        lines = "".join(
            f'<tr><td>{_escape(row.label)}</td><td class="figure">{_escape(row.cold)}</td>'
            f'<td class="figure">{_escape(row.test)}</td><td>{_escape(row.meaning)}</td></tr>'
            for row in self.further
        )
        head = "<tr><th></th><th>New items</th><th>Known items</th><th>What it is</th></tr>"
        return f'<section><h3>Further figures</h3><div class="scroll"><table>{head}{lines}</table></div></section>'

    def _pictures(self) -> str:
        parts, number = [], 0
        for heading, pictures in self.pictures.items():
            parts.append(f"<h2>{_escape(heading)}</h2>")
            for picture in pictures:
                parts.append(_picture(picture, f"plot-{number}"))
                number += 1
        return "\n".join(["<noscript><p>The charts need JavaScript.</p></noscript>", *parts])

    def _examples(self) -> str:
        return "".join(
            f"<h2>{_escape(heading)}</h2>" + "".join(_example(example) for example in examples)
            for heading, examples in self.examples.items()
            if examples
        )

    def _end(self) -> str:
        parts = []
        for heading, pairs in (("How it was measured", self.facts), ("Settings", self.settings)):
            if pairs:
                rows = "".join(f"<tr><th>{_escape(name)}</th><td>{_escape(value)}</td></tr>" for name, value in pairs)
                parts.append(f'<h2>{heading}</h2><div class="scroll"><table>{rows}</table></div>')
        return "".join(parts)


def figure_json(figure: go.Figure) -> str:
    """Data and layout of a figure as JSON that can stand inside a script element."""
    plain = figure.to_plotly_json()
    plain["layout"].pop("template", None)  # Plotly's own colours, which are those of a light page
    text = json.dumps(plain, ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _picture(picture: Picture, place: str) -> str:
    return (
        f"<section><h3>{_escape(picture.title)}</h3><p>{_escape(picture.what)}</p>"
        f'<div class="plot" id="{place}" role="img" aria-label="{_escape(picture.alt)}"></div>'
        f'<script type="application/json" id="{place}-data">{figure_json(picture.figure)}</script>'
        f"<details><summary>The chart in words</summary><p>{_escape(picture.alt)}</p></details></section>"
    )


def _comparison_table(rows: Sequence[Row]) -> str:
    lines = []
    for row in rows:
        figures = [_estimate(row.rmse), _interval(row.rmse, 3), _gain(row.gain), _interval(row.gain, 1, 100, " %")]
        if row.rmse is None:
            figures[0] = "not measured"
        cells = "".join(f'<td class="figure">{cell}</td>' for cell in figures)
        mark = ' class="model"' if row.is_model else ""
        lines.append(f"<tr{mark}><td>{_escape(row.label)}</td>{cells}<td>{_escape(row.meaning)}</td></tr>")
    heads = ("", "RMSE", "95 % interval", "Less error", "95 % interval", "What it is")
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


def _estimate(estimate: Estimate | None) -> str:
    return _NONE if estimate is None else f"{estimate.value:.3f}"


def _gain(estimate: Estimate | None) -> str:
    return _NONE if estimate is None else f"{100 * estimate.value:.1f} %"


def _interval(estimate: Estimate | None, digits: int, factor: float = 1.0, unit: str = "") -> str:
    if estimate is None or estimate.interval is None:
        return _NONE
    lower, upper = (f"{factor * end:.{digits}f}" for end in estimate.interval)
    return f"{lower} to {upper}{unit}"


def _example(example: Example) -> str:
    text = example.text if len(example.text) <= MAX_TEXT else example.text[:MAX_TEXT].rsplit(" ", 1)[0] + " …"
    return (
        f"<section><h3>{_escape(example.title)}</h3>"
        f"<p>User {_escape(example.user_id)} gave <b>{example.rating:g}</b>; predicted were "
        f"<b>{example.predicted:.1f}</b> (averages: {example.averages:.1f}).</p>"
        f'<details open><summary>Description</summary><p class="description">{_escape(text or "None.")}</p></details>'
        "</section>"
    )


def _escape(text: Any) -> str:
    return html.escape(str(text), quote=True)
