"""The devices of this machine, as far as they are known: torch, which knows them, takes seconds to import.

The pages are drawn without it; it is imported in the background after the first paint (see ``frame``).
"""

from __future__ import annotations

import sys

from convmf.config import ConvMFConfig

_ALL: tuple[str, ...] = next(
    field.metadata["choices"] for field in ConvMFConfig.__dataclass_fields__.values() if field.name == "device"
)


def is_known() -> bool:
    """Whether torch is there, so that looking at the devices takes no time."""
    return getattr(sys.modules.get("convmf.device"), "describe_device", None) is not None


def options() -> list[str]:
    """What can be chosen: 'auto' and this machine's devices; 'auto' alone as long as they aren't known."""
    if not is_known():
        return ["auto"]
    from convmf.device import available_devices

    here = available_devices()
    return ["auto", *(name for name in _ALL if name in here)]


def label(name: str) -> str:
    """A device's name, and for 'auto' which one that is."""
    if name != "auto" or not is_known():
        return name
    from convmf.device import choose_device

    return f"auto ({choose_device().type})"


def describe() -> str:
    """The fastest device in words; empty as long as it isn't known."""
    if not is_known():
        return ""
    from convmf.device import choose_device, describe_device

    return describe_device(choose_device())
