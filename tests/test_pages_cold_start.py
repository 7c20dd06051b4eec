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
from convmf.explain import Phrase, read_text
from convmf.runs.store import RunRecord
from pages.shared import charts
from pages.shared import workspace as shared
from tests.helpers import TINY, tiny_dataset

ROOT = Path(__file__).parents[1]


def cold_page(**query: str) -> AppTest:
    """The page, drawn once."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    app.switch_page("pages/cold_start.py")
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


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


def texts(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.header, app.subheader, app.text)
    return "\n".join(element.value for kind in kinds for element in kind)


def expected_rating(app: AppTest) -> float:
    return float(next(element.value for element in app.metric if element.label == "Expected rating"))


def trained(data: Dataset | None = None, *, note: str = "", text: str = "real") -> RunRecord:
    """A finished run on ``data``."""
    record = shared.store().add_dataset(data or tiny_dataset(), note=note)
    run = shared.jobs().start(record.id, dataclasses.replace(TINY, text=text), SplitSettings())
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
    assert "no trained model yet" in texts(cold_page())


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
        ("zeppelin quokka", "knows none of these words"),
        ("戦争の映画", "knows none of these words"),
        ("war", "knows only 1 of the words"),
        ("war love zeppelin", "knows only 2 of the words"),
        ("war soldiers night house river " * 10_000, "reads the first 120 of its 50,000 known words"),
    ],
    ids=["empty", "blank", "emoji", "stop words", "unknown", "japanese", "one word", "two words", "50,000 words"],
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
