"""Descriptions as shops export them, with HTML inside: their text alone."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from html.entities import html5

_INLINE = "a abbr acronym b big cite code del em font i ins label mark q s small span strike strong sub sup tt u wbr"
_BLOCK = (
    "address article aside blockquote body br button caption center col colgroup dd details div dl dt embed fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html iframe image img input legend li link main "
    "meta nav noscript object ol option p picture pre script section select source style summary svg table tbody td "
    "textarea tfoot th thead title tr ul video"
)
# Names of tags, bare or with attributes, and no others: "a < b", "p<a and b>c" and the film "<harmony/>" stay.
_TAG = r"</?(?:{})(?:\s[^<>=]*=[^<>]*|\s*/?)>"
_INLINE_TAG = re.compile(_TAG.format(_INLINE.replace(" ", "|")), re.IGNORECASE)
_BLOCK_TAG = re.compile(_TAG.format(_BLOCK.replace(" ", "|")), re.IGNORECASE)
_CLOSING_TAG = re.compile(r"</[a-z][a-z0-9]*\s*>", re.IGNORECASE)
_HIDDEN_ENDS = re.compile(
    r"(?P<comment><!--)|-->|<(?P<opened>script|style)(?:\s[^<>]*)?>|</(?P<closed>script|style)\s*>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)


def without_markup(fields: Sequence[str], line_end: str = "\n") -> Sequence[str]:
    """``fields`` without HTML's tags, comments, scripts and styles, and with the characters that entities stand for.

    Where a tag ends a line or a block, ``line_end`` parts the words. A field without markup is left as it is.
    """
    if not any("<" in field or "&" in field for field in fields):
        return fields
    return [_plain(field, line_end) if "<" in field or "&" in field else field for field in fields]


def _plain(field: str, line_end: str) -> str:
    bare = _without_tags(field, line_end)
    text = _ENTITY.sub(_character, bare)
    if bare == field and _CLOSING_TAG.search(text):  # feeds send markup whose own brackets are entities
        text = _without_tags(text, line_end)
    return text if text == field else text.strip()


def _character(entity: re.Match[str]) -> str:
    """What an entity stands for; itself where there is none of its name, though one may begin as it does."""
    name = entity[0][1:]
    return html.unescape(entity[0]) if name.startswith("#") or name in html5 else entity[0]


def _without_tags(text: str, line_end: str) -> str:
    bare = _BLOCK_TAG.sub("\n", _INLINE_TAG.sub("", _without_hidden(text)))
    return text if bare == text else line_end.join(filter(None, map(str.strip, bare.split("\n"))))


def _without_hidden(text: str) -> str:
    """``text`` without comments, scripts and styles; of one that isn't closed nothing is taken away.

    In one go over the text, which a pattern that looks for each one's end would not be.
    """
    kept, shown_from, opened_at, awaited = [], 0, 0, ""
    for end in _HIDDEN_ENDS.finditer(text):
        opened = "-->" if end["comment"] else (end["opened"] or "").lower()
        closed = (end["closed"] or "").lower() or ("-->" if end[0] == "-->" else "")
        if not awaited and opened:
            opened_at, awaited = end.start(), opened
        elif awaited and closed == awaited:
            kept.append(text[shown_from:opened_at])
            shown_from, awaited = end.end(), ""
    return "\n".join([*kept, text[shown_from:]])
