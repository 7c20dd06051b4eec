"""The command line: python -m convmf demo | check | train | predict | recommend | study | workspace."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence

from convmf.commands.options import Parser, check_report
from convmf.errors import DISK_FULL, ConvMFError
from convmf.openmp import wait_briefly

_INPUTS = ("ratings", "items", "vectors")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0 done (or stopped, what was learned kept), 1 ``workspace check`` found something
    wrong, or nobody reads the output any more, 2 bad input, 130 ended."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started this
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no dash gets a question mark
    wait_briefly()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        options = _parser().parse_args(arguments)
        if getattr(options, "report", None) is not None:
            check_report(options.report, {f"the file of --{name}": getattr(options, name, None) for name in _INPUTS})
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


def _parser() -> argparse.ArgumentParser:
    from convmf.commands.check import add_check
    from convmf.commands.demo import add_demo
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
