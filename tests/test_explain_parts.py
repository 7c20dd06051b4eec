from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from convmf.data.splits import SplitSettings, split_ratings
from convmf.errors import ModelError
from convmf.explain import split_prediction, text_trust
from convmf.model.convmf import ConvMF, RatingScale
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset


@pytest.fixture(scope="module")
def model() -> ConvMF:
    return fit(tiny_dataset(), replace(TINY, n_iterations=20))


def by_hand(model: ConvMF, *, biases: bool) -> ConvMF:
    """One user and one item with round factors."""
    return replace(
        model,
        config=replace(model.config, n_factors=2, biases=biases),
        user_ids=("u",),
        item_ids=("i",),
        titles=("Film",),
        user_factors=torch.tensor([[0.5, 2.0, -1.0]])[:, 0 if biases else 1 :],
        item_factors=torch.tensor([[0.25, 0.5, 1.0]])[:, 0 if biases else 1 :],
        text_factors=torch.tensor([[0.125, 0.75, -1.0]])[:, 0 if biases else 1 :],
        text_trust=torch.tensor([0.5]),
        scale=RatingScale(mean=3.0, std=2.0, lowest=1.0, highest=5.0),
    )


def test_the_parts_by_hand(model: ConvMF) -> None:
    parts = split_prediction(by_hand(model, biases=True), "u", "i")
    assert (parts.mean, parts.user_bias, parts.item_bias, parts.item_bias_from_text) == (3.0, 1.0, 0.5, 0.25)
    assert parts.text_part == 2 * (2 * 0.75 + 1 * 1.0)
    assert parts.rating_part == 2 * (2 * -0.25 - 1 * 2.0)
    assert (parts.rating, parts.clipping) == (4.5, 0.0)
    assert (parts.item_id, parts.title, parts.text_trust) == ("i", "Film", 0.5)


def test_clipping_is_a_part_of_its_own(model: ConvMF) -> None:
    parts = split_prediction(by_hand(model, biases=True), torch.tensor([2.0, 0.0, 0.0]), "i")
    assert (parts.rating, parts.clipping) == (5.0, -2.5)


def test_the_paper_model_has_no_levels(model: ConvMF) -> None:
    hand = replace(by_hand(model, biases=False), scale=RatingScale(mean=0.0, std=1.0, lowest=-5.0, highest=5.0))
    parts = split_prediction(hand, "u", "i")
    assert (parts.mean, parts.user_bias, parts.item_bias, parts.item_bias_from_text) == (0.0, 0.0, 0.0, 0.0)
    assert (parts.text_part, parts.rating_part, parts.rating) == (2.5, -2.5, 0.0)


def test_the_parts_add_up_to_the_prediction(model: ConvMF) -> None:
    for user in ("u0", "u7"):
        for item in model.item_ids:
            parts = split_prediction(model, user, item)
            total = parts.mean + parts.user_bias + parts.item_bias + parts.text_part + parts.rating_part
            assert total + parts.clipping == pytest.approx(parts.rating, abs=1e-9)
            assert parts.rating == pytest.approx(model.predict([user], [item])[0], abs=1e-5)
    unrated = split_prediction(model, "u0", "i23")
    assert unrated.rating_part == pytest.approx(0, abs=1e-7) and unrated.text_trust == 1.0


def test_a_folded_in_users_parts(model: ConvMF) -> None:
    user = model.fold_in({"i0": 4.0, "i1": 2.0})
    rating = model.rate(user[None], model.item_factors)[2, 0]
    assert split_prediction(model, user, "i2").rating == pytest.approx(rating, abs=1e-5)


def test_text_trust_falls_with_the_training_ratings() -> None:
    split = split_ratings(tiny_dataset(), SplitSettings(cold_items=0.2))
    model = fit(split, TINY)
    trust, counts = text_trust(model), model.item_counts.numpy()
    assert trust.shape == (24,) and (trust[counts == 0] == 1).all()
    assert (counts == 0).sum() > 2, "the cold items have ratings, but not for the training"
    assert (trust[counts > 0] < 0.7).all() and (trust > 0).all()
    assert np.corrcoef(trust, counts)[0, 1] < -0.9


def test_lambda_v_and_its_growth_raise_the_trust() -> None:
    def mean_trust(**changes: float) -> float:
        return float(text_trust(fit(tiny_dataset(), replace(TINY, n_iterations=1, **changes)))[:22].mean())

    assert mean_trust(lambda_v=40.0) > mean_trust()
    assert mean_trust(lambda_bias=30.0) > mean_trust()


def test_trust_is_saved_and_older_models_say_what_they_lack(model: ConvMF, tmp_path: Path) -> None:
    model.save(tmp_path)
    assert (text_trust(ConvMF.load(tmp_path)) == text_trust(model)).all()
    tensors = load_file(tmp_path / "model.safetensors")
    meta = json.loads((tmp_path / "model.json").read_text())
    del tensors["text_trust"], meta["has_text_trust"], meta["sha256"]
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "model.json").write_text(json.dumps(meta))
    old = ConvMF.load(tmp_path)
    assert split_prediction(old, "u0", "i0").text_trust is None
    with pytest.raises(ModelError, match="train it again"):
        text_trust(old)


def test_without_texts_there_is_nothing_to_trust() -> None:
    model = fit(tiny_dataset(), replace(TINY, text="none"))
    with pytest.raises(ModelError, match="without texts"):
        text_trust(model)
    parts = split_prediction(model, "u0", "i0")
    assert parts.text_part == 0 and parts.text_trust is None
    assert parts.rating == pytest.approx(model.predict(["u0"], ["i0"])[0], abs=1e-5)


def test_unknown_ids_are_named(model: ConvMF) -> None:
    with pytest.raises(ModelError, match="no item 'x'"):
        split_prediction(model, "u0", "x")
    with pytest.raises(ModelError, match="no user 'x'"):
        split_prediction(model, "x", "i0")
