"""The command line that the app shows: read by the command line's own parser, it gives the same training."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from convmf.__main__ import _parser
from convmf.commands.train import with_defaults
from convmf.config import ConvMFConfig, parse_setting
from convmf.data.splits import SplitSettings
from convmf.runs.command import train_command


def understood(command: str) -> tuple[Any, ConvMFConfig, SplitSettings]:
    """Options, settings and split as ``python -m convmf`` reads them."""
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "convmf"]
    options = with_defaults(_parser().parse_args(words[3:]))
    changes = dict(parse_setting(assignment) for assignment in options.set)
    config = ConvMFConfig.preset(options.preset, **{"seed": options.seed, **changes})
    split = SplitSettings(options.valid, options.test, options.cold_items, options.seed)
    return options, config, split


@pytest.mark.parametrize(
    ("config", "split", "preset"),
    [
        (ConvMFConfig(), SplitSettings(), "default"),
        (ConvMFConfig.preset("paper"), SplitSettings(cold_items=0.07), "paper"),
        (
            ConvMFConfig.preset("quick", kernel_sizes=(2, 5), biases=False, lambda_v=0.1, device="cpu", seed=4),
            SplitSettings(0.2, 0.15, 0.5, seed=4),
            "quick",
        ),
        (ConvMFConfig(seed=3, learning_rate=1e-7), SplitSettings(seed=9), "default"),
    ],
)
def test_the_command_gives_the_same_training(config, split, preset):
    options, read_config, read_split = understood(train_command(config, split))
    assert (read_config, read_split, options.preset) == (config, split, preset)
    assert (str(options.ratings), str(options.items), str(options.out)) == ("ratings.csv.gz", "items.csv.gz", "model")


def test_only_changes_are_told_and_names_are_quoted():
    command = train_command(ConvMFConfig(n_factors=7), SplitSettings(), vectors="my vectors;$(rm).txt", out="a b")
    assert command.count("--set") == 1 and "--set n_factors=7" in command
    options, _, _ = understood(command)
    assert (str(options.vectors), str(options.out)) == ("my vectors;$(rm).txt", "a b")
