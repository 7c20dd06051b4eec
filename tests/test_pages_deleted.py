"""What is deleted elsewhere, in another window say, while a page shows it: no button acts on something in its place."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from convmf.data.splits import SplitSettings
from pages.shared import workspace as shared
from tests.helpers import TINY, tiny_dataset
from tests.page_helpers import ROOT, page, texts
from tests.train_page import badge, train_page


def test_data_that_are_gone_are_not_trained_on_nor_others_in_their_place(gate):
    other, chosen = shared.store().add_dataset(tiny_dataset()), shared.store().add_dataset(tiny_dataset())
    app = train_page()
    app.number_input(key="train_seed").set_value(3).run()
    shared.store().delete_dataset(chosen.id)
    app.button(key="train_start").click().run()
    assert not app.exception and not shared.store().runs()
    for _ in range(2):  # and it stays so until something is chosen
        assert "has been deleted meanwhile. Choose another one" in texts(app)
        assert app.selectbox(key="train_dataset").value is None and not app.button
        app.run()
    app.selectbox(key="train_dataset").set_value(other.id).run()
    assert not app.warning and app.number_input(key="train_seed").value == 3
    app.button(key="train_start").click().run()
    assert [run.dataset_id for run in shared.store().runs()] == [other.id]


@pytest.mark.parametrize(("path", "label"), [("app.py", "Train a model"), ("pages/data.py", "Train on this data")])
def test_a_way_to_the_training_of_data_that_are_gone_leads_nowhere(workspace, path, label):
    other, chosen = shared.store().add_dataset(tiny_dataset()), shared.store().add_dataset(tiny_dataset())
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run() if path == "app.py" else page(path)
    button = next(button for button in app.button if button.label == label)
    shared.store().delete_dataset(chosen.id)
    button.click().run()
    assert not app.exception and any(button.label == label for button in app.button), "still the same page"
    next(button for button in app.button if button.label == label).click().run()
    assert app.selectbox(key="train_dataset").value == other.id


def test_a_chosen_run_that_is_gone_is_told_before_another_one_is_shown(workspace):
    store = shared.store()
    data = store.add_dataset(tiny_dataset())
    gone, other = (store.create_run(data.id, TINY, SplitSettings()) for _ in range(2))
    for run in (gone, other):
        store.set_state(run.id, "stopped")
    app = page("pages/results.py", view="all", compare=gone.id)
    store.delete_run(gone.id)
    app.button(key="results_open").click().run()
    assert not app.exception and "is not in the workspace any more" in texts(app)
    assert app.selectbox(key="results_run").value == other.id


def test_a_press_on_a_run_that_is_gone_does_nothing_to_the_one_shown_instead(gate):
    store = shared.store()
    data = store.add_dataset(tiny_dataset())
    other = store.create_run(data.id, TINY, SplitSettings())
    gone = store.create_run(data.id, TINY, SplitSettings(seed=1))
    for run in (other, gone):
        store.set_state(run.id, "stopped")
    app = train_page(run=gone.id)
    store.delete_run(gone.id)
    app.button(key="run_resume").click().run()
    assert "It may have been deleted" in app.error[0].value and badge(app) == "stopped"
    assert [run.state for run in store.runs()] == ["stopped"]
