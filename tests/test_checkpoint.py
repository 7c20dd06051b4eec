from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from convmf.errors import CheckpointError, RunError
from convmf.training.checkpoint import (
    FILE_NAME,
    Checkpoint,
    load_checkpoint,
    prefixed,
    restore_module,
    save_checkpoint,
    under,
)


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
