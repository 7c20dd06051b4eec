"""What the page is about: a model with its data, and what was read with it already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from convmf.data.dataset import Dataset
from convmf.runs.store import RunRecord
from pages.shared.workspace import dataset, model

if TYPE_CHECKING:  # the modules behind it import torch
    from convmf.explain import Substitute, TextReading
    from convmf.model.convmf import ConvMF


@dataclass(frozen=True, eq=False)
class Subject:
    """A run's model and its data; ``usual`` is the mean of all ratings."""

    run: RunRecord
    net: ConvMF = field(repr=False)
    data: Dataset = field(repr=False)
    usual: float

    @classmethod
    def of(cls, run: RunRecord) -> Subject:
        """Load the model and the data of a run, or take them from what is loaded."""
        data = dataset(run.dataset_id)
        return cls(run, model(run.id, str(run.ended)), data, float(data.ratings.rating.mean()))

    @property
    def run_id(self) -> str:
        return self.run.id

    @property
    def ended(self) -> str:
        """With the run's id it names a model: a resumed run has a new one."""
        return str(self.run.ended)


@st.cache_resource(max_entries=40, show_spinner=False)
def reading(run_id: str, ended: str, text: str) -> TextReading:
    """How the model reads a text; many are kept, for going back to one costs nothing then."""
    from convmf.explain import read_text  # imports torch

    return read_text(model(run_id, ended), text)


@st.cache_resource(max_entries=10, show_spinner="Trying all words that the model knows …")
def replacements(run_id: str, ended: str, text: str, start: int, end: int) -> list[Substitute]:
    """Every word in the place of a stretch of the text, the one that raises the rating most first."""
    from convmf.data.text import words
    from convmf.explain import substitutes

    there = words(text[start:end])
    return [found for found in substitutes(model(run_id, ended), text, start, end) if [found.word] != there]
