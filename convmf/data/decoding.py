"""From the bytes of a user's file to its text: gzip, encoding, and what is no text at all."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from convmf.errors import DataError

MAX_BYTES = 1 << 30
"""Unpacked size in bytes: what one machine reads in minutes; a gzip bomb is stopped here while unpacking."""

ACCEPTED = (
    "Accepted is a text table with one row a line (CSV, TSV, or with ';', '|' or '::' between the columns), "
    "plain or gzip-compressed, in UTF-8, UTF-16 with a byte order mark, Shift-JIS (cp932) or Latin-1."
)
DAMAGED = "\ufffd"
"""What stands in a decoded text for bytes that do not fit the encoding."""

_GZIP = b"\x1f\x8b"
_STEP = 1 << 20  # bytes read at a time, so that memory stays small whatever the file unpacks to
_SAVE_AS_CSV = "Open it and save the table as CSV (UTF-8)."
_UNPACK = "Unpack it and choose the table inside."
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (
        b"PK\x03\x04",
        "an Excel workbook or a zip archive",
        "Save the table as CSV (UTF-8), or unpack the archive.",
    ),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office file", _SAVE_AS_CSV),
    (b"%PDF-", "a PDF", "Save the table behind it as CSV (UTF-8)."),
    (b"PAR1", "a Parquet file", "Export it as CSV (UTF-8)."),
    (b"SQLite format 3\x00", "an SQLite database", "Export the table as CSV (UTF-8)."),
    (b"\x89PNG", "a picture", "Choose the table itself."),
    (b"\xff\xd8\xff", "a picture", "Choose the table itself."),
    (b"GIF8", "a picture", "Choose the table itself."),
    (b"\x93NUMPY", "a NumPy array", "Export it as CSV (UTF-8)."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"BZh91AY&SY", "a bzip2 archive", "Unpack it, or compress it with gzip instead."),
    (b"\xfd7zXZ\x00", "an xz archive", "Unpack it, or compress it with gzip instead."),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it, or compress it with gzip instead."),
    (_GZIP, "a gzip file inside a gzip file", "Unpack it once."),
    (b"<!DOCTYPE", "a web page", "Download the table itself."),
    (b"<html", "a web page", "Download the table itself."),
    (b'{"', "JSON", "Convert it to CSV (UTF-8)."),
    (b"[{", "JSON", "Convert it to CSV (UTF-8)."),
)
_BYTE_ORDER_MARKS = (  # UTF-32 first: its little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f"))
_MAX_CONTROL_SHARE = 0.3  # UTF-16 without a mark is half NULs; a text with a few damaged rows is far below
_MIN_GOOD_PER_BAD = 10  # UTF-8 that is damaged here and there, rather than another encoding

_NON_ASCII = re.compile(r"[^\x00-\x7f]")
_FOREIGN_RUN = re.compile(r"(?P<before>[A-Za-z])?(?P<run>[^\x00-\x7f]+)(?P<after>(?=[A-Za-z]))?")
_JAPANESE = re.compile(r"[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff9f]")
_FULL_WIDTH = re.compile(r"[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff60]")
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
        with _open_bytes(self.source, self.name) as stream:
            yield io.TextIOWrapper(stream, encoding=self.encoding, errors="replace", newline=None)


def inspect(source: bytes | Path, name: str = "") -> TextSource:
    """Read the whole of ``source`` once and find its encoding.

    Raises
    ------
    DataError
        The file can't be read, is empty, is no text, or unpacks to more than ``MAX_BYTES``.
    """
    name = name or ("the file" if isinstance(source, bytes) else Path(source).name)
    with _open_bytes(source, name) as stream:
        head = stream.read(_STEP)
    _refuse_other_files(head, name)
    marked = [encoding for mark, encoding in _BYTE_ORDER_MARKS if head.startswith(mark)]
    if marked:
        n_bad, _ = _count_misfits(source, name, marked[0])
        return TextSource(source, name, marked[0], damaged=n_bad > 0)
    if len(head.translate(None, _CONTROLS)) < len(head) * (1 - _MAX_CONTROL_SHARE):
        raise DataError(f"{name} is a binary file, or UTF-16 without a byte order mark. {ACCEPTED} {_SAVE_AS_CSV}")
    n_bad, n_good = _count_misfits(source, name, "utf-8")
    if n_bad == 0 or n_good >= _MIN_GOOD_PER_BAD * n_bad:
        return TextSource(source, name, "utf-8", damaged=n_bad > 0)
    if _reads_as_japanese(source, name):
        return TextSource(source, name, "cp932", damaged=False)
    n_bad, _ = _count_misfits(source, name, "cp1252")
    return TextSource(source, name, "latin-1" if n_bad else "cp1252", damaged=False)


@contextmanager
def _open_bytes(source: bytes | Path, name: str) -> Iterator[BinaryIO]:
    """The unpacked bytes; a file that can't be read or unpacked is a DataError."""
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield cast(BinaryIO, unpacked)
            else:
                yield raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{name} is a damaged gzip file ({error}). Compress or download it again.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{name} can't be read: {reason}. Check its path and that it is a file.") from None


def _refuse_other_files(head: bytes, name: str) -> None:
    if not head.strip():
        raise DataError(f"{name} is empty. {ACCEPTED} Choose a file with at least one row.")
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    for signature, kind, advice in _SIGNATURES:
        if head.startswith(signature) or start.startswith(signature):
            raise DataError(f"{name} is {kind}. {ACCEPTED} {advice}")


def _steps(source: bytes | Path, name: str) -> Iterator[bytes]:
    n_bytes = 0
    with _open_bytes(source, name) as stream:
        while step := stream.read(_STEP):
            n_bytes += len(step)
            if n_bytes > MAX_BYTES:
                raise DataError(
                    f"{name} unpacks to more than {MAX_BYTES:,} bytes, the most that is read. "
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

    Latin-1 often decodes as cp932 too, but then as single ideographs or half-width kana amid Latin letters.
    So only runs of characters count that keep clear of these, or are longer than one and not all half-width.
    """
    n_foreign = n_japanese = 0
    try:
        for text in _decoded(source, name, "cp932", "strict"):
            for match in _FOREIGN_RUN.finditer(text):
                run = match["run"]
                n_foreign += len(run)
                amid_letters = match["before"] is not None or match["after"] is not None
                if not amid_letters or (len(run) > 1 and _FULL_WIDTH.search(run)):
                    n_japanese += len(_JAPANESE.findall(run))
    except UnicodeDecodeError:
        return False
    return n_japanese >= _MIN_JAPANESE_SHARE * n_foreign
