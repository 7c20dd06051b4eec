"""Two hundred short trainings in one server: threads, open files and memory must not grow. Linux only.

python -m tests.benchmarks.long_use [--runs 200]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from convmf.runs.store import Store
from tests.benchmarks.common import ROOT, machine_line, print_table, print_target
from tests.helpers import tiny_dataset

MEGABYTES = 20
"""Memory that may be added after the first tenth of the runs: caches fill, and the list of runs grows."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    options = parser.parse_args(arguments)
    print(machine_line())
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.add_dataset(tiny_dataset())
        store.close()
        command = [sys.executable, "-m", "tests.fault_server", folder, "long", str(options.runs)]
        command.append(str(max(1, options.runs // 10)))
        started = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        seconds = time.perf_counter() - started
    figures = json.loads(done.stdout)
    print(f"{options.runs} trainings of a tiny data set in {seconds:.0f} s")
    print_table(
        ["runs", "threads", "open files", "memory"],
        [[f"{row['runs']}", f"{row['threads']}", f"{row['files']}", f"{row['kB'] / 1024:.1f} MB"] for row in figures],
    )
    first, last = figures[0], figures[-1]
    print_target("threads added", last["threads"] - first["threads"], 0)
    print_target("open files added", last["files"] - first["files"], 0)
    print_target("memory added", (last["kB"] - first["kB"]) / 1024, MEGABYTES, " MB")


if __name__ == "__main__":
    main()
