"""The command line: python -m convmf demo | check | train | predict | recommend."""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from convmf.config import PRESETS, ConvMFConfig, parse_setting
from convmf.errors import ConfigError, ConvMFError, RunError
from convmf.files import read_json, write_json

_TRAIN_DEFAULTS: dict[str, Any] = {
    "ratings": None,
    "items": None,
    "out": None,
    "vectors": None,
    "preset": "default",
    "set": [],
    "seed": 0,
    "valid": 0.1,
    "test": 0.1,
    "cold_items": 0.0,
    "baselines": False,
}
"""Options that a training is made of; a resumed one takes them from its folder."""


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints fit on one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (try {self.prog} --help)\n")


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
    parser = _Parser(prog="python -m convmf", description="Predict ratings from ratings and descriptions.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    demo = commands.add_parser("demo", help="train on the built-in data and show how far the text carries")
    demo.add_argument("--report", type=Path, metavar="FILE", help="write the figures as JSON")
    demo.set_defaults(run=_demo)

    check = commands.add_parser("check", help="read two files and report every bad row")
    _add_files(check, required=True)
    check.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON")
    check.set_defaults(run=_check)

    train = commands.add_parser("train", help="train a model and write it to a folder")
    _add_files(train, required=False)
    train.add_argument("--out", type=Path, metavar="FOLDER", help="where model, report and checkpoint go")
    train.add_argument("--resume", type=Path, metavar="FOLDER", help="go on from the checkpoint of an earlier --out")
    train.add_argument("--vectors", type=Path, metavar="FILE", help="pretrained word vectors, GloVe or word2vec text")
    train.add_argument("--preset", choices=list(PRESETS), help="settings that belong together (default %(default)s)")
    train.add_argument("--set", action="append", metavar="name=value", help="one setting; repeat for more")
    train.add_argument("--seed", type=int, help="seed of the split and of the training (default %(default)s)")
    train.add_argument("--valid", type=float, help="share of the ratings to choose by (default %(default)s)")
    train.add_argument("--test", type=float, help="share of the ratings read once, at the end (default %(default)s)")
    train.add_argument("--cold-items", type=float, help="share of the items held out whole (default %(default)s)")
    train.add_argument("--baselines", action="store_true", help="train the slower baselines and controls too")
    train.add_argument("--report", type=Path, metavar="FILE", help="write the figures as JSON here as well")
    train.set_defaults(run=_train, **_TRAIN_DEFAULTS)

    predict = commands.add_parser("predict", help="rate an item from its description alone")
    predict.add_argument("--model", type=Path, required=True, metavar="FOLDER")
    predict.add_argument("--text", required=True, help="the description")
    predict.set_defaults(run=_predict)

    recommend = commands.add_parser("recommend", help="the items that a user would rate highest")
    recommend.add_argument("--model", type=Path, required=True, metavar="FOLDER")
    recommend.add_argument("--user", required=True, metavar="ID")
    recommend.set_defaults(run=_recommend)

    for command in (predict, recommend):
        command.add_argument("--top", type=_positive, default=10, metavar="N", help="how many to list")
        command.add_argument("--json", action="store_true", help="machine-readable output")
    return parser


def _add_files(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument("--ratings", type=Path, required=required, metavar="FILE", help="user, item, rating")
    parser.add_argument("--items", type=Path, required=required, metavar="FILE", help="item, title, description")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 up")
    return number


# Commands ---------------------------------------------------------------------------------------


def _demo(options: argparse.Namespace) -> int:
    from convmf.data.dataset import sample_dataset
    from convmf.data.sample import SAMPLE_NOTE, sample_truth
    from convmf.data.splits import SplitSettings, split_ratings

    split = split_ratings(sample_dataset(), SplitSettings(cold_items=0.1))
    print(f"Built-in data. {SAMPLE_NOTE}")
    report = _fit_and_report(split, ConvMFConfig.preset("default"), folder=None, baselines=False)
    if options.report:
        write_json(options.report, report)
    truth = sample_truth()
    _print_report(report)
    print(f"  {'lowest possible':<16}{truth.rmse_floor_warm:>12.4f}{truth.rmse_floor_cold:>12.4f}")
    print("The last row is the noise in these invented ratings: no model can get below it.")
    return 0


def _check(options: argparse.Namespace) -> int:
    from convmf.data.dataset import read_dataset

    dataset, reports = read_dataset(options.ratings, options.items)
    for kind, report in reports.items():
        print(f"{kind}: {report.n_kept:,} of {report.n_rows:,} rows read ({report.encoding})")
        for row in report.problems.head(20).itertuples():
            state = "kept" if row.kept else "left out"
            print(f"  line {row.line}: {row.field} {str(row.value)!r}: {row.reason} ({state})")
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


def _train(options: argparse.Namespace) -> int:
    if options.resume:
        return _resume(options)
    missing = [flag for flag in ("ratings", "items", "out") if getattr(options, flag) is None]
    if missing:
        raise RunError(f"train needs --ratings, --items and --out, or --resume; --{missing[0]} is missing.")
    changes = dict(parse_setting(assignment) for assignment in options.set)
    config = ConvMFConfig.preset(options.preset, **{"seed": options.seed, **changes})
    if config.freeze_embedding and options.vectors is None:  # refused here, before a folder is made
        raise ConfigError("freeze_embedding keeps pretrained word vectors as they are; give them with --vectors FILE.")
    job = {
        "ratings": str(options.ratings.resolve()),
        "items": str(options.items.resolve()),
        "config": config.to_dict(),
        "split": {
            "valid": options.valid,
            "test": options.test,
            "cold_items": options.cold_items,
            "seed": options.seed,
        },
        "baselines": options.baselines,
        "vectors": str(options.vectors.resolve()) if options.vectors else None,
    }
    return _run_job(job, options.out, options.report, resume=False)


def _resume(options: argparse.Namespace) -> int:
    path = options.resume / "train.json"
    if not path.is_file():
        raise RunError(f"There is no training in {options.resume}; give the folder of an earlier --out.")
    given = [flag for flag, default in _TRAIN_DEFAULTS.items() if getattr(options, flag) != default]
    if given:
        flag = given[0].replace("_", "-")
        raise RunError(f"--resume goes on with the files and settings of before; leave --{flag} out.")
    try:
        job = read_json(path)
        ConvMFConfig.from_dict(job["config"]), job["ratings"], job["items"], job["split"], job["baselines"]
    except (ValueError, KeyError, TypeError, ConfigError) as error:
        raise RunError(f"{path} is damaged ({error}); start the training anew.") from error
    return _run_job(job, options.resume, options.report, resume=True)


def _run_job(job: dict[str, Any], folder: Path, report_file: Path | None, *, resume: bool) -> int:
    from convmf.data.dataset import load_dataset
    from convmf.data.splits import SplitSettings, split_ratings

    settings = SplitSettings.from_dict(job["split"])
    split = split_ratings(load_dataset(job["ratings"], job["items"]), settings)
    vectors = _read_vectors(Path(job["vectors"]), split) if job.get("vectors") else None
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "train.json", job)
    config = ConvMFConfig.from_dict(job["config"])
    report = _fit_and_report(
        split, config, folder=folder, baselines=job["baselines"], resume=resume, word_vectors=vectors
    )
    for path in filter(None, (folder / "report.json", report_file)):
        write_json(path, report)
    _print_report(report)
    print(f"The model is in {folder}. Try: python -m convmf predict --model {folder} --text '…'")
    return 0


def _read_vectors(path: Path, split: Any) -> Any:
    """The word vectors in ``path``; lines that are left out are named on stderr."""
    from convmf.data.vectors import distinct_words, read_vectors

    vectors = read_vectors(path, distinct_words(split.dataset.texts))
    if vectors.n_bad_lines:
        print(vectors.bad_lines_text(), file=sys.stderr)
    return vectors


def _fit_and_report(
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

    progress = _Progress(config.n_iterations)
    stopped = _StopOnInterrupt()
    started = time.perf_counter()
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
    if folder is not None:
        model.save(folder)
    if stopped.asked:
        note = f" Go on with: python -m convmf train --resume {folder}" if folder else ""
        print(f"Stopped; the best of {len(model.history)} iterations is kept.{note}", file=sys.stderr)
    seconds = time.perf_counter() - started
    if word_vectors is not None and model.vocabulary is not None:
        print(f"{word_vectors.name}: {word_vectors.coverage(model.vocabulary)}", file=sys.stderr)
    return build_report(
        model,
        split,
        seconds=seconds,
        word_vectors=word_vectors,
        all_baselines=baselines and not stopped.asked,
    )


def _predict(options: argparse.Namespace) -> int:
    from convmf.explain import read_text
    from convmf.model.convmf import ConvMF

    reading = read_text(ConvMF.load(options.model), options.text, options.top)
    if options.json:
        print(json.dumps(reading.to_dict(), ensure_ascii=False, indent=1))
        return 0
    print(f"Expected rating {reading.mean:.2f}; eight in ten users between {reading.p10:.2f} and {reading.p90:.2f}")
    print(f"Known words: {', '.join(reading.known_words) or '–'}")
    print(f"Unknown words: {', '.join(reading.unknown_words) or '–'}")
    print("Who would like it most:")
    for user in reading.top_users:
        print(f"  {user.rating:.2f}  {user.user_id}")
    print("Nearest items:")
    for item in reading.nearest_items:
        print(f"  {item.score:+.2f}  {item.title or item.item_id}")
    print("What in the text counts (rating points):")
    for phrase in reading.evidence:
        print(f"  {phrase.weight:+.3f}  {phrase.phrase}")
    return 0


def _recommend(options: argparse.Namespace) -> int:
    from convmf.model.convmf import ConvMF

    items = ConvMF.load(options.model).recommend(options.user, options.top)
    if options.json:
        rows = [{"item_id": item.item_id, "title": item.title, "rating": item.score} for item in items]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return 0
    for item in items:
        print(f"{item.score:.2f}  {item.title or item.item_id}")
    return 0


# What people see --------------------------------------------------------------------------------


def _print_report(report: dict[str, Any]) -> None:
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


class _Progress:
    """One line on stderr that moves with the iterations; silent where stderr is no terminal."""

    def __init__(self, n_iterations: int) -> None:
        self.n_iterations = n_iterations
        self.started = time.perf_counter()
        self.first: int | None = None
        self.shown = sys.stderr.isatty()

    def __call__(self, result: Any) -> None:
        if not self.shown:
            return
        self.first = result.iteration - 1 if self.first is None else self.first
        each = (time.perf_counter() - self.started) / (result.iteration - self.first)
        filled = 20 * result.iteration // self.n_iterations
        valid = "" if result.valid_rmse is None else f", validation RMSE {result.valid_rmse:.4f}"
        left = each * (self.n_iterations - result.iteration)
        print(
            f"\r[{'#' * filled}{'.' * (20 - filled)}] iteration {result.iteration} of at most {self.n_iterations}"
            f"{valid}, at most {left:.0f} s left ",
            end="",
            file=sys.stderr,
            flush=True,
        )

    def close(self) -> None:
        """Leave the line."""
        if self.shown:
            print(file=sys.stderr)


class _StopOnInterrupt:
    """The first ctrl-C asks the training to stop after keeping what it has; a second one ends at once."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> None:
        self.before = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, self._ask)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self.before)

    def _ask(self, number: int, frame: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


if __name__ == "__main__":
    sys.exit(main())
