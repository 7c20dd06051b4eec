"""Figures, genres and starters of the catalogue."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from convmf.errors import ModelError
from convmf.explain import catalogue_figures, item_figures, main_genres, varied_items
from convmf.model.convmf import ConvMF
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset

DATA = tiny_dataset()


@pytest.fixture(scope="module")
def model() -> ConvMF:
    return fit(DATA, TINY)


def test_figures_count_every_rating_of_the_data(model: ConvMF) -> None:
    every = catalogue_figures(model)
    assert every.n_ratings.tolist() == DATA.item_counts().tolist()
    own = DATA.ratings.rating[DATA.ratings.item_index == 4]
    assert every.mean_rating[4] == pytest.approx(own.mean(), abs=1e-5)
    assert np.isnan(every.mean_rating[-2:]).all() and not np.isnan(every.mean_rating[:-2]).any()
    assert every.text_trust is not None and every.text_trust[-1] == 1


def test_the_figures_of_an_item_are_those_of_the_catalogue(model: ConvMF) -> None:
    every, one = catalogue_figures(model), item_figures(model, "i4")
    assert (one.n_ratings, one.mean_rating) == (every.n_ratings[4], pytest.approx(every.mean_rating[4]))
    assert every.text_trust is not None and one.text_trust == pytest.approx(float(every.text_trust[4]))
    assert one.expected == pytest.approx(model.predict(model.user_ids, ["i4"] * 30).mean(), abs=1e-5)
    unrated = item_figures(model, "i23")
    assert (unrated.n_ratings, unrated.mean_rating) == (0, None)
    with pytest.raises(ModelError, match="no item"):
        item_figures(model, "x")


def test_a_model_without_texts_has_no_trust() -> None:
    blind = fit(DATA, replace(TINY, text="none"))
    assert catalogue_figures(blind).text_trust is None and item_figures(blind, "i0").text_trust is None


def test_the_rarest_of_the_frequent_genres_stands_for_an_item() -> None:
    genres = ["Drama|War", "Drama", "Drama | Crime", "Crime|War", "War|Drama", "Western", "", "|"]
    found = main_genres(genres, most=3)
    assert found == ("War", "Drama", "Crime", "Crime", "War", "Other", "No genre", "No genre")
    assert main_genres(["B", "A"], most=1) == ("Other", "A"), "of equally frequent ones the first by name"


def test_starters_are_popular_and_far_apart(model: ConvMF) -> None:
    table = torch.zeros(24, 5)
    table[:, 1] = 1.0
    table[3, 1], table[7, 2], table[7, 1], table[20, 2], table[20, 1] = -1.0, 1.0, 0.0, -1.0, 0.0
    starters = varied_items(replace(model, item_factors=table), 4)
    assert starters[0] == "i0", "everybody has rated it"
    assert set(starters[1:]) == {"i3", "i7", "i20"}
    assert not set(varied_items(model, 4, exclude=starters)) & set(starters)
    assert varied_items(model, 99) and len(set(varied_items(model, 99))) == 24
