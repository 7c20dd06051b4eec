"""The page of a study: one HTML file that holds everything and asks no other host for anything."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from convmf.data.dataset import Dataset
from convmf.files import write_atomic
from convmf.studies.plan import Study, StudySettings

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
body {{ font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; color: #2B3440; background: white;
  max-width: 1100px; margin: 2rem auto; padding: 0 1.5rem; }}
h1 {{ font-size: 1.7rem; margin-bottom: .3rem; }}
.facts {{ color: #5B6675; font-size: .9rem; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{question}</p>
<ul>
{notes}
</ul>
{figures}
<p class="facts">{facts}</p>
</body>
</html>
"""
# No logo with its link, and none of the buttons that few know.
_CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


def write_page(
    path: Path, study: Study, figures: Sequence[Figure], notes: Sequence[str], dataset: Dataset, settings: StudySettings
) -> None:
    """Write the page; plotly.js stands in it once."""
    from plotly.io import to_html

    drawn = [
        to_html(figure, include_plotlyjs=number == 0, full_html=False, config=_CONFIG, div_id=f"figure-{number + 1}")
        for number, figure in enumerate(figures)
    ]
    page = _PAGE.format(
        title=escape(study.title),
        question=escape(study.question),
        notes="\n".join(f"<li>{escape(note)}</li>" for note in notes),
        figures="\n".join(drawn),
        facts=escape(_facts(dataset, settings)),
    )
    write_atomic(path, page.encode("utf-8"))


def _facts(dataset: Dataset, settings: StudySettings) -> str:
    """What the study was run on."""
    config = type(settings.config)()
    changed = [
        f"{name}={value}" for name, value in settings.config.to_dict().items() if config.to_dict()[name] != value
    ]
    vectors = "none" if settings.vectors is None else settings.vectors.name
    return (
        f"Data: {dataset.name or 'unnamed'} ({dataset.n_ratings:,} ratings, {dataset.n_users:,} users, "
        f"{dataset.n_items:,} items, {dataset.n_items_with_text:,} with text). "
        f"Seeds: {', '.join(map(str, settings.seeds))}. Pretrained word vectors: {vectors}. "
        f"Settings that differ from the default: {', '.join(changed) or 'none'}."
    )
