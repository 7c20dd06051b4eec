from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convmf.errors import ModelError
from convmf.explain import evidence, read_text
from convmf.model.convmf import ConvMF, score_matrix
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset


@pytest.fixture(scope="module")
def model() -> ConvMF:
    return fit(tiny_dataset(), replace(TINY, n_iterations=20))


def test_the_reading_of_a_text(model: ConvMF) -> None:
    reading = read_text(model, "War soldiers and a zebra by the river", top=3)
    ratings = model.predict_text(["War soldiers and a zebra by the river"])[0]
    np.testing.assert_allclose(reading.ratings, ratings)
    assert reading.mean == pytest.approx(ratings.mean(), rel=1e-5)
    assert (reading.p10, reading.p90) == pytest.approx(tuple(np.percentile(ratings, [10, 90])), rel=1e-5)
    assert "war" in reading.known_words and "zebra" in reading.unknown_words and "and" not in reading.unknown_words
    assert [user.rating for user in reading.top_users] == pytest.approx(sorted(ratings, reverse=True)[:3], rel=1e-5)
    assert len(reading.nearest_items) == 3
    shown = reading.to_dict()
    assert list(shown) == ["known_words", "unknown_words", "rating", "top_users", "nearest_items", "evidence"]
    assert set(shown["rating"]) == {"mean", "p10", "p90"}


def test_the_weights_add_up_to_the_effect_of_the_text(model: ConvMF) -> None:
    text = "night house war soldiers river letter"
    user = model.user_factors[3]
    phrases = evidence(model, text, user)
    scores = score_matrix(user[None], model.encode([text, ""]), biases=model.config.biases)[0]
    effect = model.scale.std * float(scores[0] - scores[1])
    assert sum(phrase.weight for phrase in phrases) == pytest.approx(effect, abs=2e-3)
    for phrase in phrases:
        assert text[phrase.start : phrase.end] == phrase.phrase
    sizes = [abs(phrase.weight) for phrase in phrases]
    assert sizes == sorted(sizes, reverse=True)


def test_the_telling_words_carry_the_weight(model: ConvMF) -> None:
    text = "night house war soldiers river letter"
    war, love = model.predict_text([text, text.replace("war soldiers", "love wedding")])
    phrases = evidence(model, text, model.user_factors[int(np.argmax(war - love))])
    telling = sum(phrase.weight for phrase in phrases if {"war", "soldiers"} & set(phrase.phrase.split()))
    rest = sum(abs(phrase.weight) for phrase in phrases if not {"war", "soldiers"} & set(phrase.phrase.split()))
    assert telling > rest


@pytest.mark.parametrize("text", ["", "the and of", "🎬"])
def test_a_text_without_words_has_no_evidence(model: ConvMF, text: str) -> None:
    assert evidence(model, text) == []
    assert read_text(model, text).evidence == ()


def test_a_model_without_text_says_so() -> None:
    model = fit(tiny_dataset(), replace(TINY, text="none"))
    with pytest.raises(ModelError, match="without texts"):
        evidence(model, "war")


def test_a_text_of_unknown_words_reads_as_an_empty_one(model: ConvMF) -> None:
    unknown, empty = read_text(model, "xylophone quux"), read_text(model, "")
    assert unknown.unknown_words == ("xylophone", "quux") and unknown.evidence == ()
    assert (unknown.mean, unknown.nearest_items) == (empty.mean, empty.nearest_items)
