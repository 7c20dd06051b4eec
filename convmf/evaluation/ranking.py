"""How good the top of a ranking is: recall, nDCG, coverage and novelty of every user's k best items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convmf.data.dataset import Ratings
from convmf.data.splits import Split
from convmf.errors import DataError
from convmf.evaluation.bootstrap import Estimate, drawn_sums, estimate
from convmf.model.convmf import ConvMF

K = 10

RELEVANT = "held-out ratings at or above the user's own mean of training ratings"

# Users ranked at once times items: 4 million scores are 16 MB.
_SCORES_AT_ONCE = 1 << 22
# More users than these say nothing new about a mean; which ones is drawn with the split's seed.
_MOST_USERS = 10_000

Scorer = Callable[[NDArray[np.int64]], Tensor]
"""Scores (n_asked, n_candidates) of all candidates for some users, given by row number."""


@dataclass(frozen=True)
class RankingMetrics:
    """Means over the users who have a relevant item.

    Attributes
    ----------
    recall
        Share of a user's relevant items that are among the k.
    ndcg
        Σ 1 / log₂(place + 1) over the relevant items among the k, against that of the best order.
    coverage
        Share of the candidates that are among somebody's k.
    novelty
        Mean of −log₂(share of users who rated the item in training) over all k of all users (Zhou et al.,
        PNAS 2010), in bits; None where nobody rated one of the candidates.
    """

    recall: float
    ndcg: float
    coverage: float
    novelty: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Lists:
    """The k best items of each user.

    Attributes
    ----------
    hits
        Which places of the list hold a relevant item, (n_asked, k).
    places
        Positions in the candidates of all that is listed, of all users together; (n_listed,).
    """

    hits: NDArray[np.bool_]
    places: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RankingTask:
    """Which items are ranked for whom, and which of them should come first.

    Attributes
    ----------
    users
        Rows of the users, (n_asked,).
    candidates
        Rows of the items that are ranked, (n_candidates,).
    relevant, seen
        (position in users, position in candidates) of the relevant items, and of those left out
        because the user has rated them already; each (n_pairs, 2), in order of the users.
    popularity
        Share of all users who rated each candidate in training, (n_candidates,).
    """

    users: NDArray[np.int64]
    candidates: NDArray[np.int64]
    relevant: NDArray[np.int64]
    seen: NDArray[np.int64]
    popularity: NDArray[np.float64]

    @classmethod
    def of(cls, split: Split, part: Ratings, candidates: NDArray[np.int64]) -> RankingTask:
        """The task that a part of held-out ratings sets, over items given by row number.

        Relevant are the ratings at or above the user's own mean of training ratings (the mean of all
        where a user has none). Items that the user rated in training or validation aren't ranked.
        """
        dataset, train = split.dataset, split.train
        counts = np.bincount(train.user_index, minlength=dataset.n_users)
        sums = np.bincount(train.user_index, weights=train.rating, minlength=dataset.n_users)
        usual = np.where(counts > 0, sums / np.maximum(counts, 1), train.rating.mean(dtype=np.float64))
        liked = part.take(np.flatnonzero(part.rating >= usual[part.user_index]))
        place = np.full(dataset.n_items, -1)
        place[candidates] = np.arange(len(candidates))
        liked = liked.take(np.flatnonzero(place[liked.item_index] >= 0))
        users = np.unique(liked.user_index).astype(np.int64)
        if len(users) > _MOST_USERS:
            generator = np.random.default_rng(split.settings.seed)
            users = np.sort(generator.choice(users, _MOST_USERS, replace=False))
        position = np.full(dataset.n_users, -1)
        position[users] = np.arange(len(users))

        def pairs(*parts: Ratings) -> NDArray[np.int64]:
            rows = np.concatenate([position[ratings.user_index] for ratings in parts])
            columns = np.concatenate([place[ratings.item_index] for ratings in parts])
            both = np.stack([rows, columns], axis=1)[(rows >= 0) & (columns >= 0)]
            return both[np.argsort(both[:, 0], kind="stable")]

        raters = np.bincount(train.item_index, minlength=dataset.n_items)[candidates]
        return cls(users, candidates, pairs(liked), pairs(split.train, split.valid), raters / dataset.n_users)

    def measure(self, scorer: Scorer, k: int = K) -> RankingMetrics:
        """The metrics of a ranking by descending score; raises as :meth:`lists`."""
        return self.metrics(self.lists(scorer, k))

    def lists(self, scorer: Scorer, k: int = K) -> Lists:
        """Every user's k best by descending score.

        Raises
        ------
        DataError
            No user has a relevant item.
        """
        if not len(self.users):
            raise DataError("No held-out rating is relevant to a ranking; hold out a larger share.")
        k = min(k, len(self.candidates))
        hits = np.zeros((len(self.users), k), dtype=bool)
        places = []
        step = max(1, _SCORES_AT_ONCE // len(self.candidates))
        for first in range(0, len(self.users), step):
            rows = slice(first, min(first + step, len(self.users)))
            best, listed = self._best(scorer, rows, k)  # (n_rows, k) each
            hits[rows] = np.take_along_axis(self._mask(self.relevant, rows), best, axis=1) & listed
            places.append(best[listed])
        return Lists(hits, np.concatenate(places))

    def metrics(self, lists: Lists) -> RankingMetrics:
        """Means over the users."""
        discount = 1 / np.log2(np.arange(2, lists.hits.shape[1] + 2))  # (k,)
        ideal = np.cumsum(discount)[np.minimum(self._n_relevant(), len(discount)) - 1]
        bits = -np.log2(np.maximum(self.popularity, 1e-300))  # (n_candidates,)
        return RankingMetrics(
            recall=float(self._recalls(lists).mean()),
            ndcg=float(((lists.hits * discount).sum(axis=1) / ideal).mean()),
            coverage=len(np.unique(lists.places)) / len(self.candidates),
            novelty=float(bits[lists.places].mean()) if self.popularity.all() else None,
        )

    def recall_lead(self, lists: Lists, others: Lists) -> Estimate:
        """By how much the recall of ``lists`` is above that of ``others``, over the same draws of users."""
        lead = self._recalls(lists) - self._recalls(others)
        drawn = drawn_sums(np.stack([lead, np.ones(len(lead))], axis=1))
        return estimate(lead.mean(), drawn[:, 0] / drawn[:, 1], np.ones(len(lead)))

    def _recalls(self, lists: Lists) -> NDArray[np.float64]:
        recalls: NDArray[np.float64] = lists.hits.sum(axis=1) / self._n_relevant()
        return recalls

    def _n_relevant(self) -> NDArray[np.int64]:
        return np.bincount(self.relevant[:, 0], minlength=len(self.users))

    def _best(self, scorer: Scorer, rows: slice, k: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Positions of the k best candidates of some users, and whether each is one (few may be left unseen)."""
        scores = scorer(self.users[rows]).clone()
        scores[torch.from_numpy(self._mask(self.seen, rows))] = -torch.inf
        best = torch.topk(scores, k)
        return best.indices.numpy(), (best.values > -torch.inf).numpy()

    def _mask(self, pairs: NDArray[np.int64], rows: slice) -> NDArray[np.bool_]:
        """Which candidates are among the pairs of some users, (n_rows, n_candidates)."""
        mask = np.zeros((rows.stop - rows.start, len(self.candidates)), dtype=bool)
        first, last = np.searchsorted(pairs[:, 0], [rows.start, rows.stop])
        mask[pairs[first:last, 0] - rows.start, pairs[first:last, 1]] = True
        return mask


def ranking_report(model: ConvMF, split: Split, k: int = K) -> dict[str, Any]:
    """The ranking figures of a trained model beside popularity and chance: {k, relevant, test, cold}.

    ``test`` ranks the items that have training ratings, by what a user liked of the test part; ``cold`` ranks the
    cold items alone. Each is {n_users, n_candidates, model, popularity, random, recall_lead}, or None without relevant
    ratings, or where k places hold all candidates. Popularity, the number of training ratings, has nothing to say
    about cold items; ``recall_lead`` is [value, lower, upper] of the model's recall less that of popularity.
    """
    rated = np.unique(split.train.item_index).astype(np.int64)
    cold = np.flatnonzero(split.cold_items)
    return {
        "k": k,
        "relevant": RELEVANT,
        "test": _part_report(model, split, split.test, rated, k),
        "cold": _part_report(model, split, split.cold, cold, k),
    }


def _part_report(
    model: ConvMF, split: Split, part: Ratings, candidates: NDArray[np.int64], k: int
) -> dict[str, Any] | None:
    task = RankingTask.of(split, part, candidates)
    if not len(task.users) or len(candidates) <= k:  # every list would hold them all
        return None
    generator = torch.Generator().manual_seed(split.settings.seed)

    def by_model(users: NDArray[np.int64]) -> Tensor:
        return model.scores(users, candidates)

    def by_popularity(users: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(task.popularity.astype(np.float32)).expand(len(users), -1)

    def by_chance(users: NDArray[np.int64]) -> Tensor:
        return torch.rand(len(users), len(candidates), generator=generator)

    scorers: dict[str, Scorer] = {"model": by_model, "popularity": by_popularity, "random": by_chance}
    if not task.popularity.any():
        del scorers["popularity"]
    lists = {name: task.lists(scorer, k) for name, scorer in scorers.items()}
    lead = task.recall_lead(lists["model"], lists["popularity"]) if "popularity" in lists else None
    return {
        "n_users": len(task.users),
        "n_candidates": len(candidates),
        "popularity": None,
        **{name: task.metrics(found).to_dict() for name, found in lists.items()},
        "recall_lead": lead and [lead.value, lead.lower, lead.upper],
    }
