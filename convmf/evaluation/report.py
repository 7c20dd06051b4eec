"""The figures of a finished training, as plain JSON values. The test part is read here, once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from convmf.data.splits import Split
from convmf.data.vectors import WordVectors
from convmf.device import choose_device
from convmf.errors import RunError
from convmf.evaluation import baselines as levels
from convmf.evaluation.bootstrap import GroupErrors
from convmf.evaluation.comparison import TEXT_CONTROLS
from convmf.evaluation.metrics import mae, rmse
from convmf.evaluation.ranking import ranking_report
from convmf.evaluation.uncertainty import interval_report
from convmf.model.convmf import ConvMF

log = logging.getLogger(__name__)

Parts = dict[str, float | None]


def build_report(
    model: ConvMF,
    split: Split,
    *,
    seconds: float,
    simple: Mapping[str, levels.Predictor] | None = None,
    word_vectors: WordVectors | None = None,
    all_baselines: bool = False,
    should_stop: Callable[[], bool] | None = None,
    on_baseline: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """The report of a training: data, settings, RMSE, MAE, intervals, ranking, baselines and history.

    Parameters
    ----------
    seconds
        What the training took.
    simple
        The simple baselines where they are fitted already.
    word_vectors
        What the training started from; the text controls start from it too.
    all_baselines
        Also train PMF and the text controls, and fit the tf-idf ridge; this takes about as long as
        three more trainings. Otherwise global mean, user mean and biases only, the rest null.
    should_stop
        Asked while these are trained: from the first True on, the rest stays null.
    on_baseline
        Gets the name of each of these before it is trained.

    Returns
    -------
    JSON-ready dictionary; a figure that doesn't apply is None. ``intervals`` tells how many ratings the predictive
    intervals hold, ``ranking`` how good the top of the ranking is, ``bootstrap`` the RMSE of the model and of each
    baseline with its interval over users, or of cold items over items (:mod:`convmf.evaluation.bootstrap`).
    """
    parts = {"train": split.train, "valid": split.valid, "test": split.test, "cold": split.cold}
    predictions = {
        name: model.predict_rows(part.user_index, part.item_index) for name, part in parts.items() if len(part)
    }

    errors: dict[str, GroupErrors] = {
        name: GroupErrors(name, parts[name]) for name in ("test", "cold") if name in predictions
    }
    for name, part_errors in errors.items():
        part_errors.add("model", predictions[name])
    baselines = baseline_report(
        split,
        model,
        simple or levels.simple_baselines(split),
        word_vectors,
        all_baselines,
        should_stop,
        errors,
        on_baseline,
    )

    def measured(measure: Callable[[levels.Floats, levels.Floats], float]) -> Parts:
        return {
            name: measure(predictions[name], part.rating) if name in predictions else None
            for name, part in parts.items()
        }

    return {
        "data": split.dataset.summary(),
        "config": model.config.to_dict(),
        "split": split.settings.to_dict(),
        "device": choose_device(model.config.device).type,
        "seconds": seconds,
        "iterations": len(model.history),
        "best_iteration": model.best_iteration,
        "n_ratings": {name: len(part) for name, part in parts.items()},
        "rmse": measured(rmse),
        "mae": measured(mae),
        "intervals": interval_report(model, split),
        "ranking": ranking_report(model, split),
        "baselines": baselines,
        "bootstrap": {
            part: {name: compared.to_dict() for name, compared in found.compared().items()}
            for part, found in errors.items()
        },
        "word_vectors": word_vectors.report(model.vocabulary) if word_vectors and model.vocabulary else None,
        "history": list(model.history),
    }


def baseline_report(
    split: Split,
    model: ConvMF,
    simple: Mapping[str, levels.Predictor],
    word_vectors: WordVectors | None,
    all_baselines: bool,
    should_stop: Callable[[], bool] | None = None,
    errors: Mapping[str, GroupErrors] | None = None,
    on_baseline: Callable[[str], None] | None = None,
) -> dict[str, Parts | None]:
    """Test and cold RMSE of each baseline; None for one that wasn't asked for, and for the text controls of a model
    that reads no texts. ``errors``, by part, take them in."""
    stopped = should_stop or (lambda: False)
    config = model.config
    costly: dict[str, Callable[[], levels.Predictor]] = {
        "pmf": lambda: levels.trained(split, config, "none", word_vectors, should_stop),
        "tfidf_ridge": lambda: levels.tfidf_ridge(split),
        "shuffled_text": lambda: levels.trained(split, config, "shuffled", word_vectors, should_stop),
        "empty_text": lambda: levels.trained(split, config, "empty", word_vectors, should_stop),
    }
    report: dict[str, Parts | None] = {
        name: _both(predictor, split, name, errors) for name, predictor in simple.items()
    }
    for name, make in costly.items():
        report[name] = None
        has_no_control = name in TEXT_CONTROLS and config.text == "none"
        if not all_baselines or has_no_control or stopped():
            continue
        log.info("baseline %s", name)
        if on_baseline is not None:
            on_baseline(name)
        try:
            predictor = make()
        except RunError:
            if not stopped():
                raise
            continue
        if not stopped():  # one that was cut short would look worse than it is
            report[name] = _both(predictor, split, name, errors)
    return report


def _both(predict: levels.Predictor, split: Split, name: str, errors: Mapping[str, GroupErrors] | None = None) -> Parts:
    measured: Parts = {"test": None, "cold": None}
    for key, part in (("test", split.test), ("cold", split.cold)):
        if len(part):
            predicted = predict(part)
            measured[key] = rmse(predicted, part.rating)
            if errors is not None:
                errors[key].add(name, predicted)
    return measured
