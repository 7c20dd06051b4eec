"""Settings in text: as changes to a preset, and as the command line that trains the same model as a run of the app."""

from __future__ import annotations

import shlex
from typing import Any

from convmf.config import PRESETS, ConvMFConfig
from convmf.data.splits import SplitSettings


def train_command(
    config: ConvMFConfig,
    split: SplitSettings,
    *,
    ratings: str = "ratings.csv.gz",
    items: str = "items.csv.gz",
    out: str = "model",
    vectors: str = "",
) -> str:
    """``python -m convmf train …`` with these files, settings and split, quoted for a shell.

    Settings are told as changes to the preset that they differ least from. The seed of the settings is told apart
    where it isn't that of the split.
    """
    preset = nearest_preset(config)
    changed = changes(config, preset)
    changed.pop("seed", None)
    if config.seed != split.seed:
        changed["seed"] = str(config.seed)
    words = ["python", "-m", "convmf", "train", "--ratings", ratings, "--items", items, "--out", out]
    words += ["--preset", preset, "--seed", str(split.seed)]
    for flag, share in (("--valid", split.valid), ("--test", split.test), ("--cold-items", split.cold_items)):
        words += [flag, f"{share:.12g}"]
    if vectors:
        words += ["--vectors", vectors]
    for name, text in changed.items():
        words += ["--set", f"{name}={text}"]
    return shlex.join(words)


def nearest_preset(config: ConvMFConfig) -> str:
    """The preset from which the fewest settings differ."""
    return min(PRESETS, key=lambda name: len(changes(config, name)))


def changes(config: ConvMFConfig, preset: str) -> dict[str, str]:
    """The settings that differ from the preset's, their values as :func:`convmf.config.parse_setting` reads them."""
    before = ConvMFConfig.preset(preset).to_dict()
    return {name: _text(value) for name, value in config.to_dict().items() if value != before[name]}


def _text(value: Any) -> str:
    """A setting's value as ``--set`` reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
