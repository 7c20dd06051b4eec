from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from convmf.data import unpacking
from convmf.data.unpacking import byte_limit, file_name, open_unpacked, other_kind
from convmf.errors import DataError


def test_bytes_and_paths_plain_and_packed(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    for content in (b"1,2,3", gzip.compress(b"1,2,3")):
        path.write_bytes(content)
        for source in (content, path, str(path)):
            with open_unpacked(source, "r") as stream:
                assert stream.read() == b"1,2,3"
    assert (file_name(str(path)), file_name(b"")) == ("r.csv", "the file")


def test_a_packed_file_may_unpack_to_so_much(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(unpacking, "SMALL_BYTES", 1000)
    packed = gzip.compress(b"1,2,3\n" * 1000)
    (tmp_path / "r.gz").write_bytes(packed)
    assert byte_limit(packed, 10**9) == byte_limit(tmp_path / "r.gz", 10**9) == 50 * len(packed)
    assert byte_limit(packed, 77) == 77 and byte_limit(b"1,2,3\n" * 9, 10**9) == 10**9
    assert byte_limit(packed[:12], 10**9) == 1000


def test_what_is_no_file_is_one_clear_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source, match in (
        (tmp_path / "pipe", "no regular file"),
        (tmp_path, "Is a directory"),
        (tmp_path / "missing", "No such file"),
        ("a\0b", "There can't be a file"),
        (["r.csv"], "as its path or its bytes, not as list"),
    ):
        with pytest.raises(DataError, match=match), open_unpacked(source, "mine"):  # type: ignore[arg-type]
            pass


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"PK\x05\x06", "zip"),
        (b" \n<!DocType HTML>", "web page"),
        (b'\xef\xbb\xbf[\n { "a": 1', "JSON"),
        (b"<?xml version", "XML"),
    ],
)
def test_other_kinds_of_files_are_named(head: bytes, kind: str) -> None:
    other = other_kind(head)
    assert other is not None and kind in other[0]
    assert other_kind(b"user,item,rating\n") is None
