"""What a run does when its turn has come: read its data, train, save, measure."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convmf.config import ConvMFConfig
from convmf.errors import DISK_FULL, CheckpointError, ConvMFError, RunError
from convmf.runs.progress import ENDING, MEASURING, READING, SAVING, TRAINING, comparing
from convmf.runs.store import RunRecord, Store

if TYPE_CHECKING:
    from convmf.model.convmf import ConvMF
    from convmf.training.loop import IterationResult

logger = logging.getLogger(__name__)

_NO_MEMORY = ("can't allocate memory", "cannot allocate memory", "bad_alloc", "bad allocation")

Training = Callable[[Store, RunRecord, Callable[[], bool]], dict[str, Any] | None]
"""Trains a run until it is done or the last argument says True; returns its report, if there is one."""


def default_training(store: Store, run: RunRecord, should_stop: Callable[[], bool]) -> dict[str, Any] | None:
    """Train ``run`` on its data set, going on from its checkpoint when there is one.

    Returns
    -------
    dict or None
        The report, with "stopped_early": whether the training was stopped before its end; None when the server is
        closing, which leaves no time to measure.

    Raises
    ------
    ConvMFError
        The data or settings can't be used, or it was stopped before the first iteration had ended.
    """
    # Imported here because torch alone takes over a second, and a page that only lists runs needs none of it.
    from convmf.data.splits import SplitSettings, split_ratings
    from convmf.device import leave_a_core
    from convmf.evaluation.baselines import baseline_lines, simple_baselines
    from convmf.evaluation.report import build_report
    from convmf.training.loop import fit

    def enter(phase: str) -> None:
        store.update_run(run.id, phase=phase)
        logger.info(phase)

    def record(result: IterationResult) -> None:
        values = result.to_dict()
        store.append_iteration(run.id, values)
        names = {"train_rmse": "training RMSE", "valid_rmse": "validation RMSE"}
        figures = [f"{name} {values[key]:.4f}" for key, name in names.items() if values.get(key) is not None]
        seconds = sum(values["seconds"].values())
        logger.info("iteration %d: %s, %.2f s", values["iteration"], ", ".join(figures), seconds)

    leave_a_core()
    enter(READING)
    split = split_ratings(store.load_dataset(run.dataset_id), SplitSettings.from_dict(run.split))
    if should_stop():
        raise RunError("Stopped while the data was read; there is no model yet.")
    baselines = simple_baselines(split)
    store.update_run(run.id, baselines=baseline_lines(split, baselines))
    word_vectors = store.word_vectors(run.id)
    checkpoint = store.checkpoint_folder(run.id)
    resume_from = checkpoint if _has_files(checkpoint) else None

    def train(resume_from: Path | None) -> ConvMF:
        if resume_from is None:
            store.clear_history(run.id)
        return fit(
            split,
            ConvMFConfig.from_dict(run.config),
            on_iteration=record,
            on_ending=lambda: enter(ENDING),
            should_stop=should_stop,
            resume_from=resume_from,
            checkpoint_to=checkpoint,
            word_vectors=word_vectors,
        )

    enter(TRAINING)
    try:
        model = train(resume_from)
    except CheckpointError as error:
        # The same seed gives the same run: all that a lost checkpoint costs is time.
        logger.warning("%s", error)
        enter(f"{TRAINING} from the first iteration again: the checkpoint is of no use")
        model = train(None)
    stopped_early = should_stop()
    if stopped_early and store.run(run.id).state != "stopping":
        return None
    if store.run(run.id).iterations_done != len(model.history):  # the database is a copy of earlier than the checkpoint
        for values in model.history:
            store.append_iteration(run.id, values)
    enter(SAVING)
    store.clear_report(run.id)  # of an earlier model, should this one be saved and not be measured
    model.save(store.model_folder(run.id))
    enter(MEASURING)
    # The sum over the iterations: a resumed run counts from its first start, without the pause.
    seconds = sum(sum(values["seconds"].values()) for values in model.history)
    report = build_report(
        model,
        split,
        seconds=seconds,
        simple=baselines,
        word_vectors=word_vectors,
        all_baselines=run.all_baselines,
        should_stop=should_stop,
        on_baseline=lambda name: enter(comparing(name)),
    )
    if run.all_baselines and should_stop() and store.run(run.id).state != "stopping":
        return None  # when it is resumed, the baselines are measured too
    return report | {"stopped_early": stopped_early}


def _has_files(folder: Path) -> bool:
    """Whether a finished file is there; names with a dot are files that were never renamed."""
    return folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir())


def reason_of(error: BaseException) -> str:
    """What went wrong, in one line for people; of an error that nobody foresaw only its kind."""
    kind = type(error).__name__
    if isinstance(error, ConvMFError):
        return " ".join(str(error).split())[:500]
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return "The disk is full. Free some space, then resume this run."
    if _is_out_of_memory(error):
        return f"Not enough memory. Take a smaller batch, fewer kernels or shorter texts. ({kind})"
    return f"An unexpected error ({kind}). Its details are in the log file of this run, log.txt in its folder."


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    # torch on the CPU and the operating system have no class of their own for it.
    return isinstance(error, RuntimeError | OSError) and any(sign in str(error).lower() for sign in _NO_MEMORY)
