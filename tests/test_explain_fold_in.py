from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from convmf.errors import ModelError
from convmf.explain import explain_fold_in
from convmf.model.convmf import ConvMF, RatingScale
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset

RATINGS = {"i0": 4.5, "i1": 1.5, "i4": 4.0}


@pytest.fixture(scope="module")
def model() -> ConvMF:
    return fit(tiny_dataset(), replace(TINY, n_iterations=20))


@pytest.mark.parametrize("changes", [{}, {"biases": False}, {"user_weights": "sqrt"}])
def test_the_shares_add_up_to_the_recommendation(changes: dict[str, object]) -> None:
    model = fit(tiny_dataset(), replace(TINY, n_iterations=5, **changes))  # type: ignore[arg-type]
    folded = explain_fold_in(model, RATINGS, 6)
    expected = model.recommend(model.fold_in(RATINGS), 6, exclude=list(RATINGS))
    assert [item.item_id for item in folded.items] == [item.item_id for item in expected]
    for item, plain in zip(folded.items, expected, strict=True):
        total = item.base + sum(share.share for share in item.shares) + item.clipping
        assert item.rating == pytest.approx(total, abs=1e-9)
        assert item.rating == pytest.approx(plain.score, abs=1e-5)
        assert {share.item_id: share.given for share in item.shares} == RATINGS
        sizes = [abs(share.share) for share in item.shares]
        assert sizes == sorted(sizes, reverse=True)


def test_a_share_by_hand(model: ConvMF) -> None:
    """One factor, no levels: u = Σ r v / (Σ v² + λ), and item 2 scores u · v₂."""
    hand = replace(
        model,
        config=replace(model.config, n_factors=1, biases=False, user_weights="uniform"),
        user_factors=torch.zeros(1, 1),
        item_factors=torch.tensor([[1.0], [2.0], [3.0]]),
        item_ids=("a", "b", "c"),
        titles=("A", "B", "C"),
        user_lambda=5.0,
        scale=RatingScale(mean=0.0, std=1.0, lowest=0.0, highest=5.0),
    )
    folded = explain_fold_in(hand, {"a": 4.0, "b": 1.0})
    (item,) = folded.items
    assert (item.item_id, item.base, item.clipping) == ("c", 0.0, 0.0)
    assert {share.title: share.share for share in item.shares} == pytest.approx({"A": 1.2, "B": 0.6})
    assert {share.title: share.share for share in folded.effects} == pytest.approx({"A": 1.2, "B": 0.6})


def test_the_effects_are_the_mean_over_the_list(model: ConvMF) -> None:
    folded = explain_fold_in(model, RATINGS, 5)
    for effect in folded.effects:
        shares = [share.share for item in folded.items for share in item.shares if share.item_id == effect.item_id]
        assert effect.share == pytest.approx(np.mean(np.abs(shares)))


def test_what_cannot_be_folded_in(model: ConvMF) -> None:
    for ratings, match in (({}, "at least one"), ({"i1": 99.0}, "go from"), ({"x": 3.0}, "no item")):
        with pytest.raises(ModelError, match=match):
            explain_fold_in(model, ratings)


def test_a_user_who_rated_everything_gets_nothing(model: ConvMF) -> None:
    folded = explain_fold_in(model, dict.fromkeys(model.item_ids, 3.0))
    assert folded.items == () and len(folded.effects) == 24
