from __future__ import annotations

from dataclasses import replace

import pytest

from convmf.errors import ModelError
from convmf.explain import occurrence, substitutes
from convmf.explain.taste import raw_rating
from convmf.model.convmf import ConvMF
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset

LONG = "Night house, war soldiers by the river; a letter in winter, music on the road, and a friend: war in the night."


@pytest.fixture(scope="module", params=[False, True], ids=["one network", "all that read along"])
def model(request: pytest.FixtureRequest) -> ConvMF:
    fitted = fit(tiny_dataset(), replace(TINY, n_iterations=20, calibration=request.param))
    assert fitted.cnn is not None and (fitted.cnn.linear_share > 0) == request.param
    return fitted


@pytest.mark.parametrize(
    "text", [LONG, "war", "river war", "war river", "house river war", "a zebra's war", "war zebra"]
)
@pytest.mark.parametrize("max_length", [120, 3, 1])
def test_substitutes_are_what_reading_each_whole_text_gives(model: ConvMF, text: str, max_length: int) -> None:
    short = replace(model, config=replace(model.config, max_length=max_length))
    start, end = occurrence(text, "war")
    candidates = ["love", "love wedding", "zebra", "", "letter and music by the road"]
    texts = [text, *(text[:start] + candidate + text[end:] for candidate in candidates)]
    # A text in which nothing is known is read as an empty one.
    assert short.vocabulary is not None
    texts = [written if short.vocabulary.known_and_unknown(written)[0] else "" for written in texts]
    before, *after = raw_rating(short, short.encode(texts), "u3").tolist()
    found = {substitute.word: substitute for substitute in substitutes(short, text, start, end, candidates, "u3")}
    for candidate, rating in zip(candidates, after, strict=True):
        assert found[candidate].effect == pytest.approx(rating - before, abs=1e-6)
        assert found[candidate].rating == pytest.approx(min(max(rating, short.scale.lowest), short.scale.highest))


def test_the_whole_vocabulary_from_the_best_to_the_worst(model: ConvMF) -> None:
    text = "River, letter and music"
    start, end = occurrence(text, "letter")
    assert model.vocabulary is not None
    found = substitutes(model, text, start, end, users="u3")
    assert sorted(substitute.word for substitute in found) == sorted(model.vocabulary.words)
    effects = [substitute.effect for substitute in found]
    assert effects == sorted(effects, reverse=True)
    width = model.scale.highest - model.scale.lowest
    for substitute in found:
        small = abs(substitute.effect) < 0.01 * width
        assert substitute.verdict == ("keeps" if small else "raises" if substitute.effect > 0 else "lowers")
    assert {substitute.verdict for substitute in found} == {"raises", "keeps", "lowers"}


def test_a_word_for_itself_changes_nothing(model: ConvMF) -> None:
    (same,) = substitutes(model, LONG, *occurrence(LONG, "winter"), candidates=["winter"])
    assert same.effect == pytest.approx(0, abs=1e-6) and same.verdict == "keeps"


def test_where_a_phrase_stands() -> None:
    assert occurrence("Warm war, War!", "WAR") == (5, 8)
    assert occurrence("the mother's house", "mother house") == (4, 18)
    for phrase in ("ar", "", "…", "war house"):
        with pytest.raises(ModelError, match="doesn't stand in the text"):
            occurrence("Warm war, War!", phrase)


@pytest.mark.parametrize("stretch", [(-1, 2), (2, 2), (0, 4), (3, 1)])
def test_a_stretch_outside_the_text_is_refused(model: ConvMF, stretch: tuple[int, int]) -> None:
    with pytest.raises(ModelError, match="no stretch"):
        substitutes(model, "war", *stretch)
