"""Whole trainings: ours to its best validation RMSE, Cornac's ConvMF for as many outer iterations.

    CONVMF_TEST_DATA=…/data python -m tests.benchmarks.whole [--full] [--peers FOLDER]

Both learn from the same split of the same ratings and texts. Ours is preset default, stopped by its own patience;
its time is from the start (planning and vocabulary included) to the end of the iteration with the best validation
RMSE. Cornac's is the paper's network (five CNN epochs an outer iteration), its own λ.

Cornac takes minutes an outer iteration. By default a few are run on ml-100k and the time of the others is
extrapolated from the mean, which the output says; its RMSE is then that of a training cut short, and no
comparison. ``--full`` runs them all, on ml-100k and ml-1m, unless Cornac finds that it has converged before.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convmf import ConvMFConfig, fit
from convmf.data.splits import Split, SplitSettings, split_ratings
from convmf.evaluation.metrics import rmse
from convmf.training.loop import IterationResult
from tests.benchmarks import peers
from tests.benchmarks.common import dataset, machine_line, print_table, print_target

VARIABLES = {"TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
"""With oneDNN a step of Cornac's takes 20 s."""


@dataclass(frozen=True)
class Outcome:
    """Seconds to the best iteration and in all; iterations to the best and in all; RMSE at the best."""

    seconds: float
    total_seconds: float
    best_iteration: int
    iterations: int
    valid: float
    test: float


def ours(split: Split) -> Outcome:
    """Preset default; the test part is read once, with the state that validation chose."""
    marks: list[float] = []
    valid: list[float] = []

    def note(result: IterationResult) -> None:
        marks.append(time.perf_counter() - start)
        assert result.valid_rmse is not None
        valid.append(result.valid_rmse)

    start = time.perf_counter()
    model = fit(split, ConvMFConfig(), on_iteration=note)
    total = time.perf_counter() - start
    best = model.best_iteration
    test = rmse(model.predict_rows(split.test.user_index, split.test.item_index), split.test.rating)
    return Outcome(marks[best - 1], total, best, len(marks), valid[best - 1], test)


def export(split: Split, path: Path) -> None:
    """The split and the texts for the peer."""
    arrays = {"texts": np.frombuffer("\0".join(split.dataset.texts).encode(), dtype=np.uint8)}
    for name in ("train", "valid", "test"):
        part = getattr(split, name)
        arrays |= {f"{name}_user": part.user_index, f"{name}_item": part.item_index, f"{name}_rating": part.rating}
    np.savez(path, **arrays)


def theirs(split: Split, environment: Path, iterations: int, wanted: int, penalties: Sequence[float]) -> Outcome:
    """Cornac's ConvMF run for ``iterations``; ``total_seconds`` is what ``wanted`` would take at that speed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "split.npz"
        export(split, path)
        with peers.started(environment, "convmf", path, VARIABLES) as peer:
            question = {"lambda_u": penalties[0], "lambda_v": penalties[1], "cnn_epochs": 5}
            answer = peer.ask(iterations=iterations, **question)
    spent = answer["seconds"]
    preparation = answer["total"] - sum(spent)
    total = preparation + wanted * sum(spent) / len(spent)
    return Outcome(answer["total"], total, wanted, len(spent), answer["valid"], answer["test"])


def report(name: str, environment: Path, iterations: int | None, penalties: Sequence[float], seed: int) -> None:
    """The comparison on one data set; ``iterations`` of Cornac's are run, None: as many as ours needed."""
    origin, data = dataset(name)
    split = split_ratings(data, SplitSettings(seed=seed))
    mine = ours(split)
    wanted = mine.best_iteration
    asked = min(iterations or wanted, wanted)
    peer = theirs(split, environment, asked, wanted, penalties)
    # Cornac ends by itself once its loss hardly falls any more.
    converged = peer.iterations < asked
    complete = peer.iterations == wanted or converged
    print(f"\n{origin}: best validation RMSE of ours after {wanted} outer iterations, {mine.iterations} run")
    peer_name = "Cornac, until it converged" if converged else "Cornac, run"
    how = "measured" if peer.iterations == wanted else f"extrapolated from {peer.iterations}"
    rows = [
        ["ours, to its best", str(wanted), f"{mine.seconds:.1f}", f"{mine.seconds / wanted:.2f}"]
        + [f"{mine.valid:.4f}", f"{mine.test:.4f}"],
        ["ours, with the wait for better", str(mine.iterations), f"{mine.total_seconds:.1f}"]
        + [f"{mine.total_seconds / mine.iterations:.2f}", f"{mine.valid:.4f}", f"{mine.test:.4f}"],
        [peer_name, str(peer.iterations), f"{peer.seconds:.1f}", f"{peer.seconds / peer.iterations:.2f}"]
        + [f"{peer.valid:.4f}", f"{peer.test:.4f}"],
        [f"Cornac, {how}", str(wanted), f"{peer.total_seconds:.1f}", f"{peer.total_seconds / wanted:.2f}", "", ""],
    ]
    print_table(["", "iterations", "seconds", "s/iteration", "valid RMSE", "test RMSE"], rows)
    ratio = peer.total_seconds / mine.seconds
    print_target(f"{name}: Cornac's time ({how}) over ours, {wanted} iterations", ratio, 20, " ×", at_least=True)
    if converged:
        print_target(f"{name}: Cornac's time as run over ours", peer.seconds / mine.seconds, 20, " ×", at_least=True)
    if complete:
        print_target(f"{name}: test RMSE over Cornac's", mine.test / peer.test, 1.0)
    else:
        print(f"  Cornac's RMSE is that of {peer.iterations} iteration(s), no fair comparison; --full runs them all.")
    if name == "ml-1m":
        print_target("ml-1m: whole training", mine.total_seconds, 60, " s")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=["ml-100k", "ml-1m"], help="default: ml-100k, with --full both")
    parser.add_argument("--peer-iterations", type=int, default=2, help="outer iterations of Cornac's to measure")
    parser.add_argument("--peer-lambda", type=float, nargs=2, default=[1.0, 100.0], metavar=("U", "V"))
    parser.add_argument("--full", action="store_true", help="as many of Cornac's iterations as ours needed")
    parser.add_argument("--seed", type=int, default=0)
    peers.add_option(parser)
    options = parser.parse_args(arguments)
    print(machine_line())
    names = options.data or (["ml-100k", "ml-1m"] if options.full else ["ml-100k"])
    iterations = None if options.full else options.peer_iterations
    with peers.environment(options.peers) as environment:
        for name in names:
            report(name, environment, iterations, options.peer_lambda, options.seed)


if __name__ == "__main__":
    main()
