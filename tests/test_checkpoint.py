from __future__ import annotations

import contextlib
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save

from convmf.data.splits import SplitSettings, split_ratings
from convmf.errors import CheckpointError, RunError
from convmf.training.checkpoint import (
    FILE_NAME,
    Checkpoint,
    check_shapes,
    load_checkpoint,
    prefixed,
    restore_module,
    restore_optimizer,
    save_checkpoint,
    under,
)
from convmf.training.lazy import LazyAdam
from convmf.training.loop import fit
from convmf.training.state import Training
from tests.helpers import TINY, tiny_dataset


def test_there_and_back(tmp_path: Path) -> None:
    tensors = prefixed("a", {"x.y": torch.arange(3.0), "empty": torch.zeros(0, 4)}) | prefixed(
        "ab", {"z": torch.ones(1)}
    )
    save_checkpoint(tmp_path / "new", Checkpoint(tensors, {"iteration": 3, "name": "ü"}))
    again = load_checkpoint(tmp_path / "new")
    assert again.meta == {"version": 2, "iteration": 3, "name": "ü"}
    assert set(under("a", again.tensors)) == {"x.y", "empty"}
    assert torch.equal(again.tensors["a.x.y"], torch.arange(3.0))


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    tensors = {"x": torch.arange(50.0), "step": torch.tensor(3.0)}
    save_checkpoint(tmp_path, Checkpoint(tensors, {"iteration": 3, "history": [0.5]}))
    path = tmp_path / FILE_NAME
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(CheckpointError, match="is damaged"):
            load_checkpoint(tmp_path)
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="is damaged"):
            load_checkpoint(tmp_path)


def test_versions_before_and_after_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meta = {"meta": json.dumps({"version": 1, "iteration": 3})}
    (tmp_path / FILE_NAME).write_bytes(save({"x": torch.ones(2)}, meta))
    assert load_checkpoint(tmp_path).meta["iteration"] == 3
    monkeypatch.setattr("convmf.training.checkpoint._VERSION", 99)
    save_checkpoint(tmp_path, Checkpoint({"x": torch.ones(2)}, {}))
    with pytest.raises(RunError, match="another version"):
        load_checkpoint(tmp_path)


def test_an_older_file_stays_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, Checkpoint({"x": torch.zeros(2)}, {"iteration": 1}))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(tmp_path, Checkpoint({"x": torch.ones(2)}, {"iteration": 2}))
    monkeypatch.undo()
    assert load_checkpoint(tmp_path).meta["iteration"] == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_another_networks_weights_are_refused() -> None:
    module = torch.nn.Linear(2, 3)
    with pytest.raises(RunError, match="another network"):
        restore_module(module, {"weight": torch.zeros(3, 5), "bias": torch.zeros(3)})


def test_names_and_shapes_are_checked_before_a_tensor_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, Checkpoint({"a": torch.zeros(2, 3), "b": torch.zeros(())}, {"iteration": 4}))
    read: list[str] = []

    class Watched:
        def __init__(self, path: Path, framework: str) -> None:
            self.opened = safe_open(path, framework=framework)

        def __enter__(self) -> Watched:
            self.file = self.opened.__enter__()
            return self

        def __exit__(self, *_: object) -> None:
            self.opened.__exit__(None, None, None)

        def get_tensor(self, name: str) -> torch.Tensor:
            read.append(name)
            return self.file.get_tensor(name)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    def refuse(meta: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
        assert (meta["iteration"], shapes) == (4, {"a": (2, 3), "b": ()})
        assert not read
        raise RunError("not mine")

    monkeypatch.setattr("convmf.training.checkpoint.safe_open", Watched)
    with pytest.raises(RunError, match="not mine"):
        load_checkpoint(tmp_path, refuse)
    assert read == []
    load_checkpoint(tmp_path, lambda meta, shapes: None)
    assert sorted(read) == ["a", "b"]


def test_a_file_that_promises_more_than_it_has_is_damaged(tmp_path: Path) -> None:
    head = json.dumps(
        {"x": {"dtype": "F32", "shape": [100_000, 100_000], "data_offsets": [0, 40_000_000_000]}}
    ).encode()
    (tmp_path / FILE_NAME).write_bytes(struct.pack("<Q", len(head)) + head + bytes(1000))
    with pytest.raises(RunError, match="damaged"):
        load_checkpoint(tmp_path)


def test_the_optimiser_s_state_goes_where_the_weights_are() -> None:
    """The number of steps, too: a kernel takes no tensors of two devices."""
    weight = torch.zeros(2, device="meta", requires_grad=True)
    optimizer = LazyAdam([weight])
    tensors = {"0.step": torch.tensor(3.0), "0.exp_avg": torch.zeros(2), "0.exp_avg_sq": torch.zeros(2)}
    restore_optimizer(optimizer, tensors)
    assert {name: tensor.device.type for name, tensor in optimizer.state[weight].items()} == {
        name.removeprefix("0."): "meta" for name in tensors
    }


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"a": (2, 3)}, None),
        ({"a": (2, 3), "o": ()}, None),
        ({}, r"'a' is missing, but this training asks for \(2, 3\)"),
        ({"a": (3, 2)}, r"'a' is \(3, 2\), but"),
        ({"a": (2, 3), "o": (1,)}, r"'o' is \(1,\), but"),
        ({"a": (2, 3), "z": (1,)}, "'z' is .* asks for no such tensor"),
    ],
)
def test_shapes_that_are_required_and_those_that_may_be_there(
    found: dict[str, tuple[int, ...]], message: str | None
) -> None:
    if message is None:
        check_shapes(found, {"a": (2, 3)}, {"o": ()})
        return
    with pytest.raises(RunError, match=message):
        check_shapes(found, {"a": (2, 3)}, {"o": ()})


def test_any_damage_is_a_run_error_or_none(tmp_path: Path) -> None:
    split = split_ratings(tiny_dataset(), SplitSettings())
    config = replace(TINY, n_iterations=1)
    fit(split, config, checkpoint_to=tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    sound = path.read_bytes()
    training = Training(split, config, lambda: False)

    @settings(max_examples=60)
    @given(st.integers(0, min(len(sound), 6000) - 1), st.binary(max_size=4), st.integers(0, 9))
    def check(place: int, patch: bytes, lost: int) -> None:
        path.write_bytes(sound[:place] + patch + sound[place + lost :])
        with contextlib.suppress(RunError):
            training.restore(tmp_path)

    check()


@pytest.mark.parametrize("meta", [{}, {"data": 1}, {"config": None, "iteration": "one"}])
def test_a_checkpoint_without_its_parts_is_a_run_error(tmp_path: Path, meta: dict[str, object]) -> None:
    training = Training(split_ratings(tiny_dataset(), SplitSettings()), TINY, lambda: False)
    sound = training.checkpoint()
    for broken in (Checkpoint(sound.tensors, meta), Checkpoint({}, sound.meta | meta)):
        save_checkpoint(tmp_path, broken)
        with pytest.raises(RunError, match="checkpoint"):
            training.restore(tmp_path)
