"""User text on a page: shown as it stands, never taken for Markdown, a link or a picture."""

from __future__ import annotations

import re

from convmf.labels import one_line

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$&])")
# Emoji, icons, colours, links and addresses are found after the escapes are gone, by these characters.
_FOUND_LATE = re.compile(r"(:(?=\S)|@|www)", re.IGNORECASE)


def plain(text: str) -> str:
    """``text`` escaped so that Markdown shows it as it stands, on one line, with no link or picture made of it."""
    escaped = _MARKDOWN.sub(r"\\\1", one_line(str(text)))
    return _FOUND_LATE.sub("\\1\u2060", escaped)
