from __future__ import annotations

import pytest

from convmf.data import descriptions
from convmf.data.descriptions import read_descriptions
from convmf.errors import DataError


def test_rows_keep_their_order_and_may_share_an_id() -> None:
    table = read_descriptions(
        b'id,title,description\n7,Night,"A war, at night"\n7,Night again,Another\n,No id,Soldiers\n8,Empty,\n'
    )
    assert table.frame["title"].tolist() == ["Night", "Night again", "No id"]
    assert table.frame["item_id"].tolist() == ["7", "7", ""]
    assert table.frame["text"].tolist() == ["A war, at night", "Another", "Soldiers"]
    assert table.frame["line"].tolist() == [2, 3, 4]
    assert table.report.problems[["line", "reason"]].values.tolist() == [[5, descriptions.DESCRIPTION_MISSING]]
    assert (table.report.n_rows, table.report.n_kept) == (4, 3)


def test_several_columns_of_text_are_joined_and_columns_can_be_chosen() -> None:
    content = b"key;plot;summary;notes\na;One.;Two.;Three.\n"
    assert read_descriptions(content).frame["text"].tolist() == ["One. Two."]
    chosen = read_descriptions(content, columns={"text": "notes"})
    assert chosen.frame["text"].tolist() == ["Three."]


def test_descriptions_may_stand_alone_with_commas_and_quotes() -> None:
    content = b'Description\nA quiet story, in a village; by the sea.\n\n"Two men, ""one"" flat\nand a cat"\nLast\n'
    table = read_descriptions(content)
    assert table.frame["text"].tolist() == [
        "A quiet story, in a village; by the sea.",
        'Two men, "one" flat\nand a cat',
        "Last",
    ]
    assert table.frame["line"].tolist() == [2, 4, 6]
    assert set(table.frame["item_id"]) == set(table.frame["title"]) == {""}
    assert read_descriptions("\ufeffあらすじ\n海辺の静かな話、そして猫\n".encode()).frame["text"].tolist() == [
        "海辺の静かな話、そして猫"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,description\n", "no rows"),
        (b"id,description\n1,\n2,\n", "no row that can be used"),
        (b"", "empty"),
        (b"just one line", "no columns"),
        (b"title\nThe Night\n", "no columns"),
        (b"description\n", "no rows"),
    ],
)
def test_files_that_hold_no_description(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_descriptions(content, name="new.csv")


def test_a_file_of_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptions, "MAX_DESCRIPTIONS", 2)
    with pytest.raises(DataError, match="more than 2 descriptions"):
        read_descriptions(b"id,description\n1,a\n2,b\n3,c\n")
