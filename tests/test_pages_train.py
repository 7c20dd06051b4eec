"""The Train page: what it offers, and what a new training is filled with."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
from streamlit.testing.v1 import AppTest

from convmf.config import PRESET_HELP, ConvMFConfig
from convmf.data.splits import SplitSettings
from convmf.errors import RunError
from convmf.runs.command import train_command
from pages.shared import run_view, settings
from pages.shared import workspace as shared
from tests.helpers import tiny_dataset
from tests.train_page import ROOT, badge, buttons, run_until, texts, train_page

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


def test_the_form_shows_the_command_that_does_the_same(workspace):
    shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.slider(key="train_cold").set_value(25)
    app.number_input(key="setting_default_n_factors").set_value(7).run()
    (command,) = [code.value for code in app.code]
    assert command == train_command(ConvMFConfig(n_factors=7), SplitSettings(cold_items=0.25))


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
