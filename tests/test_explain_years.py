"""A year is read as itself and as its decade; explanations speak of what is written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from convmf.data.dataset import Dataset
from convmf.explain import evidence, kernel_readings, occurrence, substitutes, word_weights
from convmf.explain.taste import raw_rating
from convmf.model.convmf import ConvMF
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset

TEXT = "Night of 1944, a letter of 1945, winter of 1962"


def dated_dataset() -> Dataset:
    """War films are of 1941 and 1943, love films of years from 1921 to 1929."""
    dataset = tiny_dataset()
    texts = (
        text.replace("war soldiers", f"{1941 + row % 4}").replace("love wedding", f"{1921 + row % 9}")
        for row, text in enumerate(dataset.texts)
    )
    return replace(dataset, texts=tuple(texts))


@pytest.fixture(scope="module")
def model() -> ConvMF:
    return fit(dated_dataset(), replace(TINY, n_iterations=20))


def test_a_year_weighs_what_it_and_its_decade_do(model: ConvMF) -> None:
    words, phrases = word_weights(model, TEXT, "u3"), evidence(model, TEXT, "u3")
    assert [word.word for word in words if word.known] == ["night", "1944", "letter", "1945", "winter"]
    full, empty = raw_rating(model, model.encode([TEXT, ""]), "u3").tolist()
    assert sum(word.weight for word in words) == pytest.approx(full - empty, abs=1e-6)
    assert sum(phrase.weight for phrase in phrases) == pytest.approx(full - empty, abs=1e-6)
    stretches = sorted((phrase.start, phrase.end) for phrase in phrases)
    assert all(end <= start for (_, end), (start, _) in zip(stretches, stretches[1:], strict=False))
    assert {word.word: word.weight for word in words}["1945"], "a year that no text has, in a decade that some have"


def test_no_phrase_names_the_decade_behind_its_year(model: ConvMF) -> None:
    dataset = dated_dataset()
    phrases = [found.phrase for kernel in kernel_readings(model, dataset.texts) for found in kernel.phrases]
    phrases += [found.phrase for found in evidence(model, TEXT)]
    assert any("1943" in phrase for phrase in phrases) and any("1940s" in phrase for phrase in phrases)
    assert not any(f"194{digit} 1940s" in phrase for phrase in phrases for digit in range(10))


@pytest.mark.parametrize("phrase", ["1944", "night of 1944", "1944, a letter of 1945"])
def test_substitutes_of_a_year_are_what_reading_each_whole_text_gives(model: ConvMF, phrase: str) -> None:
    start, end = occurrence(TEXT, phrase)
    assert TEXT[start:end].lower() == phrase
    candidates = ["1925", "1920s", "1929 letter", "", "1999"]
    texts = [TEXT, *(TEXT[:start] + candidate + TEXT[end:] for candidate in candidates)]
    before, *after = raw_rating(model, model.encode(texts), "u3").tolist()
    found = {
        substitute.word: substitute.effect for substitute in substitutes(model, TEXT, start, end, candidates, "u3")
    }
    for candidate, rating in zip(candidates, after, strict=True):
        assert found[candidate] == pytest.approx(rating - before, abs=1e-6)


def test_a_model_of_before_reads_no_decades(model: ConvMF, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = ConvMF.load(tmp_path)
    assert loaded.vocabulary == model.vocabulary and model.vocabulary is not None and model.vocabulary.decades
    meta = json.loads((tmp_path / "model.json").read_text())
    del meta["decades"]
    (tmp_path / "model.json").write_text(json.dumps(meta))
    before = ConvMF.load(tmp_path)
    assert before.encode(["night 1945"]).tolist() == before.encode(["night"]).tolist()
    assert before.encode(["night 1945"]).tolist() != model.encode(["night 1945"]).tolist()
