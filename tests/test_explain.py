from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convmf.errors import ModelError
from convmf.explain import evidence, explain_recommendations, explain_text, read_text, split_prediction
from convmf.model.convmf import ConvMF
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
    names = ["known_words", "unknown_words", "rating", "top_users", "nearest_items", "evidence", "words"]
    assert list(shown) == names
    assert set(shown["rating"]) == {"mean", "p10", "p90", "low", "high", "level"}


def test_the_interval_of_a_text_holds_error_and_taste(model: ConvMF) -> None:
    reading = read_text(model, "war soldiers by the river")
    assert reading.low is not None and reading.high is not None and reading.level == 0.8
    assert model.scale.lowest <= reading.low < reading.mean < reading.high <= model.scale.highest
    unmeasured = read_text(replace(model, intervals=None), "war soldiers by the river")
    assert (unmeasured.low, unmeasured.high, unmeasured.mean) == (None, None, reading.mean)


def test_the_telling_words_carry_the_weight(model: ConvMF) -> None:
    text = "night house war soldiers river letter"
    war, love = model.predict_text([text, text.replace("war soldiers", "love wedding")])
    phrases = evidence(model, text, model.user_factors[int(np.argmax(war - love))])
    telling = sum(phrase.weight for phrase in phrases if {"war", "soldiers"} & set(phrase.phrase.split()))
    rest = sum(abs(phrase.weight) for phrase in phrases if not {"war", "soldiers"} & set(phrase.phrase.split()))
    assert telling > rest


def test_a_text_of_unknown_words_reads_as_an_empty_one(model: ConvMF) -> None:
    unknown, empty = read_text(model, "xylophone quux"), read_text(model, "")
    assert unknown.unknown_words == ("xylophone", "quux") and unknown.evidence == ()
    assert (unknown.mean, unknown.nearest_items) == (empty.mean, empty.nearest_items)


def test_the_answer_for_a_user(model: ConvMF) -> None:
    answer = explain_text(model, "war river zebra", 2, user_id="u3")
    assert answer["user"]["rating"] == pytest.approx(float(model.predict_text(["war river zebra"], ["u3"])[0, 0]))
    assert answer["user"]["evidence"] == [
        {"phrase": phrase.phrase, "weight": phrase.weight} for phrase in evidence(model, "war river zebra", "u3")[:2]
    ]
    assert [word["word"] for word in answer["user"]["words"]] == ["war", "river", "zebra"]
    assert "user" not in explain_text(model, "war") and "replace" not in explain_text(model, "war")


def test_the_answer_for_a_replaced_word(model: ConvMF) -> None:
    replaced = explain_text(model, "River, War", 2, user_id="u3", replace="war")["replace"]
    assert (replaced["phrase"], replaced["start"], replaced["end"]) == ("War", 7, 10)
    assert sum(replaced["n_words"].values()) == 11, "all words of the vocabulary but the replaced one"
    raised, kept, lowered = (replaced["substitutes"][verdict] for verdict in ("raises", "keeps", "lowers"))
    assert all(len(found) <= 2 for found in (raised, kept, lowered))
    for found in (raised, lowered):
        sizes = [abs(word["effect"]) for word in found]
        assert sizes == sorted(sizes, reverse=True)
    with pytest.raises(ModelError, match="doesn't stand"):
        explain_text(model, "war", replace="love")


def test_recommendations_with_their_parts(model: ConvMF) -> None:
    rows = explain_recommendations(model, "u3", 2, parts=True)
    for row, item in zip(rows, model.recommend("u3", 2), strict=True):
        assert (row["item_id"], row["title"], row["rating"]) == (item.item_id, item.title, item.score)
        assert row["parts"] == split_prediction(model, "u3", item.item_id).to_dict()
    assert "parts" not in explain_recommendations(model, "u3", 2)[0]


def test_recommendations_for_a_new_user(model: ConvMF) -> None:
    (row,) = explain_recommendations(model, {"i0": 4.5, "i1": 1.5}, 1, parts=True)
    assert row["base"] + sum(share["share"] for share in row["shares"]) + row["clipping"] == pytest.approx(
        row["rating"]
    )
    assert {share["item_id"] for share in row["shares"]} == {"i0", "i1"}
    assert row["parts"]["rating"] == pytest.approx(row["rating"], abs=1e-5)
