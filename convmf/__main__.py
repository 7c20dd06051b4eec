"""The command line: python -m convmf demo | check | train | predict | recommend | study | workspace."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence

from convmf.errors import DISK_FULL, ConvMFError, RunError
from convmf.openmp import wait_briefly

_INPUTS = ("ratings", "items", "vectors")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0 done (or stopped, what was learned kept), 1 ``workspace check`` found something
    wrong, or nobody reads the output any more, 2 bad input, 130 ended."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no dash gets a question mark
    wait_briefly()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        options = _parser().parse_args(arguments)
        _check_report(options)
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except ConvMFError as error:
        print(f"convmf: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # "| head" has read enough; what is left to write goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        advice = ". Free some space, then start it again." if error.errno in DISK_FULL else ""
        print(f"convmf: {error.strerror or error}{where}{advice}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("convmf: ended by ctrl-C.", file=sys.stderr)
        return 130


def _check_report(options: argparse.Namespace) -> None:
    """Refuse a --report that can't be written, or would overwrite an input, before the work and not after it."""
    report = getattr(options, "report", None)
    if report is None:
        return
    if not report.resolve().parent.is_dir():
        raise RunError(f"The folder of --report {report} doesn't exist; make it first, or give another file.")
    if report.is_dir():
        raise RunError(f"--report {report} is a folder; give the name of a file.")
    for name in _INPUTS:
        file = getattr(options, name, None)
        if file is not None and file.resolve() == report.resolve():
            raise RunError(f"--report {report} would overwrite the file of --{name}; give another one.")


def _parser() -> argparse.ArgumentParser:
    from convmf.commands.check import add_check
    from convmf.commands.demo import add_demo
    from convmf.commands.options import Parser
    from convmf.commands.predict import add_predict
    from convmf.commands.recommend import add_recommend
    from convmf.commands.study import add_study
    from convmf.commands.train import add_train
    from convmf.commands.workspace import add_workspace

    parser = Parser(prog="python -m convmf", description="Predict ratings from ratings and descriptions.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for add in (add_demo, add_check, add_train, add_predict, add_recommend, add_study, add_workspace):
        add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
