from __future__ import annotations

import json
from dataclasses import replace

import pytest

from convmf.data.splits import SplitSettings, split_ratings
from convmf.evaluation.metrics import mae
from convmf.evaluation.report import build_report
from convmf.evaluation.uncertainty import interval_report
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset


def test_figures_beside_the_rmse() -> None:
    split = split_ratings(tiny_dataset(), SplitSettings(cold_items=0.15))
    model = fit(split, TINY)
    report = build_report(model, split, seconds=1.0)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["mae"]["test"] == mae(
        model.predict_rows(split.test.user_index, split.test.item_index), split.test.rating
    )
    assert set(report["mae"]) == set(report["rmse"])
    for part in ("test", "cold"):
        assert report["mae"][part] < report["rmse"][part]
    assert report["intervals"] == interval_report(model, split)
    assert (report["ranking"]["k"], set(report["ranking"]["test"])) == (
        10,
        {"n_users", "n_candidates", "model", "popularity", "random", "recall_lead"},
    )


@pytest.mark.parametrize("settings", [SplitSettings(valid=0.0), SplitSettings(test=0.0), SplitSettings(0.0, 0.0)])
def test_a_part_without_ratings_has_no_figures(settings: SplitSettings) -> None:
    split = split_ratings(tiny_dataset(), settings)
    report = build_report(fit(split, TINY), split, seconds=1.0)
    assert report["mae"]["cold"] is None and "cold" not in report["bootstrap"] and report["ranking"]["cold"] is None
    assert (report["mae"]["test"] is None) == ("test" not in report["bootstrap"]) == (settings.test == 0)
    assert (report["ranking"]["test"] is None) == (settings.test == 0)
    assert (report["intervals"] is None) == (settings.valid == 0)
    if report["intervals"] is not None:
        assert report["intervals"]["cold"] is None and report["intervals"]["test"] is None


def test_a_model_that_reads_no_texts_has_no_text_controls() -> None:
    split = split_ratings(tiny_dataset(), SplitSettings(cold_items=0.1))
    begun: list[str] = []
    model = fit(split, replace(TINY, text="none", n_iterations=1))
    report = build_report(model, split, seconds=0.0, all_baselines=True, on_baseline=begun.append)
    assert begun == ["pmf", "tfidf_ridge"]
    assert report["baselines"]["shuffled_text"] is None and report["baselines"]["empty_text"] is None
