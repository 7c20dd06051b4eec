from __future__ import annotations

import pytest

from convmf.labels import one_line, plotly_text, signed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  Old \n films\t", "Old films"),
        ("gpj.\u202egnp.exe", "gpj. gnp.exe"),
        ("a\u2066b\u2069c", "a b c"),
        ("\x1b[31mred\x07", "[31mred"),
        ("two\u2028lines", "two lines"),
        ("شبكة", "شبكة"),
        ("👩\u200d🚀 می\u200cروم \u200fא", "👩\u200d🚀 می\u200cروم \u200fא"),
        ("<b>*as it stands*</b>", "<b>*as it stands*</b>"),
        ("", ""),
    ],
)
def test_one_line(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_plotly_text_has_none_of_the_signs_that_plotly_reads() -> None:
    assert plotly_text("A & <b>%{y}</b> $x$") == "A &amp; &lt;b&gt;&#37;&#123;y&#125;&lt;/b&gt; &#36;x&#36;"


@pytest.mark.parametrize(
    ("value", "digits", "shown"), [(0.845, 1, "+0.8"), (-0.137, 3, "−0.137"), (-0.004, 2, "+0.00"), (0.0, 2, "+0.00")]
)
def test_figures_with_their_sign(value: float, digits: int, shown: str) -> None:
    assert signed(value, digits) == shown
