"""Rows of the comparison, and the sentences about them: true in every case."""

from __future__ import annotations

import pytest

from convmf.evaluation.bootstrap import Compared, Estimate
from convmf.evaluation.comparison import PREDICTORS, TEXT_CONTROLS, Row, best_simple, comparison
from convmf.evaluation.diagnostics import CalibrationBin, Slice
from convmf.evaluation.findings import (
    against_simple,
    findings,
    meaning_of_texts,
    percent,
    short_percent,
    trust,
    weakest_rating,
)

REPORT = {
    "rmse": {"test": 0.8, "cold": None},
    "baselines": {
        "biases": {"test": 0.9, "cold": None},
        "user_mean": {"test": 1.0, "cold": None},
        "global_mean": {"test": 1.1, "cold": None},
        "pmf": None,
    },
}


def rows(**estimates: Compared) -> list[Row]:
    return [
        Row(key, label, meaning, estimates[key].rmse, estimates[key].gain)
        if key in estimates
        else Row(key, label, meaning)
        for key, (label, meaning) in PREDICTORS.items()
    ]


def group(label: str, rmse: float, shift: float, n: int = 100) -> Slice:
    return Slice(label, n, Estimate(rmse), Estimate(shift), 1.0)


def test_every_predictor_has_a_row_and_what_was_not_measured_says_so():
    found = {row.key: row for row in comparison(REPORT, "test")}
    assert list(found) == [key for key in PREDICTORS if key != "floor"]
    assert found["model"].is_model and found["model"].rmse == Estimate(0.8)
    assert found["pmf"].rmse is None and found["shuffled_text"].rmse is None
    assert all(row.rmse is None for row in comparison(REPORT, "cold"))


def test_a_new_measurement_comes_before_the_report_and_the_report_s_interval_before_its_figure():
    stored = {**REPORT, "bootstrap": {"test": {"pmf": Compared(Estimate(0.85, 0.8, 0.9)).to_dict()}}}
    measured = {"model": Compared(Estimate(0.81, 0.7, 0.9))}
    found = {row.key: row for row in comparison(stored, "test", measured, floor=0.5)}
    assert found["model"].rmse == Estimate(0.81, 0.7, 0.9)
    assert found["pmf"].rmse == Estimate(0.85, 0.8, 0.9)
    assert found["biases"].rmse == Estimate(0.9)
    assert found["floor"].rmse == Estimate(0.5)


def test_an_older_report_keeps_its_intervals_on_known_items_only():
    narrow = {"biases": Compared(Estimate(0.9, 0.8, 1.0), Estimate(0.1, 0.05, 0.15)).to_dict()}
    report = {
        "rmse": {"test": 0.8, "cold": 0.9},
        "baselines": {"biases": {"test": 0.9, "cold": 0.9}},
        "user_bootstrap": {"test": narrow, "cold": narrow},
    }
    known, new = ({row.key: row for row in comparison(report, part)}["biases"] for part in ("test", "cold"))
    assert known.gain.interval == (0.05, 0.15)
    assert new.rmse == Estimate(0.9) and new.gain is None, "they were of draws of users"


def test_the_best_simple_rule_is_the_one_with_the_lowest_error():
    assert best_simple(comparison(REPORT, "test")).key == "biases"
    assert best_simple(comparison(REPORT, "cold")) is None


@pytest.mark.parametrize(
    ("gain", "verdict", "tone"),
    [
        (Estimate(0.2, 0.1, 0.3), "That is 20.0\u00a0% less (95\u00a0% interval 10.0 to 30.0\u00a0%).", "good"),
        (
            Estimate(-0.2, -0.3, -0.1),
            "That is 20.0\u00a0% more (95\u00a0% interval 10.0 to 30.0\u00a0%): the simple rule",
            "bad",
        ),
        (
            Estimate(0.02, -0.01, 0.05),
            "2.0\u00a0% less (95\u00a0% interval −1.0 to 5.0\u00a0%), which could be chance.",
            "neutral",
        ),
        (Estimate(0.2), "That is 20.0\u00a0% less; there are too few items for an interval.", "neutral"),
    ],
)
def test_the_verdict_goes_by_the_interval(gain, verdict, tone):
    found = against_simple("cold", rows(model=Compared(Estimate(0.8)), biases=Compared(Estimate(1.0), gain)))
    assert found.title == "New items" and found.tone == tone
    assert "0.80 rating points off; the best simple rule (user and item averages) is 1.00 off" in found.text
    assert verdict in found.text


def test_figures_that_look_alike_are_not_set_against_each_other():
    gain = Estimate(-0.005, -0.02, 0.01)
    found = against_simple("test", rows(model=Compared(Estimate(0.7236)), biases=Compared(Estimate(0.72), gain)))
    assert found.text.startswith(
        "On items that have ratings, a typical prediction is 0.72 rating points off, about as far as the best simple "
        "rule (user and item averages). To be exact, it is 0.5\u00a0% more"
    )
    shuffled = Compared(Estimate(0.7236), Estimate(0.005, 0.001, 0.01))
    told = meaning_of_texts(rows(model=Compared(Estimate(0.72)), shuffled_text=shuffled)).text
    assert "is 0.724 instead of 0.720" in told
    simple = Compared(Estimate(0.9), Estimate(0.2, 0.1, 0.3))
    better = Compared(Estimate(0.7184), Estimate(-0.003, -0.004, -0.001))
    told = against_simple("test", rows(model=Compared(Estimate(0.7206)), biases=simple, pmf=better)).text
    assert told.endswith("did better than the model: 0.718.")


def test_a_trained_baseline_that_is_better_is_not_kept_back():
    model, simple = Compared(Estimate(0.8)), Compared(Estimate(1.0), Estimate(0.2, 0.1, 0.3))
    better, chance = (Compared(Estimate(0.75), Estimate(-0.07, -0.1, upper)) for upper in (-0.01, 0.01))
    found = against_simple("cold", rows(model=model, biases=simple, tfidf_ridge=better, pmf=chance))
    assert found.tone == "neutral" and found.text.endswith(
        "Word counts (tf-idf ridge) did better than the model: 0.75."
    )
    found = against_simple("cold", rows(model=model, biases=simple, pmf=chance))
    assert found.tone == "good" and "better" not in found.text


def test_what_texts_are_worth_is_told_by_shuffled_ones_only():
    model = Compared(Estimate(0.8))
    assert meaning_of_texts(rows(model=model)) is None
    helps = meaning_of_texts(rows(model=model, shuffled_text=Compared(Estimate(1.0), Estimate(0.2, 0.1, 0.3))))
    assert helps.tone == "good" and "is 1.00 instead of 0.80" in helps.text
    useless = meaning_of_texts(rows(model=model, shuffled_text=Compared(Estimate(0.81), Estimate(0.01, -0.1, 0.1))))
    assert useless.tone == "neutral" and "could be chance" in useless.text
    harmful = meaning_of_texts(rows(model=model, shuffled_text=Compared(Estimate(0.7), Estimate(-0.1, -0.2, -0.05))))
    assert harmful.tone == "bad" and "doesn't help" in harmful.text


def test_the_weakest_rating_needs_enough_ratings():
    groups = [group("1", 2.0, 1.5), group("3", 0.5, 0.1), group("5", 3.0, -2.5, n=29)]
    assert "where people gave 1: there it predicts 1.5 points too much" in weakest_rating(groups, "test").text
    groups[2] = group("5", 3.0, -2.5, n=30)
    assert "where people gave 5: there it predicts 2.5 points too little" in weakest_rating(groups, "test").text
    assert weakest_rating(groups[:1], "test") is None


def test_calibration_is_judged_by_the_scale():
    bins = [
        CalibrationBin(50, 2.0, Estimate(2.2, 2.15, 2.25), 0.025),
        CalibrationBin(50, 4.0, Estimate(4.0, 3.95, 4.05), 0.025),
    ]
    assert trust(bins, 4.0, "cold").tone == "good" and "is 0.10 points." in trust(bins, 4.0, "cold").text
    found = trust(bins, 2.0, "cold")
    assert found.tone == "bad" and "where it predicted 2.0 on average, people gave 2.2" in found.text
    found = trust(bins, 0.9, "cold")
    assert "where it predicted 2.00 on average, people gave 2.20" in found.text, "decimals go by the scale"
    for wide in (Estimate(2.2, 1.9, 2.5), Estimate(2.2)):  # few ratings: the distance says little
        found = trust([CalibrationBin(50, 2.0, wide, 0.15), bins[1]], 2.0, "cold")
        assert found.tone == "neutral" and found.text.endswith("could be chance.")
    bins = [
        CalibrationBin(50, 2.0, Estimate(2.0, 1.9, 2.1), 0.05),
        CalibrationBin(50, 4.0, Estimate(4.0, 3.9, 4.1), 0.05),
    ]
    assert trust(bins, 4.0, "cold").text.startswith("On items that nobody had rated: where it predicted most, 4.0 on")
    assert trust(bins[:1], 4.0, "cold") is None


@pytest.mark.parametrize(
    ("model", "lead", "tone"),
    [
        (0.084, {}, "bad"),  # a report of before knows no interval
        (0.2, {}, "good"),
        (0.084, {"recall_lead": [-0.075, -0.09, -0.06]}, "bad"),
        (0.2, {"recall_lead": [0.041, 0.02, 0.06]}, "good"),
        (0.16, {"recall_lead": [0.001, -0.01, 0.012]}, "neutral"),
        (0.158, {"recall_lead": [-0.001, -0.01, 0.008]}, "neutral"),
        (0.2, {"recall_lead": [0.041, None, None]}, "good"),
    ],
)
def test_a_list_that_popularity_beats_is_not_kept_back(model, lead, tone):
    figures = {"model": {"recall": model}, "popularity": {"recall": 0.159}, **lead}
    ranking = {"k": 10, "test": figures, "cold": None}
    (found,) = findings({}, [], [], 4.0, ranking)
    assert found.tone == tone and "the 10 most rated ones 15.9" in found.text
    assert ("not which one they will choose" in found.text) == (tone == "bad")
    assert found.text.endswith(", which could be chance.") == (tone == "neutral")
    for without in (None, {**ranking, "test": None}, {**ranking, "test": {**ranking["test"], "popularity": None}}):
        assert findings({}, [], [], 4.0, without) == []


def test_new_items_come_first_and_a_run_without_figures_says_nothing():
    cold = rows(model=Compared(Estimate(1.0)), biases=Compared(Estimate(2.0)))
    both = {"test": comparison(REPORT, "test"), "cold": cold}
    assert [finding.title for finding in findings(both, [], [], 4.0)] == ["New items", "Known items"]
    assert findings({}, [], [], 4.0) == []


def test_a_share_with_its_interval():
    assert percent(Estimate(0.0734, 0.059, 0.086)) == "7.3\u00a0% (95\u00a0% interval 5.9 to 8.6\u00a0%)"
    assert short_percent(Estimate(-0.0004, -0.0184, 0.086)) == "0.0\u00a0% (−1.8 to 8.6\u00a0%)"
    assert percent(Estimate(0.0734)) == "7.3\u00a0%"


def test_a_handful_of_ratings_gives_no_verdict():
    measured = rows(model=Compared(Estimate(0.8)), biases=Compared(Estimate(1.0), Estimate(0.2, 0.1, 0.3)))
    few = against_simple("cold", measured, 29)
    assert few.tone == "neutral" and "only 29 held-out ratings of items that nobody had rated" in few.text
    assert against_simple("cold", measured, 30).tone == "good"
    both = {"cold": rows(model=Compared(Estimate(0.8)), shuffled_text=Compared(Estimate(1.0)))}
    assert [one.title for one in findings(both, [], [], 4.0, n_ratings={"cold": 30})] == ["Do the texts matter?"]
    assert findings(both, [], [], 4.0, n_ratings={"cold": 29}) == []


def test_a_model_that_reads_no_texts_is_not_asked_what_they_are_worth():
    rmse = {"test": 1.0, "cold": 1.1}
    report = {
        "config": {"text": "none"},
        "rmse": rmse,
        "baselines": {name: rmse for name in ("biases", "global_mean", "shuffled_text", "empty_text", "tfidf_ridge")},
    }
    found = comparison(report, "cold")
    assert {row.key for row in found}.isdisjoint(TEXT_CONTROLS)
    assert meaning_of_texts(found) is None


def test_a_single_rating_is_one():
    told = against_simple("test", comparison(REPORT, "test"), 1)
    assert told is not None and "There is only 1 held-out rating of items" in told.text
