"""Hostile and broken files: each ends in a report or in one clear error, within MEMORY and SECONDS."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile_files import CORPUS

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
        assert re.search(re.escape(expected.error).replace(r"\|", "|"), message), message
        assert len(message) < 2000 and message.isprintable() and "mine." in message
    else:
        assert (result.get("kept"), result.get("counts")) == (expected.kept, expected.counts), result


def test_the_corpus_is_large_and_covers_all_kinds() -> None:
    kinds = [hostile.kind for hostile in CORPUS.values()]
    assert kinds.count("ratings") + kinds.count("items") >= 60 and kinds.count("vectors") >= 10
