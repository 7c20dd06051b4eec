from __future__ import annotations

from pathlib import Path

import pytest
import torch

from convmf.errors import RunError
from convmf.training.checkpoint import Checkpoint, load_checkpoint, prefixed, restore_module, save_checkpoint, under


def test_there_and_back(tmp_path: Path) -> None:
    tensors = prefixed("a", {"x.y": torch.arange(3.0), "empty": torch.zeros(0, 4)}) | prefixed(
        "ab", {"z": torch.ones(1)}
    )
    save_checkpoint(tmp_path / "new", Checkpoint(tensors, {"iteration": 3, "name": "ü"}))
    again = load_checkpoint(tmp_path / "new")
    assert again.meta == {"version": 1, "iteration": 3, "name": "ü"}
    assert set(under("a", again.tensors)) == {"x.y", "empty"}
    assert torch.equal(again.tensors["a.x.y"], torch.arange(3.0))


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
