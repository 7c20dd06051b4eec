"""Time of one training step of the CNN: ours against Embedding → Conv1d → max.

    CONVMF_TEST_DATA=…/data python -m tests.benchmarks.cnn_step [--threads 1 2] [--batch 128 512] [--clock wall]

A step is forward, backward and optimiser, at the paper's size: vocabulary 8,000, embedding 200, windows 3/4/5 × 100
kernels, dense 300 → 200 → 51. Texts are ml-1m's description + summary from CONVMF_TEST_DATA, or, when that is
unset, random texts of about the same lengths with Zipf-distributed words.

The variants take turns, so that drift of the machine meets all alike. In its turn a variant takes all batches one
after the other, as a training does, and one more before them that only warms up: it finds in caches and in memory
what a step of its own kind left there. A variant's figure is the mean over the batches of each batch's median over the
passes: batches sorted by length are of unequal size.

"matrix products" is what the step can't do without, given one projection a distinct word, at the speed of torch.mm
for the same sizes: the projection (distinct × 200 by 200 × 1200), and two products with as many multiplications as the
gradient of kernels and words has (1200 × batch by batch × 200, twice). "the same by oneDNN" are these products said as
convolutions, as the step says its projection on AMD's processors: where that is faster than torch.mm, it is the
machine's limit.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from torch import Tensor, nn

from convmf.model import loops
from convmf.model.max_conv import max_conv
from convmf.training import lazy
from convmf.training.lazy import LazyAdam
from tests.benchmarks.common import machine_line, print_target

VOCAB, LENGTH, DIM, WINDOWS, N_KERNELS = 8000, 300, 200, (3, 4, 5), 100
ROWS = sum(WINDOWS) * N_KERNELS

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}

STAGES = {
    "matrix products": ("aten::mm", "aten::addmm", "aten::mkldnn_convolution"),
    "gather and sum (embedding_bag)": ("aten::_embedding_bag", "aten::_embedding_bag_forward_only"),
    "sum and max over the windows": ("max_over_windows",),
    "other gathers and copies": (
        "aten::index",
        "aten::index_select",
        "aten::index_copy_",
        "aten::copy_",
        "aten::cat",
        "aten::gather",
        "aten::scatter_",
        "aten::fill_",
        "aten::zero_",
        "number_words",
        "from_rows",
    ),
    "sort of the gradient's entries by word": ("sort_entries",),
    "Adam": ("aten::_fused_adam_", "_adam_of_rows"),
}

COMPILED = {
    loops: ("max_over_windows", "number_words", "from_rows", "sort_entries"),
    lazy: ("_adam_of_rows",),
}


class Net(nn.Module):
    """The CNN; ``pooled(token_ids, embedding, weights, biases)`` is what the variants differ in."""

    def __init__(self, pooled: Callable[..., Tensor]) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        self.pooled = pooled
        self.embedding = nn.Parameter(torch.randn(VOCAB + 1, DIM, generator=random) * 0.1)
        self.weights = nn.ParameterList(
            torch.randn(N_KERNELS, DIM, window, generator=random) * 0.05 for window in WINDOWS
        )
        self.biases = nn.ParameterList(torch.zeros(N_KERNELS) for _ in WINDOWS)
        self.dense = nn.Sequential(
            nn.Linear(N_KERNELS * len(WINDOWS), 200), nn.Tanh(), nn.Dropout(0.2), nn.Linear(200, 51), nn.Tanh()
        )

    def forward(self, token_ids: Tensor) -> Tensor:
        return self.dense(self.pooled(token_ids, self.embedding, list(self.weights), list(self.biases)))


def plain(token_ids: Tensor, embedding: Tensor, weights: list[Tensor], biases: list[Tensor]) -> Tensor:
    """The usual form, without a mask over the padding (which would cost it more)."""
    words = F.embedding(token_ids, embedding, padding_idx=0).transpose(1, 2)
    return torch.cat(
        [F.conv1d(words, w, b).relu().max(dim=2).values for w, b in zip(weights, biases, strict=True)], dim=1
    )


def row_sparse(*arguments) -> Tensor:
    return max_conv(*arguments, sparse_grad=True)


def stepper(pooled: Callable[..., Tensor], optimizer_of) -> Callable[..., float]:
    """A training step (token_ids, target, clock) → seconds."""
    net = Net(pooled)
    optimizer = optimizer_of(net.parameters())

    def step(token_ids: Tensor, target: Tensor, clock: Callable[[], float]) -> float:
        start = clock()
        optimizer.zero_grad()
        F.mse_loss(net(token_ids), target).backward()
        optimizer.step()
        return clock() - start

    return step


def matrix_products(token_ids: Tensor, target: Tensor, clock: Callable[[], float]) -> float:
    """Seconds for the products named in the module's docstring, on numbers made beforehand."""
    (words, kernels), (entries, winners), projected, gradient = _operands(token_ids)
    start = clock()
    torch.mm(words, kernels.T, out=projected)
    for _ in range(2):
        torch.mm(entries, winners.T, out=gradient)
    return clock() - start


def products_by_onednn(token_ids: Tensor, target: Tensor, clock: Callable[[], float]) -> float:
    """As :func:`matrix_products`, each product as a convolution with windows of one place."""
    pairs = [
        (left.view(16, -1, 1, left.shape[1]).permute(0, 3, 1, 2), right.view(*right.shape, 1, 1))
        for left, right in _operands(token_ids)[:2]
    ]
    start = clock()
    for images, kernels in (pairs[0], pairs[1], pairs[1]):
        F.conv2d(images, kernels)
    return clock() - start


def _operands(token_ids: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], Tensor, Tensor]:
    """Factors left and right (left @ right.T) of the projection and of a gradient, and room for the products."""
    n_distinct, batch = -(-len(torch.unique(token_ids)) // 16) * 16, len(token_ids)
    key = (n_distinct, batch)
    if key not in _OPERANDS:
        projection, gradient = ((n_distinct, DIM), (ROWS, DIM)), ((ROWS, batch), (DIM, batch))
        ones = [(torch.ones(left), torch.ones(right)) for left, right in (projection, gradient)]
        _OPERANDS[key] = (*ones, torch.ones(n_distinct, ROWS), torch.ones(ROWS, DIM))
    return _OPERANDS[key]


_OPERANDS: dict[tuple[int, int], tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], Tensor, Tensor]] = {}


def texts() -> tuple[str, Tensor]:
    """Where the texts are from, and their token ids (n, LENGTH)."""
    folder = os.environ.get("CONVMF_TEST_DATA")
    if not folder:
        random = np.random.default_rng(0)
        weights = 1 / (np.arange(VOCAB) + 60.0)  # without stop words the top of Zipf's law is missing
        token_ids = 1 + random.choice(VOCAB, (3883, LENGTH), p=weights / weights.sum())
        lengths = random.normal(55, 20, len(token_ids)).clip(0, 150)
        token_ids[np.arange(LENGTH) >= lengths[:, None]] = 0
        return "generated Zipf texts (CONVMF_TEST_DATA is unset)", torch.from_numpy(token_ids.astype(np.int64))
    with gzip.open(Path(folder) / "ml-1m" / "items.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = [f"{row['description']} {row['summary']}".lower() for row in csv.DictReader(file)]
    words = [[word for word in re.findall(r"[a-z0-9']{2,}", row) if word not in ENGLISH_STOP_WORDS] for row in rows]
    common = Counter(word for text in words for word in text).most_common(VOCAB)
    number = {word: i + 1 for i, (word, _) in enumerate(common)}
    token_ids = np.zeros((len(words), LENGTH), dtype=np.int64)
    for row, text in zip(token_ids, words, strict=True):
        known = [number[word] for word in text if word in number][:LENGTH]
        row[: len(known)] = known
    return f"ml-1m, {len(words)} texts", torch.from_numpy(token_ids)


def measure(
    token_ids: Tensor, batch: int, passes: int, clock: Callable[[], float]
) -> tuple[dict[str, float], dict[str, float]]:
    """Milliseconds a step of each variant, and facts of the batches."""
    random = torch.Generator().manual_seed(0)
    shuffled = torch.randperm(len(token_ids), generator=random).split(batch)
    by_length = (token_ids > 0).sum(1).argsort().split(batch)
    count = len(token_ids) // batch
    chosen = np.linspace(0, count - 1, min(count, 6)).round().astype(int)
    target = torch.randn(batch, 51, generator=random).tanh()
    adam, fused = torch.optim.Adam, {"fused": True}
    variants = {
        "plain, padded to 300": (stepper(plain, lambda p: adam(p, **fused)), shuffled),
        "plain, sorted by length": (stepper(plain, lambda p: adam(p, **fused)), by_length),
        "ours, Adam": (stepper(max_conv, LazyAdam), shuffled),
        "ours, row-lazy Adam": (stepper(row_sparse, LazyAdam), shuffled),
        "matrix products": (matrix_products, shuffled),
        "the same by oneDNN": (products_by_onednn, shuffled),
    }
    seconds: dict[str, list[list[float]]] = {name: [[] for _ in chosen] for name in variants}
    for _ in range(passes):
        for name, (step, order) in variants.items():
            batches = [token_ids[order[i]] for i in chosen]
            if order is by_length:
                batches = [ids[:, : max(int((ids > 0).sum(1).max()), max(WINDOWS))] for ids in batches]
            step(batches[-1], target, clock)
            for place, ids in enumerate(batches):
                seconds[name][place].append(step(ids, target, clock))
    figures = {name: 1e3 * statistics.mean(statistics.median(s) for s in times) for name, times in seconds.items()}
    batches = [token_ids[shuffled[i]] for i in chosen]
    facts = {
        "words": statistics.mean(int((ids > 0).sum()) for ids in batches),
        "distinct": statistics.mean(len(torch.unique(ids)) for ids in batches),
    }
    return figures, facts


def breakdown(token_ids: Tensor, batch: int) -> dict[str, float]:
    """Share of each stage in a step of ours, in percent of the time that operators take themselves."""
    step, target = stepper(row_sparse, LazyAdam), torch.zeros(batch, 51)
    batches = token_ids[: batch * (len(token_ids) // batch)].split(batch)
    step(batches[0], target, time.perf_counter)
    with ExitStack() as patches, torch.autograd.profiler.profile() as profile:
        for module, names in COMPILED.items():
            for name in names:
                patches.enter_context(patch.object(module, name, marked(name, getattr(module, name))))
        for ids in batches[:10]:
            step(ids, target, time.perf_counter)
    taken: Counter[str] = Counter()
    for event in profile.key_averages():
        stage = next((stage for stage, names in STAGES.items() if event.key in names), "the rest")
        taken[stage] += event.self_cpu_time_total
    return {stage: 100 * spent / taken.total() for stage, spent in taken.most_common()}


def marked(name: str, loop: Callable[..., object]) -> Callable[..., object]:
    """``loop``, which torch's profiler then sees under this name."""

    def call(*arguments):
        with torch.profiler.record_function(name):
            return loop(*arguments)

    return call


def report(token_ids: Tensor, batch: int, threads: int, passes: int, clock: Callable[[], float]) -> None:
    torch.set_num_threads(threads)
    figures, facts = measure(token_ids, batch, passes, clock)
    products = figures["matrix products"]
    flops = 2 * DIM * ROWS * (facts["distinct"] + 2 * batch)
    print(f"\nbatch {batch}, {threads} thread(s): {facts['words']:.0f} words, {facts['distinct']:.0f} distinct")
    print(f"  {'':26}{'ms a step':>10}{'× padded':>10}{'× sorted':>10}{'products ×':>12}")
    for name, spent in figures.items():
        padded, by_length = figures["plain, padded to 300"], figures["plain, sorted by length"]
        print(f"  {name:26}{spent:10.1f}{padded / spent:10.1f}{by_length / spent:10.1f}{spent / products:12.2f}")
    limit = figures["the same by oneDNN"]
    over = figures["ours, row-lazy Adam"] / limit
    print(f"  matrix products: {flops / 1e9:.2f} GFLOP at {flops / products / 1e6:.0f} GFLOPS, ", end="")
    print(f"by oneDNN at {flops / limit / 1e6:.0f}: row-lazy Adam takes {over:.2f} × that")
    print("  where a step of ours (row-lazy Adam) goes:")
    for stage, share in breakdown(token_ids, batch).items():
        print(f"  {share:6.1f} %  {stage}")
    print_targets(figures, f"CNN step, batch {batch}, {threads} thread(s)")


def print_targets(figures: dict[str, float], label: str) -> None:
    """What the training takes is row-lazy Adam; its time against the plain form's and the products'."""
    spent = figures["ours, row-lazy Adam"]
    for name, least in (("padded to 300", 20), ("sorted by length", 6)):
        ratio = figures[f"plain, {name}"] / spent
        print_target(f"{label}: plain, {name}, over ours", ratio, least, " ×", at_least=True)
    print_target(f"{label}: ours over its matrix products", spent / figures["matrix products"], 2.5, " ×")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: on a busy machine, with --threads 1")
    options = parser.parse_args(arguments)
    origin, token_ids = texts()
    print(machine_line())
    print(origin)
    for threads in options.threads:
        for batch in options.batch:
            _OPERANDS.clear()
            report(token_ids, batch, threads, options.passes, CLOCKS[options.clock])


if __name__ == "__main__":
    main()
