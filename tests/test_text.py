from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmf.data.text import MAX_WORD, PAD, Vocabulary, as_written, tokenize, words
from convmf.errors import DataError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Harbour-Master's café", ["the", "harbour", "master", "cafe"]),
        ("the dogs’ don't O’Brien’s", ["the", "dogs", "don't", "o'brien"]),
        ("Über naïve Øresund straße", ["uber", "naive", "oresund", "strasse"]),
        ("東京ドラマ!", ["東", "京", "ド", "ラ", "マ"]),
        ("が", ["が"]),
        ("ｶﾞｲﾄﾞ", ["ガ", "イ", "ド"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("हिन्दी फ़िल्म", ["हिन्दी", "फ़िल्म"]),
        ("Йод кино", ["йод", "кино"]),
        ("film2000 １２ ﬁlm", ["film2000", "12", "film"]),
        ("… — !? 🎬", []),
        ("", []),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    import unicodedata

    assert words(text) == [unicodedata.normalize("NFC", word) for word in expected]


def test_a_token_knows_where_it_stands() -> None:
    text = "A café, the Master's"
    assert [text[token.start : token.end] for token in tokenize(text)] == ["A", "café", "the", "Master's"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In 1926, or the 1930s", ["in", "1926", "1920s", "or", "the", "1930s"]),
        ("2010's 1800-2099", ["2010", "2010s", "1800", "1800s", "2099", "2090s"]),
        ("1799 2100 926 19260 m1926 ２０２４", ["1799", "2100", "926", "19260", "m1926", "2024", "2020s"]),
    ],
)
def test_behind_a_year_its_decade_is_read(text: str, expected: list[str]) -> None:
    assert words(text) == expected
    tokens = Vocabulary(tuple(expected)).read(text)
    assert [token.word for token in tokens] == expected
    assert [token.word for token in Vocabulary(tuple(expected), decades=False).read(text)] == [
        token.word for token in tokenize(text) if token.word in expected
    ]


def test_a_year_and_its_decade_stand_in_the_same_place() -> None:
    vocabulary = Vocabulary(("1920s", "war"))
    text = "War of 1926"
    ids, tokens = vocabulary.encode_text(text, max_length=9)
    assert ids == [3, 2] and text[tokens[1].start : tokens[1].end] == "1926"
    assert vocabulary.encode([text], max_length=9).tolist() == [ids]
    assert vocabulary.known_and_unknown("war 1926 1936") == (["war", "1926"], ["1936"])


def test_a_phrase_is_written_without_the_decade_that_is_read_behind_a_year() -> None:
    assert as_written(["1926", "1920s", "war", "1930s"]) == "1926 war 1930s"
    assert as_written(["1920s", "war"]) == "1920s war"
    assert as_written([]) == ""


ANY_TEXT = st.text(st.characters(codec=None), max_size=60)
"""Half surrogates, unassigned characters and all."""


@given(ANY_TEXT)
def test_any_text_gives_words_without_spaces(text: str) -> None:
    for token in tokenize(text):
        assert token.word and not any(character.isspace() for character in token.word)
        assert 0 <= token.start < token.end <= len(text)
        assert not any(character.isspace() for character in text[token.start : token.end])
    tokens = Vocabulary(tuple(dict.fromkeys(words(text)))).read(text)
    assert words(text) == [token.word for token in tokens]
    assert dict.fromkeys(tokenize(text)).keys() <= dict.fromkeys(tokens).keys()


@pytest.mark.parametrize("piece", ["w", "e\u0301\u0316", "\ufdfa"])
def test_an_endless_word_is_cut(piece: str) -> None:
    # A run of accents takes Unicode's normalisation quadratic time: this one some minutes.
    text = f"war {piece * 150_000} love"
    first, endless, last = tokenize(text)
    assert (first.word, last.word) == ("war", "love")
    assert 0 < len(endless.word) <= 18 * MAX_WORD and text[endless.start : endless.end] == text[4:-5]


@given(st.lists(ANY_TEXT, max_size=5), st.integers(1, 7))
def test_any_texts_encode_within_bounds(texts: list[str], max_length: int) -> None:
    vocabulary = Vocabulary.build(texts, max_words=5)
    encoded = vocabulary.encode(texts, max_length)
    assert len(vocabulary.words) <= 5
    assert encoded.shape[0] == len(texts) and encoded.shape[1] <= max_length
    assert not encoded.size or 0 <= encoded.min() <= encoded.max() < len(vocabulary)


def test_the_vocabulary_is_the_best_by_tf_idf() -> None:
    # "film" is in all 12 texts, "war" in 3 (twice in one), "owl" in one, "the" is a stop word.
    texts = ["the film", "film war", "film war war", "film war", "film owl"] + ["film"] * 7
    vocabulary = Vocabulary.build(texts, max_words=2)
    assert vocabulary.words == ("war", "owl")
    assert len(vocabulary) == 4
    assert "film" in Vocabulary.build(texts, max_document_frequency=1.0)
    assert "film" in Vocabulary.build(texts[:4]), "in a handful of texts a share says nothing"


def test_encoding_pads_cuts_and_leaves_unknown_words_out() -> None:
    vocabulary = Vocabulary(("war", "owl"))
    encoded = vocabulary.encode(["owl the unknown war", "", "zebra yak", "war war war war"], max_length=3)
    np.testing.assert_array_equal(encoded, [[3, 2, PAD], [PAD] * 3, [PAD] * 3, [2, 2, 2]])
    assert encoded.dtype == np.int64
    assert vocabulary.encode(["", ""], max_length=3).shape == (2, 0)
    assert vocabulary.encode([], max_length=3).shape == (0, 0)


@given(st.text(alphabet="war owl the's東") | st.text(alphabet="1930s war"), st.booleans())
def test_a_text_encodes_the_same_with_and_without_places(text: str, decades: bool) -> None:
    vocabulary = Vocabulary(("war", "owl", "東", "1930", "1930s", "1990s"), decades)
    ids, tokens = vocabulary.encode_text(text, max_length=4)
    assert vocabulary.encode([text], max_length=4)[0].tolist() == ids
    assert len(ids) == len(tokens)


def test_known_and_unknown_words() -> None:
    known, unknown = Vocabulary(("war", "owl")).known_and_unknown("The owl's WAR on zebras, owl!")
    assert (known, unknown) == (["owl", "war"], ["zebras"])


def test_a_word_twice_is_refused() -> None:
    with pytest.raises(DataError):
        Vocabulary(("war", "war"))
