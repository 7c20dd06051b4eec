"""From the bytes of a user's file to its text: the encoding, and what is no text at all."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from convmf.data.unpacking import byte_limit, file_name, open_unpacked, other_kind
from convmf.errors import DataError, shown

MAX_BYTES = 1 << 30
"""Unpacked size in bytes: what one machine reads in minutes; a gzip bomb is stopped here, or before."""

ACCEPTED = (
    "Accepted is a text table with one row a line (CSV, TSV, or with ';', '|' or '::' between the columns), "
    "plain or gzip-compressed, in UTF-8, UTF-16 with a byte order mark, Shift-JIS (cp932) or Latin-1."
)
DAMAGED = "\ufffd"
"""What stands in a decoded text for bytes that do not fit the encoding."""

_MAX_NAME = 200  # characters of a file's name in messages
_STEP = 1 << 20  # bytes read at a time, so that memory stays small whatever the file unpacks to
_BYTE_ORDER_MARKS = (  # UTF-32 first: its little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f"))
_MAX_CONTROL_SHARE = 0.1  # UTF-16 without a mark is half NULs, noise has a ninth; a text with bad rows is far below
_MIN_GOOD_PER_BAD = 10  # UTF-8 that is damaged here and there, rather than another encoding

_NON_ASCII = re.compile(r"[^\x00-\x7f]")
_FOREIGN_RUN = re.compile(r"(?P<before>[A-Za-z0-9])?(?P<run>[^\x00-\x7f]+)(?=(?P<after>[A-Za-z0-9])?)")
_JAPANESE = re.compile(r"[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff9f]")
_FULL_WIDTH = re.compile(r"[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff60]")
_HALF_WIDTH_KANA = re.compile(r"[\uff66-\uff9f]+")
# As words are spelled: small kana, long vowels and voicing marks stand behind a kana that can have them.
_SPELLED = re.compile(r"(?=..)(?:(?:[ｷｼﾁﾃﾆﾋﾌﾐﾘ][ﾞﾟ]?[ｬｭｮ]|[ｲｳｸｼｽﾁﾂﾃﾄﾌ]ﾞ?[ｧ-ｫ]|[ｳｶ-ﾄﾊ-ﾎ]ﾞ|[ﾊ-ﾎ]ﾟ|[ｱ-ﾝ])ｯ?ｰ?)+")
_MIN_SPELLED_SHARE = 0.9
# Western quotes, dashes and dots with the letter behind them, as in 1990\x92s, read as one ideograph. One of these, ”N,
# is the year, which Japanese writes behind numbers.
_YEAR = "年"
_PUNCTUATION = re.compile(rb"[\x85\x91-\x94\x96\x97][A-Za-z]")
_MIN_JAPANESE_SHARE = 0.7


@dataclass(frozen=True)
class TextSource:
    """A user's file whose encoding is known; ``damaged`` says that some bytes do not fit it."""

    source: bytes | Path
    name: str
    encoding: str
    damaged: bool

    @contextmanager
    def open(self) -> Iterator[TextIO]:
        """The text from its start, every line end (LF, CRLF, CR) as ``\\n``, misfit bytes as ``DAMAGED``."""
        with open_unpacked(self.source, self.name) as stream:
            yield io.TextIOWrapper(stream, encoding=self.encoding, errors="replace", newline=None)


def inspect(source: bytes | Path, name: str = "") -> TextSource:
    """Read the whole of ``source`` once and find its encoding.

    Raises
    ------
    DataError
        The file can't be read, is empty, is no text, or unpacks to more than ``MAX_BYTES``.
    """
    name = shown(name or file_name(source), _MAX_NAME)
    with open_unpacked(source, name) as stream:
        head = stream.read(_STEP)
    _refuse_other_files(head, name)
    marked = [encoding for mark, encoding in _BYTE_ORDER_MARKS if head.startswith(mark)]
    if marked:
        n_bad, _ = _count_misfits(source, name, marked[0])
        return TextSource(source, name, marked[0], damaged=n_bad > 0)
    body = head.rstrip(b"\0")  # a power cut while a file is written leaves NULs behind it
    if not body or len(body.translate(None, _CONTROLS)) < len(body) * (1 - _MAX_CONTROL_SHARE):
        kind = "a binary file, or UTF-16 without a byte order mark"
        raise DataError(f"{name} is {kind}. {ACCEPTED} Open it and save the table as CSV (UTF-8).")
    n_bad, n_good = _count_misfits(source, name, "utf-8")
    if n_bad == 0 or n_good >= _MIN_GOOD_PER_BAD * n_bad:
        return TextSource(source, name, "utf-8", damaged=n_bad > 0)
    if _reads_as_japanese(source, name):
        return TextSource(source, name, "cp932", damaged=False)
    n_bad, _ = _count_misfits(source, name, "cp1252")
    return TextSource(source, name, "latin-1" if n_bad else "cp1252", damaged=False)


def _refuse_other_files(head: bytes, name: str) -> None:
    if not head.strip():
        raise DataError(f"{name} is empty. {ACCEPTED} Choose a file with at least one row.")
    if other := other_kind(head):
        kind, advice = other
        raise DataError(f"{name} is {kind}. {ACCEPTED} {advice}")


def _steps(source: bytes | Path, name: str) -> Iterator[bytes]:
    n_bytes = 0
    with open_unpacked(source, name) as stream:
        limit = byte_limit(source, MAX_BYTES)
        while step := stream.read(_STEP):
            n_bytes += len(step)
            if n_bytes > limit:
                raise DataError(
                    f"{name} unpacks to more than {limit:,} bytes, the most that is read of a file of its size. "
                    "Take a sample of its rows, or split it."
                )
            yield step


def _decoded(source: bytes | Path, name: str, encoding: str, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for step in _steps(source, name):
        yield decoder.decode(step)
    yield decoder.decode(b"", final=True)


def _count_misfits(source: bytes | Path, name: str, encoding: str) -> tuple[int, int]:
    """How many characters outside ASCII do not fit ``encoding``, and how many do; (0, 0) if all fit."""
    try:
        for _ in _decoded(source, name, encoding, "strict"):
            pass
    except UnicodeDecodeError:
        n_bad = n_foreign = 0
        for text in _decoded(source, name, encoding, "replace"):
            n_bad += text.count(DAMAGED)
            n_foreign += len(_NON_ASCII.findall(text))
        return n_bad, n_foreign - n_bad
    return 0, 0


def _reads_as_japanese(source: bytes | Path, name: str) -> bool:
    """Whether the bytes are cp932 that reads as Japanese.

    Other encodings often decode as cp932 too: Latin-1 as single ideographs or half-width kana amid Latin letters
    and digits, GBK as half-width kana that spell nothing.
    """
    n_foreign = n_japanese = n_half = n_spelled = 0
    try:
        for text in _decoded(source, name, "cp932", "strict"):
            for match in _FOREIGN_RUN.finditer(text):
                n_foreign += len(match["run"])
                if not _may_be_western(match):
                    n_japanese += len(_JAPANESE.findall(match["run"]))
                    half = _HALF_WIDTH_KANA.findall(match["run"])
                    n_half += sum(map(len, half))
                    n_spelled += sum(len(word) for word in half if _SPELLED.fullmatch(word))
    except UnicodeDecodeError:
        return False
    if 2 * n_half > n_japanese and n_spelled < _MIN_SPELLED_SHARE * n_half:
        return False
    return n_japanese > 0 and n_japanese >= _MIN_JAPANESE_SHARE * n_foreign


def _may_be_western(match: re.Match[str]) -> bool:
    """Whether a match of ``_FOREIGN_RUN`` is what signs and accented letters of a Western text look like in cp932."""
    run, beside = match["run"], (match["before"] or "") + (match["after"] or "")
    touches_letter = any(map(str.isalpha, beside))
    if len(run) > 1:
        return touches_letter and not _FULL_WIDTH.search(run)
    if not _FULL_WIDTH.search(run) or touches_letter:
        return True
    return bool(beside) and run != _YEAR and _PUNCTUATION.fullmatch(run.encode("cp932")) is not None
