"""Encodings that could be taken for another, and what is said of a guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from convmf.__main__ import main
from convmf.data.decoding import inspect
from convmf.data.readers import Table, read_items


def _read(text: str, encoding: str) -> Table:
    return read_items(f"item,title,description\n1,Film,{text}\n".encode(encoding))


@pytest.mark.parametrize(
    "text",
    [
        "Seats for £5 at 40° and 8½ reels",
        "the 1990’s and the 2000’s and it’s £5",
        "¼ £5 ½ £10",
        "a room at 20° 30’",
        "Pay £5–10 for a “good” one",
    ],
)
def test_signs_of_a_western_text_are_not_taken_for_japanese(text: str) -> None:
    table = _read(text, "cp1252")
    assert table.report.encoding == "cp1252" and table.frame["text"].tolist() == [text]


@pytest.mark.parametrize("text", ["霸王别姬", "忠犬八公的故事", "机器人总动员", "大话西游之大圣娶亲"])
def test_chinese_is_not_taken_for_japanese(text: str) -> None:
    assert _read(text, "gbk").report.encoding != "cp932"


@pytest.mark.parametrize(
    "text", ["2001年1月5日", "第1話", "500円", "ﾊﾟｰﾃｨｰ", "ｽﾀｰ･ｳｫｰｽﾞ", "ｺﾝﾋﾟｭｰﾀ｡", "ﾃﾚﾋﾞ番組", "ﾁｬｯﾄ2", "Ｓｔａｒ", "映画2"]
)
def test_short_japanese_texts_are_japanese(text: str) -> None:
    table = _read(text, "cp932")
    assert table.report.encoding == "cp932" and table.frame["text"].tolist() == [text]


def test_a_guessed_encoding_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _read("Café", "utf-8").report.encoding_doubt == _read("Café", "utf-16").report.encoding_doubt == ""
    assert "cp932 is a guess" in _read("猫と犬", "cp932").report.encoding_doubt
    (tmp_path / "r.csv").write_bytes("user,item,rating\nZoë,x,4\n".encode("cp1252"))
    assert main(["check", "--ratings", str(tmp_path / "r.csv")]) == 0
    assert (
        "The encoding cp1252 is a guess" in (out := capsys.readouterr().out) and "save the file as CSV (UTF-8)" in out
    )


@pytest.mark.parametrize(
    "text",
    [
        "利用者,商品,評価\n客1,品1,5\n客2,品2,4\n客3,品1,3\n",
        "user,item,rating\n" + "".join(f"客{n},品{n},1\n" for n in range(20)),
        "商品id,商品名\n0,水500ml\n1,茶2L\n2,米5kg\n",
    ],
)
def test_one_ideograph_beside_a_number_is_japanese(text: str) -> None:
    assert inspect(text.encode("cp932")).encoding == "cp932"
