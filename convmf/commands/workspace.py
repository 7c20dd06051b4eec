"""python -m convmf workspace check | gc: is everything whole that was loaded and trained, and what can go?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_workspace(commands: Any) -> None:
    """Add the command to the parser's ``commands``."""
    workspace = commands.add_parser("workspace", help="check what the app has stored, free what is left over")
    actions = workspace.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser("check", help="verify database and files; exit code 0 fine, 1 problems, 2 bad input")
    check.set_defaults(run=_check)
    collect = actions.add_parser("gc", help="free files that nothing points to; no server may be running")
    collect.set_defaults(run=_collect)
    for action in (check, collect):
        action.add_argument(
            "--home", type=Path, metavar="FOLDER", help="the workspace (default CONVMF_HOME or .convmf)"
        )


def _check(options: argparse.Namespace) -> int:
    from convmf.runs.check import check_workspace

    found = check_workspace(_home(options))
    use = "a server is using it" if found.in_use else "no server is using it"
    print(
        f"{found.folder}: database version {found.version}, data sets: {found.n_datasets:,}, runs: {found.n_runs:,}, "
        f"{_megabytes(found.n_bytes)}; {use}"
    )
    for problem in found.problems:
        print(f"  {problem.where}: {problem.what}")
    print(f"Problems: {len(found.problems)}" if found.problems else "Everything is whole.")
    return 1 if found.problems else 0


def _collect(options: argparse.Namespace) -> int:
    from convmf.runs.check import require_workspace
    from convmf.runs.leftovers import collect
    from convmf.runs.store import Store

    store = Store(require_workspace(_home(options)))
    try:
        freed = collect(store)
    finally:
        store.close()
    for leftover in freed:
        print(
            f"  {leftover.path.relative_to(store.folder).as_posix()}: {leftover.what}, {_megabytes(leftover.n_bytes)}"
        )
    print(f"Freed {_megabytes(sum(leftover.n_bytes for leftover in freed))}." if freed else "There is nothing to free.")
    return 0


def _home(options: argparse.Namespace) -> Path:
    from convmf.runs.store import workspace_folder

    home: Path = options.home or workspace_folder()
    return home


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB"
