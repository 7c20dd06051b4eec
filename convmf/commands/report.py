"""A training as its commands show it: progress, a clean ctrl-C, and the report."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from convmf.commands.progress import Progress, StopOnInterrupt
from convmf.config import ConvMFConfig


def fit_and_report(
    split: Any,
    config: ConvMFConfig,
    *,
    folder: Path | None,
    baselines: bool,
    resume: bool = False,
    word_vectors: Any = None,
) -> dict[str, Any]:
    """Train with a progress line and a clean ctrl-C, save into ``folder``, and report."""
    from convmf.evaluation.report import build_report
    from convmf.training.loop import fit

    progress = Progress(config.n_iterations)
    stopped = StopOnInterrupt()
    started = time.perf_counter()
    note = f" Go on with: python -m convmf train --resume {folder}" if folder else ""
    with stopped:
        model = fit(
            split,
            config,
            on_iteration=progress,
            should_stop=lambda: stopped.asked,
            resume_from=folder if resume else None,
            checkpoint_to=folder,
            word_vectors=word_vectors,
        )
        progress.close()
        stopped_early = stopped.asked
        if folder is not None:
            model.save(folder)
        if stopped_early:
            print(f"Stopped; the best of {len(model.history)} iterations is kept.{note}", file=sys.stderr)
        seconds = time.perf_counter() - started
        if word_vectors is not None and model.vocabulary is not None:
            print(f"{word_vectors.name}: {word_vectors.coverage(model.vocabulary)}", file=sys.stderr)
        report = build_report(
            model,
            split,
            seconds=seconds,
            word_vectors=word_vectors,
            all_baselines=baselines,
            should_stop=lambda: stopped.asked,
        )
    if stopped.asked and not stopped_early:
        print(f"Stopped; what was not measured yet is left out.{note}", file=sys.stderr)
    return report


def print_report(report: dict[str, Any]) -> None:
    """A report as a table: ConvMF above its baselines."""
    data = report["data"]
    print(
        f"{data['n_users']:,} users, {data['n_items']:,} items ({data['n_items_with_text']:,} with text), "
        f"{data['n_ratings']:,} ratings; {report['iterations']} iterations, best {report['best_iteration']}, "
        f"{report['seconds']:.1f} s on {report['device']}"
    )
    print(f"  {'RMSE':<16}{'test':>12}{'cold items':>12}")
    for name, parts in {"ConvMF": report["rmse"], **report["baselines"]}.items():
        if parts is not None:
            figures = (f"{parts[key]:.4f}" if parts[key] is not None else "–" for key in ("test", "cold"))
            print(f"  {name.replace('_', ' '):<16}" + "".join(f"{figure:>12}" for figure in figures))
    if report["intervals"] is not None:
        _print_row(f"in {report['intervals']['level']:.0%} interval", report["intervals"], "coverage", ".1%")
    ranking = report["ranking"]
    for who in ("model", "popularity", "random"):
        lists = {key: ranking[key] and ranking[key][who] for key in ("test", "cold")}
        _print_row(f"nDCG@{ranking['k']} {who}", lists, "ndcg", ".4f")


def _print_row(name: str, parts: dict[str, Any], figure: str, form: str) -> None:
    """A line of the report: one figure on the test part and on the cold items."""
    cells = (format(parts[key][figure], form) if parts[key] else "–" for key in ("test", "cold"))
    print(f"  {name:<20}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, (8, 12), strict=True)))
