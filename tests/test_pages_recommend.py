"""The Recommend page: a known user's list with its parts, and a new user whose list follows their ratings."""

from __future__ import annotations

import dataclasses
import re
import shutil

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from convmf.data.dataset import Dataset, Ratings
from convmf.data.splits import SplitSettings
from convmf.explain import ExplainedItem, RatingShare, TastePhrase, explain_fold_in, split_prediction, varied_items
from convmf.runs.store import RunRecord
from pages.shared import given_ratings, pick, recommend_charts, recommend_list
from pages.shared import workspace as shared
from tests import page_helpers
from tests.helpers import TINY, tiny_dataset
from tests.page_helpers import ROOT, net_of, texts


def recommend_page(**query: str | list[str]) -> AppTest:
    """The page, drawn once."""
    return page_helpers.page("pages/recommend.py", **query)


def whole_stars() -> Dataset:
    """The tiny data with ratings of 1 to 5."""
    data = tiny_dataset()
    stars = np.clip(np.round(data.ratings.rating), 1, 5).astype(np.float32)
    return dataclasses.replace(data, ratings=Ratings(data.ratings.user_index, data.ratings.item_index, stars))


def trained(data: Dataset | None = None, **changes: object) -> RunRecord:
    """A finished run on ``data``."""
    return page_helpers.trained(data or whole_stars(), **changes)


def listed(app: AppTest) -> list[str]:
    """Titles in the list of recommendations."""
    return list(app.dataframe[-1].value["Item"])


def test_without_a_model_the_page_points_to_training(workspace):
    assert "no trained model yet" in texts(recommend_page())


def test_a_run_in_training_is_pointed_to(workspace):
    record = shared.store().add_dataset(tiny_dataset())
    run = shared.jobs().start(record.id, dataclasses.replace(TINY, n_iterations=5000, patience=5000), SplitSettings())
    assert "still in training" in texts(recommend_page())
    shared.jobs().stop(run.id)


def test_a_known_user_gets_what_the_core_recommends_and_the_parts_add_up(workspace):
    run = trained()
    app = recommend_page(user="u3")
    expected = net_of(run).recommend("u3", 10)
    assert listed(app) == [item.title for item in expected]
    table = app.dataframe[-1].value
    assert table["Predicted"].tolist() == pytest.approx([item.score for item in expected], abs=1e-5)
    names = [recommend_list.PARTS[part][0] for part in recommend_list.PARTS]
    parts = table[[name for name in names if name in table]]
    # What all have in common is said once, with two decimals, and each part below half a hundredth is shown as none.
    told = re.search(r"Each begins with the mean of all ratings \((\S+)\) and this user's level \((\S+)\)", texts(app))
    begin = sum(map(float, told.groups()))
    assert (begin + parts.sum(axis=1)).tolist() == pytest.approx(table["Predicted"].tolist(), abs=0.025)
    given = app.dataframe[0].value
    assert len(given) == sum(whole_stars().ratings.user_index == 3)
    assert next(metric.value for metric in app.metric if metric.label == "Ratings given") == str(len(given))
    assert not set(given["Item"]) & set(listed(app))


def test_the_address_names_the_user_and_a_wrong_one_gets_a_calm_word(workspace):
    trained()
    app = recommend_page(user="u3")
    assert app.selectbox(key="recommend_user").value == "u3"
    app.selectbox(key="recommend_user").set_value("u4").run()
    assert app.query_params["user"] == "u4"
    app = recommend_page(user="nobody", run="../x")
    assert "The user in this address" in texts(app) and "The run in this address" in texts(app)
    assert app.selectbox(key="recommend_user").value == "u0"


def test_a_new_user_rates_and_the_list_follows(workspace):
    run = trained()
    app = recommend_page(who="new")
    assert "Rate one item or more" in texts(app) and not app.dataframe
    offered = [element.key.removeprefix(f"rate_{run.dataset_id}_") for element in cards(app)]
    assert offered == varied_items(net_of(run), 6)
    cards(app)[0].set_value(5.0).run()
    expected = explain_fold_in(net_of(run), {offered[0]: 5.0}, 10)
    assert listed(app) == [item.title for item in expected.items]
    cards(app)[1].set_value(1.0).run()
    ratings = {offered[0]: 5.0, offered[1]: 1.0}
    expected = explain_fold_in(net_of(run), ratings, 10)
    assert listed(app) == [item.title for item in expected.items]
    assert app.query_params["rate"] == [f"{rating:g}:{item}" for item, rating in ratings.items()]
    again = recommend_page(who="new", rate=list(app.query_params["rate"]), run=run.id)
    assert listed(again) == listed(app)
    cards(app)[0].set_value(None).run()
    assert app.query_params["rate"] == f"1:{offered[1]}"
    app.button(key="recommend_clear").click().run()
    assert "Rate one item or more" in texts(app) and "rate" not in app.query_params


def cards(app: AppTest) -> list:
    return [element for element in app.get("button_group") if str(element.key).startswith("rate_")]


def test_other_items_come_beside_those_that_were_rated(workspace):
    trained()
    app = recommend_page(who="new")
    before = [element.key for element in cards(app)]
    cards(app)[2].set_value(4.0).run()
    app.button(key="recommend_others").click().run()
    after = [element.key for element in cards(app)]
    assert after[0] == before[2] and not set(after[1:]) & set(before) and len(after) == 7


def test_an_item_is_found_by_its_title_and_rated(workspace):
    run = trained()
    app = recommend_page(who="new")
    app.text_input(key="recommend_find").set_value("film 22").run()
    app.button(key="recommend_found_0").click().run()
    assert cards(app)[0].key == f"rate_{run.dataset_id}_i22"
    app.text_input(key="recommend_find").set_value("nowhere to be found").run()
    assert "no item with these letters" in texts(app)


def test_how_sure_a_prediction_is_is_said_where_the_model_knows(workspace):
    run = trained()
    net = net_of(run)
    best = net.recommend("u3", 1)[0]
    said = "With a probability of 80\u00a0% the real rating"
    assert net.intervals is not None
    low, high = (float(end[0]) for end in net.interval(["u3"], [best.item_id]))
    assert f"{said} would lie between {low:.1f} and {high:.1f}." in texts(recommend_page(user="u3"))
    assert said not in texts(recommend_page(who="new", rate="5:i0")), "intervals are known for users in the data"


def test_a_link_counts_more_than_what_was_rated_before(workspace):
    run = trained()
    app = recommend_page(who="new", rate="5:i0")
    app.switch_page("pages/explore.py").run()
    app.switch_page("pages/recommend.py")
    app.query_params["who"], app.query_params["rate"] = "new", "1:i3"
    app.run()
    assert listed(app) == [item.title for item in explain_fold_in(net_of(run), {"i3": 1.0}, 10).items]
    app.switch_page("pages/explore.py").run()
    app.switch_page("pages/recommend.py")
    app.query_params.clear()
    app.query_params["who"] = "new"
    app.run()
    assert app.query_params["rate"] == "1:i3", "without a link what was rated last is still there"


def test_the_chosen_row_is_that_of_the_address(workspace):
    run = trained()
    third = net_of(run).recommend("u2", 3)[-1]
    app = recommend_page(user="u2", item=third.item_id)
    assert f"Why {third.title}" in texts(app)


def test_the_run_goes_along_to_the_next_page(workspace):
    first, latest = trained(), trained(tiny_dataset(seed=1))
    app = recommend_page()
    assert app.selectbox(key="recommend_run").value == latest.id
    app.selectbox(key="recommend_run").set_value(first.id).run()
    app.switch_page("pages/explore.py")
    app.query_params.clear()
    app.run()
    assert app.selectbox(key="explore_run").value == first.id


def test_a_model_that_is_gone_is_a_sentence(workspace):
    run = trained()
    shutil.rmtree(shared.store().model_folder(run.id))
    for page in ("pages/recommend.py", "pages/explore.py"):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
        app.switch_page(page).run()
        assert not app.exception and len(app.error) == 1 and "model" in app.error[0].value


def test_any_scale_can_be_rated(workspace):
    run = trained(tiny_dataset(scale=20.0))
    app = recommend_page(who="new")
    field = app.number_input[0]
    assert field.value is None and field.min == pytest.approx(net_of(run).scale.lowest)
    field.set_value(float(field.max)).run()
    assert not app.exception and len(listed(app)) == 10


def test_the_ends_of_an_odd_scale_come_back_from_the_address(workspace):
    trained(tiny_dataset(scale=20.0 / 3.0))
    app = recommend_page(who="new")
    highest = app.number_input[0].max
    app.number_input[0].set_value(highest).run()
    stored = app.query_params["rate"]
    assert float(stored.partition(":")[0]) == highest
    again = recommend_page(who="new", rate=stored)
    assert again.number_input[0].value == highest and "in this address" not in texts(again)


def test_ratings_of_an_address_that_are_none_are_counted(workspace):
    net = net_of(trained())
    values = ["4:i1", "6:i2", "x:i3", "3:unknown", "nan:i4", ""]
    assert given_ratings.read(values, net.item_ids, net.scale) == ({"i1": 4.0}, 5)
    assert "5 of the ratings in this address" in texts(recommend_page(who="new", rate=values))


@pytest.mark.parametrize("changes", [{"text": "none"}, {"biases": False}])
def test_models_without_texts_or_levels_show_the_parts_they_have(workspace, changes):
    run = trained(**changes)
    app = recommend_page()
    columns = set(app.dataframe[-1].value.columns)
    assert ("Text part" in columns) is (changes.get("text") != "none")
    assert ("Item's level" in columns) is changes.get("biases", True)
    assert listed(app) == [item.title for item in net_of(run).recommend("u0", 10)]


def test_titles_are_shown_as_they_stand(workspace):
    data = whole_stars()
    trained(dataclasses.replace(data, titles=("![x](http://example.org/x.png)",) * 24))
    for app in (recommend_page(), recommend_page(who="new", rate="5:i0")):
        shown = "\n".join(element.value for kind in (app.markdown, app.subheader) for element in kind)
        assert "![" not in shown
        assert all("![" not in element.label for element in [*app.button, *cards(app)])


# The pieces ---------------------------------------------------------------------------------------


def test_a_large_list_is_searched_and_sent_in_part(workspace, monkeypatch):
    monkeypatch.setattr(pick, "MOST", 10)
    trained()
    app = recommend_page(user="u7")
    assert app.selectbox(key="recommend_user").value == "u7"
    app.text_input(key="recommend_user_sought").set_value("u2").run()
    box = app.selectbox(key="recommend_user")
    assert box.value == "u2"
    assert [option.split(" ")[0] for option in box.options] == ["u2", *(f"u{number}" for number in range(20, 30))]
    app.text_input(key="recommend_user_sought").set_value("zeppelin").run()
    assert app.selectbox(key="recommend_user").value == "u2" and "no user with these letters" in texts(app)


def test_matches_are_sorted_by_how_well_they_fit():
    labels = {"1": "Star Wars", "2": "Lone Star", "star": "Another", "3": "Elsewhere", "4": "STARGATE"}
    assert pick.matches(labels, " Star ") == ["star", "1", "4", "2"]
    assert len(pick.matches({str(number): "x" for number in range(99)}, "x")) == pick.MOST_MATCHES


def test_titles_that_stand_twice_are_told_apart(workspace):
    data = dataclasses.replace(tiny_dataset(), titles=("Twin", "Twin", "", *tiny_dataset().titles[3:]))
    record = shared.store().add_dataset(data)
    labels = pick.item_labels(record.id)
    assert [labels[item] for item in ("i0", "i1", "i2", "i3")] == ["Twin (i0)", "Twin (i1)", "i2", "Film 3"]


def test_steps_of_a_prediction_begin_where_the_one_before_ends():
    table = recommend_charts.waterfall_table(("Mean", 3.5), [("up", 0.5), ("down", -1.0)], ("Prediction", 3.0))
    assert table.values.tolist() == [
        ["Mean", 3.5, 3.5, "3.50", "begins with"],
        ["up", 3.5, 4.0, "+0.50", "raises it"],
        ["down", 4.0, 3.0, "−1.00", "lowers it"],
        ["Prediction", 3.0, 3.0, "3.00", "ends with"],
    ]
    assert "up +0.50; down −1.00" in recommend_charts.waterfall_words(table)
    for layer in recommend_charts.waterfall_chart(table, "Points").to_dict()["layer"]:
        assert layer["encoding"]["y"]["sort"] == ["Mean", "up", "down", "Prediction"]


def test_many_steps_keep_their_sum():
    steps = [(str(number), float(number)) for number in range(1, 13)]
    kept = recommend_charts.largest_steps(steps, "rest")
    assert [name for name, _ in kept] == ["6", "7", "8", "9", "10", "11", "12", "rest"]
    assert sum(value for _, value in kept) == sum(value for _, value in steps)
    assert recommend_charts.largest_steps(steps[:8], "rest") == steps[:8]


def test_phrases_come_from_both_ends():
    phrases = [TastePhrase(str(weight), "i", "", float(weight), 0.0) for weight in range(10, -10, -1)]
    table = recommend_charts.phrases_table(phrases)
    assert table["phrase"].tolist() == [*map(str, range(10, 4, -1)), *map(str, range(-4, -10, -1))]
    assert set(table["item"]) == {"i"}


def test_the_reason_is_the_rating_that_raises_most():
    shares = (RatingShare("a", "A", 1.0, -0.9), RatingShare("b", "B", 4.5, 0.31))
    item = ExplainedItem("c", "C", 4.0, 3.5, 0.0, shares)
    labels = {"a": "Alpha", "b": "Beta"}
    assert recommend_list.raised_by(item, labels) == "+0.31 Beta: 4.5"
    assert recommend_list.raised_by(dataclasses.replace(item, shares=shares[:1]), labels) == "none of them"


def test_the_cut_to_the_scale_is_shown_only_where_it_happens(workspace):
    net = net_of(trained())
    parts = split_prediction(net, "u0", "i5")
    inside, cut = dataclasses.replace(parts, clipping=0.0), dataclasses.replace(parts, clipping=-0.4)
    assert "clipping" not in recommend_list.shown_parts(net, [inside])
    assert recommend_list.shown_parts(net, [inside, cut])[-1] == "clipping"
