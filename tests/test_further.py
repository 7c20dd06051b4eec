"""The other figures of a report, in words."""

from __future__ import annotations

from convmf.data.splits import SplitSettings, split_ratings
from convmf.evaluation.further import further_rows
from convmf.evaluation.report import build_report
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset


def test_by_hand():
    report = {
        "mae": {"test": 0.5, "cold": 0.75, "train": 0.1},
        "intervals": {"level": 0.8, "test": {"coverage": 0.81, "width": 1.5}, "cold": None},
        "ranking": {"k": 10, "test": {"model": {"recall": 0.2, "ndcg": 0.3}, "popularity": None}, "cold": None},
    }
    rows = {row.label: (row.value("cold"), row.value("test")) for row in further_rows(report)}
    assert rows == {
        "Mean absolute error (MAE)": ("0.750", "0.500"),
        "Ratings inside their 80\u00a0% interval": ("–", "81.0\u00a0%"),
        "Width of the interval": ("–", "1.50"),
        "Recall@10, this model": ("–", "0.200"),
        "nDCG@10, this model": ("–", "0.300"),
    }


def test_an_older_report_has_none_and_a_new_one_all():
    assert further_rows({"rmse": {}}) == []
    split = split_ratings(tiny_dataset(), SplitSettings(cold_items=0.2))
    report = build_report(fit(split, TINY), split, seconds=1.0)
    labels = [row.label for row in further_rows(report)]
    assert labels[0].startswith("Mean absolute") and any(label.startswith("nDCG@10, this model") for label in labels)
    for row in further_rows(report):
        assert not row.meaning or row.meaning.endswith(".")
