"""Other people's programs to compare with, in an environment and in processes of their own."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from convmf.openmp import BRIEF

PACKAGES = ("cornac==3.0.1", "tensorflow", "cmfrec==3.5.1.post14", "implicit==0.7.3")

ROOT = Path(__file__).parents[3]


def add_option(parser: argparse.ArgumentParser) -> None:
    """``--peers FOLDER``, also called ``--keep``."""
    parser.add_argument(
        "--peers",
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="environment of the peers: used when it is there, else made there and kept (default: made and deleted)",
    )


@contextmanager
def environment(folder: Path | None) -> Iterator[Path]:
    """The folder of an environment with PACKAGES in it; without a ``folder`` it is gone afterwards."""
    if folder is not None:
        _install(folder)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="peers-") as temporary:
        _install(Path(temporary))
        yield Path(temporary)


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _install(folder: Path) -> None:
    done = folder / "peers.txt"
    if done.exists() and done.read_text().split() == list(PACKAGES):
        return
    print(f"installing {', '.join(PACKAGES)} into {folder} (some minutes, about 2 GB)", flush=True)
    venv.create(folder, with_pip=True)
    command = [str(_python(folder)), "-m", "pip", "install", "--quiet", *PACKAGES]
    installed = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if installed.returncode:
        raise SystemExit(f"The peers can't be installed:\n{installed.stderr[-2000:]}")
    done.write_text("\n".join(PACKAGES))


class Peer:
    """A peer's process that answers questions, one JSON object a line (see serve.py)."""

    def __init__(self, process: subprocess.Popen[str], log: Any) -> None:
        self._process, self._log = process, log

    def ask(self, **question: Any) -> dict[str, Any]:
        """The peer's answer; a SystemExit with the end of its log where it has died."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise SystemExit(f"The peer ended without an answer:\n{self._log.read()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def started(folder: Path, module: str, data: Path, variables: Mapping[str, str] | None = None) -> Iterator[Peer]:
    """``module`` of this package running in the environment in ``folder``, with the file of ``data`` read.

    Its threads wait for each other as they do by themselves, not as ours.
    """
    command = [str(_python(folder)), "-m", f"{__name__}.{module}", str(data)]
    inherited = dict(os.environ)
    if BRIEF.items() <= inherited.items():
        inherited = {name: value for name, value in inherited.items() if name not in BRIEF}
    settings = {**inherited, "OPENBLAS_NUM_THREADS": "1", **(variables or {})}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            yield Peer(process, log)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
