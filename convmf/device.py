"""The one place that chooses where tensors live and how many cores they may use."""

from __future__ import annotations

import os

import torch

from convmf.errors import ConfigError


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


def leave_a_core() -> None:
    """Let torch use all cores but one, so that a web server beside the training stays quick."""
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))
