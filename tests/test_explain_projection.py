from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from convmf.errors import ModelError
from convmf.explain import project
from convmf.model.convmf import ConvMF
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset


@pytest.fixture(scope="module")
def model() -> ConvMF:
    return fit(tiny_dataset(), replace(TINY, n_iterations=20))


def with_factors(model: ConvMF, factors: list[list[float]]) -> ConvMF:
    """The model with other item factors; its rows are the first items, all further ones are left out."""
    n = len(factors)
    table = torch.tensor(factors)
    return replace(
        model, item_ids=model.item_ids[:n], titles=model.titles[:n], item_factors=table, text_factors=table.clone()
    )


def test_points_by_hand_whatever_the_level(model: ConvMF) -> None:
    """Differences along (3, 4) and across it, once in 25 and once in 1 of the variance; column 0 is the level."""
    table = [[9.0, 3.0, 4.0], [-5.0, -3.0, -4.0], [2.0, 0.8, -0.6], [0.0, -0.8, 0.6]]
    found = project(with_factors(model, table), "item")
    assert found.points == pytest.approx(np.array([[5.0, 0.0], [-5.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), abs=1e-6)
    assert found.explained == pytest.approx((50 / 52, 2 / 52), abs=1e-6)


def test_the_shares_are_of_the_whole_variance(model: ConvMF) -> None:
    for by, table in (("item", model.item_factors), ("text", model.text_factors)):
        found = project(model, by)
        variance = table[:, 1:].double().var(dim=0, correction=0).sum().item()
        assert found.points.var(axis=0) / variance == pytest.approx(found.explained)
        assert 1 >= found.explained[0] >= found.explained[1] > 0
        assert found.points.mean(axis=0) == pytest.approx([0, 0], abs=1e-9)


def test_the_two_kinds_of_films_are_apart(model: ConvMF) -> None:
    along = project(model).points[:20, 0]
    assert max(along[::2]) < min(along[1::2]) or min(along[::2]) > max(along[1::2])


def test_a_map_of_nothing_is_a_point(model: ConvMF) -> None:
    found = project(with_factors(model, [[1.0, 2.0, 2.0]] * 3), "item")
    assert (found.points == 0).all() and found.explained == (0.0, 0.0)
    line = project(with_factors(model, [[0.0, 2.0], [0.0, -2.0]]), "item")
    assert line.points.tolist() == [[2.0, 0.0], [-2.0, 0.0]] and line.explained == (1.0, 0.0)


def test_what_cannot_be_drawn(model: ConvMF) -> None:
    with pytest.raises(ModelError, match="'item' or 'text', not 'genre'"):
        project(model, "genre")
    with pytest.raises(ModelError, match="without texts"):
        project(fit(tiny_dataset(), replace(TINY, text="none")), "text")
