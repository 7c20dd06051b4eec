"""A model asked by row number, and for some of its users only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from convmf.errors import ModelError
from convmf.evaluation import uncertainty
from convmf.explain import rate_texts, split_prediction
from convmf.model.convmf import ConvMF
from convmf.model.intervals import RatingIntervals
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset


@pytest.fixture(scope="module")
def model() -> ConvMF:
    model = fit(tiny_dataset(), replace(TINY, biases=True))
    ramp = tuple(np.arange(1, 100) / 99)
    intervals = RatingIntervals(torch.rand(30), item=1.0, text=1.0, rated=ramp, unrated=ramp, anyone=ramp)
    return replace(model, intervals=intervals, cold_user_factors=model.user_factors.flip(0))


@pytest.mark.parametrize(
    "index",
    [
        [2, 0, 1],
        pd.Series([2, 0, 1], index=[1, 2, 0]),
        np.array([1, 0, 2])[::-1],
        np.array([2, 0, 1], np.int16),
        np.array([2, 0, 1], np.uint8),
        np.array([2, 0, 1], np.uint32),
        np.array([2.0, 0.0, 1.0]),
        torch.tensor([2, 0, 1]),
    ],
)
def test_row_numbers_may_have_any_type(model: ConvMF, index: object) -> None:
    rows = np.array([2, 0, 1])
    for ask in (
        model.predict_rows,
        model.interval_rows,
        lambda *pairs: model.predict_rows_from_text(model.text_factors, *pairs),
        model.scores,
    ):
        np.testing.assert_array_equal(ask(index, index), ask(rows, rows))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("index", "told"),
    [
        ([0, -1], "whole and from 0 to 23, not -1"),
        ([0, 24], "not 24"),
        ([0, 0.5], "not 0.5"),
        (np.array([True, False]), "bool"),
        (["i0", "i1"], "numbers"),
        ([[0, 1]], "shape"),
    ],
)
def test_what_is_no_row_number_is_refused(model: ConvMF, index: object, told: str) -> None:
    for ask in (
        model.predict_rows,
        model.interval_rows,
        lambda *pairs: model.predict_rows_from_text(model.text_factors, *pairs),
        model.scores,
    ):
        with pytest.raises(ModelError, match=f"item_index .*{told}"):
            ask([0, 1], index)  # type: ignore[operator]
    with pytest.raises(ModelError, match="user_index .*from 0 to 29, not 30"):
        model.scores([30])


def test_rows_that_make_no_pairs_are_refused(model: ConvMF) -> None:
    for ask in (model.predict_rows, model.interval_rows):
        with pytest.raises(ModelError, match="2 users and 1 items don't make pairs"):
            ask([0, 1], [0])


def test_factors_of_some_users_are_those_of_all(model: ConvMF) -> None:
    rows = np.array([7, 0, 29])
    for one in (model, replace(model, cold_user_factors=None)):
        assert torch.equal(one.user_factors_at(3, rows), one.user_factors_at(3)[rows])


def test_one_users_answer_takes_no_time_for_the_others(model: ConvMF, monkeypatch: pytest.MonkeyPatch) -> None:
    mixed, lerp = [], torch.lerp
    monkeypatch.setattr(torch, "lerp", lambda users, *others: mixed.append(len(users)) or lerp(users, *others))
    split_prediction(model, "u3", "i1")
    model.predict_text(["war"], ["u3"])
    assert mixed and set(mixed) == {1}


def test_users_factors_are_mixed_once_for_many_texts(model: ConvMF, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = uncertainty._over_users(model, model.text_factors)
    mixed, lerp = [], torch.lerp
    monkeypatch.setattr(torch, "lerp", lambda users, *others: mixed.append(len(users)) or lerp(users, *others))
    monkeypatch.setattr(uncertainty, "_ITEMS_AT_ONCE", 5)
    np.testing.assert_allclose(uncertainty._over_users(model, model.text_factors), whole, rtol=1e-5)
    rate_texts(model, ["war", "love"] * 65)
    assert len(mixed) == 2
