"""The Cold start page: sensible answers to every kind of description."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from convmf.data.dataset import Dataset
from convmf.data.sample import EXAMPLE_DESCRIPTIONS, SAMPLE_NOTE
from convmf.data.splits import SplitSettings
from convmf.explain import Phrase, TextDifference, WordDifference, read_text, what_if_rated
from convmf.labels import in_percent, signed
from convmf.runs.store import RunRecord
from pages.shared import charts, cold_charts, cold_coloured, cold_input, cold_words
from pages.shared import workspace as shared
from tests.helpers import TINY, tiny_dataset
from tests.page_helpers import drawn

ROOT = Path(__file__).parents[1]


def cold_page(**query: str) -> AppTest:
    """The page, drawn once."""
    return drawn("pages/cold_start.py", **query)


def describe(app: AppTest, text: str) -> AppTest:
    """Have ``text`` in the field, as if it had been typed."""
    app.session_state["cold_text_text"] = text
    app.run()
    assert not app.exception
    assert not app.error
    return app


def typed_text(app: AppTest) -> str:
    """What is in the field; "" where there is none."""
    return str(app.session_state["cold_text_text"]) if "cold_text_text" in app.session_state else ""


def address_text(app: AppTest) -> str:
    """What the page's address has as the text."""
    value = app.query_params["text"]
    return str(value) if isinstance(value, str) else str(value[-1])


def texts(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.header, app.subheader, app.text)
    return "\n".join(element.value for kind in kinds for element in kind)


def expected_rating(app: AppTest) -> float:
    return float(next(element.value for element in app.metric if element.label == "Expected rating"))


def trained(data: Dataset | None = None, *, note: str = "", text: str = "real", cold_items: float = 0.0) -> RunRecord:
    """A finished run on ``data``."""
    record = shared.store().add_dataset(data or tiny_dataset(), note=note)
    split = SplitSettings(cold_items=cold_items)
    run = shared.jobs().start(record.id, dataclasses.replace(TINY, text=text), split)
    until = time.monotonic() + 60
    while shared.store().run(run.id).is_active:
        assert time.monotonic() < until
        time.sleep(0.05)
    return shared.store().run(run.id)


def reading(run: RunRecord, text: str) -> float:
    """The mean that the core itself predicts."""
    return read_text(shared.model(run.id, str(run.ended)), text).mean


def test_without_a_model_the_page_points_to_training(workspace):
    app = cold_page()
    assert "no trained model yet" in texts(app)
    assert not typed_text(app)


def test_a_run_without_texts_does_not_count_as_a_model_for_descriptions(workspace):
    trained(text="none")
    assert "learned from ratings alone" in texts(cold_page())


def test_a_description_gets_its_prediction_its_people_and_its_neighbours(workspace):
    run = trained()
    app = describe(cold_page(run=run.id, view="people"), "war soldiers at night, a zeppelin")
    assert expected_rating(app) == pytest.approx(reading(run, "war soldiers at night, a zeppelin"), abs=0.005)
    people, neighbours = app.dataframe[0].value, app.dataframe[1].value
    assert len(people) == len(neighbours) == 10
    assert people["Predicted rating"].is_monotonic_decreasing
    assert set(neighbours["Item"]) <= set(tiny_dataset().titles)
    assert "not how certain" in texts(app)
    app = describe(cold_page(run=run.id), "war soldiers at night, a zeppelin")
    shown = [element.value for element in app.text]
    assert "war, soldiers, night" in shown
    assert "zeppelin" in shown


def test_the_examples_of_the_built_in_data_fill_the_box(workspace):
    trained(note=SAMPLE_NOTE)
    app = cold_page()
    assert typed_text(app) == EXAMPLE_DESCRIPTIONS[0][1]
    labels = [button.label for button in app.button if button.key.startswith("cold_example")]
    assert [label.replace("\\", "") for label in labels] == [name for name, _ in EXAMPLE_DESCRIPTIONS]
    app.button(key="cold_example_1").click().run()
    assert typed_text(app) == EXAMPLE_DESCRIPTIONS[1][1]


def test_other_data_offer_texts_of_their_own_items_with_titles_as_plain_text(workspace):
    data = tiny_dataset()
    trained(dataclasses.replace(data, titles=("![x](http://example.org/x.png)", *data.titles[1:])))
    app = cold_page()
    assert typed_text(app) in data.texts
    labels = [button.label for button in app.button if button.key.startswith("cold_example")]
    assert len(labels) == 5
    assert not any("![" in label for label in labels)


def test_other_data_begin_with_an_item_that_was_held_out(workspace):
    data = tiny_dataset()
    run = trained(data, cold_items=0.2)
    unseen = shared.model(run.id, str(run.ended)).item_counts.numpy() == 0
    most_rated = max(np.flatnonzero(unseen).tolist(), key=lambda row: data.item_counts()[row])
    assert typed_text(cold_page()) == data.texts[most_rated]


def test_the_expected_rating_stands_beside_that_of_an_item_without_a_text(workspace):
    """The words' weights begin there, too."""
    run = trained()
    silent = reading(run, "")
    app = describe(cold_page(), "war soldiers night house river friend")
    (rating,) = (metric for metric in app.metric if metric.label == "Expected rating")
    difference = float(rating.value) - round(silent, 2)
    assert rating.delta == f"{signed(difference)} against {silent:.2f} without a text"
    assert [metric.delta for metric in describe(app, "").metric][0].startswith("+0.00 against")


def test_a_model_of_data_without_descriptions_says_that_it_cannot_read(workspace):
    data = tiny_dataset()
    trained(dataclasses.replace(data, texts=("the",) * data.n_items))  # no word that says something
    assert "learned from data without descriptions" in texts(describe(cold_page(), "war soldiers"))


def test_the_address_names_the_model(workspace):
    first, latest = trained(), trained(tiny_dataset(seed=1))
    assert cold_page().selectbox(key="cold_run").value == latest.id
    assert cold_page(run=first.id).selectbox(key="cold_run").value == first.id
    assert "has no model" in texts(cold_page(run="../../etc"))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", "The description is empty."),
        ("  \n ", "The description is empty."),
        ("🎬🍿 !!! ---", "no word in this description that says something"),
        ("the and of", "no word in this description that says something"),
        ("zeppelin quokka", "reads none of these words"),
        ("戦争の映画", "reads none of these words"),
        ("war", "reads only 1 of the words"),
        ("war love zeppelin", "reads only 2 of the words"),
        ("war night house river friend zeppelin quokka yurt", "reads 5 of the 8 words here"),
        ("war soldiers night house river " * 10_000, "reads the first 120 of its 50,000 known words"),
    ],
    ids=[
        "empty",
        "blank",
        "emoji",
        "stop words",
        "unknown",
        "japanese",
        "one word",
        "two words",
        "some",
        "50,000 words",
    ],
)
def test_odd_descriptions_get_an_answer_that_says_what_it_means(workspace, text, answer):
    run = trained()
    app = describe(cold_page(), text)
    assert answer in texts(app)
    rated_as = text if "war" in text else ""  # without a known word there is nothing to go by
    assert expected_rating(app) == pytest.approx(reading(run, rated_as), abs=0.005)


def test_a_rich_description_gets_no_remark(workspace):
    trained()
    app = describe(cold_page(), "war soldiers night house river friend")
    assert not app.info
    assert not app.warning


def test_the_histogram_counts_every_user_once_and_marks_the_middle():
    ratings = np.array([1.0, 2.0, 3.0, 3.0, 5.0], dtype=np.float32)
    chart = charts.spread_chart(ratings, mean=2.8, p10=1.4, p90=4.2, lowest=1.0, highest=5.0)
    bars = chart.layer[0].data
    assert bars.users.sum() == 5
    assert bars.loc[bars.users > 0, "part"].tolist() == [
        "The other users",
        "The middle 80 % of users",
        "The middle 80 % of users",
        "The other users",
    ]


def test_evidence_sums_a_phrase_that_stands_twice_and_sorts_by_size():
    phrases = [Phrase("dull", -0.2, 0, 4), Phrase("bold", 0.15, 5, 9), Phrase("bold", 0.15, 20, 24)]
    assert charts.evidence_table(phrases).values.tolist() == [["bold", 0.3, "raises it"], ["dull", -0.2, "lowers it"]]


# What is typed, and the address -------------------------------------------------------------------


def test_the_address_holds_the_text_and_a_link_reopens_it(workspace):
    trained()
    app = cold_page(text="war soldiers at night")
    assert typed_text(app) == "war soldiers at night"
    assert address_text(app) == "war soldiers at night"
    describe(app, "love and a wedding")
    assert address_text(app) == "love and a wedding"
    app.query_params["text"] = "love and a wedding"  # the page's own address brings nothing back
    describe(app, "music")
    assert typed_text(app) == "music"
    app.query_params["text"] = ["letter to a friend"]  # another link does
    app.run()
    assert typed_text(app) == "letter to a friend"


def test_a_text_that_is_too_long_for_an_address_stays_out_of_it_and_the_page_says_so(workspace):
    trained()
    app = describe(cold_page(text="war"), "war soldiers " * 200)
    assert "text" not in app.query_params
    assert "address of the page doesn't hold it" in texts(app)


def test_the_field_takes_what_the_browser_tells_unless_the_server_has_set_another_text(workspace, monkeypatch):
    state = {}
    monkeypatch.setattr(cold_input.st, "session_state", state)
    live = cold_input.LiveText("text")
    live.set("an example")
    version = state["cold_text_version"]
    live.take({"text": "typed", "version": version, "settled": False})
    assert live.text == "typed" and not state["cold_text_settled"]
    live.set("another example")
    late = {"text": "typed on", "version": version, "settled": True}
    for answer in (late, None, "text", {}, {"text": 7, "version": version + 1}):
        live.take(answer)
        assert live.text == "another example"
    live.take({"text": "x" * (cold_input.MAX_TEXT + 5), "version": version + 1, "settled": True})
    assert len(live.text) == cold_input.MAX_TEXT and state["cold_text_settled"]


# Words --------------------------------------------------------------------------------------------


def test_the_pieces_are_the_text_with_signs_and_unknown_words(workspace):
    run = trained()
    text = "War <b>soldiers</b> and a zeppelin."
    result = read_text(shared.model(run.id, str(run.ended)), text)
    spoken = [word for word in result.words if word.known or word.word in result.unknown_words]
    found = cold_coloured.pieces(text, spoken, max(abs(word.weight) for word in spoken))
    assert "".join(piece["text"] for piece in found) == text
    kinds = {piece["text"]: piece.get("kind") for piece in found}
    assert kinds["zeppelin"] == "unknown" and {kinds["War"], kinds["soldiers"]} <= {"up", "down"}
    weight = {word.word: word.weight for word in result.words}
    for piece in found:
        if piece.get("strength") is not None:
            value = weight[piece["text"].lower()]
            assert piece["kind"] == ("up" if value >= 0 else "down")
            assert f"{abs(value):.3f} points" in piece["says"]
    strongest = max(found, key=lambda piece: piece.get("strength", 0))
    assert strongest["strength"] == 0.55
    assert weight[strongest["text"].lower()] in (max(weight.values()), min(weight.values()))


def test_a_word_is_replaced_by_the_list(workspace):
    run = trained()
    app = cold_page(text="war soldiers zeppelin")
    app.selectbox(key="cold_replace").set_value((0, 3)).run()
    assert not app.exception
    raising, lowering = app.dataframe[0].value, app.dataframe[1].value
    assert raising["Change"].is_monotonic_decreasing and lowering["Change"].is_monotonic_increasing
    best = raising["Word"][0]
    model = shared.model(run.id, str(run.ended))
    change = read_text(model, f"{best} soldiers").mean - read_text(model, "war soldiers").mean
    assert raising["Change"][0] == pytest.approx(change, abs=0.02)
    app.selectbox(key="cold_substitute").set_value(best)
    app.button(key="cold_use").click().run()
    assert typed_text(app) == f"{best} soldiers zeppelin"
    assert app.selectbox(key="cold_replace").value is None


def test_a_word_that_the_browser_names_is_selected_if_it_is_in_the_text(workspace, monkeypatch):
    state = {"cold_text_text": "war and love"}
    monkeypatch.setattr(cold_input.st, "session_state", state)
    for picked in (
        None,
        {"start": 0, "end": 99},
        {"start": "0", "end": 3},
        {"start": 3, "end": 3},
        {"start": -2, "end": 3},
    ):
        cold_words.take_pick(picked)
        assert "cold_picked" not in state
    cold_words.take_pick({"start": 8, "end": 12})
    assert state["cold_picked"] == ("war and love", (8, 12))


# The other views ----------------------------------------------------------------------------------


def test_two_texts_side_by_side(workspace):
    run = trained()
    app = cold_page(view="compare", text="war soldiers at night")
    assert "Type a second description" in texts(app)
    app.button(key="cold_copy").click().run()
    assert "both texts say the same" in texts(app)
    app = cold_page(view="compare", text="war soldiers at night", text2="love wedding at night")
    model = shared.model(run.id, str(run.ended))
    first, second = (read_text(model, text).mean for text in ("war soldiers at night", "love wedding at night"))
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["First text"] == f"{first:.2f}" and figures["Second text"] == f"{second:.2f}"
    assert figures["Second less first"] == signed(round(second, 2) - round(first, 2))
    words = app.dataframe[0].value
    assert set(words["Word"]) == {"war", "soldiers", "love", "wedding", "night"}
    assert words.set_index("Word")["Stands"]["night"] == "in both"
    app.button(key="cold_swap").click().run()
    assert typed_text(app) == "love wedding at night"
    assert not app.exception


def test_the_difference_table_sums_the_rest_and_adds_up():
    words = [WordDifference(f"w{n}", "second", 0.0, 0.1 / (n + 1)) for n in range(30)]
    table = cold_charts.difference_table(TextDifference(3.0, 3.0 + sum(word.effect for word in words), tuple(words)))
    assert len(table) == cold_charts.MAX_WORDS and table["word"].iloc[-1] == "17 other words"
    assert table["effect"].sum() == pytest.approx(sum(word.effect for word in words))


def test_ratings_move_the_item_and_stand_in_the_address(workspace):
    run = trained()
    model = shared.model(run.id, str(run.ended))
    answer = what_if_rated(model, "war soldiers", {"u3": model.scale.highest})
    app = cold_page(view="rated", text="war soldiers", by=f"{model.scale.highest!r}:u3")
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["Still from the text"] == in_percent(answer.text_trust)
    assert app.metric[-2].value == f"{answer.after.mean():.2f}"
    app.button(key="cold_all_1").click().run()
    lowest = [value.partition(":")[0] for value in app.query_params["by"]]
    assert [float(rating) for rating in lowest] == [model.scale.lowest] * 8
    app.button(key="cold_clear").click().run()
    assert "by" not in app.query_params and "Give one rating or more" in texts(app)
    assert not app.exception


def test_ratings_of_the_address_that_cannot_be_are_named(workspace):
    trained()
    app = cold_page(view="rated", by="99:u3")
    assert "1 of the ratings in this address can't be used" in texts(app)
    app.text_input(key="cold_find_user").set_value("u12").run()
    app.button(key="cold_found_0").click().run()
    assert any("User u12" in element.value for element in app.markdown)


def test_a_file_of_descriptions_comes_back_with_predictions(workspace):
    run = trained()
    app = cold_page(view="file")
    content = "id,title,description\n1,=SUM(A1),war soldiers at night\n2,Empty,\n3,Love,love wedding\n"
    app.file_uploader[0].set_value(("new.csv", content.encode(), "text/csv")).run()
    assert not app.exception and not app.error
    table = next(element.value for element in app.dataframe if "Expected rating" in element.value)
    model = shared.model(run.id, str(run.ended))
    expected = [read_text(model, text).mean for text in ("war soldiers at night", "love wedding")]
    assert table["Expected rating"].tolist() == pytest.approx(expected, abs=0.001)
    assert table["Title"].tolist() == ["=SUM(A1)", "Love"]
    assert "1 was left out" in texts(app)
    app.button(key="cold_file_remove").click().run()
    assert "Upload a file of descriptions" in texts(app) and "cold_file" not in app.session_state


def test_a_file_without_descriptions_is_explained(workspace):
    trained()
    app = cold_page(view="file")
    app.file_uploader[0].set_value(("new.csv", b"one line", "text/csv")).run()
    assert "no columns" in app.error[0].value
    assert not app.exception
    app.button(key="cold_file_remove").click().run()
    assert not app.error
