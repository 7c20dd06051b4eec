"""HTML in titles and descriptions: what is taken out, and what only looks like it."""

from __future__ import annotations

import time

import pytest

from convmf.data.descriptions import read_descriptions
from convmf.data.markup import without_markup
from convmf.data.readers import read_items


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("<p>A <b>w</b>ar<br/>film</p>\n<ul><li>one</li><li class='x'>two</li></ul>", "A war\nfilm\none\ntwo"),
        ('<a href="http://a.b/?x=1&amp;y=2">Tom &amp; Jerry</a>&nbsp;', "Tom & Jerry"),
        ("&lt;p&gt;It&#39;s &amp;amp; that&lt;/p&gt;", "It's &amp; that"),
        ("one<!-- two <b> --> three <STYLE>p {x: y}</STYLE><script>four()</script>five", "one\nthree\nfive"),
        ("cut <p>off<!-- here", "cut\noff<!-- here"),
        ("&nbsp;", ""),
        ("a <script src='x'>that isn't closed", "a\nthat isn't closed"),
        ("write &lt;div&gt; and &lt;script&gt;, then CSS", "write <div> and <script>, then CSS"),
    ],
)
def test_markup_is_taken_out_and_words_stay_apart(field: str, text: str) -> None:
    assert without_markup([field, "plain"]) == [text, "plain"]


@pytest.mark.parametrize(
    "field",
    [
        "a < b > c",
        "if p<a and b>c",
        "a &notable; b",
        "I <3 you",
        "<harmony/>",
        "AT&T, R&D",
        "?a=1&notify=2",
        "x &c; <abba> ",
    ],
)
def test_what_is_no_markup_stays(field: str) -> None:
    assert without_markup([field]) == [field]


def test_columns_without_a_sign_of_markup_are_not_looked_through() -> None:
    fields = ["one", "two\n\n three"]
    assert without_markup(fields) is fields


@pytest.mark.parametrize(
    "piece", ["<p ", "<!--", "<script>", "<script ", "</script ", "<", "&", "&#1234567", "<p '", "<p>"]
)
def test_endless_markup_takes_no_endless_time(piece: str) -> None:
    started = time.perf_counter()
    without_markup(["<script>" + piece * 100_000, piece * 100_000 + " " * 500_000])
    assert time.perf_counter() - started < 10


def test_items_and_descriptions_are_read_without_it() -> None:
    source = b"id,title,description,genres\n1,A<br>B &amp; C,<p>One</p><p>Two</p>,R&amp;B\n"
    assert read_items(source).frame.iloc[0, :4].tolist() == ["1", "A B & C", "One\nTwo", "R&amp;B"]
    assert read_descriptions(source).frame.iloc[0, :3].tolist() == ["1", "A B & C", "One\nTwo"]
    assert read_items(b"id,title,text\n1,A,<p></p>\n1,A,words\n").frame["text"].tolist() == ["words"]
