"""python -m convmf check: what is wrong with two files?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from convmf.commands.data import misfit, print_problems
from convmf.commands.options import add_files
from convmf.files import write_json

_MOST_SHOWN = 20
"""Problems of a file that are listed on the screen."""


def add_check(commands: Any) -> None:
    """Add the command to the parser's ``commands``."""
    check = commands.add_parser("check", help="read a file of ratings, and one of items, and report every bad row")
    add_files(check, required=("ratings",))
    check.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON")
    check.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    from convmf.data.columns import roles_in_words
    from convmf.data.dataset import read_dataset

    dataset, reports = read_dataset(options.ratings, options.items)
    for kind, report in reports.items():
        read = roles_in_words(report.columns)
        print(f"{kind}: {report.n_kept:,} of {report.n_rows:,} rows read ({report.encoding}): {read}")
        if report.encoding_doubt:
            print(f"  {report.encoding_doubt}")
        print_problems(report, most=_MOST_SHOWN)
        n_more = sum(report.counts.values()) - _MOST_SHOWN
        if n_more > 0:
            print(f"  … and {n_more:,} more; --report FILE lists them, and counts them all")
    if warning := misfit(reports):
        print(warning)
    summary = dataset.summary()
    print(", ".join(f"{key.removeprefix('n_').replace('_', ' ')}: {value:,}" for key, value in summary.items()))
    if options.report:
        problems = {
            kind: {
                "n_rows": report.n_rows,
                "n_kept": report.n_kept,
                "encoding": report.encoding,
                "columns": {role: column for role, column in report.columns.items()},
                "counts": dict(report.counts),
                "n_unlisted": report.n_unlisted,
                "problems": report.problems.to_dict("records"),
            }
            for kind, report in reports.items()
        }
        write_json(options.report, {"data": summary, **problems})
    return 0
