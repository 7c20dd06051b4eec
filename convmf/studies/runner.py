"""Runs the trainings of a study one after the other, and writes its tables and its page."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from convmf.data.dataset import Dataset
from convmf.data.splits import Split, SplitSettings, split_ratings, thin_train
from convmf.errors import ConvMFError, RunError
from convmf.evaluation.baselines import Predictor, biases
from convmf.files import FileLock, write_atomic
from convmf.model.convmf import ConvMF
from convmf.studies.page import write_page
from convmf.studies.plan import Planned, Study, StudySettings, Trained
from convmf.studies.results import Measured, Results, summarize, table
from convmf.training.loop import fit

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudyProgress:
    """Where a study is.

    Attributes
    ----------
    n_done, n_all
        Trainings that are done (in earlier sessions too), and all of them.
    current
        The training that runs now, None at the end.
    iteration
        Finished iterations of it.
    seconds_left
        What the rest takes at the mean pace of the trainings that are done; None before the first.
    """

    n_done: int
    n_all: int
    current: Planned | None
    iteration: int
    seconds_left: float | None


@dataclass(frozen=True, eq=False)
class StudyResult:
    """What a study came to: the rows of all trainings that are done, and whether these are all.

    ``notes`` are sentences for people: findings, and what is missing. ``files`` are summary, rows and page.
    """

    rows: pd.DataFrame
    complete: bool
    notes: list[str]
    files: list[Path]


class _StudyStopped(Exception):
    """The study was asked to stop; the training that ran then doesn't count."""


def run_study(
    study: Study,
    dataset: Dataset,
    settings: StudySettings,
    folder: Path,
    *,
    on_progress: Callable[[StudyProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> StudyResult:
    """Run what is missing of a study and write ``folder``/NAME.csv, NAME_trainings.csv and NAME.html.

    What is measured stands in NAME.json after every training. A study that was stopped, or whose process
    died, goes on there when it is run again with the same data and settings, and ends with the same tables.

    Raises
    ------
    RunError
        Another process runs this study in the same folder, its file of results is damaged, or it was
        stopped before anything was measured.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f".{study.name}.lock")
    if not lock.acquire():
        raise RunError(f"The study {study.name} is running in {folder} already; wait for it, or take another folder.")
    try:
        session = _Session(study, dataset, settings, folder, on_progress, should_stop or (lambda: False))
        return session.write(complete=session.run())
    finally:
        lock.release()


class _Session:
    """One go at a study, from the first training that is missing on."""

    def __init__(
        self,
        study: Study,
        dataset: Dataset,
        settings: StudySettings,
        folder: Path,
        on_progress: Callable[[StudyProgress], None] | None,
        should_stop: Callable[[], bool],
    ) -> None:
        self.study, self.dataset, self.settings, self.folder = study, dataset, settings, folder
        self.on_progress, self.should_stop = on_progress, should_stop
        self.plan = study.plan(settings)
        self.results = Results(folder / f"{study.name}.json", dataset, settings)
        self._split: Split | None = None

    def run(self) -> bool:
        """Whether all trainings are done."""
        for planned in self.plan:
            if self.results.get(planned) is not None:
                continue
            self._tell(planned, 0)
            try:
                self.results.add(planned, self._measure(planned))
            except _StudyStopped:
                return False
        self._tell(None, 0)
        return True

    def _measure(self, planned: Planned) -> Measured:
        started = time.perf_counter()
        try:
            rows, error = self.study.measure(self._train(planned)), None
        except ConvMFError as failure:
            if self.should_stop():
                raise _StudyStopped from failure
            # A setting far off the rest may well break a training; the others go on without it.
            log.warning("%s: %s", describe(planned), failure)
            rows, error = [], str(failure)
        return Measured(rows, time.perf_counter() - started, error)

    def _train(self, planned: Planned) -> Trained:
        split = self._deal(planned.split)
        if planned.train_share is not None:
            split = thin_train(split, planned.train_share)
        if self.should_stop():
            raise _StudyStopped
        if planned.config is None:
            return Trained(planned, split, biases(split), None)
        model = fit(
            split,
            planned.config,
            on_iteration=lambda result: self._tell(planned, result.iteration),
            should_stop=self.should_stop,
            word_vectors=self.settings.vectors if planned.uses_vectors else None,
        )
        if self.should_stop():  # the model is that of a training cut short
            raise _StudyStopped
        return Trained(planned, split, _predictor(model), model)

    def _deal(self, split: SplitSettings) -> Split:
        if self._split is None or self._split.settings != split:
            self._split = split_ratings(self.dataset, split)
        return self._split

    def _tell(self, current: Planned | None, iteration: int) -> None:
        if self.on_progress is None:
            return
        done = [measured for planned in self.plan if (measured := self.results.get(planned)) is not None]
        n_left = len(self.plan) - len(done)
        pace = sum(measured.seconds for measured in done) / len(done) if done else None
        left = None if pace is None else pace * n_left
        self.on_progress(StudyProgress(len(done), len(self.plan), current, iteration, left))

    def write(self, *, complete: bool) -> StudyResult:
        """Tables and page of what is done."""
        study, settings = self.study, self.settings
        rows = table(self.plan, self.results)
        failed = [
            f"{describe(planned)}: {measured.error}"
            for planned in self.plan
            if (measured := self.results.get(planned)) is not None and measured.error
        ]
        if rows.empty:
            reason = failed[0] if failed else "It was stopped before the first training was done."
            raise RunError(f"The study has nothing to show. {reason}")
        summary = summarize(rows, study.keys, study.measures)
        files = [self.folder / f"{study.name}{end}" for end in (".csv", "_trainings.csv", ".html")]
        for path, frame in zip(files[:2], (summary, rows), strict=True):
            write_atomic(path, frame.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode("utf-8"))
        notes = study.findings(rows, settings) + [f"Broke off: {failure}" for failure in failed]
        if not complete:
            n_done = sum(self.results.get(planned) is not None for planned in self.plan)
            notes.append(f"Unfinished: {n_done} of {len(self.plan)} trainings are done; the same command goes on.")
        write_page(files[2], study, study.figures(rows, settings), notes, self.dataset, settings)
        return StudyResult(rows, complete, notes, files)


def describe(planned: Planned) -> str:
    """A training in a few words, as progress and messages name it."""
    return ", ".join([*map(str, planned.labels.values()), f"seed {planned.split.seed}"])


def _predictor(model: ConvMF) -> Predictor:
    return lambda ratings: model.predict_rows(ratings.user_index, ratings.item_index)
