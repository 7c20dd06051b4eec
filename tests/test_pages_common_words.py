"""Words that stand in too many descriptions to tell anything: Cold start doesn't call them unknown or rare."""

from __future__ import annotations

import dataclasses

from tests.helpers import tiny_dataset
from tests.page_helpers import page, texts, trained

WHY = "missing there, too rare, or in so many of them that they tell nothing"


def test_a_word_in_most_descriptions_is_passed_over_and_the_reason_is_told(workspace):
    data = tiny_dataset()
    data = dataclasses.replace(data, texts=tuple(f"{text} movie" for text in data.texts))
    run = trained(data, max_document_frequency=0.5)
    app = page("pages/cold_start.py", run=run.id, text="movie")
    assert f"reads none of these words. In the descriptions that it learned from they are {WHY}" in texts(app)
    assert "Words it passes over (1)" in texts(app) and "nknown" not in texts(app)
    (heading,) = (element for element in app.markdown if element.value.startswith("**Words it passes over"))
    assert WHY in heading.help
    (word,) = app.selectbox(key="cold_replace").options
    assert word == "movie · not read"
