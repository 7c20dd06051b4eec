"""python -m convmf demo: a training on the built-in data, beside the lowest possible error."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from convmf.commands.report import fit_and_report, print_report
from convmf.config import ConvMFConfig
from convmf.files import write_json


def add_demo(commands: Any) -> None:
    """Add the command to the parser's ``commands``."""
    demo = commands.add_parser("demo", help="train on the built-in data and show how far the text carries")
    demo.add_argument("--report", type=Path, metavar="FILE", help="write the figures as JSON")
    demo.set_defaults(run=_demo)


def _demo(options: argparse.Namespace) -> int:
    from convmf.data.dataset import sample_dataset
    from convmf.data.sample import SAMPLE_NOTE, sample_truth
    from convmf.data.splits import SplitSettings, split_ratings

    split = split_ratings(sample_dataset(), SplitSettings(cold_items=0.1))
    print(f"Built-in data. {SAMPLE_NOTE}")
    report = fit_and_report(split, ConvMFConfig.preset("default"), folder=None, baselines=False)
    truth = sample_truth()
    print_report(report)
    print(f"  {'lowest possible':<16}{truth.rmse_floor_warm:>12.4f}{truth.rmse_floor_cold:>12.4f}")
    print("The last row is the noise in these invented ratings: no model can get below it.")
    if options.report:
        write_json(options.report, report)
    return 0
