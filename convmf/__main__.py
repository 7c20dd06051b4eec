"""The command line: python -m convmf demo | check | train | predict | recommend | study | workspace."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence

from convmf.commands.check import add_check
from convmf.commands.demo import add_demo
from convmf.commands.options import Parser
from convmf.commands.predict import add_predict
from convmf.commands.recommend import add_recommend
from convmf.commands.study import add_study
from convmf.commands.train import add_train
from convmf.commands.workspace import add_workspace
from convmf.errors import ConvMFError, RunError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0 done (or stopped, what was learned kept), 2 bad input, 130 ended."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no dash gets a question mark
    # Read when torch is imported: threads that spin while they wait stall on a machine that others use too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        report = getattr(options, "report", None)
        if report is not None and not report.resolve().parent.is_dir():
            raise RunError(f"The folder of --report {report} doesn't exist; make it first, or give another file.")
        code: int = options.run(options)
        return code
    except ConvMFError as error:
        print(f"convmf: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"convmf: {error.strerror or error}: {error.filename}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m convmf", description="Predict ratings from ratings and descriptions.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for add in (add_demo, add_check, add_train, add_predict, add_recommend, add_study, add_workspace):
        add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
