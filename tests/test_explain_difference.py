from __future__ import annotations

from dataclasses import replace

import pytest

from convmf.explain import compare_texts, text_effects, word_weights
from convmf.explain.taste import raw_rating
from convmf.model.convmf import ConvMF
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset

FIRST = "Night house: war soldiers, river and a zebra's letter."
SECOND = "Love at night, a wedding by the river; night music."


@pytest.fixture(scope="module")
def model() -> ConvMF:
    return fit(tiny_dataset(), replace(TINY, n_iterations=20))


@pytest.mark.parametrize("users", [None, "u3", ["u3", "u8"]])
def test_the_words_add_up_to_the_difference_of_the_ratings(model: ConvMF, users: str | list[str] | None) -> None:
    difference = compare_texts(model, FIRST, SECOND, users)
    ratings = raw_rating(model, model.encode([FIRST, SECOND]), users).tolist()
    assert [difference.first, difference.second] == pytest.approx(ratings)
    assert sum(word.effect for word in difference.words) == pytest.approx(ratings[1] - ratings[0], abs=1e-6)
    sizes = [abs(word.effect) for word in difference.words]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 0


def test_each_word_counts_once_and_knows_which_text_it_stands_in(model: ConvMF) -> None:
    words = {word.word: word for word in compare_texts(model, FIRST, SECOND).words}
    assert {word: entry.stands_in for word, entry in words.items()} == {
        **dict.fromkeys(("house", "war", "soldiers", "letter"), "first"),
        **dict.fromkeys(("love", "wedding", "music"), "second"),
        **dict.fromkeys(("night", "river"), "both"),
    }
    assert words["war"].second == 0 and words["love"].first == 0
    nights = [word.weight for word in word_weights(model, SECOND) if word.word == "night"]
    assert len(nights) == 2
    assert words["night"].second == pytest.approx(sum(nights))


def test_a_text_does_not_differ_from_itself_and_the_order_turns_the_sign(model: ConvMF) -> None:
    same = compare_texts(model, FIRST, FIRST)
    assert same.difference == pytest.approx(0, abs=1e-6) and not any(word.effect for word in same.words)
    there, back = compare_texts(model, FIRST, SECOND), compare_texts(model, SECOND, FIRST)
    assert there.difference == pytest.approx(-back.difference)


def test_unknown_words_make_no_difference(model: ConvMF) -> None:
    assert not text_effects(model, "zebra quokka").tokens
    assert compare_texts(model, "", "zebra quokka").difference == pytest.approx(0, abs=1e-6)


def test_plain_values(model: ConvMF) -> None:
    values = compare_texts(model, "war", "love").to_dict()
    assert values["difference"] == pytest.approx(sum(word["effect"] for word in values["words"]), abs=1e-6)
