from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from torch import Tensor

from convmf.device import available_devices, choose_device, describe_device, for_doubles, leave_a_core, over_cores
from convmf.errors import ConfigError


def test_auto_is_the_first_available(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_device("auto").type == available_devices()[0]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert available_devices() == ["cuda", "mps", "cpu"]
    assert choose_device("auto").type == "cuda" and choose_device("mps").type == "mps"


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="no device 'cuda'"):
        choose_device("cuda")


def test_a_core_is_left_to_the_server() -> None:
    before = torch.get_num_threads()
    try:
        leave_a_core()
        assert torch.get_num_threads() == max(1, (os.cpu_count() or 1) - 1)
        assert describe_device(torch.device("cpu")).startswith(f"cpu ({torch.get_num_threads()} of")
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("kind", "where"), [("mps", "on the CPU"), ("cuda", "as it is"), ("cpu", "as it is")])
def test_doubles_are_taken_where_there_are_some(kind: str, where: str) -> None:
    tensor = SimpleNamespace(device=torch.device(kind), cpu=lambda: "on the CPU")
    assert for_doubles(cast(Tensor, tensor)) == ("on the CPU" if where == "on the CPU" else tensor)


@pytest.mark.parametrize("n_threads", [1, 2, 4, 9])
def test_pieces_share_the_cores_and_come_back_in_their_order(n_threads: int) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(n_threads)
        seen = over_cores(lambda piece: (piece, torch.get_num_threads()), range(3), torch.device("cpu"))
        assert [piece for piece, _ in seen] == [0, 1, 2]
        assert {threads for _, threads in seen} == {max(1, n_threads // 3)}
        with pytest.raises(ZeroDivisionError):
            over_cores(lambda piece: 1 / piece, [1, 0, 2], torch.device("cpu"))
        assert torch.get_num_threads() == n_threads
        assert over_cores(str, [], torch.device("cpu")) == []
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("begun", [0, 1, 2])
def test_pieces_are_done_when_python_begins_no_more_threads(monkeypatch: pytest.MonkeyPatch, begun: int) -> None:
    submit = ThreadPoolExecutor.submit
    done: list[int] = []

    def closing(pool, work, piece):  # type: ignore[no-untyped-def]
        if piece >= begun:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")
        return submit(pool, work, piece)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", closing)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert over_cores(lambda piece: done.append(piece) or piece, range(3), torch.device("cpu")) == [0, 1, 2]
        assert sorted(done) == [0, 1, 2]
    finally:
        torch.set_num_threads(before)
