"""Studies: many trainings, one question each, answered by a table and a page of pictures."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convmf.studies.plan import Study

SUMMARIES = {
    "sparsity": "how the error falls with the training data, with and without text",
    "lambda": "the error over λ_U × λ_V, and the path that the default walks",
    "controls": "real, shuffled, empty and no text, by how many ratings an item has",
    "ablation": "each part of the model switched off, one at a time",
    "words": "words replaced in the descriptions: which replacements change the prediction",
}
"""What each study asks, in a line."""

_HOME = {name: f"convmf.studies.{name}" for name in SUMMARIES} | {"lambda": "convmf.studies.penalties"}


def find_study(name: str) -> Study:
    """The study with this name, a key of ``SUMMARIES``; imported on demand, as it brings torch."""
    study: Study = import_module(_HOME[name]).STUDY
    return study
