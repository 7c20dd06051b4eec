"""From an unseen text to predictions for every user of an ml-1m-sized model.

    CONVMF_TEST_DATA=…/data python -m tests.benchmarks.latency [--threads 1 2]

The model is trained for one iteration (how well it predicts doesn't change how long it takes) without the 50 items
whose texts are then read one by one, as a page does with a text that a person types.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from convmf import ConvMF, ConvMFConfig, fit
from convmf.data.splits import SplitSettings, split_ratings
from convmf.device import torch_threads
from tests.benchmarks.common import dataset, machine_line, print_table, print_target, timed

N_TEXTS = 50


def trained() -> tuple[str, ConvMF, list[str]]:
    """Where the data are from, a model, and texts that it hasn't seen."""
    origin, data = dataset("ml-1m")
    split = split_ratings(data, SplitSettings(cold_items=0.03))
    unseen = [data.texts[row] for row in np.flatnonzero(split.cold_items) if data.texts[row].strip()]
    return origin, fit(split, ConvMFConfig(n_iterations=1)), unseen[:N_TEXTS]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args(arguments)
    print(machine_line())
    origin, model, texts = trained()
    n_words = np.mean([len(text.split()) for text in texts])
    print(f"{origin}: {len(texts)} unseen texts of {n_words:.0f} words, {len(model.user_ids)} users\n")
    model.predict_text(texts[:1])  # warms up
    rows, medians = [], {}
    for threads in options.threads:
        with torch_threads(threads):
            spent = 1e3 * np.array([timed(lambda text=text: model.predict_text([text])) for text in texts])
        medians[threads] = float(np.median(spent))
        rows.append([f"{threads} thread(s)", *(f"{value:.1f}" for value in np.percentile(spent, [50, 95, 100]))])
    print_table(["", "median ms", "p95 ms", "slowest ms"], rows)
    for threads, median in medians.items():
        print_target(
            f"unseen text to {len(model.user_ids)} predictions, {threads} thread(s), median", median, 50, " ms"
        )


if __name__ == "__main__":
    main()
