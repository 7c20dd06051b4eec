"""python -m convmf study: many trainings, a table and a page of pictures."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from convmf.commands.data import read_data, read_word_vectors
from convmf.commands.options import add_files, positive
from convmf.commands.progress import StopOnInterrupt
from convmf.config import PRESETS, ConvMFConfig, parse_setting
from convmf.studies import SUMMARIES, find_study


def add_study(commands: Any) -> None:
    """Add the command to the parser's ``commands``."""
    study = commands.add_parser(
        "study",
        help="answer a question by many trainings, with a table and a page of pictures",
        description="Answer a question by many trainings. The same command goes on where a study was stopped.",
        epilog="; ".join(f"{name}: {summary}" for name, summary in SUMMARIES.items()),
    )
    study.add_argument("study", choices=list(SUMMARIES), metavar="|".join(SUMMARIES), help="what is asked, see below")
    add_files(study, required=("ratings", "items"))
    study.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where tables and page go")
    study.add_argument("--seeds", type=positive, default=3, metavar="N", help="splits and starts (default %(default)s)")
    study.add_argument("--preset", choices=list(PRESETS), default="default", help="settings to vary (%(default)s)")
    study.add_argument("--set", action="append", default=[], metavar="name=value", help="one setting; repeat for more")
    study.add_argument("--vectors", type=Path, metavar="FILE", help="pretrained word vectors, GloVe or word2vec text")
    study.set_defaults(run=_study)


def _study(options: argparse.Namespace) -> int:
    from convmf.studies.plan import StudySettings
    from convmf.studies.runner import run_study

    config = ConvMFConfig.preset(options.preset, **dict(parse_setting(assignment) for assignment in options.set))
    settings = StudySettings(config, options.seeds)  # refused here, before anything is read
    dataset = read_data(options.ratings, options.items)
    if options.vectors:
        settings = replace(settings, vectors=read_word_vectors(options.vectors, dataset))
    progress, stopped = _StudyLine(), StopOnInterrupt()
    with stopped:
        result = run_study(
            find_study(options.study),
            dataset,
            settings,
            options.out,
            on_progress=progress,
            should_stop=lambda: stopped.asked,
        )
    progress.close()
    for note in result.notes:
        print(note)
    print(f"In {options.out}: {', '.join(path.name for path in result.files)}")
    return 0


class _StudyLine:
    """One line on stderr that moves with the trainings; silent where stderr is no terminal."""

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()

    def __call__(self, progress: Any) -> None:
        if not self.shown:
            return
        from convmf.studies.runner import describe

        filled = 20 * progress.n_done // progress.n_all
        current = "" if progress.current is None else f": {describe(progress.current)}"
        iteration = f", iteration {progress.iteration}" if progress.iteration else ""
        left = "" if progress.seconds_left is None else f", about {_duration(progress.seconds_left)} left"
        line = f"[{'#' * filled}{'.' * (20 - filled)}] {progress.n_done} of {progress.n_all}{left}{current}{iteration}"
        print(f"\r{line[:118]:<118}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the line."""
        if self.shown:
            print(file=sys.stderr)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
