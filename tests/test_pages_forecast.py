"""How long a training will take, said before it begins."""

from __future__ import annotations

import dataclasses
import re

import pytest

from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings
from convmf.errors import ConfigError
from convmf.training import forecast
from convmf.training.forecast import Costs, Forecast
from pages.shared import forecast_view
from pages.shared import workspace as shared
from tests.helpers import TINY, tiny_dataset
from tests.train_page import ended_run, run_until, texts, train_page


def test_a_forecast_comes_from_a_calibration_then_from_earlier_runs(workspace, monkeypatch):
    monkeypatch.setattr(forecast, "MIN_RATINGS", 0)
    monkeypatch.setattr(forecast, "MIN_WORDS", 0)
    monkeypatch.setattr(forecast_view, "FEW_SECONDS", 0.0)
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    run_until(app, lambda: "short calibration of this machine" in texts(app))
    assert re.search(r"\*\*Time:\*\* at least \S+ s, at most .* \(6 to 50 iterations, as patience decides", texts(app))
    run = ended_run(dataclasses.replace(TINY, device="auto"))
    app = train_page(dataset=run.dataset_id)
    assert f"From earlier runs here ({run.name}), scaled by ratings, words" in texts(app)
    assert "likely" not in texts(app)
    app.number_input(key="setting_default_n_iterations").set_value(4)
    app.number_input(key="setting_default_patience").set_value(10)
    app.number_input(key="setting_default_lambda_growth").set_value(1.0)
    app.run()
    assert re.search(r"likely about \S+ s, for 4 iterations as before; about \S+ s \(4 iterations", texts(app))


def test_a_forecast_waits_for_the_first_training_instead_of_disturbing_it(gate, monkeypatch):
    monkeypatch.setattr(forecast_view, "calibrate", lambda device: pytest.fail("measured beside a training"))
    data = shared.store().add_dataset(tiny_dataset())
    shared.jobs().start(data.id, ConvMFConfig(), SplitSettings())
    app = train_page(dataset=data.id)
    assert "when the running training has finished its first iteration" in texts(app)


def test_a_device_that_is_not_there_has_no_forecast_and_no_traceback(workspace, monkeypatch):
    def missing(device: str) -> Costs:
        raise ConfigError("This machine has no device *cuda*.")

    monkeypatch.setattr(forecast_view, "calibrate", missing)
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    run_until(app, lambda: r"no forecast. This machine has no device \*cuda\*" in texts(app))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            Forecast(setup=2.0, iteration=0.5, fewest=6, most=50, likely=16),
            "likely about 10 s, for 16 iterations as before; at least 5.0 s, at most 27 s "
            "(6 to 50 iterations, as patience decides; about 0.5 s each, and 2.0 s before and after them).",
        ),
        (
            Forecast(setup=3.9, iteration=0.01, fewest=3, most=3),
            "about 3.9 s (3 iterations, less than 0.1 s each, and 3.9 s before and after them).",
        ),
        (Forecast(setup=0.9, iteration=0.01, fewest=3, most=3), "a few seconds."),
    ],
)
def test_a_forecast_in_words(told, words):
    assert forecast_view.in_words(told) == words
