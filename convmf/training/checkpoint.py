"""The state of a training between two iterations, in one file that is either whole or absent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from convmf.errors import BROKEN, CheckpointError, RunError
from convmf.files import write_atomic

FILE_NAME = "checkpoint.safetensors"
_VERSION = 2
_READABLE_VERSIONS = (1, _VERSION)
"""Version 1 had no digest."""

T = TypeVar("T")
Shapes = dict[str, tuple[int, ...]]
"""The shape of each tensor, by name."""


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
    digests = {"meta_sha256": hashlib.sha256(text.encode()).hexdigest(), "sha256": _digest(tensors)}
    write_atomic(folder / FILE_NAME, save(tensors, {"meta": text, **digests}))


def load_checkpoint(folder: Path, check: Callable[[dict[str, Any], Shapes], None] | None = None) -> Checkpoint:
    """Read the checkpoint in ``folder``.

    Parameters
    ----------
    check
        Gets the plain values and the tensors' shapes before any tensor is read, and raises what is wrong with them.
        (That no tensor is larger than the file, safetensors itself makes sure of.)

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
            # The digest first: what a damaged version number says doesn't count.
            written = metadata.get("meta_sha256")
            if written not in (None, hashlib.sha256(metadata["meta"].encode()).hexdigest()):
                raise ValueError("its settings aren't what was written")
            if meta["version"] not in _READABLE_VERSIONS:
                raise RunError("The checkpoint is of another version of this program; start the training anew.")
            if meta["version"] != 1 and written is None:
                raise ValueError("the digest of its settings is missing")
            names = list(file.keys())
            if check is not None:
                check(meta, {name: tuple(file.get_slice(name).get_shape()) for name in names})
            tensors = {name: file.get_tensor(name) for name in names}
        if meta["version"] != 1 and metadata["sha256"] != _digest(tensors):
            raise ValueError("its content isn't what was written")
        return Checkpoint(tensors, meta)
    except (SafetensorError, OSError, *BROKEN) as error:
        raise CheckpointError(
            f"The checkpoint is damaged ({error}); this training can't be resumed, start it anew."
        ) from error


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of each tensor's name, type, shape and bytes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def check_shapes(found: Shapes, required: Shapes, optional: Shapes) -> None:
    """Refuse tensors that are missing, unknown, or of another shape.

    Raises
    ------
    RunError
        There is such a tensor; it is named.
    """
    allowed = {**optional, **required}
    for name in sorted(found.keys() | required.keys()):
        if found.get(name) != allowed.get(name):
            is_there, asked = found.get(name, "missing"), allowed.get(name, "no such tensor")
            raise RunError(
                f"The checkpoint's tensor {name!r} is {is_there}, but this training asks for {asked}; "
                "start the training anew."
            )


def shapes_of(tensors: Mapping[str, Tensor]) -> Shapes:
    """The shape of each tensor."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def prefixed(prefix: str, values: Mapping[str, T]) -> dict[str, T]:
    """The values (tensors, or their shapes) under ``prefix.name``."""
    return {f"{prefix}.{name}": value for name, value in values.items()}


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
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        parameter, _, key = name.partition(".")
        # The number of steps, too, which load_state_dict would leave on the CPU.
        state.setdefault(int(parameter), {})[key] = tensor.to(weights[int(parameter)].device)
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def restore_module(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load weights after checking names and shapes.

    Raises
    ------
    RunError
        The weights are those of another network.
    """
    if shapes_of(module.state_dict()) != shapes_of(tensors):
        raise RunError("The checkpoint holds another network than these settings give; start the training anew.")
    module.load_state_dict(dict(tensors))
