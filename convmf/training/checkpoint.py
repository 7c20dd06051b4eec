"""The state of a training between two iterations, in one file that is either whole or absent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from convmf.errors import RunError
from convmf.files import write_atomic

FILE_NAME = "checkpoint.safetensors"
_VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """Named tensors, and what goes beside them as plain JSON values."""

    tensors: dict[str, Tensor]
    meta: dict[str, Any]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint; the one before stays until the new one is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    meta = {"version": _VERSION, **checkpoint.meta}
    write_atomic(folder / FILE_NAME, save(tensors, {"meta": json.dumps(meta)}))


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read the checkpoint in ``folder``.

    Raises
    ------
    RunError
        There is none, or it is damaged.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise RunError(f"There is no checkpoint in {folder.name}; this training can't be resumed, start it anew.")
    try:
        with safe_open(path, framework="pt") as file:
            meta = json.loads((file.metadata() or {}).get("meta", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict
    except (SafetensorError, OSError, ValueError) as error:
        raise RunError(
            f"The checkpoint is damaged ({error}); this training can't be resumed, start it anew."
        ) from error
    if not isinstance(meta, dict) or meta.get("version") != _VERSION:
        raise RunError("The checkpoint is of another version of this program; start the training anew.")
    return Checkpoint(tensors, meta)


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under ``prefix.name``."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that :func:`prefixed` named, by their own names again."""
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as tensors named ``parameter.key``; plain numbers become float64 scalars."""
    return {
        f"{parameter}.{key}": value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
        for parameter, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give the optimiser the state that :func:`optimizer_tensors` took."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        parameter, _, key = name.partition(".")
        state.setdefault(int(parameter), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def restore_module(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load weights after checking names and shapes.

    Raises
    ------
    RunError
        The weights are those of another network.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    if expected != {name: tuple(tensor.shape) for name, tensor in tensors.items()}:
        raise RunError("The checkpoint holds another network than these settings give; start the training anew.")
    module.load_state_dict(dict(tensors))
