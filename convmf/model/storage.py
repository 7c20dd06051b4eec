"""A model's two files, checked in names, types and shapes before anything large is read, and then in content."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from convmf.config import ConvMFConfig
from convmf.errors import BROKEN, ConfigError, ModelError
from convmf.files import write_atomic, write_json
from convmf.model.ensemble import TextNetwork

JSON_NAME, TENSOR_NAME = "model.json", "model.safetensors"
_VERSION = 1


def write_model(folder: Path, meta: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Write both files; ``model.json`` last, so that a folder with it is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    write_atomic(folder / TENSOR_NAME, data)
    write_json(folder / JSON_NAME, {"version": _VERSION, "sha256": hashlib.sha256(data).hexdigest(), **meta})


def read_model(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What :func:`write_model` wrote.

    Raises
    ------
    ModelError
        There is no model, it is damaged, or its tensors aren't those that its settings ask for.
    """
    if not (folder / JSON_NAME).is_file():
        raise ModelError(f"There is no model in the folder {folder}; give the folder that a training wrote.")
    try:
        meta = json.loads((folder / JSON_NAME).read_text(encoding="utf-8"))
        if not isinstance(meta, dict) or meta.get("version") != _VERSION:
            raise ModelError("The model is of another version of this program; train it again.")
        expected = _expected_tensors(meta)
        digest = meta.pop("sha256", None)  # models of earlier times have none
        with safe_open(folder / TENSOR_NAME, framework="pt") as file:
            names = list(file.keys())
            slices = {name: file.get_slice(name) for name in names}
            found = {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in slices.items()}
            wrong = [name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)]
            if wrong:
                raise ModelError(
                    f"The model's tensor {wrong[0]} is {found.get(wrong[0], 'missing')}, but its settings ask for "
                    f"{expected.get(wrong[0], 'none')}; the file is damaged or not a ConvMF model."
                )
            tensors = {name: file.get_tensor(name) for name in names}
        if digest not in (None, _sha256(folder / TENSOR_NAME)):
            raise ValueError("its content isn't what was written")
        _check_values(meta, tensors)
        return meta, tensors
    except (SafetensorError, OSError, ConfigError, *BROKEN) as error:
        raise ModelError(f"The model in {folder} is damaged ({error}); train it again.") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _expected_tensors(meta: dict[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of each tensor that a model with this ``model.json`` has."""
    config = ConvMFConfig.from_saved(meta["config"])
    n_users, n_items, n_ratings = len(meta["user_ids"]), len(meta["item_ids"]), int(meta["n_ratings"])
    width = config.n_factors + config.biases
    if len(meta["titles"]) != n_items:
        raise ValueError("titles and item ids differ in number")
    expected: dict[str, tuple[str, tuple[int, ...]]] = {
        "user_factors": ("F32", (n_users, width)),
        "item_factors": ("F32", (n_items, width)),
        "text_factors": ("F32", (n_items, width)),
        "item_counts": ("I64", (n_items,)),
        "ratings.user_index": ("I32", (n_ratings,)),
        "ratings.item_index": ("I32", (n_ratings,)),
        "ratings.rating": ("F32", (n_ratings,)),
    }
    if meta.get("has_cold_user_factors", False):  # models of earlier times have none, nor have uncalibrated ones
        expected["cold_user_factors"] = ("F32", (n_users, width))
    if meta.get("has_text_trust", False):  # models of the first version were saved without
        expected["text_trust"] = ("F32", (n_items,))
    if meta.get("intervals") is not None:  # models of before there were intervals have no such key
        expected["user_variance"] = ("F32", (n_users,))
    if meta["words"] is None:
        return expected
    networks, vocab_size = saved_networks(meta, config), len(meta["words"]) + 2
    with_linear = bool(meta.get("linear_share", 0.0))  # models of earlier times had no linear reader
    if with_linear:
        shapes = {"coefficients": (vocab_size, width), "idf": (vocab_size,), "level": (width,)}
        expected |= {f"cnn.linear.{name}": ("F32", shape) for name, shape in shapes.items()}
    for number, one in enumerate(networks):
        prefix = f"cnn.networks.{number}." if len(networks) > 1 or with_linear else "cnn."
        shapes = _network_shapes(one, config.kernel_sizes, vocab_size, width)
        expected |= {prefix + name: ("F32", shape) for name, shape in shapes.items()}
    return expected


def _network_shapes(
    size: dict[str, Any], kernel_sizes: Sequence[int], vocab_size: int, width: int
) -> dict[str, tuple[int, ...]]:
    embedding_dim, n_kernels, hidden_dim = (int(size[name]) for name in ("embedding_dim", "n_kernels", "hidden_dim"))
    shapes: dict[str, tuple[int, ...]] = {
        "embedding_layer.weight": (vocab_size, embedding_dim),
        "fc_layer1.weight": (hidden_dim, n_kernels * len(kernel_sizes)),
        "fc_layer1.bias": (hidden_dim,),
        "fc_layer2.weight": (width, hidden_dim),
        "fc_layer2.bias": (width,),
    }
    for position, window in enumerate(kernel_sizes):
        shapes[f"conv1d_layers.{position}.weight"] = (n_kernels, embedding_dim, window)
        shapes[f"conv1d_layers.{position}.bias"] = (n_kernels,)
    return shapes


def network_sizes(cnn: TextNetwork) -> list[dict[str, Any]]:
    """What ``model.json`` says of each network that reads: its sizes, and its share in what they say together."""
    return [
        {
            "embedding_dim": network.embedding_dim,
            "n_kernels": len(network.window_sizes) // len(network.conv1d_layers),
            "hidden_dim": network.fc_layer1.out_features,
            "share": share,
        }
        for network, share in zip(cnn.members, cnn.shares.tolist(), strict=True)
    ]


def saved_networks(meta: dict[str, Any], config: ConvMFConfig) -> list[dict[str, Any]]:
    """What :func:`network_sizes` gave; in models of earlier times all networks were those of the settings."""
    if "networks" in meta:
        networks: list[dict[str, Any]] = meta["networks"]
        return networks
    size = {"embedding_dim": meta["embedding_dim"], "n_kernels": config.n_kernels, "hidden_dim": config.hidden_dim}
    return [{**size, "share": 1 / config.n_networks}] * config.n_networks


def _check_values(meta: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Raise a ValueError where a file of the right form holds what no model can predict with."""
    for key in ("user_ids", "item_ids", "titles", "words"):
        if not all(isinstance(label, str) for label in meta[key] or ()):
            raise ValueError(f"{key} are not strings")
    for side, size in (("user", len(meta["user_ids"])), ("item", len(meta["item_ids"]))):
        if len(set(meta[f"{side}_ids"])) != size:
            raise ValueError(f"an id stands twice among the {side}s")
        index = tensors[f"ratings.{side}_index"]
        if len(index) and not 0 <= int(index.min()) <= int(index.max()) < size:
            raise ValueError(f"a rating points at {side} row {int(index.max())} of {size}")
    numbers = [*meta["scale"].values(), meta["user_lambda"]]
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        raise ValueError("the scale of ratings has something else than finite numbers")
    if not meta["user_lambda"] > 0 or not isinstance(meta["best_iteration"], int):
        raise ValueError("user_lambda or best_iteration is no number that a training gives")
    if not all(isinstance(row, dict) for row in meta["history"]):
        raise ValueError("the history of the training isn't a list of iterations")
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise ValueError("a weight is no finite number")
