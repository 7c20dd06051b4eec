"""Hostile and broken files: each ends in a report or in one clear error, within MEMORY and SECONDS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from convmf.__main__ import main
from tests.hostile_files import CORPUS, SOUND, SOUND_ITEMS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the bounds need a system that can fork")


@pytest.fixture(scope="module")
def bounded() -> Iterator[subprocess.Popen[str]]:
    """A process that reads files of the corpus, each in a fork with limits; see tests/hostile_files.py."""
    # One thread and the system's allocator: what a fork takes is then what reading takes.
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.hostile_files"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
        env=os.environ | quiet,
    )
    with server:
        yield server


@pytest.mark.parametrize("name", CORPUS)
def test_a_hostile_file_is_a_report_or_one_clear_error(bounded: subprocess.Popen[str], name: str) -> None:
    assert bounded.stdin is not None and bounded.stdout is not None
    bounded.stdin.write(f"{name}\n")
    bounded.stdin.flush()
    result: dict[str, Any] = json.loads(bounded.stdout.readline())
    assert "crash" not in result, result
    expected = CORPUS[name]
    if expected.error:
        message = result["error"]
        assert expected.is_told_by(message), message
        assert len(message) < 2000 and message.isprintable() and "mine." in message
    else:
        assert (result.get("kept"), result.get("counts")) == (expected.kept, expected.counts), result


# A few of each kind of refusal, as the command line tells them.
_REFUSED = [
    "ratings: an Excel workbook",
    "ratings: a bomb of one line",
    "ratings: a header with escapes for a terminal",
    "ratings: a million columns",
    "ratings: a quote opened in every row",
    "ratings: noise",
    "items: nothing",
    "items: duplicate headers",
    "items: a bomb of texts",
]


@pytest.mark.parametrize("name", _REFUSED)
def test_the_command_line_refuses_in_one_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"ratings": SOUND.encode(), "items": SOUND_ITEMS.encode()}
    files[CORPUS[name].kind] = CORPUS[name].content()
    for kind, content in files.items():
        (tmp_path / f"{kind}.csv").write_bytes(content)
    paths = [f"--{kind}={tmp_path / kind}.csv" for kind in files]
    for command in (["check"], ["train", "--out", str(tmp_path / "model")]):
        assert main([*command, *paths]) == 2
        shown = capsys.readouterr()
        (line,) = shown.err.splitlines()
        assert line.startswith("convmf: ") and line.isprintable() and CORPUS[name].is_told_by(line)
        assert shown.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["items.csv", "ratings.csv"]


def test_the_command_line_reports_bad_rows_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ratings.csv").write_text(f"{SOUND}\x1b[31m,x,4\nann,y,\u202e5\nann,y,1,5\n")
    (tmp_path / "items.csv").write_text(SOUND_ITEMS)
    report = tmp_path / "report.json"
    files = [f"--ratings={tmp_path / 'ratings.csv'}", f"--items={tmp_path / 'items.csv'}", f"--report={report}"]
    assert main(["check", *files]) == 0
    shown = capsys.readouterr()
    assert shown.err == "" and all(line.isprintable() for line in shown.out.splitlines())
    assert "ratings: 2 of 5 rows read" in shown.out and "\\x1b[31m" in shown.out
    assert [row["line"] for row in json.loads(report.read_text())["ratings"]["problems"]] == [4, 5, 6]


def test_the_corpus_is_large_and_covers_all_kinds() -> None:
    kinds = [hostile.kind for hostile in CORPUS.values()]
    assert kinds.count("ratings") + kinds.count("items") >= 60 and kinds.count("vectors") >= 10
