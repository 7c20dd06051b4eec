"""What a study is made of: the trainings that it needs, what it measures in each, and its pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from convmf.config import ConvMFConfig
from convmf.data.splits import Split, SplitSettings
from convmf.data.vectors import WordVectors
from convmf.errors import ConfigError
from convmf.evaluation.baselines import Predictor
from convmf.model.convmf import ConvMF

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Row = dict[str, str | int | float | None]

NO_VECTORS = "ConvMF+ is left out: it starts from pretrained word vectors, given with --vectors FILE."


@dataclass(frozen=True)
class StudySettings:
    """What all trainings of a study have in common.

    Attributes
    ----------
    config
        The settings that a study varies.
    n_seeds
        Each training is run with the seeds ``config.seed``, ``config.seed`` + 1, …, which also deal the ratings.
    vectors
        Pretrained word vectors, None where there are none.
    """

    config: ConvMFConfig
    n_seeds: int = 3
    vectors: WordVectors | None = None

    def __post_init__(self) -> None:
        if self.n_seeds < 1:
            raise ConfigError(f"A study needs at least 1 seed, not {self.n_seeds!r}.")
        if self.config.text != "real":
            raise ConfigError(f"A study sets text itself; leave text={self.config.text} out.")
        if self.config.freeze_embedding:
            raise ConfigError("A study compares with random word vectors, which learn; leave freeze_embedding out.")

    @property
    def seeds(self) -> range:
        return range(self.config.seed, self.config.seed + self.n_seeds)


@dataclass(frozen=True)
class Planned:
    """One training of a study.

    Attributes
    ----------
    labels
        What tells it from the others, for people: columns of the table.
    config
        Its settings; None is no training but the users' and items' own levels.
    split
        How the ratings are dealt.
    train_share
        Learn from this share of all ratings only; None takes the whole training part.
    uses_vectors
        Start from the pretrained word vectors.
    """

    labels: Mapping[str, str | int | float]
    config: ConvMFConfig | None
    split: SplitSettings
    train_share: float | None = None
    uses_vectors: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        config = None if self.config is None else self.config.to_dict()
        return asdict(self) | {"labels": dict(self.labels), "config": config, "split": self.split.to_dict()}


@dataclass(frozen=True, eq=False)
class Trained:
    """A training that is done; ``model`` is None where there was nothing to train."""

    planned: Planned
    split: Split
    predict: Predictor
    model: ConvMF | None


@dataclass(frozen=True)
class Study:
    """One question, the trainings that answer it, and how the answer is shown.

    Attributes
    ----------
    name, title, question
        Stem of its files; headline of its page; what is asked and how it is measured, a paragraph.
    plan
        The trainings, those of the first seed first, so that what a stopped study has done is of use.
    measure
        The rows of one training. The test part is read here, by figures that nothing is chosen by.
    keys, measures
        Columns that tell the rows of the summary apart, and those that are averaged over the seeds.
    figures
        Pictures of the rows of all trainings that are done; none where these are too few.
    findings
        Sentences that say what the rows tell, for page and terminal.
    """

    name: str
    title: str
    question: str
    plan: Callable[[StudySettings], list[Planned]]
    measure: Callable[[Trained], list[Row]]
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    figures: Callable[[pd.DataFrame, StudySettings], list[Figure]]
    findings: Callable[[pd.DataFrame, StudySettings], list[str]]
