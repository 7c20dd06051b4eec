"""The one place that chooses where tensors live and how many cores they may use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

from convmf.errors import ConfigError

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def choose_device(name: str = "auto") -> torch.device:
    """The device called ``name``; 'auto' takes cuda, else mps, else cpu.

    Raises
    ------
    ConfigError
        The machine has no such device.
    """
    available = available_devices()
    if name == "auto":
        return torch.device(available[0])
    if name not in available:
        raise ConfigError(f"This machine has no device {name!r}; it has {', '.join(available)}.")
    return torch.device(name)


def available_devices() -> list[str]:
    """Devices of this machine, the fastest first."""
    devices = []
    if torch.cuda.is_available():
        devices.append("cuda")
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def describe_device(device: torch.device) -> str:
    """A line for people: which device, and how much of it is used."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        n_threads = torch.get_num_threads()
        return f"cpu ({n_threads} of {os.cpu_count()} cores)"
    return device.type


def for_doubles(tensor: Tensor) -> Tensor:
    """``tensor`` where it can be taken in double precision: on the CPU, where its own device (mps) has none."""
    return tensor.cpu() if tensor.device.type == "mps" else tensor


def leave_a_core() -> None:
    """Let torch use all cores but one, so that a web server beside the training stays quick."""
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))


def over_cores(work: Callable[[Piece], Result], pieces: Sequence[Piece], device: torch.device) -> list[Result]:
    """``work`` of every piece, in their order. On a CPU the pieces go to threads that share torch's cores between them.

    It is for work of many small operations, which gain little or nothing from torch's own threads.
    """
    n_threads = torch.get_num_threads()
    n_workers = min(n_threads, len(pieces))
    if n_workers < 2 or device.type != "cpu":
        return [work(piece) for piece in pieces]
    futures: list[Future[Result]] = []
    with torch_threads(n_threads // n_workers), ThreadPoolExecutor(n_workers) as pool:
        try:
            for piece in pieces:
                futures.append(pool.submit(work, piece))
        except RuntimeError:
            pass  # Python is about to end and begins no more threads: this one does the rest, until it is stopped
        return [future.result() for future in futures] + [work(piece) for piece in pieces[len(futures) :]]


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """torch at ``number`` threads, and back."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
