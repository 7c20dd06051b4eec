"""The alternation of ConvMF: users (7) → items (8) → CNN (9) → validate, over and over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from convmf.config import ConvMFConfig
from convmf.data.dataset import Dataset
from convmf.data.splits import Split, SplitSettings, split_ratings
from convmf.data.vectors import WordVectors
from convmf.device import describe_device
from convmf.errors import ConfigError, DataError, RunError, quoted
from convmf.evaluation.uncertainty import FEWEST_RATINGS, measure_intervals
from convmf.model.als import Stopped
from convmf.model.convmf import ConvMF
from convmf.training.checkpoint import save_checkpoint
from convmf.training.state import IterationResult, Training
from convmf.training.warm_up import warm_up

log = logging.getLogger(__name__)

__all__ = ["IterationResult", "fit"]


def fit(
    dataset_or_split: Dataset | Split,
    config: ConvMFConfig | None = None,
    *,
    on_iteration: Callable[[IterationResult], None] | None = None,
    on_ending: Callable[[], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    resume_from: Path | str | None = None,
    checkpoint_to: Path | str | None = None,
    word_vectors: WordVectors | None = None,
    with_intervals: bool = True,
) -> ConvMF:
    """Train ConvMF; the state with the best validation RMSE comes back.

    Parameters
    ----------
    dataset_or_split
        A data set is split 80/10/10 by the configuration's seed. Without validation ratings every
        iteration is run, and the last one counts as the best.
    on_iteration
        Gets an :class:`IterationResult` after each iteration.
    on_ending
        Called once, when the iterations are over and the model is made ready for unseen texts and measured on them.
    should_stop
        Asked before every batch and every chunk of a half-step. True ends the training; the
        iteration that it interrupts doesn't count, and the CNN isn't calibrated.
    checkpoint_to, resume_from
        Folders for the state between two iterations. A resumed training needs the same data and
        settings, and ends (on the CPU, with as many threads) bit for bit as if it had never stopped.
    word_vectors
        Pretrained vectors that the main networks start from (ConvMF+), see
        :func:`convmf.data.vectors.read_vectors`. The settings ``embedding_dim`` and ``embedding_std`` then count for
        the networks of the calibration only, which start from what each word tells by itself.
    with_intervals
        Measure predictive intervals at the end; they need validation ratings (at least 30). Like the setting
        ``calibration`` they take as long as some ten iterations of the CNN, together no more than one of them.

    Raises
    ------
    RunError
        Stopped before one iteration was finished, the checkpoint is of other data, settings or word
        vectors, or the objective is no longer a finite number.
    ConfigError
        The machine has no such device, or word vectors are to be kept as they are and none are given.
    DataError
        This is no data set.
    """
    config = config or ConvMFConfig()
    if not isinstance(config, ConvMFConfig):
        raise ConfigError(f"The settings are a ConvMFConfig, not {quoted(config)}; see ConvMFConfig.from_dict.")
    split = dataset_or_split
    if isinstance(split, Dataset):
        split = split_ratings(split, SplitSettings(seed=config.seed))
    if not isinstance(split, Split):
        raise DataError(f"A training takes a Dataset or a Split, not {quoted(split)}; see load_dataset.")
    config = config.for_data(split.dataset.n_items_with_text)
    training = Training(split, config, should_stop or (lambda: False), word_vectors)
    if resume_from is not None:
        training.restore(Path(resume_from))
    log.info("training on %s", describe_device(training.device))
    is_stopped = should_stop is not None and should_stop()
    if training.device.type == "cpu" and not is_stopped:
        warm_up(texts=config.text != "none")
    saver = _Saver(None if checkpoint_to is None else Path(checkpoint_to))
    while not training.finished:
        try:
            result = training.iterate()
        except Stopped:
            log.info("stopped in iteration %d", training.iteration + 1)
            break
        if on_iteration is not None:
            on_iteration(result)
        saver.save(training)
    if training.best is None:
        raise RunError("Stopped before the first iteration was finished; there is no model yet.")
    if on_ending is not None:
        on_ending()
    return _ended(training, with_intervals=with_intervals and len(split.valid) >= FEWEST_RATINGS)


def _ended(training: Training, *, with_intervals: bool) -> ConvMF:
    """The model, with its CNN put right and its errors measured by what was read of items not known to the reader."""
    calibrated = training.config.calibration and training.config.biases
    held_out = training.read_held_out() if calibrated or with_intervals else None
    reading = training.mean_item() if held_out is None else held_out.reading
    if held_out is not None and calibrated:
        model, reading = training.calibrated(held_out)
    else:
        model = training.model()
    if not with_intervals:
        return model
    return replace(model, intervals=measure_intervals(model, training.split, reading.cpu()))


class _Saver:
    """Writes checkpoints, but spends at most a tenth of the time on it: what a crash costs is repeated
    work, never another result."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.due = 0.0

    def save(self, training: Training) -> None:
        """Save the state between two iterations, if it is time."""
        started = time.perf_counter()
        if self.folder is None or started < self.due:
            return
        save_checkpoint(self.folder, training.checkpoint())
        ended = time.perf_counter()
        self.due = ended + 10 * (ended - started)
