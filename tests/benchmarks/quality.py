"""Test and cold RMSE of ConvMF beside every baseline, mean and SD over seeds; and the search for λ against a grid.

    CONVMF_TEST_DATA=…/data python -m tests.benchmarks.quality [--data ml-100k ml-1m …] [--seeds 5] [--model-only]
    CONVMF_TEST_DATA=…/data python -m tests.benchmarks.quality --by-hand [--data …] [--seeds 1]
    … [--preset paper] [--out FILE]

Each seed has its own split (80/10/10, and 10 % of the items held out whole). PMF and the texts that tell nothing are
the same code with the same settings, and walk the same path of λ; the levels' and the ridge's penalties are chosen
from six each, on validation or on held-out items. The test and cold parts are read once a training.

``--by-hand`` trains with fixed λ on a grid, takes the pair with the best validation RMSE as a person would, and
compares its test RMSE with the preset's, which has to find its λ itself. Beside the real data it does so on ml-100k
with ratings from −10 to 10, with fractions from 1 to 10, and with texts of 200 words.

With ``--out`` each result is appended to a file of JSON lines, and what stands there already is not measured again.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import numpy as np

from convmf import ConvMFConfig, Dataset, fit, sample_dataset
from convmf.data.dataset import Ratings
from convmf.data.sample import sample_truth
from convmf.data.splits import Split, SplitSettings, split_ratings
from convmf.evaluation.baselines import tfidf_ridge
from convmf.evaluation.metrics import rmse
from convmf.evaluation.report import build_report
from tests.benchmarks.built_in import knowing_films
from tests.benchmarks.common import dataset, machine_line, print_table, print_target

REAL = ("ml-100k", "ml-small", "movietweetings", "ml-1m")
SCALES = ("-10 to 10", "1 to 10 with fractions", "texts of 200 words")
BUILT_IN = "built-in"

TEST_TARGETS = {"ml-1m": 0.840, "ml-100k": 0.895, "ml-small": 0.853}
COLD_TARGETS = {"ml-1m": 0.935, "ml-100k": 0.985, "ml-small": 0.948, "movietweetings": 0.942}
"""Cold RMSE divided by that of the users' means."""

GRID = (5.0, 10.0, 20.0, 40.0)
"""Fixed λ_U and λ_V that a person would try, sixteen pairs."""

ROWS = ("ConvMF", "global_mean", "user_mean", "biases", "pmf", "tfidf_ridge", "shuffled_text", "empty_text")

Figures = dict[str, dict[str, float | None]]


class Notebook:
    """Results by what they are of, kept in a file of JSON lines where one is given."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path is not None and path.exists() else []
        self.results = {json.dumps(line["of"]): line["result"] for line in map(json.loads, lines)}

    def get(self, of: Sequence[object]) -> Any:
        """What stands there of it; None if nothing does."""
        return self.results.get(json.dumps(of))

    def put(self, of: Sequence[object], result: Any) -> Any:
        """Write a result down."""
        self.results[json.dumps(of)] = result
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps({"of": of, "result": result}) + "\n")
        return result


def load(name: str) -> Dataset:
    """A real data set, the built-in one, or ml-100k on another scale."""
    if name == BUILT_IN:
        return sample_dataset()
    if name not in SCALES:
        return dataset(name)[1]
    data = dataset("ml-100k")[1]
    ratings, generator = data.ratings, np.random.default_rng(0)
    if name == SCALES[0]:
        values = 5 * (ratings.rating - 3)
    elif name == SCALES[1]:
        # A star is a stretch of the new scale, and where in it a rating lies is chance.
        values = np.clip(2 * ratings.rating + generator.uniform(-1, 1, len(ratings)), 1, 10).round(2)
    else:
        return replace(data, texts=tuple(_repeated(text, 200) for text in data.texts))
    return replace(data, ratings=Ratings(ratings.user_index, ratings.item_index, values.astype(np.float32)))


def _repeated(text: str, n_words: int) -> str:
    words = text.split()
    return " ".join((words * math.ceil(n_words / max(len(words), 1)))[:n_words])


def measure(split: Split, config: ConvMFConfig, model_only: bool) -> Figures:
    """Test and cold RMSE of the model and of each baseline, and the seconds of the one training."""
    started = time.perf_counter()
    model = fit(split, config)
    seconds = time.perf_counter() - started
    report = build_report(model, split, seconds=seconds, all_baselines=not model_only)
    figures: Figures = {"ConvMF": report["rmse"], **{k: v for k, v in report["baselines"].items() if v is not None}}
    if model_only:
        figures["tfidf_ridge"] = {"test": None, "cold": rmse(tfidf_ridge(split)(split.cold), split.cold.rating)}
    figures["training"] = {"seconds": seconds, "iterations": float(report["iterations"])}
    return figures


def by_hand(split: Split, preset: str) -> dict[str, float]:
    """Test RMSE of the preset, and of the pair of fixed λ with the best validation RMSE."""
    chosen = fit(split, ConvMFConfig.preset(preset, seed=split.settings.seed))
    tries = {}
    for lambda_u, lambda_v in product(GRID, GRID):
        config = ConvMFConfig.preset(
            preset, seed=split.settings.seed, lambda_growth=1.0, lambda_u=lambda_u, lambda_v=lambda_v
        )
        model = fit(split, config)
        tries[lambda_u, lambda_v] = (min(row["valid_rmse"] for row in model.history), _test_rmse(model, split))
    best = min(tries, key=lambda pair: tries[pair][0])
    return {"found": _test_rmse(chosen, split), "by_hand": tries[best][1], "lambda_u": best[0], "lambda_v": best[1]}


def _test_rmse(model: Any, split: Split) -> float:
    return rmse(model.predict_rows(split.test.user_index, split.test.item_index), split.test.rating)


def print_quality(name: str, results: Sequence[Figures]) -> None:
    """The table of one data set, and its targets."""

    def spread(row: str, part: str) -> str:
        values = [figures[row][part] for figures in results if row in figures]
        if not values or None in values:
            return "–"
        return f"{fmean(values):.4f} ± {pstdev(values):.4f}"

    def ratio(row: str, part: str, to: str) -> float:
        return fmean(figures[row][part] / figures[to][part] for figures in results)  # type: ignore[operator]

    rows = []
    for row in ROWS:
        if any(row in figures for figures in results):
            cold = f"{ratio(row, 'cold', 'user_mean'):.3f}"
            rows.append([row.replace("_", " "), spread(row, "test"), spread(row, "cold"), cold])
    print_table([name, "test RMSE", "cold RMSE", "÷ user mean"], rows)
    seconds = [figures["training"]["seconds"] or 0.0 for figures in results]
    print(f"  {len(results)} seeds, {fmean(seconds):.0f} s a training")
    if name in TEST_TARGETS:
        test = fmean(figures["ConvMF"]["test"] or math.nan for figures in results)
        print_target(f"{name}, test RMSE", test, TEST_TARGETS[name])
    if name == "movietweetings":
        print_target(f"{name}, test RMSE ÷ biases", ratio("ConvMF", "test", "biases"), 0.995)
    if name in COLD_TARGETS:
        print_target(f"{name}, cold RMSE ÷ user mean", ratio("ConvMF", "cold", "user_mean"), COLD_TARGETS[name])
        print_target(f"{name}, cold RMSE ÷ tf-idf ridge", ratio("ConvMF", "cold", "tfidf_ridge"), 1.0)
    if name == BUILT_IN:
        data = load(name)
        print_limit([split_of(data, seed) for seed in range(len(results))])
        truth = sample_truth()
        for part, floor, limit in (("test", truth.rmse_floor_warm, 1.03), ("cold", truth.rmse_floor_cold, 1.10)):
            reached = fmean(figures["ConvMF"][part] or math.nan for figures in results)
            print_target(f"{name}, {part} RMSE ÷ floor", reached / floor, limit)


def print_limit(splits: Sequence[Split]) -> None:
    """How near to the floor of the built-in data a model comes that knows every film and has to guess the users."""
    limits = [knowing_films(split) / sample_truth().rmse_floor_warm for split in splits]
    print(f"  test RMSE ÷ floor where every film is known: {fmean(limits):.3f} ± {pstdev(limits):.3f}")


def split_of(data: Dataset, seed: int) -> Split:
    """80/10/10, and a tenth of the items held out whole."""
    return split_ratings(data, SplitSettings(cold_items=0.1, seed=seed))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=(*REAL, BUILT_IN, *SCALES))
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--model-only", action="store_true", help="leave out the baselines that are trained")
    parser.add_argument("--by-hand", action="store_true", help="compare with λ chosen on a grid")
    parser.add_argument("--out", type=Path, help="keep the results here, and go on from them")
    options = parser.parse_args(arguments)
    print(machine_line())
    notebook = Notebook(options.out)
    names = options.data or ((*REAL, *SCALES) if options.by_hand else (BUILT_IN, *REAL))
    for name in names:
        data, results = load(name), []
        for seed in range(options.seeds or (1 if options.by_hand else 5)):
            split = split_of(data, seed)
            kind = "by hand" if options.by_hand else "model" if options.model_only else "all"
            of = [name, options.preset, seed, kind]
            result = notebook.get(of)
            if result is None and options.by_hand:
                result = notebook.put(of, by_hand(split, options.preset))
            elif result is None:
                config = ConvMFConfig.preset(options.preset, seed=seed)
                result = notebook.put(of, measure(split, config, options.model_only))
            results.append(result)
        if options.by_hand:
            gap = fmean(result["found"] / result["by_hand"] for result in results)
            pairs = ", ".join(f"λ_U {result['lambda_u']:g} λ_V {result['lambda_v']:g}" for result in results)
            print_target(f"{name}: test RMSE ÷ that of λ chosen by hand ({pairs})", gap, 1.005)
        else:
            print_quality(name, results)


if __name__ == "__main__":
    main()
