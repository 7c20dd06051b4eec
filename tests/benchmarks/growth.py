"""Time and memory as the ratings grow from 1 to 30 million, and of reading a file of 10 million.

    python -m tests.benchmarks.growth [--millions 1 3 10] [--full] [--csv-millions 10]

The data are generated with a real long tail (long_tail.py), users and items in proportion to the ratings as in
MovieLens 25M, short texts. Each training, and the reading, runs in a process of its own, which only loads arrays
that another one made, so that its peak memory is its own. ``--full`` adds 30 million.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from convmf import ConvMFConfig, fit, load_dataset
from convmf.data.dataset import Dataset, Ratings
from convmf.data.splits import split_ratings
from tests.benchmarks.common import machine_line, peak_memory, print_table, print_target, run_alone
from tests.benchmarks.long_tail import long_tail_ratings, with_texts

LARGE = 3.0
"""Millions of ratings from which on it is they that make the peak, and not the network's training."""
USERS_A_MILLION, ITEMS_A_MILLION = 6_500, 2_360
WORDS_PER_TEXT = 20
COLUMNS = ("user_index", "item_index", "rating")


def generate(folder: Path, millions: float) -> dict[str, Any]:
    """Arrays of the ratings, and facts about their tail."""
    ratings = long_tail_ratings(round(millions * 1e6), *sizes(millions))
    for name in COLUMNS:
        np.save(folder / f"{name}.npy", getattr(ratings, name))
    facts = {}
    for name, index, size in zip(
        ("user", "item"), (ratings.user_index, ratings.item_index), sizes(millions), strict=True
    ):
        counts = np.bincount(index, minlength=size)
        facts[name] = {"median": float(np.median(counts)), "most": int(counts.max())}
    return facts


def sizes(millions: float) -> tuple[int, int]:
    """Users and items of data with so many million ratings."""
    return round(millions * USERS_A_MILLION), round(millions * ITEMS_A_MILLION)


def train(folder: Path, millions: float, iterations: int) -> dict[str, Any]:
    """Preset default on the arrays in ``folder``: seconds of each iteration, and the peak memory."""
    before = peak_memory()
    split = split_ratings(_load(folder, millions))
    marks, results = [time.perf_counter()], []

    def note(result: Any) -> None:
        marks.append(time.perf_counter())
        results.append(result)

    fit(split, ConvMFConfig(n_iterations=iterations, patience=iterations), on_iteration=note)
    whole = np.diff(marks)
    als = [result.seconds["users"] + result.seconds["items"] for result in results]
    # The first interval also holds planning and the vocabulary.
    last = float(np.median(whole[1:])) if iterations > 1 else float(whole[0])
    return {
        "iteration": last,
        "als": statistics.median(als),
        "cnn": statistics.median(result.seconds["cnn"] for result in results),
        "preparation": float(whole[0]) - last,
        "peak": peak_memory(),
        "before": before,
        "valid_rmse": results[-1].valid_rmse,
    }


def _load(folder: Path, millions: float) -> Dataset:
    arrays = [np.load(folder / f"{name}.npy") for name in COLUMNS]
    return with_texts(Ratings(*arrays), *sizes(millions), words_per_text=WORDS_PER_TEXT)


def write_csv(folder: Path) -> dict[str, Any]:
    """The arrays as a file in MovieLens 25M's form."""
    user, item, rating = (np.load(folder / f"{name}.npy") for name in COLUMNS)
    timestamp = 1_000_000_000 + np.random.default_rng(0).integers(0, 500_000_000, len(rating))
    frame = pd.DataFrame({"userId": user + 1, "movieId": item + 1, "rating": rating, "timestamp": timestamp})
    frame.to_csv(folder / "ratings.csv", index=False)
    return {"bytes": (folder / "ratings.csv").stat().st_size}


def read_csv(folder: Path) -> dict[str, Any]:
    """Seconds and peak memory of reading that file into a data set."""
    start = time.perf_counter()
    data = load_dataset(folder / "ratings.csv")
    return {"seconds": time.perf_counter() - start, "peak": peak_memory(), "ratings": data.n_ratings}


def report_trainings(millions: Sequence[float], iterations: int) -> None:
    """A training of each size, and how the cost of a million ratings changes."""
    rows, results = [], []
    for size in millions:
        with tempfile.TemporaryDirectory() as folder:
            facts = _job("generate", folder, size, 0)
            result = _job("train", folder, size, iterations)
        results.append(result)
        rows.append(_row(size, facts, result))
    print(f"\nTraining, preset default, {iterations} iterations; ratings of a user and of an item as median/most")
    header = ["ratings", "users", "items", "of a user", "of an item", "s/iteration", "ALS", "CNN", "s/M ratings"]
    print_table([*header, "prepare s", "peak GB", "GB/M ratings"], rows)
    if len(results) > 1:
        first, last = results[0]["iteration"] / millions[0], results[-1]["iteration"] / millions[-1]
        label = f"a million ratings among {millions[-1]:g} M against among {millions[0]:g} M"
        print_target(f"seconds an iteration of {label}", last / first, 1.25, " ×")
    large = [(size, result["peak"]) for size, result in zip(millions, results, strict=True) if size >= LARGE]
    if len(large) > 2:
        # Of what each size adds, so that libraries and the network, which don't grow, hide nothing.
        sizes, peaks = zip(*large, strict=True)
        added = np.diff(peaks) / np.diff(sizes)
        label = f"a million ratings beyond {sizes[-2]:g} M against beyond {sizes[0]:g} M"
        print_target(f"memory of {label}", float(added[-1] / added[0]), 1.25, " ×")
    print_target(f"peak memory of a training on {millions[-1]:g} M ratings", results[-1]["peak"], 8, " GB")


def _row(size: float, facts: dict[str, Any], result: dict[str, Any]) -> list[str]:
    """The table's line of one size (in millions)."""
    return [
        f"{size:g} M",
        *(f"{count:,}" for count in sizes(size)),
        *(f"{facts[side]['median']:.0f}/{facts[side]['most']:,}" for side in ("user", "item")),
        *(f"{result[key]:.2f}" for key in ("iteration", "als", "cnn")),
        f"{result['iteration'] / size:.2f}",
        f"{result['preparation']:.1f}",
        f"{result['peak']:.2f}",
        f"{(result['peak'] - result['before']) / size:.2f}",
    ]


def report_reading(millions: float) -> None:
    """The reading of a file."""
    with tempfile.TemporaryDirectory() as folder:
        _job("generate", folder, millions, 0)
        written = _job("write", folder, millions, 0)
        result = _job("read", folder, millions, 0)
    size = f"{result['ratings'] / 1e6:g} M rows, {written['bytes'] / 1e6:.0f} MB"
    print(f"\nReading a CSV file of {size}: {result['seconds']:.1f} s, peak memory {result['peak']:.2f} GB")
    scale = millions / 10
    print_target(f"reading {millions:g} M rows", result["seconds"], 30 * scale, " s")
    print_target(f"peak memory of reading {millions:g} M rows", result["peak"], 3 * scale, " GB")


def _job(name: str, folder: str, millions: float, iterations: int) -> dict[str, Any]:
    arguments = ["--job", name, "--folder", folder, "--millions", str(millions), "--iterations", str(iterations)]
    return run_alone("tests.benchmarks.growth", arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=float, nargs="*", default=[1.0, 3.0, 10.0])
    parser.add_argument("--csv-millions", type=float, default=10.0, help="0: no reading")
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="also 30 million ratings")
    parser.add_argument("--job", choices=["generate", "train", "write", "read"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.job:
        jobs = {
            "generate": lambda: generate(options.folder, options.millions[0]),
            "train": lambda: train(options.folder, options.millions[0], options.iterations),
            "write": lambda: write_csv(options.folder),
            "read": lambda: read_csv(options.folder),
        }
        print(json.dumps(jobs[options.job]()))
        return
    print(machine_line())
    millions = [*options.millions, *([30.0] if options.full else [])]
    if millions:
        report_trainings(millions, options.iterations)
    if options.csv_millions:
        report_reading(options.csv_millions)


if __name__ == "__main__":
    main()
