"""What the commands' options and answers have in common."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NoReturn

from convmf.errors import RunError


class Parser(argparse.ArgumentParser):
    """A parser whose complaints fit on one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (try {self.prog} --help)\n")


def add_files(parser: argparse.ArgumentParser, *, required: Collection[str] = ()) -> None:
    """The two files that a data set is read from; those ``required`` by "ratings" and "items" can't be left out."""
    for name, help in (("ratings", "user, item, rating"), ("items", "item, title, description")):
        parser.add_argument(f"--{name}", type=Path, required=name in required, metavar="FILE", help=help)


def check_report(report: Path, inputs: Mapping[str, Path | None]) -> None:
    """Refuse a --report that can't be written, or would overwrite a file of ``inputs`` (what it is → where it is),
    before the work and not after it."""
    folder = report.resolve().parent
    if not folder.is_dir():
        raise RunError(f"The folder of --report {report} doesn't exist; make it first, or give another file.")
    if report.is_dir():
        raise RunError(f"--report {report} is a folder; give the name of a file.")
    for name, file in inputs.items():
        if file is not None and file.resolve() == report.resolve():
            raise RunError(f"--report {report} would overwrite {name}; give another one.")
    may_write = not report.exists() or os.access(report, os.W_OK)
    if not report.exists() or report.is_file():  # and no device or pipe: a new file will take its place
        try:
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            may_write = False
    if not may_write:
        raise RunError(f"--report {report} can't be written; give a file in a folder of your own.")


def positive(text: str) -> int:
    """A whole number from 1 up, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 up")
    return number


def print_json(value: Any) -> None:
    """``value`` for other programs; where the output isn't Unicode every sign has an escape, and none is lost."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    print(json.dumps(value, ensure_ascii=encoding != "utf8", indent=1))


def add_listing(parser: argparse.ArgumentParser) -> None:
    """How much a command lists, and in what form."""
    parser.add_argument("--top", type=positive, default=10, metavar="N", help="how many to list")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
