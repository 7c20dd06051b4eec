"""Which ratings are learned from, which choose, and which are only read at the end."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmf.data.dataset import Dataset, Ratings
from convmf.errors import ConfigError, quoted


@dataclass(frozen=True)
class SplitSettings:
    """Shares of the data held out: ``valid`` and ``test`` of the ratings, ``cold_items`` of the rated items."""

    valid: float = 0.1
    test: float = 0.1
    cold_items: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("valid", "test", "cold_items"):
            share = getattr(self, name)
            if not isinstance(share, int | float) or not 0 <= share < 1:
                raise ConfigError(f"{name} is a share from 0 to less than 1, not {quoted(share)}.")
        if self.valid + self.test > 0.9:
            raise ConfigError(
                f"valid and test together take {self.valid + self.test:g} of the ratings; "
                "leave at least 0.1 to train on."
            )
        if not isinstance(self.seed, Integral) or self.seed < 0:
            raise ConfigError(f"seed is a whole number from 0 up, not {quoted(self.seed)}.")

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SplitSettings:
        known = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(values, Mapping) or not set(values) <= known:
            raise ConfigError(f"A split is set by {', '.join(sorted(known))}, not by {quoted(values)}.")
        return cls(**values)


@dataclass(frozen=True, eq=False)
class Split:
    """A data set with its ratings dealt into four parts that share no rating.

    Attributes
    ----------
    train, valid, test, cold
        Ratings to learn from, to choose by, to read once at the end, and those of the cold items.
    cold_items
        Mask, shape (n_items,): items held out with all their ratings, as if nobody had rated them.
    """

    dataset: Dataset
    settings: SplitSettings
    train: Ratings
    valid: Ratings
    test: Ratings
    cold: Ratings
    cold_items: NDArray[np.bool_]

    @cached_property
    def fingerprint(self) -> str:
        """A digest of everything that a training learns from or chooses by."""
        digest = hashlib.sha256()
        for part in (self.train, self.valid):
            for array in (part.user_index, part.item_index, part.rating):
                digest.update(np.ascontiguousarray(array).tobytes())
        for labels in (self.dataset.user_ids, self.dataset.item_ids, self.dataset.texts):
            digest.update("\0".join(labels).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def n_cold_items(share: float, n_rated: int) -> int:
    """How many of ``n_rated`` rated items are held out as if new: this share of them, and never all."""
    return min(round(share * n_rated), n_rated - 1)


def split_ratings(dataset: Dataset, settings: SplitSettings | None = None) -> Split:
    """Deal the ratings at random, as in the paper: every user and item that can be stays in train.

    Cold items are drawn among the rated items and lose all their ratings. A user all of whose
    ratings fall on cold items has none left in train, and so factors of zero: a model with levels predicts the
    mean and the item's level for them, one without 0, or the end of the scale that is nearest to it.
    """
    settings = settings or SplitSettings()
    generator = np.random.default_rng(settings.seed)
    ratings = dataset.ratings

    rated = np.unique(ratings.item_index)
    n_cold = n_cold_items(settings.cold_items, len(rated))
    cold_items = np.zeros(dataset.n_items, dtype=bool)
    cold_items[generator.choice(rated, size=n_cold, replace=False)] = True
    is_cold = cold_items[ratings.item_index]

    order = generator.permutation(np.flatnonzero(~is_cold))
    keep = np.zeros(len(order), dtype=bool)
    for index in (ratings.user_index, ratings.item_index):
        keep[np.unique(index[order], return_index=True)[1]] = True
    free = order[~keep]
    n_valid = min(round(settings.valid * len(order)), len(free))
    n_test = min(round(settings.test * len(order)), len(free) - n_valid)
    valid, test = free[:n_valid], free[n_valid : n_valid + n_test]
    train = np.concatenate([order[keep], free[n_valid + n_test :]])

    return Split(
        dataset=dataset,
        settings=settings,
        train=ratings.take(np.sort(train)),
        valid=ratings.take(np.sort(valid)),
        test=ratings.take(np.sort(test)),
        cold=ratings.take(np.flatnonzero(is_cold)),
        cold_items=cold_items,
    )


def thin_train(split: Split, share: float) -> Split:
    """The same split with fewer ratings to learn from: ``share`` of all its ratings, at random.

    Validation, test and cold ratings stay as they are, and the ratings of a smaller share are among
    those of a larger one, so that only the number of training ratings changes. Every user and item
    of the training part keeps a rating, even where that makes more than ``share``.

    Raises
    ------
    ConfigError
        ``share`` isn't above 0, or is more than the training part holds.
    """
    train = split.train
    n_all = sum(len(part) for part in (train, split.valid, split.test, split.cold))
    # Validation and test may both have been rounded up, so that one rating is missing here.
    if not 0 < share * n_all or round(share * n_all) > len(train) + 1:
        raise ConfigError(
            f"The training part is {len(train) / n_all:.2g} of all ratings; it can be thinned to a share "
            f"above 0 and up to that, not to {share!r}."
        )
    order = np.random.default_rng(split.settings.seed).permutation(len(train))
    needed = np.zeros(len(order), dtype=bool)
    for index in (train.user_index, train.item_index):
        needed[np.unique(index[order], return_index=True)[1]] = True
    first = np.concatenate([order[needed], order[~needed]])
    kept = max(round(share * n_all), int(needed.sum()))
    return dataclasses.replace(split, train=train.take(np.sort(first[:kept])))
