"""One run on the Train page: watched, stopped, failed, ended; its curves, log and command."""

from __future__ import annotations

import dataclasses
import re

import altair
import jsonschema
import pytest

from convmf.data.sample import SAMPLE_NOTE, sample_truth
from convmf.data.splits import SplitSettings
from convmf.errors import ConfigError, RunError
from convmf.runs.command import train_command
from convmf.runs.jobs import Progress
from convmf.runs.store import RunRecord
from pages.shared import curves, run_curves, run_view, run_words
from pages.shared import workspace as shared
from tests.helpers import TINY, tiny_dataset
from tests.train_page import badge, buttons, ended_run, metric, run_until, texts, train_page


def test_a_run_with_settings_of_another_version_is_told_calmly(workspace, monkeypatch):
    store = shared.store()
    run = store.create_run(store.add_dataset(tiny_dataset()).id, TINY, SplitSettings())
    store.set_state(run.id, "stopped")

    def refuse(run: RunRecord) -> None:
        raise ConfigError("There is no setting 'glue'.")

    monkeypatch.setattr(run_view.new_training, "fill_from_run", refuse)
    app = train_page(run=run.id)
    app.button(key="run_again").click().run()
    assert not app.exception and "There is no setting" in app.error[0].value
    assert app.radio(key="train_view").value == "Runs"


def test_a_run_is_watched_stopped_and_resumed(gate):
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.button(key="train_start").click().run()
    run_until(app, lambda: badge(app) == "training")
    gate.permits.release(2)
    run_until(app, lambda: metric(app, "Iterations") == "2")
    assert metric(app, "Best validation RMSE") == "0.500"
    assert metric(app, "Best one") == "2"
    assert "Stop training" in buttons(app)

    elsewhere = train_page()  # another browser session sees the same run
    assert badge(elsewhere) == "training"
    assert metric(elsewhere, "Iterations") == "2"

    app.button(key="run_stop").click().run()
    run_until(app, lambda: badge(app) == "stopped")
    assert "Stop training" not in buttons(app)
    app.button(key="run_resume").click().run()
    run_until(app, lambda: badge(app) == "training")


def test_a_second_training_waits_and_says_so(gate):
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.button(key="train_start").click().run()
    run_until(app, lambda: badge(app) == "training")
    app.radio(key="train_view").set_value("New training").run()
    assert "a new one waits" in texts(app)
    app.number_input(key="train_seed").set_value(1)
    app.button(key="train_start").click().run()
    assert badge(app) == "waiting"
    assert [run.state for run in shared.store().runs()] == ["queued", "running"]


def test_a_failed_run_says_why_as_plain_text(gate):
    gate.error = RunError("The *disk* is full ![x](http://example.org/x.png)")
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.button(key="train_start").click().run()
    run_until(app, lambda: badge(app) == "failed")
    assert r"The \*disk\* is full \!\[x\]" in app.error[0].value
    assert f"Choose “{run_view.CHANGE}”" in texts(app)
    assert "Start again" in buttons(app)


def test_an_ended_run_shows_its_figures_beside_the_baselines(workspace):
    run = ended_run(note=SAMPLE_NOTE)
    app = train_page(run=run.id)
    table = app.table[0].value
    assert list(table.index) == [
        "This model",
        "User and item averages",
        "User average",
        "Global average",
        "Lowest possible",
    ]
    rmse = run.report["rmse"]
    assert list(table.loc["This model"])[:2] == [f"**{rmse['test']:.3f}**", f"**{rmse['cold']:.3f}**"]
    biases = run.report["baselines"]["biases"]
    assert list(table.loc["User and item averages"])[:2] == [f"{biases['test']:.3f}", f"{biases['cold']:.3f}"]
    truth = sample_truth()
    assert table.loc["Lowest possible", "Known items"] == f"{truth.rmse_floor_warm:.3f}"
    assert "20\u00a0%" in texts(app)
    assert metric(app, "Device") == "cpu"
    assert {"Stop training", "Resume"}.isdisjoint(buttons(app))


def test_figures_that_do_not_apply_are_left_open(workspace):
    app = train_page(run=ended_run(cold_items=0.0).id)
    table = app.table[0].value
    assert "Lowest possible" not in table.index
    assert set(table["New items"]) <= {"–", "**–**"}
    assert "No items were held out" in texts(app)


def test_an_unknown_run_in_the_address_gives_way_to_the_latest(workspace):
    run = ended_run()
    app = train_page(run="<script>")
    assert app.selectbox(key="train_run").value == run.id
    assert "not in the workspace any more" in texts(app)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (1499, "25 min"), (3900, "1 h 5 min")],
)
def test_durations_in_words(seconds, words):
    assert run_words.duration(seconds) == words


def test_the_time_left_names_both_ends():
    progress = Progress("running", "training", True, 0.1, 3, 50, 9.0, 140.0, 6.0)
    assert run_words.time_left(progress) == "at least 6 s, at most 2 min 20 s left"
    assert run_words.time_left(dataclasses.replace(progress, seconds_left=6.2)) == "about 6 s left"
    assert run_words.time_left(dataclasses.replace(progress, seconds_left=None)) == ""


def test_the_curves_are_one_specification_whatever_the_data():
    history = [
        {"iteration": 1, "objective": 9.0, "train_rmse": 0.9, "valid_rmse": 1.0},
        {"iteration": 2, "objective": 7.0, "train_rmse": 0.8, "valid_rmse": 0.95},
        {"iteration": 3, "objective": 6.0, "train_rmse": 0.7, "valid_rmse": 0.97},
    ]
    lines = {"biases": {"train": 0.85, "valid": 0.96}, "global_mean": {"train": 1.1}}
    table = curves.rmse_table(history, lines)
    assert table.query("series == @curves.BEST")[["iteration", "rmse", "label"]].values.tolist() == [
        [2, 0.95, "best: 2"]
    ]
    assert table.query("series == @curves.BIASES").rmse.tolist() == [0.96]
    assert table.query("series == @curves.GLOBAL_MEAN").rmse.tolist() == [1.1]


@pytest.mark.parametrize(("growth", "shown"), [(1.1, run_curves.GROWING_OBJECTIVE), (1.0, run_curves.STEADY_OBJECTIVE)])
def test_the_captions_are_true_of_a_growing_and_of_a_steady_lambda(workspace, growth, shown):
    data = shared.store().add_dataset(tiny_dataset())
    config = dataclasses.replace(TINY, lambda_growth=growth, n_iterations=2)
    run = shared.jobs().start(data.id, config, SplitSettings())
    app = train_page(run=run.id)
    run_until(app, lambda: not shared.store().run(run.id).is_active)
    app.run()
    captions = [caption.value for caption in app.caption]
    assert shown in captions
    assert any(run_curves.GROWING_ERROR in caption for caption in captions) == (growth > 1)


def test_the_log_and_the_command_of_a_run_outlive_a_refresh(workspace):
    run = ended_run()
    app = train_page(run=run.id)
    log, command = (code.value for code in app.code)
    assert re.search(r"iteration 1: training RMSE \d\.\d{4}, validation RMSE \d\.\d{4}, \d+\.\d\d s", log)
    assert "training on cpu" in log and "measuring its errors" in log
    assert command == train_command(TINY, SplitSettings(cold_items=0.2))
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["Download the log", "ratings.csv.gz", "items.csv.gz"]
    plain = run_view.frame.plain
    rows = next(table.value for table in app.table if table.value.index.name == "Setting")
    value, meaning = rows.loc[plain("Pull of the text (λ_V)")]
    assert value == plain("4.0") and meaning.endswith(plain("In the library: lambda_v."))
    assert rows.loc["Items held out as if new", "Value"] == plain("0.2")


def test_the_terms_of_the_objective_and_the_loss_of_the_network():
    history = [
        {"iteration": 1, "objective": 10.0, "rating_loss": 5.0, "user_penalty": 2.0, "item_penalty": 3.0}
        | {"cnn_penalty": 0.0, "cnn_loss": 0.25},
    ]
    table = curves.terms_table(history)
    assert table["value"].tolist() == [5.0, 2.0, 3.0], "a term without weight is no line on top of the others"
    assert set(table["total"]) == {10.0} and table["term"].nunique() == 3
    assert curves.cnn_table(history).to_dict("records") == [{"iteration": 1, "loss": 0.25}]
    assert curves.cnn_table([{"iteration": 1, "cnn_loss": None}]).empty


@pytest.mark.parametrize("spec", [curves.rmse_spec, curves.objective_spec, curves.cnn_spec])
def test_the_curves_are_valid_vega_lite(spec):
    altair.Chart.from_dict(spec(), validate=True)
    with pytest.raises(jsonschema.ValidationError):
        altair.Chart.from_dict({**spec(), "height": "very"}, validate=True)


def test_the_curves_in_words():
    history = [
        {"iteration": 1, "objective": 9000.0, "rating_loss": 9000.0, "valid_rmse": 0.9, "cnn_loss": 2.0},
        {"iteration": 2, "objective": 5000.0, "rating_loss": 4000.0, "user_penalty": 1000.0, "valid_rmse": 0.8123},
        {"iteration": 3, "objective": 5000.0, "rating_loss": 4000.0, "valid_rmse": 0.85, "cnn_loss": 1.5},
    ]
    words = curves.rmse_words(history, {"biases": {"valid": 0.88}})
    assert words.endswith("is 0.812, in iteration 2 of 3. User and item averages: 0.880.")
    assert "At first 9,000; now 5,000: Error on the training ratings 4,000, Pull on" in curves.objective_words(history)
    assert curves.cnn_words(history).endswith("At first 2.000, at most 2.000, now 1.500.")
    assert curves.rmse_words([], None).endswith("beside simple averages.")


def test_the_label_of_the_best_iteration_lies_below_every_line():
    layers = curves.rmse_spec()["layer"]
    (label,) = [layer for layer in layers if layer["mark"]["type"] == "text"]
    scale = layers[0]["encoding"]["y"]["scale"]
    above_the_foot = int(label["encoding"]["y"]["value"]["expr"].removeprefix("height - "))
    assert above_the_foot < scale["padding"]
