"""Descriptions as shops export them, with HTML inside: their text alone."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

_INLINE = "a abbr acronym b big cite code del em font i ins label mark q s small span strike strong sub sup tt u wbr"
_BLOCK = (
    "address article aside blockquote body br button caption center col colgroup dd details div dl dt embed fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html iframe image img input legend li link main "
    "meta nav noscript object ol option p picture pre section select source summary svg table tbody td textarea tfoot "
    "th thead title tr ul video"
)
# Names of tags, and no others: "a < b", "I <3 you" and the film "<harmony/>" stay as they are.
_TAG = r"</?(?:{})(?=[\s/>])[^<>]*>"
# A comment, script or style that isn't closed goes on to the end, as in a browser; so each is looked at once.
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)(?=[\s>])[^<>]*>.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_INLINE_TAG = re.compile(_TAG.format(_INLINE.replace(" ", "|")), re.IGNORECASE)
_BLOCK_TAG = re.compile(_TAG.format(_BLOCK.replace(" ", "|")), re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)


def without_markup(fields: Sequence[str], line_end: str = "\n") -> Sequence[str]:
    """``fields`` without HTML's tags, comments, scripts and styles, and with the characters that entities stand for.

    Where a tag ends a line or a block, ``line_end`` parts the words. A field without markup is left as it is.
    """
    if not any("<" in field or "&" in field for field in fields):
        return fields
    return [_plain(field, line_end) if "<" in field or "&" in field else field for field in fields]


def _plain(field: str, line_end: str) -> str:
    # Twice, because feeds send markup whose own brackets are entities.
    text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), _without_tags(field, line_end))
    return _without_tags(text, line_end).strip() if text != field else field


def _without_tags(text: str, line_end: str) -> str:
    bare = _BLOCK_TAG.sub("\n", _INLINE_TAG.sub("", _HIDDEN.sub("\n", text)))
    return text if bare == text else line_end.join(filter(None, map(str.strip, bare.split("\n"))))
