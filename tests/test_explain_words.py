from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest
import torch
from torch import Tensor

from convmf.config import ConvMFConfig
from convmf.data.dataset import sample_dataset
from convmf.errors import ModelError
from convmf.explain import Phrase, evidence, text_effects, word_weights
from convmf.explain import words as words_module
from convmf.explain.taste import raw_rating
from convmf.model.cnn import encode_texts
from convmf.model.convmf import ConvMF
from convmf.model.ensemble import TextNetwork
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset

TEXT = "Night house: war soldiers, river and a zebra's letter."


@pytest.fixture(scope="module")
def model() -> ConvMF:
    return fit(tiny_dataset(), replace(TINY, n_iterations=20))


def effect(model: ConvMF, text: str, users: str | list[str] | None = None) -> float:
    """What the text does to the users' rating before clipping, against an empty one."""
    full, empty = raw_rating(model, model.encode([text, ""]), users).tolist()
    return full - empty


@pytest.mark.parametrize("users", [None, "u3", ["u3", "u8", "u9"]])
def test_words_and_phrases_add_up_to_the_effect_of_the_text(model: ConvMF, users: str | list[str] | None) -> None:
    words, phrases = word_weights(model, TEXT, users), evidence(model, TEXT, users)
    assert sum(word.weight for word in words) == pytest.approx(effect(model, TEXT, users), abs=1e-6)
    assert sum(phrase.weight for phrase in phrases) == pytest.approx(effect(model, TEXT, users), abs=1e-6)
    for phrase in phrases:
        inside = [word.weight for word in words if phrase.start <= word.start < phrase.end]
        assert phrase.weight == pytest.approx(sum(inside), abs=1e-12)
    sizes = [abs(phrase.weight) for phrase in phrases]
    assert sizes == sorted(sizes, reverse=True)


def test_the_weights_of_two_words_by_hand(model: ConvMF) -> None:
    """With two words both orders are read, so the Shapley values are exact."""
    both, war, letter = (effect(model, text, "u3") for text in ("war letter", "war", "letter"))
    weights = [word.weight for word in word_weights(model, "war letter", "u3")]
    expected = [(war + both - letter) / 2, (letter + both - war) / 2]
    assert weights == pytest.approx(expected, abs=1e-6)


def test_every_word_of_the_text_has_its_place(model: ConvMF) -> None:
    words = word_weights(model, TEXT)
    assert [word.word for word in words] == "night house war soldiers river and a zebra letter".split()
    assert [word.word for word in words if not word.known] == ["and", "a", "zebra"]
    assert all(word.weight == 0 for word in words if not word.known)
    assert TEXT[words[7].start : words[7].end] == "zebra's"


def test_a_groups_weights_are_the_mean_of_its_users(model: ConvMF) -> None:
    effects = text_effects(model, TEXT)
    single = np.array([[word.weight for word in effects.words(user)] for user in ("u1", "u2")])
    group = [word.weight for word in effects.words(["u1", "u2"])]
    np.testing.assert_allclose(group, single.mean(axis=0), atol=1e-9)
    everybody = [word.weight for word in effects.words(list(model.user_ids))]
    np.testing.assert_allclose(everybody, [word.weight for word in effects.words()], atol=1e-9)
    folded = [word.weight for word in effects.words(model.user_factors[1])]
    np.testing.assert_allclose(folded, single[0], atol=1e-9)


def test_phrases_are_windows_that_share_no_word(model: ConvMF) -> None:
    effects = text_effects(model, "night house war soldiers river letter")
    spans = sorted((phrase.start, phrase.end) for phrase in effects.evidence("u3"))
    assert all(end <= start for (_, end), (start, _) in zip(spans, spans[1:], strict=False))
    windows = {(effects.tokens[first].start, effects.tokens[last - 1].end) for first, last in effects.windows}
    assert {span for span in spans if " " in effects.text[slice(*span)]} <= windows


def test_spans_take_the_strongest_window_first() -> None:
    model = fit(tiny_dataset(), TINY)
    effects = replace(text_effects(model, "night house war river letter"), windows=((0, 2), (1, 4), (2, 3), (4, 5)))
    assert effects.spans(np.array([1.0, 3.0, 1.0, 0.1])) == [(1, 4), (4, 5), (0, 1)]
    assert effects.spans(np.array([2.0, 2.0, 1.0, 0.1])) == [(0, 2), (2, 3), (4, 5), (3, 4)]


def test_words_beyond_the_models_length_have_no_weight(model: ConvMF) -> None:
    short = replace(model, config=replace(model.config, max_length=2))
    words = word_weights(short, "war soldiers river letter", "u3")
    assert [word.known for word in words] == [True, True, False, False]
    assert sum(word.weight for word in words) == pytest.approx(effect(short, "war soldiers", "u3"), abs=1e-6)


def test_a_long_text_is_read_no_more_often_than_a_shorter_one(model: ConvMF, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then some words come together, and share what they add."""
    long = replace(model, config=replace(model.config, max_length=5000))
    text = " ".join(["war soldiers river letter"] * 100)
    read: list[int] = []

    def counted(cnn: TextNetwork, token_ids: Tensor) -> Tensor:
        read.append(len(token_ids))
        return encode_texts(cnn, token_ids)

    monkeypatch.setattr(words_module, "encode_texts", counted)
    weights = [word.weight for word in word_weights(long, text, "u3")]
    assert read == [604]
    assert len(weights) == 400 and sum(weights) == pytest.approx(effect(long, text, "u3"), abs=1e-6)
    runs = [len(list(alike)) for _, alike in groupby(weights)]
    assert len(runs) <= 150 and 3 in runs


def test_the_same_text_has_the_same_weights(model: ConvMF) -> None:
    assert evidence(model, TEXT, "u3") == evidence(model, TEXT, "u3")


@pytest.mark.parametrize("text", ["", "the and of", "🎬", "xylophone quux"])
def test_a_text_without_known_words_has_no_evidence(model: ConvMF, text: str) -> None:
    assert evidence(model, text) == []
    assert all(word.weight == 0 and not word.known for word in word_weights(model, text))


def test_who_and_what_cannot_be_explained(model: ConvMF) -> None:
    with pytest.raises(ModelError, match="no user 'nobody'"):
        evidence(model, TEXT, "nobody")
    with pytest.raises(ModelError, match="group of users is empty"):
        evidence(model, TEXT, [])
    with pytest.raises(ModelError, match="without texts"):
        evidence(fit(tiny_dataset(), replace(TINY, text="none")), TEXT)


def test_the_paper_model_without_levels_adds_up_too() -> None:
    model = fit(tiny_dataset(), replace(TINY, biases=False, n_iterations=5))
    weights = [word.weight for word in word_weights(model, TEXT, "u3")]
    assert sum(weights) == pytest.approx(effect(model, TEXT, "u3"), abs=1e-6)


def without(text: str, phrases: list[Phrase]) -> str:
    for phrase in sorted(phrases, key=lambda phrase: -phrase.start):
        text = text[: phrase.start] + text[phrase.end :]
    return text


def test_deleting_the_top_phrases_moves_the_rating_as_they_say() -> None:
    """Against three random phrases, which may be among the top ones: further in 90 % of cases, and to the side
    that the weights say in 85 % of texts. Over every second film: a quarter of them gives or takes a percent."""
    data = sample_dataset()
    model = fit(data, ConvMFConfig.preset("default", device="cpu"))
    generator = np.random.default_rng(0)
    further, to_that_side = [], []
    for row in range(0, data.n_items, 2):
        user = model.user_ids[row % len(model.user_ids)]
        phrases = evidence(model, data.texts[row], user)
        draws = [[phrases[place] for place in generator.permutation(len(phrases))[:3]] for _ in range(5)]
        texts = [data.texts[row], *(without(data.texts[row], chosen) for chosen in (phrases[:3], *draws))]
        before, top, *others = raw_rating(model, model.encode(texts), user).tolist()
        further += [abs(top - before) > abs(other - before) for other in others]
        to_that_side.append((top - before) * -sum(phrase.weight for phrase in phrases[:3]) > 0)
    assert np.mean(further) >= 0.9
    assert np.mean(to_that_side) >= 0.85


def test_the_windows_of_a_text_of_one_word(model: ConvMF) -> None:
    effects = text_effects(model, "war")
    assert set(effects.windows) <= {(0, 1)}
    assert effects.effects.dtype == torch.float64 and effects.effects.shape == (1, 5)
