"""The Results page: its empty states, the figures of a run, and what can be done with runs."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from convmf.config import ConvMFConfig
from convmf.data.dataset import Dataset
from convmf.data.sample import SAMPLE_NOTE, sample_truth
from convmf.data.splits import SplitSettings
from convmf.errors import RunError
from convmf.evaluation.bootstrap import Estimate
from convmf.evaluation.comparison import Row
from convmf.runs.compare import SettingRow
from convmf.runs.store import RunRecord
from pages.shared import pick, results_runs, results_take, results_view
from pages.shared import workspace as shared
from tests.helpers import TINY, tiny_dataset
from tests.page_helpers import drawn

ROOT = Path(__file__).parents[1]


def results_page(**query: str) -> AppTest:
    """The page, drawn once."""
    return drawn("pages/results.py", **query)


def texts(app: AppTest) -> str:
    alerts = (app.info, app.warning, app.error, app.success)
    kinds = (app.header, app.subheader, app.markdown, app.caption, app.text, *alerts)
    return "\n".join(element.value for kind in kinds for element in kind)


def plots(app: AppTest) -> list[str]:
    """The alternative text of each chart."""
    return [element.proto.alt for element in app.get("plotly_chart")]


def trained(
    config: ConvMFConfig = TINY, *, data: Dataset | None = None, note: str = "", cold_items: float = 0.2, name: str = ""
) -> RunRecord:
    """A run that has really been trained; on the same data as before unless ``data`` is given."""
    store = shared.store()
    records = store.datasets()
    record = store.add_dataset(data or tiny_dataset(), note=note) if data or not records else records[0]
    run = shared.jobs().start(record.id, config, SplitSettings(cold_items=cold_items), name=name)
    until = time.monotonic() + 120
    while store.run(run.id).is_active:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert store.run(run.id).state == "done"
    return store.run(run.id)


def untrained(state: str = "queued", reason: str = "") -> RunRecord:
    """A run without a model, in this state."""
    store = shared.store()
    data = store.add_dataset(tiny_dataset())
    run = store.create_run(data.id, TINY, SplitSettings())
    for step in {"queued": (), "running": ("running",), "failed": ("running", "failed")}[state]:
        store.set_state(run.id, step, reason if step == state else "")
    return store.run(run.id)


def test_without_data_or_runs_the_page_says_what_to_do(workspace):
    app = results_page()
    assert "no results yet" in texts(app) and "built-in data" in texts(app)
    shared.store().add_dataset(tiny_dataset())
    app = results_page()
    assert "nothing has been trained" in texts(app)
    assert not app.dataframe


def test_a_finished_run_shows_what_came_out_and_that_it_can_be_checked(workspace):
    run = trained()
    app = results_page()
    shown = texts(app)
    assert "a typical prediction is" in shown.replace("\\", "")
    for table, part in zip(app.table, ("cold", "test"), strict=False):
        figures = table.value["RMSE"]
        # Five new items are too few for an interval.
        then = " (" if part == "test" else ""
        assert figures["This model"].startswith(f"**{run.report['rmse'][part]:.3f}{then}")
        assert figures["User and item averages"].startswith(f"{run.report['baselines']['biases'][part]:.3f}{then}")
    assert "Not measured in this run: Ratings alone (PMF), Word counts" in shown
    further = app.table[3].value
    assert further["New items"]["Mean absolute error (MAE)"] == f"{run.report['mae']['cold']:.3f}"
    assert len(plots(app)) == 2 and all(len(words) > 30 for words in plots(app))
    assert app.query_params["run"] == run.id
    app.button_group(key="address_section").set_value("training").run()
    assert len(plots(app)) == 1 and "best validation error" in plots(app)[0]
    app.button_group(key="address_section").set_value("files").run()
    for part in ("cold", "test"):
        assert f"gives RMSE {run.report['rmse'][part]:.4f}, as the training wrote down" in texts(app)
    assert app.query_params["section"] == "files" and not app.exception


def test_the_parts_groups_and_examples_can_be_chosen(workspace):
    trained()
    app = results_page(section="errors")
    assert "Real rating" in plots(app)[0]
    app.button_group(key="address_by").set_value("item").run()
    assert "Ratings that the item really has" in plots(app)[0]
    app.button_group(key="address_part").set_value("test").run()
    assert "Ratings of the item to learn from" in plots(app)[0]
    for by, words in (("predicted", "Calibration"), ("both", "Predicted against real")):
        app.button_group(key="address_by").set_value(by).run()
        assert words in [heading.value for heading in app.subheader] and app.query_params["by"] == by
    worst = app.dataframe[-1].value
    assert worst["Error"].abs().is_monotonic_decreasing
    assert worst["Description"][0] in [element.value for element in app.text]
    app.button_group(key="address_examples").set_value("best").run()
    assert app.dataframe[-1].value["Error"].abs().is_monotonic_increasing
    assert not app.exception and not app.error


def test_the_address_names_the_run_and_the_view(workspace):
    first, latest = trained(name="First"), trained(dataclasses.replace(TINY, seed=1))
    assert results_page().selectbox(key="results_run").value == latest.id
    assert results_page(run=first.id).selectbox(key="results_run").value == first.id
    assert "not in the workspace any more" in texts(results_page(run="../../etc"))
    app = results_page(view="all", compare=f"{first.id},{latest.id}")
    assert "Side by side" in texts(app)


def test_the_address_names_the_user_the_item_and_the_prediction(workspace):
    trained()
    app = results_page(section="errors")
    table = app.dataframe[-1].value
    user, title = table["User"][0], table["Item"][0]
    app.selectbox(key="address_user").set_value(user).run()
    assert app.query_params["user"] == user
    assert set(app.dataframe[-1].value["User"]) == {user}
    store = shared.store()
    data = store.load_dataset(store.datasets()[0].id)
    item = next(id_ for row, id_ in enumerate(data.item_ids) if data.label(row) == title)
    only = results_page(section="errors", user=user, item=item).dataframe[-1].value
    assert only[["User", "Item"]].values.tolist() == [[user, title]]
    third = results_page(section="errors", row="3")
    assert any(f"User {third.dataframe[-1].value['User'][2]} gave" in element.value for element in third.caption)
    assert third.query_params["row"] == "3"
    third.button_group(key="address_examples").set_value("best").run()
    assert "row" not in third.query_params, "it was a row of another list"
    for gone in ({"user": "nobody"}, {"item": "../x"}, {"row": "-1"}, {"row": "9" * 30}):
        app = results_page(section="errors", **gone)
        assert len(app.dataframe[-1].value) > 3
        assert len(app.warning) == ("row" not in gone)


def test_of_many_users_only_what_fits_a_search_goes_to_the_browser(workspace, monkeypatch):
    trained()
    asked = results_page(section="errors").dataframe[-1].value["User"][0]
    monkeypatch.setattr(pick, "MOST", 2)
    monkeypatch.setattr(pick, "MOST_MATCHES", 3)
    app = results_page(section="errors", user=asked)
    assert app.selectbox(key="address_user").value == asked and not app.warning
    assert len(app.selectbox(key="address_user").options) <= 4
    title = app.dataframe[-1].value["Item"][0]
    app.text_input(key="results_sought_item").set_value(title).run()
    app.selectbox(key="address_item").select(title).run()
    assert app.dataframe[-1].value[["User", "Item"]].values.tolist() == [[asked, title]]


def test_the_address_names_the_filters_of_the_runs(workspace):
    trained(name="First"), trained(dataclasses.replace(TINY, seed=1), name="Second")
    assert results_page(view="all", find="sec").dataframe[0].value["Run"].tolist() == ["Second"]
    assert len(results_page(view="all", state="done").dataframe[0].value) == 2
    app = results_page(view="all", dataset="gone")
    assert len(app.dataframe[0].value) == 2 and "no runs any more" in app.warning[0].value


def test_the_built_in_data_show_that_they_are_invented_and_the_floor(workspace):
    trained(note=SAMPLE_NOTE)
    app = results_page()
    assert "Invented data" in texts(app)
    assert app.table[0].value["RMSE"]["Lowest possible"] == f"{sample_truth().rmse_floor_cold:.3f}"


def test_without_new_items_there_is_one_part(workspace):
    trained(cold_items=0.0)
    assert len(plots(results_page())) == 1
    app = results_page(section="errors")
    assert len(plots(app)) == 1
    assert app.button_group(key="address_part").options == ["Known items"]


def test_a_failed_run_says_why_and_what_next(workspace):
    run = untrained("failed", "Not enough memory. Take a smaller batch.")
    app = results_page()
    assert "failed, so it has no results: Not enough memory" in texts(app).replace("\\", "")
    assert "Start it again or start a new training" in texts(app), "as the button on Train is called"
    shared.store().append_iteration(run.id, {"iteration": 1, "objective": 1.0, "train_rmse": 1.0, "seconds": {}})
    assert "Resume it or start a new training" in texts(results_page())


def test_a_run_at_work_is_waited_for(workspace):
    shared.jobs()  # before the run, which would otherwise count as left behind
    run = untrained("running")
    app = results_page()
    assert "appear here by themselves" in texts(app)
    assert not app.dataframe
    shared.store().set_state(run.id, "failed", "Gone.")
    app.run()
    assert "has no results: Gone" in texts(app)


def test_a_run_without_its_model_keeps_its_curves(workspace):
    run = trained()
    (shared.store().model_folder(run.id) / "model.json").unlink()
    app = results_page()
    assert "There is no model" in app.error[0].value
    assert len(plots(app)) == 1


def test_a_run_is_renamed(workspace):
    run = trained()
    app = results_page()
    app.text_input(key=f"results_name_{run.id}").set_value("For *Ann*")
    app.button(key=f"results_rename_{run.id}").click().run()
    assert "The new name is saved" in app.success[0].value
    assert shared.store().run(run.id).name == "For *Ann*"
    assert any(option.startswith("For *Ann*") for option in app.selectbox(key="results_run").options)
    app.text_input(key=f"results_name_{run.id}").set_value("  ")
    app.button(key=f"results_rename_{run.id}").click().run()
    assert "1 to 100 characters" in texts(app)
    assert shared.store().run(run.id).name == "For *Ann*"


def test_a_run_is_tagged_and_found_by_its_tag(workspace):
    run, other = trained(), trained(dataclasses.replace(TINY, seed=1), name="Other")
    app = results_page(run=run.id)
    shared.store().update_run(run.id, tags=["![x](http://example.org)"])
    app.run()
    (box,) = (element for element in app.multiselect if element.key.startswith(f"results_tags_{run.id}"))
    assert box.value == ["![x](http://example.org)"]
    assert not any("![" in element.value for element in app.markdown)
    box.set_value([]).run()
    app.button(key=f"results_tag_{run.id}").click().run()
    assert shared.store().run(run.id).tags == ()
    shared.store().update_run(other.id, tags=["best"])
    app = results_page(view="all")
    app.selectbox(key="address_tag").set_value("best").run()
    assert app.dataframe[0].value["Run"].tolist() == ["Other"]
    app.text_input(key="address_find").set_value("nothing like it").run()
    assert "No run fits" in texts(app)


def test_runs_are_compared_with_what_differs_marked(workspace):
    first, second = trained(name="A <b>bold</b> one"), trained(dataclasses.replace(TINY, lambda_v=8.0))
    app = results_page(view="all", compare=f"{first.id},{second.id}")
    assert len(plots(app)) == 1 and "A <b>bold</b> one: best validation error" in plots(app)[0]
    assert "&lt;b&gt;bold" in app.get("plotly_chart")[0].proto.spec
    assert "Settings: 1 differ" in texts(app)
    assert "95 % intervals, over the items for new ones, over the users for known ones" in texts(app)
    table = app.dataframe[-1].value
    assert table["Name"].tolist() == ["lambda_v"] and table[""].tolist() == ["≠"]
    assert table[second.name].tolist() == ["8.0"]
    app.toggle(key="address_settings").set_value(True).run()
    assert len(app.dataframe[-1].value) > 20
    assert not app.warning


def test_runs_that_were_measured_differently_are_not_compared_silently(workspace):
    first, second = trained(), trained(cold_items=0.1)
    app = results_page(view="all", compare=f"{first.id},{second.id}")
    assert "can't be compared" in app.warning[0].value


def test_a_run_is_deleted_and_several_together(workspace):
    runs = [trained(dataclasses.replace(TINY, seed=seed)) for seed in range(3)]
    app = results_page(run=runs[0].id)
    app.button(key=f"results_delete_{runs[0].id}").click().run()
    assert "was deleted" in app.success[0].value
    assert [run.id for run in shared.store().runs()] == [runs[2].id, runs[1].id]
    assert not app.warning, "the address moved on with the page"
    app = results_page(view="all", compare=f"{runs[1].id},{runs[2].id}")
    app.button(key="results_delete_many").click().run()
    assert shared.store().runs() == []
    assert "2 runs were deleted" in texts(app)


def test_downloads_are_offered_and_really_made(workspace):
    run = trained(name="<script>alert(1)</script>")
    app = results_page(section="files")
    labels = [element.proto.label for element in app.get("download_button")]
    assert labels == ["Report for a client (HTML)", "Predictions (CSV)", "Model (ZIP)", "Settings (JSON)"]
    found = results_view.results(run.id, str(run.ended))
    made = {offer.label: offer.make() for offer in results_take.offers(run, "a note", found)}
    assert "<script>alert(1)" not in made[labels[0]] and "a note" in made[labels[0]]
    n_held_out = sum(len(part.ratings) for part in found.parts.values())
    assert made[labels[1]].count(b"\n") == n_held_out + 1
    assert made[labels[2]].startswith(b"PK")
    shared.store().delete_run(run.id)
    with pytest.raises(RunError, match="no run"):
        results_take.offers(run, "", found)[2].make()


def test_the_lowest_error_is_marked_where_runs_can_be_compared(workspace):
    runs = [trained(name="a *b*"), trained(dataclasses.replace(TINY, n_iterations=1), name="c")]
    datasets = {record.id: record for record in shared.store().datasets()}
    cold = [run.report["rmse"]["cold"] for run in runs]
    marked = results_runs.figures_table(runs, ["a *b*", "c"], datasets, mark_best=True)
    assert marked.columns.tolist() == [r"a \*b\*", "c"]
    best = min(cold)
    assert [text.startswith(f"**{best:.3f}") for text in marked.loc["New items: RMSE"]] == [
        rmse == best for rmse in cold
    ]
    assert all("\u00a0% (" in text for text in marked.loc["Known items: less error"])
    best = [min(values["valid_rmse"] for values in run.report["history"]) for run in runs]
    assert marked.loc["Best validation RMSE"].tolist() == [f"{rmse:.3f}" for rmse in best], "as Train shows it"
    plain = results_runs.figures_table(runs, ["a", "c"], datasets, mark_best=False)
    assert not any("**" in text for text in plain.loc["New items: RMSE"])


def test_tables_by_hand():
    rows = [
        Row("model", "This model", "m", Estimate(0.8, 0.75, 0.85)),
        Row("biases", "Averages", "b", Estimate(1.0), Estimate(0.2, 0.1, 0.3)),
        Row("pmf", "PMF", "p"),
    ]
    table = results_view.comparison_table(rows)
    assert table.index.tolist() == ["This model", "Averages"]
    assert table["RMSE"].tolist() == ["**0.800 (0.750 to 0.850)**", "1.000"]
    assert table["Less error"].tolist() == ["–", "20.0\u00a0% (10.0 to 30.0\u00a0%)"]
    marked = results_runs.settings_table([SettingRow("seed", (0, None)), SettingRow("dropout", (0.1, 0.1))], ["A", "B"])
    assert marked.values.tolist() == [["≠", "Seed", "seed", "0", "–"], ["", "Dropout", "dropout", "0.1", "0.1"]]


def test_lists_with_labels_that_are_alike_choose_what_was_chosen(workspace):
    trained(data=tiny_dataset()), trained(data=tiny_dataset(seed=1))
    newest, first = shared.store().datasets()
    shared.store().rename_dataset(first.id, newest.name)
    app = results_page(view="all")
    options = app.selectbox(key="address_dataset").options
    assert len(options) == len(set(options)) == 2
    for place, record in enumerate((newest, first)):
        app.selectbox(key="address_dataset").select_index(place).run()
        assert app.query_params["dataset"] == record.id
