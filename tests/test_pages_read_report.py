"""What pages say of a file that was read."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest


def _draw(content: bytes) -> AppTest:
    def page(content: bytes) -> None:
        from convmf.data.readers import read_ratings
        from pages.shared import read_report

        read_report.show(read_ratings(content).report, "ratings")

    app = AppTest.from_function(page, kwargs={"content": content}).run()
    assert not app.exception
    return app


def test_a_guessed_encoding_is_told_with_what_to_do() -> None:
    rows = "user,item,rating\nZoë,x,4\n"
    assert "a guess" not in _draw(rows.encode()).caption[0].value
    assert "encoding cp1252" in (told := _draw(rows.encode("cp1252")).caption[0].value)
    assert "The encoding cp1252 is a guess" in told and "save the file as CSV (UTF-8)" in told


def test_counts_have_thousands_separators_as_the_text_has() -> None:
    app = _draw(b"user,item,rating\nann,x,4\n" + b"bob,x,oops\n" * 1234)
    assert "1,234 were left out" in app.warning[0].value
    assert app.dataframe[0].value["Rows"].tolist() == [1234]
    assert json.loads(app.dataframe[0].proto.columns)["Rows"]["type_config"]["format"] == "%,d"
