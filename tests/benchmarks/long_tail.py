"""Generated ratings with the long tail of real ones: Zipf-distributed items, log-normal users, and tastes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from convmf.data.dataset import Dataset, Ratings

N_TASTES = 4
N_WORDS = 8_000


def long_tail_ratings(n_ratings: int, n_users: int, n_items: int, seed: int = 0) -> Ratings:
    """``n_ratings`` distinct pairs, sorted by user, with ratings from 0.5 to 5 by halves.

    The median user has about half as many ratings as the mean user, as in MovieLens; the most popular
    item is known to about every second user.
    """
    random = np.random.default_rng(seed)
    users, items = _pairs(n_ratings, n_users, n_items, random)
    user_level, item_level = (0.4 * random.standard_normal(n, dtype=np.float32) for n in (n_users, n_items))
    user_taste = random.standard_normal((n_users, N_TASTES), dtype=np.float32)
    item_taste = random.standard_normal((n_items, N_TASTES), dtype=np.float32)
    rating = random.standard_normal(n_ratings, dtype=np.float32)
    for start in range(0, n_ratings, 1 << 20):
        u, i = users[start : start + (1 << 20)], items[start : start + (1 << 20)]
        fit = 0.25 * np.einsum("nd,nd->n", user_taste[u], item_taste[i])
        score = 3.5 + user_level[u] + item_level[i] + fit + 0.8 * rating[start : start + (1 << 20)]
        rating[start : start + (1 << 20)] = (2 * score).round().clip(1, 10) / 2
    return Ratings(users, items, rating)


def long_tail_dataset(n_ratings: int, n_users: int, n_items: int, *, words_per_text: int, seed: int = 0) -> Dataset:
    """The ratings with a text of random Zipf-distributed words for each item."""
    return with_texts(
        long_tail_ratings(n_ratings, n_users, n_items, seed), n_users, n_items, words_per_text=words_per_text, seed=seed
    )


def with_texts(ratings: Ratings, n_users: int, n_items: int, *, words_per_text: int, seed: int = 0) -> Dataset:
    """A data set of ``ratings`` and random texts: they say nothing, but cost what texts cost."""
    random = np.random.default_rng(seed)
    weights = 1 / (np.arange(N_WORDS) + 60.0)  # without stop words the top of Zipf's law is missing
    words = np.array([f"word{number}" for number in range(N_WORDS)])
    drawn = words[random.choice(N_WORDS, (n_items, words_per_text), p=weights / weights.sum())]
    return Dataset(
        name="long tail",
        user_ids=tuple(f"u{user}" for user in range(n_users)),
        item_ids=tuple(f"i{item}" for item in range(n_items)),
        titles=("",) * n_items,
        texts=tuple(" ".join(row) for row in drawn),
        genres=("",) * n_items,
        ratings=ratings,
    )


def _pairs(
    n_ratings: int, n_users: int, n_items: int, random: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Distinct pairs (user, item); a pair drawn twice is drawn anew."""
    if n_ratings > 0.5 * n_users * n_items:
        raise ValueError(f"{n_ratings} ratings are more than half of {n_users} × {n_items} pairs.")
    activity = random.lognormal(0, 1.2, n_users)
    popularity = random.permutation(1 / (np.arange(n_items) + 30.0))
    pairs = np.empty(0, dtype=np.int64)
    while len(pairs) < n_ratings:
        drawn = n_ratings - len(pairs) + n_ratings // 20
        users = np.repeat(np.arange(n_users), random.multinomial(drawn, activity / activity.sum()))
        items = np.repeat(np.arange(n_items), random.multinomial(drawn, popularity / popularity.sum()))
        pairs = np.unique(np.concatenate([pairs, users * n_items + random.permutation(items)]))
    kept = np.ones(len(pairs), dtype=bool)
    kept[random.choice(len(pairs), len(pairs) - n_ratings, replace=False)] = False
    users, items = np.divmod(pairs[kept], n_items)
    return users.astype(np.int32), items.astype(np.int32)
