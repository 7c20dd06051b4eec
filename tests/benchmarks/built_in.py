"""How far down a model could come on the built-in data: its floor asks for every score, and no model is told them."""

from __future__ import annotations

import numpy as np

from convmf.data.sample_ratings import MEAN, NOISE_SD, make_world, rating_moments
from convmf.data.splits import Split
from convmf.evaluation.metrics import rmse


def knowing_films(split: Split) -> float:
    """Test RMSE of a predictor that is told every film's level and tastes, and how levels and tastes of users spread.

    It has to find each user's own from the training ratings, by the best linear estimate (the posterior mean of a
    normal prior), and predicts the mean of the rating that a score leads to. What it errs more than the floor is
    what a user's few ratings leave open, whatever a model knows of the films.
    """
    world = make_world()
    n_films = len(world.films)
    row_of = {f"f{number:04d}": number - 1 for number in range(1, n_films + 1)}
    rows = np.array([row_of[item] for item in split.dataset.item_ids])
    level, z = world.film_level[rows], np.c_[np.ones(n_films), world.film_taste][rows]  # (n_items,), (n_items, D)
    users = np.c_[world.user_level, world.user_taste]  # (n_users, D)
    centre, precision = users.mean(axis=0), np.linalg.inv(np.cov(users.T))
    train, test = split.train, split.test
    left = train.rating - MEAN - level[train.item_index] - z[train.item_index] @ centre
    found = np.empty_like(users)
    for user in range(len(users)):
        own = np.flatnonzero(train.user_index == user)
        known = z[train.item_index[own]]
        found[user] = centre + np.linalg.solve(
            known.T @ known / NOISE_SD**2 + precision, known.T @ left[own] / NOISE_SD**2
        )
    score = MEAN + level[test.item_index] + (found[test.user_index] * z[test.item_index]).sum(axis=1)
    return rmse(rating_moments(score, NOISE_SD)[0], test.rating)
