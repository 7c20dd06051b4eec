"""Held-out predictions made again from a saved model agree with its report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convmf.data.splits import SplitSettings, split_ratings
from convmf.errors import DataError
from convmf.evaluation.bootstrap import Compared
from convmf.evaluation.held_out import examples, held_out
from convmf.evaluation.report import build_report
from convmf.model.convmf import ConvMF
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset


@pytest.fixture(scope="module")
def trained():
    split = split_ratings(tiny_dataset(), SplitSettings(cold_items=0.2))
    return fit(split, TINY), split


def test_a_model_from_the_disk_gives_the_figures_of_the_report(trained, tmp_path):
    model, split = trained
    report = build_report(model, split, seconds=1.0)
    model.save(tmp_path)
    again = split_ratings(tiny_dataset(), SplitSettings.from_dict(report["split"]))
    parts = held_out(ConvMF.load(tmp_path), again)
    assert set(parts) == {"test", "cold"}
    for name, part in parts.items():
        assert part.compared["model"].rmse.value == pytest.approx(report["rmse"][name], abs=1e-6)
        assert report["bootstrap"][name].keys() == part.compared.keys(), "those that weren't asked for have none"
        for key, compared in part.compared.items():
            stored = Compared.from_dict(report["bootstrap"][name][key])
            assert stored.rmse.interval == pytest.approx(compared.rmse.interval, abs=1e-6)
        for baseline in ("biases", "user_mean", "global_mean"):
            assert part.compared[baseline].rmse.value == pytest.approx(report["baselines"][baseline][name], abs=1e-6)


def test_counts_are_those_of_training_and_for_cold_items_those_of_all_ratings(trained):
    model, split = trained
    parts = held_out(model, split)
    test, cold = parts["test"], parts["cold"]
    item, user = test.ratings.item_index[0], test.ratings.user_index[0]
    assert test.item_counts[0] == (split.train.item_index == item).sum()
    assert test.user_counts[0] == (split.train.user_index == user).sum()
    item = cold.ratings.item_index[0]
    assert not (split.train.item_index == item).any()
    assert cold.item_counts[0] == (split.dataset.ratings.item_index == item).sum()


def test_every_view_counts_each_rating_once(trained):
    for part in held_out(*trained).values():
        for view in (part.by_item_count, part.by_user_count, part.by_rating, part.spreads, part.calibration):
            assert sum(group.n_ratings for group in view) == len(part.ratings)
        whole = part.compared["model"].rmse.value
        for view in (part.by_item_count, part.by_user_count, part.by_rating):
            squared = sum(group.n_ratings * group.rmse.value**2 for group in view)
            assert np.sqrt(squared / len(part.ratings)) == pytest.approx(whole)


def test_intervals_of_baselines_that_take_a_training_are_in_the_report(trained):
    report = build_report(*trained, seconds=1.0, all_baselines=True)
    for name in ("test", "cold"):
        stored = {key: Compared.from_dict(values) for key, values in report["bootstrap"][name].items()}
        assert set(stored) == {"model", *report["baselines"]}
        for key, parts in report["baselines"].items():
            assert stored[key].rmse.value == pytest.approx(parts[name], abs=1e-6)
            assert stored[key].gain.value == pytest.approx(1 - report["rmse"][name] / parts[name], abs=1e-6)


def test_examples_of_one_user_or_item(trained):
    model, split = trained
    part, data = held_out(model, split)["test"], split.dataset
    (any_one,) = examples(part, data, "worst", 1)
    of_user = examples(part, data, "worst", 10**6, user_id=any_one.user_id)
    assert len(of_user) == (part.ratings.user_index == data.user_ids.index(any_one.user_id)).sum()
    assert of_user[0] == any_one and {example.user_id for example in of_user} == {any_one.user_id}
    of_item = examples(part, data, "worst", 10**6, item_id=any_one.item_id)
    assert of_item[0] == any_one and {example.item_id for example in of_item} == {any_one.item_id}
    assert examples(part, data, "best", user_id=any_one.user_id, item_id=any_one.item_id) == [any_one]
    strangers = set(data.user_ids) - {example.user_id for example in of_item}
    assert examples(part, data, "best", user_id=min(strangers), item_id=any_one.item_id) == []


def test_a_stop_among_the_baselines_leaves_out_those_that_are_not_whole(trained):
    begun: list[str] = []
    report = build_report(
        *trained,
        seconds=1.0,
        all_baselines=True,
        on_baseline=begun.append,
        should_stop=lambda: "shuffled_text" in begun,
    )
    assert begun == ["pmf", "tfidf_ridge", "shuffled_text"]
    measured = {name for name, parts in report["baselines"].items() if parts is not None}
    assert measured == {"global_mean", "user_mean", "biases", "pmf", "tfidf_ridge"}
    assert set(report["bootstrap"]["cold"]) == {"model", *measured}


def test_a_part_without_ratings_is_left_out():
    split = split_ratings(tiny_dataset(), SplitSettings())
    assert set(held_out(fit(split, TINY), split)) == {"test"}


def test_another_data_set_is_refused(trained):
    model, split = trained
    other = replace(split, dataset=replace(split.dataset, user_ids=tuple(f"x{label}" for label in model.user_ids)))
    with pytest.raises(DataError, match="trained on other users"):
        held_out(model, other)
