"""All benchmarks, one after the other, with their targets gathered at the end.

    CONVMF_TEST_DATA=…/data python -m tests.benchmarks [--full] [--only als whole] [--peers FOLDER]

The peers (cornac, cmfrec, implicit) are installed once into an environment that is deleted at the end, or kept in
the folder given by ``--peers`` (or ``--keep``) and used again the next time. ``--full`` takes hours: Cornac's
iterations are all run, on ml-100k and ml-1m, and the growth goes up to 30 million ratings. Our threads wait for each
other as the command line's do; a script that is run by itself leaves that to the environment.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from convmf.openmp import wait_briefly
from tests.benchmarks import peers
from tests.benchmarks.common import ROOT, TARGET, machine_line

SCRIPTS = ("cnn_step", "als", "latency", "pages", "growth", "whole")
WITH_PEERS = ("als", "whole")
WITH_FULL = ("growth", "whole")


def run(name: str, arguments: Sequence[str]) -> list[str]:
    """Run one script in a process of its own, its output passed on; the lines of its targets."""
    print(f"\n===== {name} =====", flush=True)
    command = [sys.executable, "-u", "-m", f"tests.benchmarks.{name}", *arguments]
    targets = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.startswith(TARGET):
                targets.append(line)
    if process.returncode:
        targets.append(f"{TARGET}MISSED: {name} ended with {process.returncode}\n")
    return targets


def run_all(names: Sequence[str], environment: Path | None, full: bool) -> list[str]:
    """Run the scripts in turn; the lines of all targets."""
    targets = []
    for name in names:
        arguments = ["--full"] if full and name in WITH_FULL else []
        if name in WITH_PEERS:
            arguments += ["--peers", str(environment)]
        targets += run(name, arguments)
    return targets


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SCRIPTS, default=SCRIPTS)
    parser.add_argument("--full", action="store_true")
    peers.add_option(parser)
    options = parser.parse_args(arguments)
    wait_briefly()  # for the scripts: this process computes nothing
    print(machine_line())
    if set(options.only).isdisjoint(WITH_PEERS):
        targets = run_all(options.only, None, options.full)
    else:
        with peers.environment(options.peers) as folder:
            targets = run_all(options.only, folder, options.full)
    n_met = sum(line.startswith(f"{TARGET}met") for line in targets)
    print(f"\n===== {n_met} of {len(targets)} targets met =====")
    print("".join(targets), end="")


if __name__ == "__main__":
    main()
