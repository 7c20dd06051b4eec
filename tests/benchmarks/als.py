"""One full iteration of alternating least squares: ours against cmfrec (exact and conjugate gradient) and implicit.

    CONVMF_TEST_DATA=…/data python -m tests.benchmarks.als [--threads 1 2] [--peers FOLDER]

Both half-steps over all ratings of ml-1m, K = 50 without biases (what the peers do) and, for ours, also with
them (K + 1 unknowns). The solvers take turns, each with the same number of threads. A peer's iteration is the
difference between a long and a short run, so that its preparations don't count; ours are planned once, and the
plan has a line of its own.

The arithmetic bound is what the method cannot do without – Σ z zᵀ and Σ r z of every row, and a Cholesky decomposition
each – at the speed of a large matrix product on the same threads.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from convmf.data.dataset import Dataset
from convmf.device import torch_threads
from convmf.model.als import RatingRows, half_step
from tests.benchmarks import peers
from tests.benchmarks.common import (
    dataset,
    machine_line,
    print_table,
    print_target,
    take_turns,
    timed,
)

N_FACTORS = 50
LAMBDA = 10.0
ITERATIONS = 2
"""Iterations that a solver's turn lasts."""
GEMM = 2048

PEERS = {"cmfrec, exact": "exact", "cmfrec, conjugate gradient": "cg", "implicit, exact": "implicit"}
OURS, OURS_BIASES = "ours, exact", "ours, exact, with biases"


def plans(data: Dataset) -> tuple[RatingRows, RatingRows]:
    """The ratings by user and by item."""
    ratings, users, items = data.ratings, data.n_users, data.n_items
    return (
        RatingRows.plan(ratings.user_index, ratings.item_index, ratings.rating, n_rows=users, n_columns=items),
        RatingRows.plan(ratings.item_index, ratings.user_index, ratings.rating, n_rows=items, n_columns=users),
    )


def ours(by_user: RatingRows, by_item: RatingRows, *, biases: bool) -> Callable[[], float]:
    """A turn of ours → seconds an iteration."""
    width = N_FACTORS + biases
    items = 0.1 * torch.randn(by_item.n_rows, width, generator=torch.Generator().manual_seed(0))
    penalties = [torch.full((plan.n_rows, width), LAMBDA) for plan in (by_user, by_item)]

    def iterate() -> None:
        nonlocal items
        for _ in range(ITERATIONS):
            users, _ = half_step(by_user, items, penalties[0], biases=biases)
            items, _ = half_step(by_item, users, penalties[1], biases=biases)

    return lambda: timed(iterate) / ITERATIONS


def matrix_product() -> float:
    """Seconds of one large product."""
    a = torch.ones(GEMM, GEMM)
    out = torch.empty(GEMM, GEMM)
    return timed(lambda: torch.mm(a, a, out=out))


def bound_flops(data: Dataset) -> float:
    """Floating point operations of an iteration: products of all ratings on both sides, and the decompositions."""
    counts = data.user_counts(), data.item_counts()
    n_rows = sum(int((side > 0).sum()) for side in counts)
    k = N_FACTORS
    return 2 * data.n_ratings * (2 * k * k + 2 * k) + n_rows * (k**3 / 3 + 2 * k * k)


def compare(data: Dataset, peer: peers.Peer, threads: int, rounds: int) -> dict[str, list[float]]:
    """Seconds an iteration of each solver, by turns."""
    by_user, by_item = plans(data)

    def theirs(solver: str) -> Callable[[], float]:
        question = {"solver": solver, "threads": threads, "n_factors": N_FACTORS, "iterations": ITERATIONS}
        return lambda: float(peer.ask(**question)["seconds"])

    variants = {
        OURS: ours(by_user, by_item, biases=False),
        **{name: theirs(solver) for name, solver in PEERS.items()},
        OURS_BIASES: ours(by_user, by_item, biases=True),
        "product": matrix_product,
        "plan": lambda: timed(lambda: plans(data)),
    }
    with torch_threads(threads):
        return take_turns(variants, rounds, pause=0.2)


def report(data: Dataset, seconds: dict[str, list[float]], threads: int) -> None:
    """The table and the targets of one number of threads."""
    spent = {name: 1e3 * statistics.median(values) for name, values in seconds.items()}
    product, plan = spent.pop("product"), spent.pop("plan")
    gflops = 2 * GEMM**3 / product / 1e6
    bound = bound_flops(data) / gflops / 1e6
    print(f"\n{threads} thread(s): ms an iteration, both half-steps, K = {N_FACTORS}")
    rows = [
        [name, f"{ms:.0f}", f"{1e3 * min(seconds[name]):.0f}", f"{spent[OURS] / ms:.2f}", f"{ms / bound:.1f}"]
        for name, ms in spent.items()
    ]
    print_table(["", "median", "fastest", "ours ÷ it", "× bound"], rows)
    print(
        f"  bound: {bound_flops(data) / 1e9:.1f} GFLOP at {gflops:.0f} GFLOPS = {bound:.0f} ms; the plan: {plan:.0f} ms"
    )
    label = f"ALS, {threads} thread(s): time of ours over cmfrec"
    print_target(f"{label} exact", spent[OURS] / spent["cmfrec, exact"], 0.35)
    print_target(f"{label} conjugate gradient", spent[OURS] / spent["cmfrec, conjugate gradient"], 1.5)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    peers.add_option(parser)
    options = parser.parse_args(arguments)
    origin, data = dataset("ml-1m")
    print(machine_line())
    print(f"{origin}: {data.n_ratings} ratings, {data.n_users} users, {data.n_items} items")
    ratings = data.ratings
    with peers.environment(options.peers) as environment, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.npz"
        np.savez(path, user_index=ratings.user_index, item_index=ratings.item_index, rating=ratings.rating)
        with peers.started(environment, "als", path) as peer:
            for threads in options.threads:
                report(data, compare(data, peer, threads, options.rounds), threads)


if __name__ == "__main__":
    main()
