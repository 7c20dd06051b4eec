"""Numbers as tables write them: what parts thousands, and what decimals."""

from __future__ import annotations

import pytest

from convmf.data import problems
from convmf.data.readers import read_ratings
from convmf.data.values import thousands_sign


@pytest.mark.parametrize(
    ("fields", "sign"),
    [
        (["950", "1,250", "870"], ","),
        (["950", "1.250", "870"], ""),  # three decimals are as likely
        (["950", "1.250", "1.250.000"], "."),
        (["66,667", "100", "33,333", "0"], ""),  # means of three, from 0 to 100
        (["1000", "1,250", "870"], ""),  # a thousand without a sign
        (["950", "", "n/a", "－1,250", "12,345,678"], ","),
        (["1.250.000", "2.500"], "."),
        (["3.125", "4.250"], ""),  # no number without the sign
        (["4", "3,125", "2"], ""),  # none as large as 100
        (["100", "0,125", "99"], ""),  # thousands don't begin with 0
        (["99.5", "1,250", "870"], ""),
        (["950", "1,250", "87,5"], ""),
        (["950", "870"], ""),
        ([], ""),
    ],
)
def test_the_sign_that_parts_thousands(fields: list[str], sign: str) -> None:
    assert thousands_sign(fields) == sign


@pytest.mark.parametrize("separator", ["\t", ";"])
def test_thousands_are_read_as_such(separator: str) -> None:
    rows = [["user", "item", "rating"], ["a", "x", "950"], ["b", "x", "1,250"], ["c", "x", "870"]]
    table = read_ratings("\n".join(map(separator.join, rows)).encode())
    assert table.frame["rating"].tolist() == [950, 1250, 870] and table.report.counts == {}


def test_quoted_thousands_where_commas_separate() -> None:
    first = [b"a,x,950\n", b'b,x,"1,250"\n', *(f"u{number},y,{number}\n".encode() for number in range(600))]
    table = read_ratings(b"user,item,rating\n" + b"".join(first) + b'c,x,"12,5"\nd,x,7.5\n')
    assert table.frame["rating"].tolist() == [950, 1250, *range(600), 7.5]
    assert table.report.problems[["value", "reason"]].values.tolist() == [["12,5", problems.RATING_NOT_A_NUMBER]]


def test_decimals_stay_decimals() -> None:
    table = read_ratings(b"user;item;rating\na;x;3,125\nb;x;4,250\nc;x;5\n")
    assert table.frame["rating"].tolist() == [3.125, 4.25, 5]
