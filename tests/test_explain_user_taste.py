from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convmf.errors import ModelError
from convmf.explain import taste_phrases, user_ratings
from convmf.explain.taste import slope
from convmf.explain.words import text_effects
from convmf.model.convmf import ConvMF
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset

DATA = tiny_dataset()


@pytest.fixture(scope="module")
def model() -> ConvMF:
    return fit(DATA, replace(TINY, n_iterations=20))


def likes_war(user: int) -> bool:
    own = DATA.ratings.user_index == user
    is_war = DATA.ratings.item_index[own] % 2 == 0
    return bool(DATA.ratings.rating[own][is_war].mean() > DATA.ratings.rating[own][~is_war].mean())


def test_ratings_are_those_of_the_data_beside_their_mean(model: ConvMF) -> None:
    found = user_ratings(model, "u3")
    own = DATA.ratings.user_index == 3
    given = dict(zip(DATA.ratings.item_index[own].tolist(), DATA.ratings.rating[own].tolist(), strict=True))
    assert {item.item_id: item.rating for item in found.items} == {f"i{row}": value for row, value in given.items()}
    assert found.mean == pytest.approx(np.mean(list(given.values())))
    assert found.usual == pytest.approx(DATA.ratings.rating.mean(), abs=1e-5)
    assert sum(item.above_mean for item in found.items) == pytest.approx(0, abs=1e-9)
    assert [item.rating for item in found.items] == sorted(given.values(), reverse=True)
    assert found.items[0].title == DATA.titles[int(found.items[0].item_id[1:])]


def test_the_phrases_tell_whom_they_speak_to(model: ConvMF) -> None:
    lovers = [next(user for user in range(30) if likes_war(user) is liked) for liked in (True, False)]
    for user, (near, far) in zip(
        lovers, (("war soldiers", "love wedding"), ("love wedding", "war soldiers")), strict=True
    ):
        phrases = taste_phrases(model, f"u{user}", DATA.texts)
        assert set(near.split()) & set(phrases[0].phrase.split())
        assert set(far.split()) & set(phrases[-1].phrase.split())
        assert phrases[0].difference > 0 > phrases[-1].difference


def test_each_phrase_stands_once_in_a_text_that_was_rated(model: ConvMF) -> None:
    phrases = taste_phrases(model, "u0", DATA.texts)
    rated = {item.item_id for item in user_ratings(model, "u0").items}
    assert len({phrase.phrase for phrase in phrases}) == len(phrases)
    differences = [phrase.difference for phrase in phrases]
    assert differences == sorted(differences, reverse=True)
    for phrase in phrases:
        assert phrase.item_id in rated
        assert phrase.phrase in DATA.texts[int(phrase.item_id[1:])]


def test_the_weights_add_up_to_what_the_text_does(model: ConvMF) -> None:
    item = user_ratings(model, "u0").items[0]
    texts = list(DATA.texts)
    texts[int(item.item_id[1:])] = text = "war soldiers night house river"  # no word twice
    phrases = taste_phrases(model, "u0", texts, n_texts=1)
    assert {phrase.item_id for phrase in phrases} == {item.item_id}
    effects = text_effects(model, text, most_pairs=2).effects.sum(dim=0)
    assert sum(phrase.weight for phrase in phrases) == pytest.approx(float(effects @ slope(model, "u0")))
    assert sum(phrase.usual for phrase in phrases) == pytest.approx(float(effects @ slope(model)))


def test_the_last_texts_are_the_lowest_rated(model: ConvMF) -> None:
    rated = [item.item_id for item in user_ratings(model, "u0").items if DATA.texts[int(item.item_id[1:])]]
    found = {phrase.item_id for phrase in taste_phrases(model, "u0", DATA.texts, n_texts=3)}
    assert found <= {rated[0], rated[1], rated[-1]} and rated[-1] in found


def test_what_cannot_be_told(model: ConvMF) -> None:
    with pytest.raises(ModelError, match="no user"):
        user_ratings(model, "nobody")
    with pytest.raises(ModelError, match="24 items, but there are 1 texts"):
        taste_phrases(model, "u0", ["war"])
    with pytest.raises(ModelError, match="without texts"):
        taste_phrases(fit(DATA, replace(TINY, text="none")), "u0", DATA.texts)
