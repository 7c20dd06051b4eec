"""From a user's file to its unpacked bytes: plain or gzip, within limits, and of which other kind it may be."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from convmf.errors import DataError, quoted

MAX_EXPANSION = 50
"""A gzip file may unpack to this many times its size: texts and tables pack to a half or a tenth of theirs."""
SMALL_BYTES = 64 << 20
"""Up to here ``MAX_EXPANSION`` isn't asked: a small file that repeats itself may pack well, and can do no harm."""

_GZIP = b"\x1f\x8b"
_SAVE_AS_CSV = "Open it and save the table as CSV (UTF-8)."
_UNPACK = "Unpack it and choose the table inside."
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (
        b"PK\x03\x04",
        "an Excel workbook or a zip archive",
        "Save the table as CSV (UTF-8), or unpack the archive.",
    ),
    (b"PK\x05\x06", "an empty zip archive", "Choose the table itself."),
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
    (b"<?xml", "XML", "Convert it to CSV (UTF-8)."),
    (b"<!doctype", "a web page", "Download the table itself."),
    (b"<html", "a web page", "Download the table itself."),
    (b'{"', "JSON", "Convert it to CSV (UTF-8)."),
    (b"[{", "JSON", "Convert it to CSV (UTF-8)."),
)


def file_name(source: bytes | Path | str) -> str:
    """What messages call a file that was given no name."""
    return Path(source).name if isinstance(source, str | os.PathLike) else "the file"


@contextmanager
def open_unpacked(source: bytes | Path | str, name: str) -> Iterator[BinaryIO]:
    """The unpacked bytes of a file's content or path.

    Raises
    ------
    DataError
        The file can't be read or unpacked, while it is opened or later, inside the block.
    """
    try:
        with _open_raw(source, name) as raw:
            packed = raw.read(len(_GZIP)) == _GZIP
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


def byte_limit(source: bytes | Path | str, most: int) -> int:
    """How many bytes of the unpacked file may be read: ``most``, or fewer where gzip packs too well to be true."""
    if isinstance(source, bytes):
        packed, n_bytes = source.startswith(_GZIP), len(source)
    else:
        with open(source, "rb") as file:
            packed, n_bytes = file.read(len(_GZIP)) == _GZIP, os.stat(source).st_size
    return min(most, max(SMALL_BYTES, MAX_EXPANSION * n_bytes)) if packed else most


def other_kind(head: bytes) -> tuple[str, str] | None:
    """Of which other kind a file is that starts with ``head``, and what to do about it; None where nothing is known."""
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    squeezed = b"".join(start[:512].lower().split())  # marked-up text is laid out as its writer likes
    for signature, kind, advice in _SIGNATURES:
        if any(text.startswith(signature) for text in (head, start, squeezed)):
            return kind, advice
    return None


def _open_raw(source: bytes | Path | str, name: str) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if not isinstance(source, str | os.PathLike):
        raise DataError(f"A file is given as its path or its bytes, not as {type(source).__name__}.")
    try:
        mode = os.stat(source).st_mode
    except ValueError:
        raise DataError(f"There can't be a file {quoted(str(source))}. Check its path.") from None
    # A pipe or a device can't be read twice, and may never end.
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise DataError(f"{name} is no regular file. Write its content to one, and give that.")
    return open(source, "rb")
