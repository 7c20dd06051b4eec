"""Names and other short texts of people's own, made fit to stand in a line among other words."""

from __future__ import annotations

import re

# Control characters, and those that turn the direction of what follows: a name with U+202E would mirror the words
# behind it. What joins letters and emoji (U+200C, U+200D) and the marks U+200E and U+200F stay.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]+")

_PLOTLY_SIGNS = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "%": "&#37;", "{": "&#123;", "}": "&#125;", "$": "&#36;"}
)


def one_line(text: str) -> str:
    """``text`` on one line, single-spaced, without unseen characters that would change how its neighbours look."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def lower_first(label: str) -> str:
    """``label`` as it stands in the middle of a sentence."""
    return label[:1].lower() + label[1:]


def in_percent(share: float, digits: int = 0) -> str:
    """A share of 1 as a percentage, whose sign never stands alone in a line."""
    return f"{100 * share:.{digits}f}\u00a0%"


def signed(value: float, digits: int = 2) -> str:
    """A figure with its sign, a true minus; what is rounded to 0 is +0."""
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "−")


def plotly_text(text: str) -> str:
    """``text`` without what Plotly would read as a tag, a place for a value (``%{x}``) or a formula."""
    return text.translate(_PLOTLY_SIGNS)
