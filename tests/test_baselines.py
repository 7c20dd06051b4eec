from __future__ import annotations

import numpy as np
import pytest

from convmf.config import ConvMFConfig
from convmf.data.dataset import Dataset, Ratings
from convmf.data.splits import Split, SplitSettings, split_ratings
from convmf.data.vectors import WordVectors
from convmf.evaluation import baselines
from convmf.evaluation.metrics import rmse
from convmf.evaluation.report import build_report
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset


def levels_dataset() -> Dataset:
    """40 users and 30 items whose ratings are μ + b + c exactly; the texts tell c."""
    generator = np.random.default_rng(0)
    b, c = generator.normal(0, 0.5, 40), np.repeat([-1.0, 0.0, 1.0], 10)
    users, items = (index.ravel().astype(np.int32) for index in np.meshgrid(np.arange(40), np.arange(30)))
    return Dataset(
        name="levels",
        user_ids=tuple(map(str, range(40))),
        item_ids=tuple(map(str, range(30))),
        titles=("",) * 30,
        texts=tuple(word for word in ("awful mess", "plain story", "great triumph") for _ in range(10)),
        genres=("",) * 30,
        ratings=Ratings(users, items, (5 + b[users] + c[items]).astype(np.float32)),
    )


@pytest.fixture
def split() -> Split:
    return split_ratings(levels_dataset(), SplitSettings(cold_items=0.2))


def error(predictor: baselines.Predictor, part: Ratings) -> float:
    return rmse(predictor(part), part.rating)


def test_means_by_hand(split: Split) -> None:
    ratings = split.train.rating
    assert baselines.global_mean(split)(split.test)[0] == pytest.approx(ratings.mean(), rel=1e-5)
    user = int(split.test.user_index[0])
    expected = ratings[split.train.user_index == user].mean()
    assert baselines.user_mean(split)(split.test)[0] == pytest.approx(expected, rel=1e-5)


def test_a_user_without_ratings_gets_the_global_mean() -> None:
    data = tiny_dataset(n_users=2, n_items=8)
    lonely = Ratings(data.ratings.user_index * 0, data.ratings.item_index, data.ratings.rating)
    split = split_ratings(data)
    split = Split(data, split.settings, lonely, split.valid, split.test, split.cold, split.cold_items)
    asked = Ratings(np.ones(1, np.int32), np.zeros(1, np.int32), np.zeros(1, np.float32))
    assert baselines.user_mean(split)(asked)[0] == pytest.approx(lonely.rating.mean(), rel=1e-5)


def test_biases_find_levels(split: Split) -> None:
    assert error(baselines.biases(split), split.test) < 0.05
    assert error(baselines.global_mean(split), split.test) > 0.8


def test_ridge_reads_the_level_of_an_unseen_item(split: Split) -> None:
    assert error(baselines.tfidf_ridge(split), split.cold) < 0.35
    assert error(baselines.biases(split), split.cold) > 0.6


def test_ridge_without_any_text_falls_back_to_users() -> None:
    data = levels_dataset()
    textless = Dataset("", data.user_ids, data.item_ids, data.titles, ("",) * 30, data.genres, data.ratings)
    split = split_ratings(textless, SplitSettings(cold_items=0.2))
    assert error(baselines.tfidf_ridge(split), split.cold) == pytest.approx(
        error(baselines.biases(split), split.cold), rel=0.05
    )


def test_lines_for_the_live_chart(split: Split) -> None:
    lines = baselines.baseline_lines(split, baselines.simple_baselines(split))
    assert set(lines) == {"global_mean", "user_mean", "biases"}
    assert lines["biases"]["valid"] == pytest.approx(error(baselines.biases(split), split.valid))
    assert lines["biases"]["train"] < lines["global_mean"]["train"]


def test_the_report_has_every_figure() -> None:
    split = split_ratings(tiny_dataset(), SplitSettings(cold_items=0.15))
    model = fit(split, TINY)
    report = build_report(model, split, seconds=1.5, all_baselines=True)
    assert set(report["rmse"]) == {"train", "valid", "test", "cold"}
    names = ["global_mean", "user_mean", "biases", "pmf", "tfidf_ridge", "shuffled_text", "empty_text"]
    assert list(report["baselines"]) == names
    for name in names:
        assert set(report["baselines"][name]) == {"test", "cold"} and report["baselines"][name]["cold"] > 0
    assert report["rmse"]["test"] == error(
        lambda part: model.predict_rows(part.user_index, part.item_index), split.test
    )
    assert (report["seconds"], report["iterations"], report["device"]) == (1.5, 4, "cpu")
    assert ConvMFConfig.from_dict(report["config"]) == TINY
    assert len(report["history"]) == 4


def test_a_figure_that_does_not_apply_is_none() -> None:
    split = split_ratings(tiny_dataset())
    report = build_report(fit(split, TINY), split, seconds=0.0)
    assert report["rmse"]["cold"] is None and report["baselines"]["biases"]["cold"] is None
    assert report["baselines"]["pmf"] is None


def test_the_text_controls_start_from_the_same_word_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = WordVectors(("war", "love"), np.eye(2, 5, dtype=np.float32), name="own")
    split = split_ratings(tiny_dataset(), SplitSettings(cold_items=0.15))
    model = fit(split, TINY, word_vectors=vectors)
    seen: list[tuple[str, object]] = []

    def watched(split, config, *, word_vectors, should_stop, with_intervals):  # type: ignore[no-untyped-def]
        assert not with_intervals, "a control is asked for its RMSE only"
        seen.append((config.text, word_vectors))
        return model

    monkeypatch.setattr(baselines, "fit", watched)
    report = build_report(model, split, seconds=0.0, word_vectors=vectors, all_baselines=True)
    assert seen == [("none", vectors), ("shuffled", vectors), ("empty", vectors)]
    assert report["word_vectors"] == vectors.report(model.vocabulary)  # type: ignore[arg-type]
