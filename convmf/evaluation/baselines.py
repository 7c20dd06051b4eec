"""What a model has to beat: levels, plain matrix factorization, linear text, and texts that tell nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from convmf.config import ConvMFConfig
from convmf.data.dataset import Ratings
from convmf.data.splits import Split
from convmf.data.text import words
from convmf.evaluation.metrics import rmse
from convmf.model.als import RatingRows, half_step
from convmf.training.loop import fit

Floats = NDArray[np.float32]
Predictor = Callable[[Ratings], Floats]
"""Predicted ratings (n_ratings,) for the users and items of some ratings."""

_BIAS_PENALTIES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_BIAS_ITERATIONS = 10
_RIDGE_PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


def global_mean(split: Split) -> Predictor:
    """The mean of the training ratings, for every pair."""
    mean = split.train.rating.mean(dtype=np.float64)
    return lambda ratings: np.full(len(ratings), mean, dtype=np.float32)


def user_mean(split: Split) -> Predictor:
    """The mean of each user's training ratings; the global mean for a user without any."""
    train, n_users = split.train, split.dataset.n_users
    counts = np.bincount(train.user_index, minlength=n_users)
    sums = np.bincount(train.user_index, weights=train.rating, minlength=n_users)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), train.rating.mean(dtype=np.float64))
    return lambda ratings: means[ratings.user_index].astype(np.float32)


def biases(split: Split) -> Predictor:
    """μ + b_i + c_j, ridge-regularised; the penalty with the best validation RMSE. Clipped."""
    return _best_on_validation(split, (_biases_predictor(split, penalty) for penalty in _BIAS_PENALTIES))


def tfidf_ridge(split: Split) -> Predictor:
    """μ + b_i + a ridge regression from an item's tf-idf vector to its mean residual. Clipped.

    It sees an item's text only, never its ratings, so it speaks for cold items. Each item weighs as
    much as it has ratings. The penalty is chosen on items held out of its own training.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge

    train, dataset = split.train, split.dataset
    user_bias = _user_levels(split)
    residual = train.rating - user_bias[train.user_index]
    counts = np.bincount(train.item_index, minlength=dataset.n_items)
    means = np.bincount(train.item_index, weights=residual, minlength=dataset.n_items) / np.maximum(counts, 1)
    rated = np.flatnonzero(counts > 0)
    if not any(words(dataset.texts[row]) for row in rated):
        return lambda ratings: _clip(split, user_bias[ratings.user_index])
    vectorizer = TfidfVectorizer(analyzer=words, max_features=8000, sublinear_tf=True)
    vectorizer.fit([dataset.texts[row] for row in rated])
    features = vectorizer.transform(dataset.texts)
    generator = np.random.default_rng(split.settings.seed)
    held_out = generator.random(len(rated)) < 0.1
    fitted, judged = rated[~held_out], rated[held_out]

    def ridge(penalty: float, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        model = Ridge(alpha=penalty * counts[rated].mean(), solver="sparse_cg", tol=1e-5)
        model.fit(features[rows], means[rows], sample_weight=counts[rows])
        return np.asarray(model.predict(features), dtype=np.float64)

    def error(penalty: float) -> float:
        levels = ridge(penalty, fitted)
        return float((counts[judged] * (means[judged] - levels[judged]) ** 2).sum())

    chosen = min(_RIDGE_PENALTIES, key=error) if len(judged) and len(fitted) else _RIDGE_PENALTIES[-1]
    levels = ridge(chosen, rated)
    return lambda ratings: _clip(split, user_bias[ratings.user_index] + levels[ratings.item_index])


def trained(split: Split, config: ConvMFConfig, text: str, should_stop: Callable[[], bool] | None = None) -> Predictor:
    """The same model and settings with other texts: 'none' is PMF, 'shuffled' and 'empty' are controls."""
    model = fit(split, replace(config, text=text), should_stop=should_stop)
    return lambda ratings: model.predict_rows(ratings.user_index, ratings.item_index)


def baseline_lines(split: Split) -> dict[str, dict[str, float]]:
    """RMSE of the global mean and of the biases on the training and validation part, for the live chart."""
    lines = {}
    for name, predictor in (("global_mean", global_mean(split)), ("biases", biases(split))):
        parts = {"train": split.train, "valid": split.valid}
        lines[name] = {key: rmse(predictor(part), part.rating) for key, part in parts.items() if len(part)}
    return lines


def _biases_predictor(split: Split, penalty: float) -> Predictor:
    train, dataset = split.train, split.dataset
    mean = train.rating.mean(dtype=np.float64)
    centred = (train.rating - mean).astype(np.float32)
    n_users, n_items = dataset.n_users, dataset.n_items
    user_plan = RatingRows.plan(train.user_index, train.item_index, centred, n_rows=n_users, n_columns=n_items)
    item_plan = RatingRows.plan(train.item_index, train.user_index, centred, n_rows=n_items, n_columns=n_users)
    items = torch.zeros(n_items, 1)
    # With a bias as the only dimension the half-steps of ALS fit levels and nothing else.
    for _ in range(_BIAS_ITERATIONS):
        users, _error = half_step(user_plan, items, torch.full((n_users,), penalty), biases=True)
        items, _error = half_step(item_plan, users, torch.full((n_items,), penalty), biases=True)
    user_bias, item_bias = users[:, 0].numpy(), items[:, 0].numpy()
    return lambda ratings: _clip(split, mean + user_bias[ratings.user_index] + item_bias[ratings.item_index])


def _best_on_validation(split: Split, predictors: Iterator[Predictor]) -> Predictor:
    part = split.valid if len(split.valid) else split.train
    return min(predictors, key=lambda predictor: rmse(predictor(part), part.rating))


def _user_levels(split: Split) -> NDArray[np.float64]:
    """μ + b_i of each user, from the biases model asked about an item that nobody rated."""
    dataset = split.dataset
    unrated = np.setdiff1d(np.arange(dataset.n_items), split.train.item_index)
    if len(unrated):
        everyone = np.arange(dataset.n_users, dtype=np.int32)
        nowhere = np.full(dataset.n_users, unrated[0], dtype=np.int32)
        asked = Ratings(everyone, nowhere, np.zeros(dataset.n_users, dtype=np.float32))
        return biases(split)(asked).astype(np.float64)
    everyone = np.arange(dataset.n_users, dtype=np.int32)
    asked = Ratings(everyone, np.zeros_like(everyone), np.zeros(dataset.n_users, dtype=np.float32))
    return user_mean(split)(asked).astype(np.float64)


def _clip(split: Split, ratings: NDArray[np.floating]) -> Floats:
    low, high = split.dataset.rating_range
    clipped: Floats = np.clip(ratings, low, high).astype(np.float32)
    return clipped
