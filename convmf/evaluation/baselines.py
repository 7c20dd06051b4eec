"""What a model has to beat: levels, plain matrix factorization, linear text, and texts that tell nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from convmf.config import ConvMFConfig
from convmf.data.dataset import Ratings
from convmf.data.splits import Split
from convmf.data.text import words
from convmf.data.vectors import WordVectors
from convmf.evaluation.metrics import rmse
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


@dataclass(frozen=True)
class Levels:
    """μ, b_i and c_j of the model r = μ + b_i + c_j, in the unit of the ratings."""

    mean: float
    user: NDArray[np.float64]
    item: NDArray[np.float64]

    @classmethod
    def fit(cls, split: Split) -> Levels:
        """Ridge-regularised levels; the penalty with the best validation RMSE is taken."""
        part = split.valid if len(split.valid) else split.train
        candidates = (_levels(split, penalty) for penalty in _BIAS_PENALTIES)
        return min(candidates, key=lambda levels: rmse(levels.predictor(split)(part), part.rating))

    def predictor(self, split: Split) -> Predictor:
        """μ + b_i + c_j, clipped to the scale; c_j is 0 for an item nobody rated."""
        return lambda ratings: _clip(split, self.mean + self.user[ratings.user_index] + self.item[ratings.item_index])


def biases(split: Split) -> Predictor:
    """μ + b_i + c_j, see :class:`Levels`."""
    return Levels.fit(split).predictor(split)


def tfidf_ridge(split: Split) -> Predictor:
    """μ + b_i + a ridge regression from an item's tf-idf vector to its mean residual. Clipped.

    It sees an item's text only, never its ratings, so it speaks for cold items. Each item weighs as
    much as it has ratings. The penalty is chosen on items held out of its own training.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge

    train, dataset = split.train, split.dataset
    fitted_levels = Levels.fit(split)
    user_bias = fitted_levels.mean + fitted_levels.user
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


def trained(
    split: Split,
    config: ConvMFConfig,
    text: str,
    word_vectors: WordVectors | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Predictor:
    """The same model and settings with other texts: 'none' is PMF, 'shuffled' and 'empty' are controls."""
    model = fit(
        split, replace(config, text=text), word_vectors=word_vectors, should_stop=should_stop, with_intervals=False
    )
    return lambda ratings: model.predict_rows(ratings.user_index, ratings.item_index)


def simple_baselines(split: Split) -> dict[str, Predictor]:
    """The baselines that take no time: global mean, user mean, biases."""
    return {"global_mean": global_mean(split), "user_mean": user_mean(split), "biases": biases(split)}


def baseline_lines(split: Split, baselines: Mapping[str, Predictor]) -> dict[str, dict[str, float]]:
    """RMSE of some baselines on the training and validation part, for the live chart."""
    parts = {key: part for key, part in (("train", split.train), ("valid", split.valid)) if len(part)}
    return {
        name: {key: rmse(predictor(part), part.rating) for key, part in parts.items()}
        for name, predictor in baselines.items()
    }


def _levels(split: Split, penalty: float) -> Levels:
    """Alternate the closed forms b = Σ (r − μ − c) / (n + penalty) and the same for c."""
    train, dataset = split.train, split.dataset
    mean = float(train.rating.mean(dtype=np.float64))
    user, item = np.zeros(dataset.n_users), np.zeros(dataset.n_items)
    n_user = np.bincount(train.user_index, minlength=dataset.n_users) + penalty
    n_item = np.bincount(train.item_index, minlength=dataset.n_items) + penalty
    centred = train.rating - mean
    for _ in range(_BIAS_ITERATIONS):
        rest = centred - item[train.item_index]
        user = np.bincount(train.user_index, weights=rest, minlength=dataset.n_users) / n_user
        rest = centred - user[train.user_index]
        item = np.bincount(train.item_index, weights=rest, minlength=dataset.n_items) / n_item
    return Levels(mean, user, item)


def _clip(split: Split, ratings: NDArray[np.floating]) -> Floats:
    low, high = split.dataset.rating_range
    clipped: Floats = np.clip(ratings, low, high).astype(np.float32)
    return clipped
