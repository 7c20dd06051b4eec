"""The state of a training between two iterations, in one file that is either whole or absent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from convmf.errors import CheckpointError, RunError
from convmf.files import write_atomic

FILE_NAME = "checkpoint.safetensors"
_VERSION = 2
_READABLE_VERSIONS = (1, _VERSION)
"""Version 1 had no digest."""


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
    text = json.dumps(meta)
    write_atomic(folder / FILE_NAME, save(tensors, {"meta": text, "sha256": _digest(text, tensors)}))


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read the checkpoint in ``folder``.

    Raises
    ------
    CheckpointError
        It is damaged: cut short, or its content isn't what was written.
    RunError
        There is none, or it is of another version.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise RunError(f"There is no checkpoint in {folder.name}; this training can't be resumed, start it anew.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            meta = json.loads(metadata["meta"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict
        if meta["version"] != 1 and metadata["sha256"] != _digest(metadata["meta"], tensors):
            raise ValueError("its content isn't what was written")
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"The checkpoint is damaged ({error}); this training can't be resumed, start it anew."
        ) from error
    if meta["version"] not in _READABLE_VERSIONS:
        raise RunError("The checkpoint is of another version of this program; start the training anew.")
    return Checkpoint(tensors, meta)


def _digest(meta: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of all that a checkpoint says: the plain values, and each tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(meta.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


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
