from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings, split_ratings
from convmf.errors import ModelError
from convmf.explain import spread_users, what_if_rated
from convmf.model.convmf import ConvMF
from convmf.training.loop import fit
from convmf.training.state import Training
from tests.helpers import TINY, tiny_dataset

TEXT = "war soldiers at night"
VARIANTS = [
    TINY,
    replace(TINY, item_weights="uniform"),
    replace(TINY, biases=False),
    replace(TINY, lambda_growth=1.5, n_iterations=8),
]


@pytest.fixture(scope="module")
def model() -> ConvMF:
    return fit(tiny_dataset(), replace(TINY, n_iterations=20))


@pytest.mark.parametrize("config", VARIANTS, ids=["default", "uniform", "no biases", "growing"])
def test_the_penalty_and_the_texts_share_are_those_of_the_training(config: ConvMFConfig) -> None:
    split = split_ratings(tiny_dataset(), SplitSettings(seed=config.seed))
    model = fit(split, config)
    training = Training(split, config, lambda: False)
    penalty = training._penalty(config.lambda_v, training.item_weights, model.best_iteration)
    assert model.text_trust is not None
    for row in (0, 5, 12):
        mine = split.train.item_index == row
        ratings = {
            model.user_ids[user]: float(rating)
            for user, rating in zip(split.train.user_index[mine], split.train.rating[mine], strict=True)
        }
        torch.testing.assert_close(model.item_penalty(len(ratings)), penalty[row])
        answer = what_if_rated(model, split.dataset.texts[row], ratings)
        assert answer.text_trust == pytest.approx(float(model.text_trust[row]), abs=1e-4)


def test_a_training_without_validation_stops_growing_early_here_too() -> None:
    config = replace(TINY, lambda_growth=1.5, n_iterations=14)
    split = split_ratings(tiny_dataset(), SplitSettings(valid=0.0, test=0.2))
    model = fit(split, config)
    training = Training(split, config, lambda: False)
    rated = int(training.item_plan.counts[0])
    expected = training._penalty(config.lambda_v, training.item_weights, model.best_iteration)[0]
    torch.testing.assert_close(model.item_penalty(rated), expected)


def test_the_factors_solve_equation_8(model: ConvMF) -> None:
    ratings = {"u1": 5.0, "u4": 1.0, "u7": 3.0}
    answer = what_if_rated(model, TEXT, ratings)
    theta = model.encode([TEXT])[0].double()
    users = model.user_factors[model.user_rows(list(ratings))].double()
    z = users.clone()
    z[:, 0] = 1.0
    scores = (torch.tensor([5.0, 1.0, 3.0], dtype=torch.float64) - model.scale.mean) / model.scale.std - users[:, 0]
    penalty = model.item_penalty(3).double()
    expected = torch.linalg.solve(z.T @ z + torch.diag(penalty), z.T @ scores + penalty * theta)
    torch.testing.assert_close(answer.item_factors.double(), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(answer.text_factors.double(), theta)
    torch.testing.assert_close(answer.movement.double(), expected - theta, atol=1e-5, rtol=1e-4)
    sizes = answer.movement.abs()[answer.largest_movements].tolist()
    assert sizes == sorted(sizes, reverse=True)
    np.testing.assert_allclose(answer.after, model.rate(model.user_factors, answer.item_factors[None])[0])


def test_without_ratings_nothing_moves(model: ConvMF) -> None:
    answer = what_if_rated(model, TEXT, {})
    assert answer.text_trust == 1.0 and not answer.movement.any() and not answer.given
    np.testing.assert_array_equal(answer.before, answer.after)
    np.testing.assert_allclose(answer.before, model.predict_text([TEXT])[0])


def test_ratings_pull_predictions_towards_themselves_and_the_text_counts_less_with_each(model: ConvMF) -> None:
    high = {user: model.scale.highest for user in model.user_ids[:12]}
    trusts = []
    for n in (1, 4, 12):
        answer = what_if_rated(model, TEXT, dict(list(high.items())[:n]))
        trusts.append(answer.text_trust)
        assert answer.after.mean() > answer.before.mean()
        assert all(given.after >= given.before for given in answer.given)
    assert 1 > trusts[0] > trusts[1] > trusts[2] > 0
    assert [given.user_id for given in answer.given] == list(high)


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        ({"nobody": 3.0}, "nobody"),
        ({"u1": 99.0}, "u1"),
        ({"u1": float("nan")}, "u1"),
        ({"u1": "5"}, "'5'"),
        ([("u1", 3.0)], "Ratings are a mapping such as"),
    ],
)
def test_ratings_that_cannot_be(model: ConvMF, ratings: dict[str, float], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        what_if_rated(model, TEXT, ratings)


def test_users_spread_from_who_likes_it_least_to_who_likes_it_most(model: ConvMF) -> None:
    users = spread_users(model, TEXT, 4)
    ratings = model.predict_text([TEXT], users)[0]
    everyone = model.predict_text([TEXT])[0]
    assert len(set(users)) == 4 and (np.diff(ratings) >= 0).all()
    assert ratings[0] == everyone.min() and ratings[-1] == everyone.max()
    assert len(spread_users(model, TEXT, 1000)) == len(model.user_ids)
