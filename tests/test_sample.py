from __future__ import annotations

import csv
import gzip
import io
import math
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from convmf.data import sample
from convmf.data.sample_phrases import CRAFTS, THEMES, TONES
from convmf.data.sample_ratings import (
    MEAN,
    NOISE_SD,
    UNTOLD_SD,
    World,
    make_world,
    rating_moments,
    rating_probabilities,
)
from convmf.data.sample_text import Film, invent_films
from convmf.data.sample_world import PEOPLE, SETTINGS
from convmf.errors import DataError


@pytest.fixture(scope="module")
def world() -> World:
    return make_world()


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode("utf-8"), newline="")))


@pytest.fixture(scope="module")
def ratings() -> list[dict[str, str]]:
    return rows(sample.sample_paths()[0])


@pytest.fixture(scope="module")
def items() -> list[dict[str, str]]:
    return rows(sample.sample_paths()[1])


def test_the_generator_writes_the_files_that_are_shipped(tmp_path: Path) -> None:
    # What is packed is compared, not the packing: zlib and its replacements pack the same bytes differently.
    sample.sample_files(tmp_path / "new")
    shipped = sample.sample_paths()[0].parent
    for name in ("ratings.csv.gz", "items.csv.gz"):
        assert gzip.decompress((tmp_path / "new" / name).read_bytes()) == gzip.decompress((shipped / name).read_bytes())
    assert (tmp_path / "new" / "truth.json").read_bytes() == (shipped / "truth.json").read_bytes()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(path.name for path in shipped.iterdir())


def test_packed_files_carry_neither_time_nor_name(tmp_path: Path) -> None:
    header = sample.sample_paths()[0].read_bytes()[:8]
    assert header == b"\x1f\x8b\x08\x00\x00\x00\x00\x00"  # magic, deflate, no flags (no name), time 0


def test_another_seed_makes_other_ratings_and_films(tmp_path: Path) -> None:
    sample.main([str(tmp_path), "--seed", "1"])
    assert rows(tmp_path / "items.csv.gz")[0] != rows(sample.sample_paths()[1])[0]
    assert rows(tmp_path / "ratings.csv.gz")[:50] != rows(sample.sample_paths()[0])[:50]


def test_the_folder_is_small() -> None:
    assert sum(path.stat().st_size for path in sample.sample_paths()[0].parent.iterdir()) <= 2_000_000


def test_sizes_agree_with_the_truth(ratings: list[dict[str, str]], items: list[dict[str, str]]) -> None:
    truth = sample.sample_truth()
    rated = {row["item_id"] for row in ratings}
    assert rated < {row["item_id"] for row in items}
    assert (len(items), len(ratings)) == (truth.n_items, truth.n_ratings)
    assert len({row["user_id"] for row in ratings}) == truth.n_users
    assert len(items) - len(rated) == truth.n_unrated_items
    assert 0.09 <= truth.n_unrated_items / truth.n_items <= 0.11
    assert 55_000 <= truth.n_ratings <= 66_000
    assert truth.note == sample.SAMPLE_NOTE


def test_ratings_are_whole_stars_once_a_pair_with_a_long_tail(ratings: list[dict[str, str]]) -> None:
    stars = Counter(row["rating"] for row in ratings)
    assert set(stars) == {"1", "2", "3", "4", "5"}
    assert min(stars.values()) >= 0.02 * len(ratings)
    assert len({(row["user_id"], row["item_id"]) for row in ratings}) == len(ratings)
    by_film = sorted(Counter(row["item_id"] for row in ratings).values(), reverse=True)
    by_user = sorted(Counter(row["user_id"] for row in ratings).values(), reverse=True)
    assert sum(by_film[:90]) >= 0.3 * len(ratings)
    assert sum(by_user[: len(by_user) // 10]) >= 0.3 * len(ratings)
    assert by_user[-1] >= 5
    assert all(1_500_000_000 < int(row["timestamp"]) < 1_800_000_000 for row in ratings)


def test_synopses_are_whole_different_and_of_the_right_length(items: list[dict[str, str]]) -> None:
    assert len({row["title"] for row in items}) == len(items)
    assert all(40 <= len(row["description"].split()) <= 120 for row in items)
    assert all(row["genres"] for row in items)
    texts = [row["description"] for row in items] + [row["title"] for row in items]
    texts += [text for _, text in sample.EXAMPLE_DESCRIPTIONS]
    flaws = re.compile(r"[{}\[\]|]|  |,,|\.\.| [,.;]|,[.;]|\b[Aa] [aeiouAEIOU]|\b[Aa]n [^aeiouhAEIOU]")
    assert [text for text in texts if flaws.search(text)] == []


def test_no_sentence_stands_in_two_synopses(items: list[dict[str, str]]) -> None:
    sentences = [part for row in items for part in re.split(r"(?<=\.) ", row["description"])]
    assert max(Counter(sentences).values()) == 1


def test_two_heroes_take_the_plural_and_a_name_is_given_in_full_once() -> None:
    films = [film for film in invent_films(200, np.random.default_rng(3).random) if film.people.name == "twins"]
    assert len(films) > 5
    for film in films:
        pair = re.search(r"([A-Z]\w+ and [A-Z]\w+) ([A-Z]\w+)", film.description)
        assert pair is not None
        assert film.description.count(pair[0]) == 1
        assert not re.search(rf"{pair[1]} (is|has|was|finds|comes|plans)\b", film.description)


ATTRIBUTES: dict[str, tuple[list[str], Callable[[Film], str]]] = {
    "theme": ([value.name for value in THEMES], lambda film: film.theme.name),
    "tone": ([value.name for value in TONES], lambda film: film.tone.name),
    "setting": ([value.name for value in SETTINGS], lambda film: film.setting.name),
    "people": ([value.name for value in PEOPLE], lambda film: film.people.name),
    "craft": ([craft.name for craft in CRAFTS], lambda film: film.craft.name),
}


def reader(films: list[Film], labels: list[str]) -> Callable[[list[str]], list[str]]:
    """A linear classifier of texts, fitted on the films' synopses."""
    model = make_pipeline(TfidfVectorizer(sublinear_tf=True, min_df=2, max_df=0.5), LogisticRegression(C=30.0))
    model.fit([film.description for film in films], labels)
    return lambda texts: list(model.predict(texts))


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_the_text_tells_every_attribute(world: World, attribute: str) -> None:
    names, value_of = ATTRIBUTES[attribute]
    labels = [value_of(film) for film in world.films]
    assert set(labels) == set(names)
    assert min(Counter(labels).values()) >= 36
    read = reader(world.films[:720], labels[:720])([film.description for film in world.films[720:]])
    assert np.mean([told == meant for told, meant in zip(read, labels[720:], strict=True)]) >= 0.85


def test_the_examples_are_read_as_they_are_meant(world: World) -> None:
    texts = [text for _, text in sample.EXAMPLE_DESCRIPTIONS]
    craft = reader(world.films, [film.craft.name for film in world.films])(texts)
    assert craft == ["masterly", "poor", "good", "good", "mixed"]
    tone = reader(world.films, [film.tone.name for film in world.films])(texts)
    assert tone == ["comic", "bleak", "bleak", "tender", "tense"]


def test_probabilities_of_a_rating_by_hand() -> None:
    # At a score of 2.5 with a deviation of 1, P(rating ≤ 2) = Φ(0) = 1/2 and P(rating = 1) = Φ(−1) = 0.158655.
    probabilities = rating_probabilities(np.array([2.5]), 1.0)[0]
    assert probabilities == pytest.approx([0.158655, 0.341345, 0.341345, 0.135905, 0.022750], abs=1e-6)
    mean, variance = rating_moments(np.array([2.5]), 1.0)
    assert mean[0] == pytest.approx(2.522750, abs=1e-5)
    assert variance[0] == pytest.approx(7.339370 - 2.522750**2, abs=1e-5)


def stars(score: np.ndarray, noise: np.ndarray) -> np.ndarray:
    return np.clip(np.floor(score + noise + 0.5), 1, 5)


def test_floors_are_what_a_model_that_knows_the_truth_gets(world: World) -> None:
    truth = sample.sample_truth()
    generator = np.random.default_rng(0)
    n = len(world.rating)
    score = world.told_score + world.untold
    mean, _ = rating_moments(score, NOISE_SD)
    again = stars(score, NOISE_SD * generator.standard_normal(n))
    assert np.sqrt(np.mean((again - mean) ** 2)) == pytest.approx(truth.rmse_floor_warm, rel=0.01)
    assert np.sqrt(np.mean((world.rating - mean) ** 2)) == pytest.approx(truth.rmse_floor_warm, rel=0.01)
    told_mean, _ = rating_moments(world.told_score, math.hypot(NOISE_SD, UNTOLD_SD))
    untold = UNTOLD_SD * generator.standard_normal(n)
    again = stars(world.told_score + untold, NOISE_SD * generator.standard_normal(n))
    assert np.sqrt(np.mean((again - told_mean) ** 2)) == pytest.approx(truth.rmse_floor_cold, rel=0.01)


def test_scores_are_made_of_what_the_world_tells_of_films_and_users(world: World) -> None:
    users, films = world.user_index, world.item_index
    tastes = (world.user_taste[users] * world.film_taste[films]).sum(axis=1)
    score = MEAN + world.user_level[users] + world.film_level[films] + tastes
    assert np.allclose(score, world.told_score + world.untold, rtol=0, atol=1e-5)


def test_taste_and_text_matter(world: World) -> None:
    """Best level of every user and every film, fitted on all ratings, stays well above the floor."""
    truth = sample.sample_truth()
    left = world.rating - world.rating.mean()
    user_level, film_level = np.zeros(truth.n_users), np.zeros(truth.n_items)
    for _ in range(20):
        per_film = np.bincount(world.item_index, minlength=truth.n_items)
        sums = np.bincount(world.item_index, left - user_level[world.user_index], minlength=truth.n_items)
        film_level = sums / np.maximum(per_film, 1)
        sums = np.bincount(world.user_index, left - film_level[world.item_index], minlength=truth.n_users)
        user_level = sums / np.bincount(world.user_index, minlength=truth.n_users)
    rest = left - user_level[world.user_index] - film_level[world.item_index]
    assert np.sqrt(np.mean(rest**2)) >= 1.04 * truth.rmse_floor_warm  # fitted on what it is measured on
    assert film_level.std() > 1.5 * UNTOLD_SD


def test_a_missing_or_broken_truth_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "_FOLDER", tmp_path)
    with pytest.raises(DataError, match="truth.json can't be read"):
        sample.sample_truth()
    (tmp_path / "truth.json").write_text('{"rmse_floor": {"warm": 1.0}}')
    with pytest.raises(DataError, match="convmf.data.sample"):
        sample.sample_truth()


def test_a_warm_floor_above_the_cold_one_is_refused() -> None:
    truth = sample.sample_truth()
    values = {name: getattr(truth, name) for name in truth.__dataclass_fields__}
    with pytest.raises(DataError, match="warm the lower"):
        sample.SampleTruth(**{**values, "rmse_floor_warm": 0.9, "rmse_floor_cold": 0.8})
