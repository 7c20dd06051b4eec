from __future__ import annotations

import pytest

from convmf.errors import listed, quoted, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain 東京", "plain 東京"),
        ("a\x1b[2Jb\n", "a\\x1b[2Jb\\n"),
        ("\u202ecba\u200b", "\\u202ecba\\u200b"),
        ("\udcff", "\\udcff"),
        ("x" * 99, "x" * 9 + "…"),
    ],
)
def test_a_message_shows_no_invisible_characters_and_no_end_of_them(text: str, expected: str) -> None:
    assert shown(text, 40 if len(text) < 40 else 10) == expected


def test_values_are_quoted_as_python_writes_them() -> None:
    assert quoted("a\n") == "'a\\n'" and quoted([1, "x"]) == "[1, 'x']"
    assert len(quoted("x" * 10_000)) == 80
    assert quoted(10**5000) == "a huge int"


def test_a_list_names_the_first_few() -> None:
    assert listed(["a", "b\0"]) == "a, b\\x00"
    assert listed(str(number) for number in range(13)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 …"
