"""Small data that several tests build on."""

from __future__ import annotations

import numpy as np

from convmf.config import ConvMFConfig
from convmf.data.dataset import Dataset, Ratings

TINY = ConvMFConfig.preset(
    "quick",
    n_factors=4,
    embedding_dim=8,
    n_kernels=6,
    hidden_dim=12,
    lambda_u=2.0,
    lambda_v=4.0,
    lambda_growth=1.0,
    user_weights="uniform",
    n_iterations=4,
    patience=10,
    batch_size=8,
    learning_rate=0.01,
    max_document_frequency=1.0,
    device="cpu",
)
"""A configuration that trains in a few hundredths of a second."""


def tiny_dataset(n_users: int = 30, n_items: int = 24, seed: int = 0, *, scale: float = 1.0) -> Dataset:
    """Users who like either 'war' or 'love' films; the texts say which a film is. The last two items
    are unrated, the last but two has no text."""
    generator = np.random.default_rng(seed)
    is_war = np.arange(n_items) % 2 == 0
    filler = ["night", "house", "river", "friend", "letter", "winter", "road", "music"]
    texts = [
        " ".join(
            [*generator.choice(filler, 4), "war soldiers" if war else "love wedding", *generator.choice(filler, 3)]
        )
        for war in is_war
    ]
    texts[-3] = ""
    likes_war = generator.random(n_users) < 0.5
    pairs = [
        (user, item) for user in range(n_users) for item in range(n_items - 2) if item == 0 or generator.random() < 0.6
    ]
    users, items = np.array(pairs, dtype=np.int32).T
    rating = 3.0 + 1.5 * np.where(likes_war[users] == is_war[items], 1, -1) + generator.normal(0, 0.3, len(users))
    return Dataset(
        name="tiny",
        user_ids=tuple(f"u{user}" for user in range(n_users)),
        item_ids=tuple(f"i{item}" for item in range(n_items)),
        titles=tuple(f"Film {item}" for item in range(n_items)),
        texts=tuple(texts),
        genres=("",) * n_items,
        ratings=Ratings(users.copy(), items.copy(), (scale * rating).astype(np.float32)),
    )
