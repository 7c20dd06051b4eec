"""What the benchmarks share: the machine's line, data, taking turns, tables, targets, and processes of their own."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from convmf.data.dataset import Dataset, read_dataset
from convmf.openmp import BRIEF
from tests.benchmarks.long_tail import long_tail_dataset

ROOT = Path(__file__).parents[2]

SIZES = {
    "ml-100k": (100_000, 943, 1_682),
    "ml-1m": (1_000_209, 6_040, 3_883),
    "ml-small": (100_836, 610, 9_742),
    "movietweetings": (40_992, 1_659, 1_552),
}
"""Ratings, users and items of a data set, for one of its size where the real one isn't there."""

TARGET = "target "
"""Start of the lines that say whether a target is met."""


def machine_line() -> str:
    """The machine that the figures are from, and how busy it is."""
    parts = [f"{os.cpu_count()} cores"]
    processor = _from_proc("/proc/cpuinfo", "model name")
    if processor:
        parts.append(processor)
    if hasattr(os, "sysconf"):
        parts.append(f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB of memory")
    parts += [f"Python {platform.python_version()}", f"torch {torch.__version__}", f"{torch.get_num_threads()} threads"]
    # How OpenMP's threads wait for each other.
    parts += [f"{name}={os.environ[name]}" for name in BRIEF if name in os.environ]
    if hasattr(os, "getloadavg"):
        parts.append(f"load before the run {os.getloadavg()[0]:.1f}")
    return "machine: " + ", ".join(parts)


def dataset(name: str) -> tuple[str, Dataset]:
    """Where the data are from, and the data set called ``name`` (a key of SIZES); description and summary joined."""
    folder = os.environ.get("CONVMF_TEST_DATA", "").strip()
    if not folder:
        n_ratings, n_users, n_items = SIZES[name]
        generated = long_tail_dataset(n_ratings, n_users, n_items, words_per_text=55)
        return f"generated data of {name}'s size (CONVMF_TEST_DATA is unset)", generated
    files = [Path(folder) / name / f"{stem}.csv.gz" for stem in ("ratings", "items")]
    columns = ["description"] if name == "movietweetings" else ["description", "summary"]
    return name, read_dataset(*files, name=name, item_columns={"text": columns})[0]


def take_turns(variants: Mapping[str, Callable[[], float]], rounds: int, pause: float = 0.0) -> dict[str, list[float]]:
    """Seconds of each variant in each of ``rounds``; they take turns, so that drift of the machine meets all alike.

    One round before only warms up. ``pause`` (seconds) lets the threads of the one before go to sleep.
    """
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for turn in range(rounds + 1):
        for name, run in variants.items():
            time.sleep(pause)
            spent = run()
            if turn:
                seconds[name].append(spent)
    return seconds


def timed(run: Callable[[], Any]) -> float:
    """Seconds that ``run`` takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("  " + "  ".join(cells).rstrip())


def print_target(what: str, figure: float, limit: float, unit: str = "", *, at_least: bool = False) -> None:
    """One line: met or missed, the figure, and what was wanted."""
    met = figure >= limit if at_least else figure <= limit
    sign = "≥" if at_least else "≤"
    print(f"{TARGET}{'met' if met else 'MISSED'}: {what}: {figure:.3g}{unit} (wanted {sign} {limit:g}{unit})")


def run_alone(module: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON object that ``module`` prints as its last line, run in a Python process of its own."""
    command = [sys.executable, "-m", module, *arguments]
    with tempfile.TemporaryFile("w+") as errors:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        if done.returncode:
            errors.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{errors.read()[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def peak_memory() -> float:
    """The most memory that this process has held so far, in GB (2³⁰ bytes)."""
    held = _from_proc("/proc/self/status", "VmHWM")  # unlike ru_maxrss without what the parent held at the fork
    if held:
        return int(held.split()[0]) / 2**20
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def _from_proc(path: str, key: str) -> str:
    """The value of a ``key: value`` line of a file that only Linux has; "" without it."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
