"""python -m convmf train: a training into a folder, and --resume, which goes on with one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convmf.commands.data import read_data, read_word_vectors
from convmf.commands.options import add_files, check_report
from convmf.commands.report import fit_and_report, print_report
from convmf.config import PRESETS, ConvMFConfig, parse_setting
from convmf.errors import ConfigError, RunError
from convmf.files import FileLock, read_json, write_json

if TYPE_CHECKING:
    from convmf.data.splits import Split
    from convmf.data.vectors import WordVectors

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


def add_train(commands: Any) -> None:
    """Add the command to the parser's ``commands``."""
    # What isn't given is no attribute of the options: so a default that is given can be told from one that isn't.
    train = commands.add_parser(
        "train", help="train a model and write it to a folder", argument_default=argparse.SUPPRESS
    )
    add_files(train)
    train.add_argument("--out", type=Path, metavar="FOLDER", help="where model, report and checkpoint go")
    train.add_argument(
        "--resume", type=Path, default=None, metavar="FOLDER", help="go on from the checkpoint of an earlier --out"
    )
    train.add_argument("--vectors", type=Path, metavar="FILE", help="pretrained word vectors, GloVe or word2vec text")
    train.add_argument("--preset", choices=list(PRESETS), help=_default("settings that belong together", "preset"))
    train.add_argument("--set", action="append", metavar="name=value", help="one setting; repeat for more")
    train.add_argument("--seed", type=int, help=_default("seed of the split and of the training", "seed"))
    train.add_argument("--valid", type=float, help=_default("share of the ratings to choose by", "valid"))
    train.add_argument("--test", type=float, help=_default("share of the ratings read once, at the end", "test"))
    train.add_argument("--cold-items", type=float, help=_default("share of the items held out whole", "cold_items"))
    train.add_argument(
        "--baselines",
        action="store_true",
        default=argparse.SUPPRESS,
        help="train the slower baselines and controls too",
    )
    train.add_argument(
        "--report", type=Path, default=None, metavar="FILE", help="write the figures as JSON here as well"
    )
    train.set_defaults(run=_train)


def _default(help: str, option: str) -> str:
    return f"{help} (default {_TRAIN_DEFAULTS[option]})"


def with_defaults(options: argparse.Namespace) -> argparse.Namespace:
    """The command's options, those that weren't given too."""
    return argparse.Namespace(**{**_TRAIN_DEFAULTS, **vars(options)})


def _train(options: argparse.Namespace) -> int:
    if options.resume:
        return _resume(options)
    options = with_defaults(options)
    missing = [flag for flag in ("ratings", "items", "out") if getattr(options, flag) is None]
    if missing:
        raise RunError(f"train needs --ratings, --items and --out, or --resume; --{missing[0]} is missing.")
    changes = dict(parse_setting(assignment) for assignment in options.set)
    config = ConvMFConfig.preset(options.preset, **{"seed": options.seed, **changes})
    if config.freeze_embedding and options.vectors is None:  # refused here, before a folder is made
        raise ConfigError("freeze_embedding keeps pretrained word vectors as they are; give them with --vectors FILE.")
    if config.text == "none" and options.vectors is not None:
        raise ConfigError("text=none trains no network that could use word vectors; leave one of the two out.")
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
    given = [flag for flag in _TRAIN_DEFAULTS if hasattr(options, flag)]
    if given:
        flag = given[0].replace("_", "-")
        raise RunError(f"--resume goes on with the files and settings of before; leave --{flag} out.")
    try:
        job = read_json(path)
        ConvMFConfig.from_saved(job["config"])
        job = {"vectors": None, **job}
        kinds = {"ratings": str, "items": str, "split": dict, "baselines": bool, "vectors": str | None}
        wrong = [name for name, kind in kinds.items() if not isinstance(job.get(name), kind)]
        if wrong:
            raise ValueError(f"{wrong[0]} is missing or of another kind")
    except (ValueError, KeyError, TypeError, RecursionError, ConfigError) as error:
        raise RunError(f"{path} is damaged ({error}); start the training anew.") from error
    return _run_job(job, options.resume, options.report, resume=True)


def _run_job(job: dict[str, Any], folder: Path, report_file: Path | None, *, resume: bool) -> int:
    from convmf.model.storage import JSON_NAME, TENSOR_NAME
    from convmf.training.checkpoint import FILE_NAME as CHECKPOINT

    if report_file is not None:
        inputs = {f"the file of --{name}": Path(job[name]) for name in ("ratings", "items", "vectors") if job[name]}
        own = (JSON_NAME, TENSOR_NAME, CHECKPOINT, "train.json")
        check_report(report_file, inputs | {f"the training's own {name}": folder / name for name in own})
    split, vectors = _read(job)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".train.lock")
    if not lock.acquire():
        raise RunError(f"Another training is writing into {folder}; wait for it, or give another --out.")
    try:
        if (
            not resume
        ):  # what another training left could only be resumed by mistake; its model stays until there is one
            for name in (CHECKPOINT, "report.json"):
                (folder / name).unlink(missing_ok=True)
        write_json(folder / "train.json", job)
        report = fit_and_report(
            split,
            ConvMFConfig.from_saved(job["config"]),
            folder=folder,
            baselines=job["baselines"],
            resume=resume and (folder / CHECKPOINT).exists(),  # one that was killed before its first begins
            word_vectors=vectors,
        )
        try:
            for path in filter(None, (folder / "report.json", report_file)):
                write_json(path, report)
        finally:  # on a full disk the figures are seen at least
            print_report(report)
    finally:
        lock.release()
    print(f"The model is in {folder}. Try: python -m convmf predict --model {folder} --text '…'")
    return 0


def _read(job: dict[str, Any]) -> tuple[Split, WordVectors | None]:
    from convmf.data.splits import SplitSettings, split_ratings

    dataset = read_data(Path(job["ratings"]), Path(job["items"]))
    vectors = read_word_vectors(Path(job["vectors"]), dataset) if job["vectors"] else None
    return split_ratings(dataset, SplitSettings.from_dict(job["split"])), vectors
