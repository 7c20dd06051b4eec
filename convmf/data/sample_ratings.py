"""How the invented films get their ratings, with every number behind them known.

A film's score for a user is

    score = MEAN + user_level + item_level + Σ_axis TASTE_STRENGTH · user_taste · film_taste
    item_level = craft + appeal + untold        (untold: what no synopsis says, N(0, UNTOLD_SD²))
    rating = clip(round(score + N(0, NOISE_SD²)), 1, 5)

so the lowest RMSE that any model could reach can be computed (``sample.SampleTruth``). For the same
seed to write the same lines on any machine, the only random source is PCG64's stream of uniform numbers, sums
run in a fixed order, and what a platform's exp or erf could turn by a last bit is rounded before it decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from convmf.data.sample_text import Film, invent_films

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SEED = 20160915
N_USERS = 1400
N_FILMS = 900
N_UNRATED = 90
MEAN = 3.2
NOISE_SD = 0.82
UNTOLD_SD = 0.25
USER_LEVEL_SD = 0.15
APPEAL_STRENGTH = 0.7
TASTE_STRENGTH = (0.32, 0.11, 0.03)
ACTIVITY_LOG_MEAN = 3.05
ACTIVITY_LOG_SD = 1.2
MIN_ACTIVITY, MAX_ACTIVITY = 8, 400
POPULARITY_LOG_SD = 1.05
STARS = (1, 2, 3, 4, 5)

_ATTRIBUTE_WEIGHTS = (0.9, 1.1, 0.35, 0.35)  # theme, tone, setting, people
_TASTE_GROUPS = (  # share, centre on the axes heart, thrill and strange
    (0.34, (1.2, -0.4, -0.3)),
    (0.22, (0.1, 1.3, 0.1)),
    (0.34, (-1.2, -0.2, 0.4)),
    (0.10, (0.0, 0.0, 0.0)),
)
_TASTE_SPREAD = 0.12


@dataclass(frozen=True)
class World:
    """Everything behind the files: films, users, scores and ratings, one entry a rating in the last six arrays."""

    films: list[Film]
    film_level: Floats
    """(n_films,), the untold part included."""
    film_taste: Floats
    """(n_films, n_axes), TASTE_STRENGTH included."""
    user_level: Floats
    user_taste: Floats
    """(n_users, n_axes)."""
    user_index: Ints
    item_index: Ints
    timestamp: Ints
    told_score: Floats
    """The score without the untold part of the film's level."""
    untold: Floats
    """The untold part, the same for every rating of a film."""
    rating: Ints


def make_world(seed: int = SEED) -> World:
    """The films, the people and their ratings that ``seed`` stands for."""
    random = np.random.Generator(np.random.PCG64(seed))
    films = invent_films(N_FILMS, random.random)
    film_taste = np.array([_film_taste(film) for film in films])  # (n_films, n_axes)
    told_level = np.array([_told_level(film) for film in films])  # (n_films,)
    untold_level = _normals(random, N_FILMS) * UNTOLD_SD
    user_taste = _user_tastes(random)  # (n_users, n_axes)
    user_level = _normals(random, N_USERS) * USER_LEVEL_SD
    affinity = _affinity(user_taste, film_taste)  # (n_users, n_films)
    user_index, item_index = _choices(random, affinity, told_level)
    told_score = np.round(MEAN + user_level[user_index] + told_level[item_index] + affinity[user_index, item_index], 6)
    untold = np.round(untold_level[item_index], 6)
    below = np.cumsum(rating_probabilities(told_score + untold, NOISE_SD), axis=1)[:, :-1]
    rating = 1 + (random.random(len(told_score))[:, None] > np.round(below, 9)).sum(axis=1)
    timestamp = _timestamps(random, user_index)
    return World(
        films=films,
        film_level=told_level + untold_level,
        film_taste=film_taste * np.array(TASTE_STRENGTH),
        user_level=user_level,
        user_taste=user_taste,
        user_index=user_index,
        item_index=item_index,
        timestamp=timestamp,
        told_score=told_score,
        untold=untold,
        rating=rating.astype(np.int64),
    )


def rating_probabilities(score: Floats, noise_sd: float) -> Floats:
    """P(rating = 1 … 5) of clip(round(score + N(0, noise_sd²)), 1, 5): (n,) scores → (n, 5)."""
    edges = np.array(STARS[:-1]) + 0.5  # (4,)
    scaled = (edges - score[:, None]) / (noise_sd * math.sqrt(2.0))
    erf = np.array([math.erf(edge) for edge in scaled.ravel().tolist()]).reshape(scaled.shape)
    below = 0.5 * (1.0 + erf)  # (n, 4): P(rating ≤ 1 … 4)
    padded = np.hstack([np.zeros((len(score), 1)), below, np.ones((len(score), 1))])
    return np.diff(padded, axis=1)


def rating_moments(score: Floats, noise_sd: float) -> tuple[Floats, Floats]:
    """Mean and variance of the rating that each of the (n,) ``score`` leads to."""
    probabilities = rating_probabilities(score, noise_sd)
    stars = np.array(STARS, dtype=np.float64)
    mean = (probabilities * stars).sum(axis=1)
    return mean, (probabilities * stars**2).sum(axis=1) - mean**2


def _film_taste(film: Film) -> list[float]:
    values = (film.theme, film.tone, film.setting, film.people)
    return [
        sum(weight * value.taste[axis] for weight, value in zip(_ATTRIBUTE_WEIGHTS, values, strict=True))
        for axis in range(len(TASTE_STRENGTH))
    ]


def _told_level(film: Film) -> float:
    appeal = sum(value.appeal for value in (film.theme, film.tone, film.setting, film.people))
    return film.craft.stars + APPEAL_STRENGTH * appeal


def _user_tastes(random: np.random.Generator) -> Floats:
    """(n_users, n_axes): the centre of each user's group and what is the user's own."""
    ends = np.cumsum([share for share, _ in _TASTE_GROUPS])[:-1]
    group = np.searchsorted(np.round(ends, 9), random.random(N_USERS), side="right")
    centres = np.array([centre for _, centre in _TASTE_GROUPS])
    own = _normals(random, N_USERS * len(TASTE_STRENGTH)).reshape(N_USERS, -1)
    return centres[group] + _TASTE_SPREAD * own


def _affinity(user_taste: Floats, film_taste: Floats) -> Floats:
    """(n_users, n_films); axis by axis, since the order of a matrix product differs between machines."""
    affinity = np.zeros((len(user_taste), len(film_taste)))
    for axis, strength in enumerate(TASTE_STRENGTH):
        affinity += strength * user_taste[:, axis, None] * film_taste[None, :, axis]
    return affinity


def _choices(random: np.random.Generator, affinity: Floats, told_level: Floats) -> tuple[Ints, Ints]:
    """Who rates which film: (n_ratings,) user and item indices.

    The Gumbel trick draws without replacement by popularity, and mildly by taste. It is blind to the untold
    part, so that part stays Gaussian among the ratings.
    """
    popularity = np.clip(POPULARITY_LOG_SD * _normals(random, N_FILMS), -1.9, 3.0) + 0.3 * told_level
    popularity[np.argsort(random.random(N_FILMS), kind="stable")[:N_UNRATED]] = -np.inf
    activity = np.exp(ACTIVITY_LOG_MEAN + ACTIVITY_LOG_SD * _normals(random, N_USERS))
    n_rated = np.clip(np.round(activity, 6), MIN_ACTIVITY, MAX_ACTIVITY).astype(np.int64)
    chosen: list[Ints] = []
    for user in range(N_USERS):
        luck = -np.log(-np.log(np.clip(random.random(N_FILMS), 1e-12, None)))
        appeal = np.round(popularity + 0.6 * affinity[user] + luck, 9)
        chosen.append(np.argsort(-appeal, kind="stable")[: n_rated[user]])
    return np.repeat(np.arange(N_USERS), n_rated), np.concatenate(chosen)


def _timestamps(random: np.random.Generator, user_index: Ints) -> Ints:
    """Unix seconds from 2018 on: a user joins on some day and rates in sittings, minutes between two films."""
    joined = 1514764800 + (random.random(N_USERS) * 5 * 365 * 86400).astype(np.int64)
    minutes = 20 + (random.random(len(user_index)) * 160).astype(np.int64)
    pause = (random.random(len(user_index)) < 0.08) * (random.random(len(user_index)) * 30 * 86400)
    steps = minutes + pause.astype(np.int64)
    passed = np.cumsum(steps)
    starts = np.searchsorted(user_index, np.arange(N_USERS))
    return joined[user_index] + passed - passed[starts][user_index]


def _normals(random: np.random.Generator, n: int) -> Floats:
    """(n,) standard normal numbers, by the inverse of the distribution and good to six decimals."""
    inverse = NormalDist().inv_cdf
    return np.array([round(inverse(min(max(u, 1e-12), 1 - 1e-12)), 6) for u in random.random(n).tolist()])
