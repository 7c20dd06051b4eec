"""What a trained model, and simple rules beside it, predict for the ratings that it never learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from convmf.data.dataset import Dataset, Ratings
from convmf.data.splits import Split
from convmf.errors import DataError
from convmf.evaluation import diagnostics
from convmf.evaluation.baselines import Predictor, simple_baselines
from convmf.evaluation.bootstrap import Compared, GroupErrors, drawn_groups
from convmf.model.convmf import ConvMF

Floats = NDArray[np.float32]

PART_NAMES = ("test", "cold")


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The ratings of one part of a split, and the predictions for them; all arrays are (n_ratings,).

    Attributes
    ----------
    name
        "test": known items; "cold": items held out with all their ratings.
    predicted
        By predictor: "model" and the simple baselines.
    item_counts
        For known items the training ratings of the item; for cold items, which have none, all of its ratings.
    user_counts
        Training ratings of the user.
    """

    name: str
    ratings: Ratings
    predicted: Mapping[str, Floats]
    item_counts: NDArray[np.int64]
    user_counts: NDArray[np.int64]

    @property
    def error(self) -> NDArray[np.float64]:
        """Predicted minus real rating: above 0 where the model promises too much."""
        return _error(self.predicted["model"], self.ratings)

    @property
    def baseline_error(self) -> NDArray[np.float64]:
        """The same for user and item averages."""
        return _error(self.predicted["biases"], self.ratings)

    @property
    def n_users(self) -> int:
        """Users with at least one rating here."""
        return len(np.unique(self.ratings.user_index))

    @cached_property
    def compared(self) -> dict[str, Compared]:
        """RMSE of the model and the simple baselines, with intervals."""
        errors = GroupErrors(self.name, self.ratings)
        for name, predicted in self.predicted.items():
            errors.add(name, predicted)
        return errors.compared()

    @cached_property
    def by_item_count(self) -> list[diagnostics.Slice]:
        """Errors by the number of ratings of the item."""
        return self._slices(diagnostics.count_groups(self.item_counts))

    @cached_property
    def by_user_count(self) -> list[diagnostics.Slice]:
        """Errors by the number of ratings of the user."""
        return self._slices(diagnostics.count_groups(self.user_counts))

    @cached_property
    def by_rating(self) -> list[diagnostics.Slice]:
        """Errors by the real rating."""
        return self._slices(diagnostics.rating_groups(self.ratings.rating))

    @cached_property
    def spreads(self) -> list[diagnostics.Spread]:
        """What was predicted where this was the real rating."""
        return diagnostics.spreads(self.predicted["model"], diagnostics.rating_groups(self.ratings.rating))

    @cached_property
    def calibration(self) -> list[diagnostics.CalibrationBin]:
        """Real ratings by what was predicted."""
        groups = drawn_groups(self.name, self.ratings)
        return diagnostics.calibration(groups, self.predicted["model"], self.ratings.rating)

    def _slices(self, groups: diagnostics.Groups) -> list[diagnostics.Slice]:
        drawn = drawn_groups(self.name, self.ratings)
        return diagnostics.slices(drawn, self.error, self.baseline_error, groups)


def held_out(model: ConvMF, split: Split) -> dict[str, HeldOut]:
    """The held-out parts that have ratings, by name; ``split`` is the one that the model was trained on.

    Raises
    ------
    DataError
        The data set isn't the one that the model was trained on.
    """
    dataset = split.dataset
    if (model.user_ids, model.item_ids) != (dataset.user_ids, dataset.item_ids):
        raise DataError("The model was trained on other users or items than this data set has; train it again.")
    predictors: dict[str, Predictor] = {
        "model": lambda ratings: model.predict_rows(ratings.user_index, ratings.item_index),
        **simple_baselines(split),
    }
    user_counts = np.bincount(split.train.user_index, minlength=dataset.n_users)
    item_counts = {
        "test": np.bincount(split.train.item_index, minlength=dataset.n_items),
        "cold": dataset.item_counts(),
    }
    return {
        name: HeldOut(
            name=name,
            ratings=part,
            predicted={key: predict(part) for key, predict in predictors.items()},
            item_counts=item_counts[name][part.item_index],
            user_counts=user_counts[part.user_index],
        )
        for name, part in zip(PART_NAMES, (split.test, split.cold), strict=True)
        if len(part)
    }


@dataclass(frozen=True)
class Example:
    """One held-out rating with everything that helps to judge its prediction; ``averages`` is the simple rule's."""

    user_id: str
    item_id: str
    title: str
    text: str
    rating: float
    predicted: float
    averages: float
    item_count: int
    user_count: int


def examples(
    part: HeldOut, dataset: Dataset, kind: str, n: int = 20, *, user_id: str | None = None, item_id: str | None = None
) -> list[Example]:
    """The ``n`` most telling predictions, of one user or one item if given; ``kind`` as in
    :func:`diagnostics.extremes`."""
    wanted = np.ones(len(part.ratings), dtype=bool)
    if user_id is not None:
        wanted &= part.ratings.user_index == dataset.user_ids.index(user_id)
    if item_id is not None:
        wanted &= part.ratings.item_index == dataset.item_ids.index(item_id)
    rows = np.flatnonzero(wanted)
    chosen = diagnostics.extremes(part.error[rows], part.baseline_error[rows], kind, n) if len(rows) else rows
    found = []
    for row in rows[chosen].tolist():
        user, item = int(part.ratings.user_index[row]), int(part.ratings.item_index[row])
        found.append(
            Example(
                user_id=dataset.user_ids[user],
                item_id=dataset.item_ids[item],
                title=dataset.label(item),
                text=dataset.texts[item],
                rating=float(part.ratings.rating[row]),
                predicted=float(part.predicted["model"][row]),
                averages=float(part.predicted["biases"][row]),
                item_count=int(part.item_counts[row]),
                user_count=int(part.user_counts[row]),
            )
        )
    return found


def _error(predicted: Floats, ratings: Ratings) -> NDArray[np.float64]:
    return np.subtract(predicted, ratings.rating, dtype=np.float64)
