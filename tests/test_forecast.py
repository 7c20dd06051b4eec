"""The forecast: work counted by hand, a pace taken from a history, and seconds put together from both."""

from __future__ import annotations

import dataclasses

import pytest

from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings
from convmf.errors import RunError
from convmf.training import forecast as module
from convmf.training.forecast import Costs, TrainingSize, calibrate, forecast, middle, pace, words_read, work

CONFIG = ConvMFConfig(
    n_factors=9, biases=True, n_kernels=5, kernel_sizes=(2, 3), cnn_epochs=2, n_iterations=40, patience=6
)
SIZE = TrainingSize(n_users=30, n_items=60, n_ratings=1000.0, n_words=700.0)


def iteration(users: float, items: float, cnn: float) -> dict[str, dict[str, float]]:
    return {"seconds": {"users": users, "items": items, "cnn": cnn}}


def test_the_work_of_a_training_counted_by_hand():
    units = work(SIZE, CONFIG)
    assert units.users == pytest.approx(1000 * 10 * (10 + 32) + 30 * 1000 / 3)
    assert units.items == pytest.approx(1000 * 10 * (10 + 32) + 60 * 1000 / 3)
    assert units.cnn == 700 * 7 * 2 * 5 * 5 * (CONFIG.embedding_dim + 160)
    assert units.setup == 700 + 100


@pytest.mark.parametrize("text", ["none", "empty"])
def test_without_texts_the_network_has_nothing_to_do(text):
    units = work(SIZE, dataclasses.replace(CONFIG, text=text))
    assert (units.cnn, units.setup) == (0, 100)


def test_the_training_part_of_a_data_set():
    size = TrainingSize.of(3, 4, 1000, 50, SplitSettings(valid=0.1, test=0.2, cold_items=0.5))
    assert size == TrainingSize(3, 4, pytest.approx(350), 50)


def test_the_words_that_are_read():
    assert words_read(("the cat and the mouse", "", "cat dog mouse bird"), 3) == 2 + 0 + 3


def test_of_many_texts_every_kth_is_counted(monkeypatch):
    monkeypatch.setattr(module, "MAX_TEXTS", 2)
    assert words_read(("cat", "x y z", "cat dog", "x y z"), 10) == (1 + 2) * 4 / 2
    assert words_read((), 10) == 0


def test_a_pace_is_seconds_a_unit_of_work():
    done = Costs(setup=10, users=100, items=200, cnn=1000)
    history = [iteration(1, 4, 20), iteration(2, 4, 30), iteration(9, 4, 40)]
    assert pace(done, history) == Costs(0.0, 0.02, 0.02, 0.03)
    assert pace(done, history, setup_seconds=10 * 30 + 5) == Costs(0.5, 0.02, 0.02, 0.03)
    assert pace(done, history, setup_seconds=-1).setup == 0
    assert module.iteration_seconds(history) == 25 + 36 + 53
    assert pace(done, []) is None
    assert pace(dataclasses.replace(done, cnn=0), history) is None


def test_the_middle_of_several_paces():
    paces = [Costs(0, 1, 5, 3), Costs(4, 2, 6, 1), Costs(8, 3, 7, 2)]
    assert middle(paces) == Costs(6, 2, 6, 2)
    with pytest.raises(RunError, match="no pace"):
        middle([])


def test_a_forecast_is_the_work_at_a_pace():
    seen = Costs(setup=0.001, users=1e-6, items=2e-6, cnn=1e-5)
    units = work(SIZE, CONFIG)
    told = forecast(SIZE, CONFIG, seen, likely=12)
    assert told.iteration == pytest.approx(units.users * 1e-6 + units.items * 2e-6 + units.cnn * 1e-5)
    assert told.setup == pytest.approx(0.8 + 10 * units.cnn * 1e-5)
    assert told.seconds(12) == pytest.approx(told.setup + 12 * told.iteration)
    assert (told.fewest, told.most, told.likely) == (7, 40, 12)
    assert forecast(SIZE, dataclasses.replace(CONFIG, n_iterations=3), seen).fewest == 3


def test_a_calibration_measures_every_part():
    measured = calibrate("cpu")
    assert all(value > 0 for value in dataclasses.astuple(measured))
