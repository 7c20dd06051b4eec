"""The Train page: what it offers, and a training from its start to its figures."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import altair
import jsonschema
import pytest
from streamlit.testing.v1 import AppTest

from convmf.config import PRESET_HELP, ConvMFConfig
from convmf.data.sample import SAMPLE_NOTE, sample_truth
from convmf.data.splits import SplitSettings
from convmf.errors import ConfigError, RunError
from convmf.runs.command import train_command
from convmf.runs.jobs import Jobs, Progress
from convmf.runs.store import RunRecord, Store
from convmf.training.forecast import Costs, Forecast
from pages.shared import curves, forecast_view, run_curves, run_view, run_words, settings
from pages.shared import workspace as shared
from tests.helpers import TINY, tiny_dataset

ROOT = Path(__file__).parents[1]


def train_page(**query: str) -> AppTest:
    """The page, drawn once."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    app.switch_page("pages/train.py")
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def run_until(app: AppTest, condition: Callable[[], bool]) -> None:
    """Draw the page again, as its clock would, until ``condition`` holds."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "The page never came to show what was expected."
        time.sleep(0.05)
        app.run()
        assert not app.exception


def buttons(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def texts(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.header, app.subheader)
    return "\n".join(element.value for kind in kinds for element in kind)


def metric(app: AppTest, label: str) -> str:
    return next(element.value for element in app.metric if element.label == label)


def badge(app: AppTest) -> str:
    """The run's state, as its badge says it."""
    words = {word for word, _ in run_words.STATES.values()}
    return next(word for word in words if any(f"badge[{word}]" in element.value for element in app.markdown))


class Gate:
    """A training that reports one iteration a permit, and ends when it is stopped or let go."""

    def __init__(self) -> None:
        self.permits = threading.Semaphore(0)
        self.error: Exception | None = None

    def __call__(self, store: Store, run: RunRecord, should_stop: Callable[[], bool]) -> None:
        lines = {"valid": 0.9, "train": 0.88}
        store.update_run(run.id, phase="training", baselines={"biases": lines, "global_mean": {"valid": 1.1}})
        iteration = 0
        while not should_stop():
            if self.error is not None:
                raise self.error
            if not self.permits.acquire(timeout=0.02):
                continue
            iteration += 1
            figures = {"objective": 100.0 / iteration, "train_rmse": 0.8, "valid_rmse": 1.0 / iteration}
            store.append_iteration(run.id, {"iteration": iteration, **figures})


@pytest.fixture
def gate(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Trainings that do what the test says."""
    training = Gate()
    monkeypatch.setattr(shared, "Jobs", lambda store: Jobs(store, training))
    yield training


def ended_run(config: ConvMFConfig = TINY, *, note: str = "", cold_items: float = 0.2) -> RunRecord:
    """A run that has really been trained on a tiny data set."""
    data = shared.store().add_dataset(tiny_dataset(), note=note)
    run = shared.jobs().start(data.id, config, SplitSettings(cold_items=cold_items))
    until = time.monotonic() + 60
    while shared.store().run(run.id).is_active:
        assert time.monotonic() < until
        time.sleep(0.05)
    return shared.store().run(run.id)


VECTORS = b"war 1 2 3\nlove -1 0.5 2\nwedding 0 1\nRiver 0.1 0.2 0.3\n"


def upload_vectors(app: AppTest, content: bytes, name: str = "small.vec") -> None:
    (uploader,) = app.file_uploader
    uploader.set_value((name, content, "text/plain")).run()
    assert not app.exception


def test_word_vectors_are_taken_in_trained_with_and_found_again(workspace):
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    assert not any(box.key == "train_freeze_embedding" for box in app.checkbox)
    upload_vectors(app, VECTORS)
    assert "that matter most" in texts(app) and "have a vector of 3 numbers" in texts(app)
    assert "line 3: 2 numbers" in app.warning[0].value
    app.switch_page("pages/data.py").run()
    app.switch_page("pages/train.py").run()
    assert r"small\.vec" in texts(app), "a change of page doesn't lose the file"
    app.checkbox(key="train_freeze_embedding").check().run()
    assert "Changed from the preset: Fixed word vectors." in texts(app)
    for name, value in {"n_iterations": 2, "n_factors": 4, "n_kernels": 6}.items():
        app.number_input(key=f"setting_default_{name}").set_value(value)
    app.button(key="train_start").click().run()
    (run,) = shared.store().runs()
    run_until(app, lambda: not shared.store().run(run.id).is_active)
    run = shared.store().run(run.id)
    assert (run.state, run.reason) == ("done", "")
    assert run.config["freeze_embedding"] is True
    assert run.report["word_vectors"]["file"] == "small.vec" and run.report["word_vectors"]["dim"] == 3
    assert shared.store().word_vectors(run.id).words == ("river", "war", "love")


def test_a_bad_file_of_word_vectors_is_one_error_and_all_else_stays(gate):
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.number_input(key="setting_default_n_factors").set_value(7).run()
    upload_vectors(app, b"once upon a time ![x](http://example.org)\n", "![x](y).txt")
    (error,) = app.error
    assert "is a word with numbers behind it" in error.value and r"\!\[x\]\(y\)" in error.value
    assert app.number_input(key="setting_default_n_factors").value == 7
    app.button(key="vectors_remove").click().run()
    assert not app.error
    upload_vectors(app, b"\x00\x01")
    assert len(app.error) == 1
    app.button(key="train_start").click().run()
    (run,) = shared.store().runs()
    assert shared.store().word_vectors(run.id) is None and run.config["n_factors"] == 7


def test_an_empty_workspace_points_to_the_data(workspace):
    app = train_page()
    assert "nothing to train on" in texts(app)
    assert not app.button


def test_every_setting_has_a_field_with_its_help_and_the_presets_explain_themselves(workspace):
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    fields = {
        widget.key: widget
        for kind in (app.number_input, app.selectbox, app.checkbox, app.text_input)
        for widget in kind
    }
    for field in dataclasses.fields(ConvMFConfig):
        if field.name in settings.LEFT_OUT:
            continue
        key = f"train_{field.name}" if field.name in settings.SHOWN else f"setting_default_{field.name}"
        assert key in fields, field.name
        if field.name != "device":
            assert fields[key].help.startswith(field.metadata["help"])
    assert list(app.radio(key="train_preset").proto.captions) == list(map(run_view.frame.plain, PRESET_HELP.values()))
    assert fields["setting_default_lambda_v"].label == r"Pull of the text $\lambda_V$"
    assert f"From 1 to 512. Preset: {ConvMFConfig().n_factors}." in fields["setting_default_n_factors"].help


def test_a_preset_fills_the_fields_and_changes_are_named(gate):
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.radio(key="train_preset").set_value("paper").run()
    assert app.number_input(key="setting_paper_lambda_u").value == ConvMFConfig.preset("paper").lambda_u
    app.number_input(key="setting_paper_n_factors").set_value(7).run()
    assert "Changed from the preset: Hidden tastes." in texts(app)
    app.slider(key="train_cold").set_value(25)
    app.number_input(key="train_seed").set_value(3)
    app.selectbox(key="train_device").set_value("cpu")
    app.button(key="train_start").click().run()
    (run,) = shared.store().runs()
    assert run.config == ConvMFConfig.preset("paper", n_factors=7, seed=3, device="cpu").to_dict()
    assert (run.split["cold_items"], run.split["seed"]) == (0.25, 3)


def test_the_costly_comparisons_are_trained_where_they_are_asked_for(gate):
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.checkbox(key="train_baselines").check()
    app.button(key="train_start").click().run()
    assert [run.all_baselines for run in shared.store().runs()] == [True]


def test_the_address_names_the_preset(workspace):
    data = shared.store().add_dataset(tiny_dataset())
    app = train_page(dataset=data.id, preset="quick")
    assert app.radio(key="train_preset").value == "quick"
    assert app.query_params == {"dataset": data.id, "preset": "quick"}
    app.radio(key="train_preset").set_value("default").run()
    assert app.query_params == {"dataset": data.id}
    assert train_page(dataset=data.id, preset="none").radio(key="train_preset").value == "default"


def test_the_address_reopens_the_form_as_it_was_filled(workspace):
    data = shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.radio(key="train_preset").set_value("quick").run()
    app.slider(key="train_cold").set_value(25)
    app.number_input(key="train_seed").set_value(3)
    app.checkbox(key="train_baselines").check()
    app.checkbox(key="setting_quick_biases").uncheck()
    app.text_input(key="setting_quick_kernel_sizes").set_value("2, 5").run()
    wanted = {"dataset": data.id, "preset": "quick", "cold": "25", "baselines": "on", "seed": "3"}
    assert app.query_params == {**wanted, "biases": "false", "kernel_sizes": "2,5"}
    (command,) = [code.value for code in app.code]
    again = train_page(
        **{key: value[0] if isinstance(value, list) else value for key, value in app.query_params.items()}
    )
    assert [code.value for code in again.code] == [command]
    assert again.query_params == app.query_params and again.checkbox(key="train_baselines").value


@pytest.mark.parametrize("query", [{"n_factors": "many"}, {"n_factors": "0"}, {"kernel_sizes": "3,,4"}, {"cold": "-1"}])
def test_an_address_with_settings_that_cannot_be_used_shows_the_presets(workspace, query):
    data = shared.store().add_dataset(tiny_dataset())
    app = train_page(**query)
    assert [warning.value.startswith("The settings in this address") for warning in app.warning] == (
        [] if "cold" in query else [True]
    )
    assert app.query_params == {"dataset": data.id}


def test_the_settings_of_a_run_that_failed_fill_the_form_of_a_new_one(gate):
    gate.error = RunError("Not enough memory.")
    other, _ = shared.store().add_dataset(tiny_dataset()), shared.store().add_dataset(tiny_dataset())
    app = train_page(dataset=other.id, preset="paper", batch_size="9", cold="25", seed="4", baselines="on")
    (command,) = [code.value for code in app.code]
    app.button(key="train_start").click().run()
    run_until(app, lambda: badge(app) == "failed")
    again = train_page(run=shared.store().runs()[0].id)  # in another session, say
    again.button(key="run_again").click().run()
    assert not again.exception and again.radio(key="train_view").value == "New training"
    assert again.selectbox(key="train_dataset").value == other.id and again.checkbox(key="train_baselines").value
    assert [code.value for code in again.code] == [command]


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


def test_a_setting_that_cannot_be_used_is_named_and_nothing_starts(workspace):
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.text_input(key="setting_default_kernel_sizes").set_value("3, many").run()
    assert not app.exception
    assert "whole number" in app.error[0].value
    assert app.button(key="train_start").disabled


def test_the_address_names_the_data_set_and_the_latest_is_the_default(workspace):
    first = shared.store().add_dataset(tiny_dataset())
    latest = shared.store().add_dataset(tiny_dataset())
    assert train_page().selectbox(key="train_dataset").value == latest.id
    assert train_page(dataset=first.id).selectbox(key="train_dataset").value == first.id
    app = train_page(dataset="0123456789abcdef")
    assert app.selectbox(key="train_dataset").value == latest.id
    assert "not in the workspace any more" in texts(app)


def test_the_page_comes_back_to_the_run_in_training(gate):
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.button(key="train_start").click().run()
    app.radio(key="train_view").set_value("New training").run()
    app.switch_page("pages/cold_start.py").run()
    assert "is still in training" in texts(app)
    app.query_params.clear()  # as the browser does when it goes to another page
    app.switch_page("pages/train.py").run()
    assert app.radio(key="train_view").value == "Runs"
    assert "Stop training" in buttons(app)


def test_data_without_descriptions_are_announced(workspace):
    data = tiny_dataset()
    shared.store().add_dataset(dataclasses.replace(data, texts=("",) * data.n_items))
    assert "no descriptions" in texts(train_page())


def test_a_run_is_watched_stopped_and_resumed(gate):
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.button(key="train_start").click().run()
    run_until(app, lambda: badge(app) == "training")
    gate.permits.release(2)
    run_until(app, lambda: metric(app, "Iterations") == "2")
    assert metric(app, "Best validation RMSE") == "0.5000"
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
    assert list(table.loc["This model"])[:2] == [f"**{rmse['test']:.4f}**", f"**{rmse['cold']:.4f}**"]
    biases = run.report["baselines"]["biases"]
    assert list(table.loc["User and item averages"])[:2] == [f"{biases['test']:.4f}", f"{biases['cold']:.4f}"]
    truth = sample_truth()
    assert table.loc["Lowest possible", "Known items"] == f"{truth.rmse_floor_warm:.4f}"
    assert "20%" in texts(app)
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
    progress = Progress("running", "training", 3, 50, 9.0, 140.0, 6.0)
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


def test_a_forecast_comes_from_a_calibration_then_from_earlier_runs(workspace):
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
            "(6 to 50 iterations, as patience decides; about 0.5 s each).",
        ),
        (Forecast(setup=1.0, iteration=0.01, fewest=3, most=3), "about 1.0 s (3 iterations, less than 0.1 s each)."),
    ],
)
def test_a_forecast_in_words(told, words):
    assert forecast_view.in_words(told) == words


def test_the_log_and_the_command_of_a_run_outlive_a_refresh(workspace):
    run = ended_run()
    app = train_page(run=run.id)
    log, command = (code.value for code in app.code)
    assert re.search(r"iteration 1: training RMSE \d\.\d{4}, validation RMSE \d\.\d{4}, \d+\.\d\d s", log)
    assert "training on cpu" in log and "measuring the model" in log
    assert command == train_command(TINY, SplitSettings(cold_items=0.2))
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["Download the log", "ratings.csv.gz", "items.csv.gz"]
    plain = run_view.frame.plain
    rows = next(table.value for table in app.table if table.value.index.name == "Setting")
    value, meaning = rows.loc[plain("Pull of the text (λ_V)")]
    assert value == plain("4.0") and meaning.endswith(plain("In the library: lambda_v."))
    assert rows.loc["Items held out as if new", "Value"] == plain("0.2")


def test_the_form_shows_the_command_that_does_the_same(workspace):
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.slider(key="train_cold").set_value(25)
    app.number_input(key="setting_default_n_factors").set_value(7).run()
    (command,) = [code.value for code in app.code]
    assert command == train_command(ConvMFConfig(n_factors=7), SplitSettings(cold_items=0.25))


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


def test_a_device_of_another_machine_becomes_auto_and_says_so(workspace):
    shared.store().add_dataset(tiny_dataset())
    app = train_page(device="mps")
    assert app.selectbox(key="train_device").value == "auto"
    assert "This machine has no device mps" in texts(app)
    assert not train_page(device="cpu").warning


def test_the_first_paint_waits_for_no_torch(workspace):
    """In a process of its own, because torch is long there in this one."""
    shared.store().add_dataset(tiny_dataset())
    shared.store.clear()
    code = """
import sys
from streamlit.testing.v1 import AppTest
from pages.shared import frame
frame._warm_up = lambda: None
app = AppTest.from_file("app.py", default_timeout=120).run()
for page in ("pages/data.py", "pages/train.py", "app.py"):
    app.switch_page(page)
    app.run()
    assert not app.exception, app.exception
    assert "torch" not in sys.modules, page
    if page == "pages/train.py":
        assert app.selectbox(key="train_device").options == ["auto"]
        assert app.button(key="train_start").label == "Start training"
asked = AppTest.from_file("app.py", default_timeout=120).run().switch_page("pages/train.py")
asked.query_params["device"] = "cpu"
asked.run()
assert "torch" not in sys.modules
assert asked.selectbox(key="train_device").value == "cpu", "as long as nobody knows that it isn't there"
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
