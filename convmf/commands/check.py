"""python -m convmf check: what is wrong with two files?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from convmf.commands.options import add_files
from convmf.errors import quoted, shown
from convmf.files import write_json


def add_check(commands: Any) -> None:
    """Add the command to the parser's ``commands``."""
    check = commands.add_parser("check", help="read a file of ratings, and one of items, and report every bad row")
    add_files(check, required=("ratings",))
    check.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON")
    check.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    from convmf.data.dataset import read_dataset

    dataset, reports = read_dataset(options.ratings, options.items)
    for kind, report in reports.items():
        print(f"{kind}: {report.n_kept:,} of {report.n_rows:,} rows read ({report.encoding})")
        for row in report.problems.head(20).itertuples():
            state = "kept" if row.kept else "left out"
            print(f"  line {row.line}: {shown(str(row.field))} {quoted(row.value)}: {row.reason} ({state})")
        if len(report.problems) > 20:
            print(f"  … and {len(report.problems) - 20:,} more; --report FILE lists them all")
    summary = dataset.summary()
    print(", ".join(f"{key.removeprefix('n_').replace('_', ' ')}: {value:,}" for key, value in summary.items()))
    if options.report:
        problems = {
            kind: {
                "n_rows": report.n_rows,
                "n_kept": report.n_kept,
                "encoding": report.encoding,
                "columns": {role: column for role, column in report.columns.items()},
                "problems": report.problems.to_dict("records"),
            }
            for kind, report in reports.items()
        }
        write_json(options.report, {"data": summary, **problems})
    return 0
