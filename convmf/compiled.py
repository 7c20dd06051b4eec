"""Loops that numba makes machine code of, run on as many threads as torch has.

They stand where torch has no operation for what is meant, and several that go over memory again and again instead.
numba's threads are torch's own where both use the same OpenMP, as on Linux, and no others wait beside them. A process
that was forked after a call can't call one again (OpenMP's rule); one that was spawned can.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar, cast

import numba
import torch
from numba.np.ufunc.parallel import threading_layer

log = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

# Products and sums may be fused, as torch's own are. Code on disk doesn't know of these options: whoever changes them
# changes the loops' files too.
_OPTIONS: dict[str, Any] = {"parallel": True, "nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}


def compiled(loop: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """``loop`` as machine code: compiled at the first call for each kind of arguments (seconds), then kept on disk.

    It works on numpy arrays and numbers, runs ``numba.prange`` in parallel, and lets other Python threads go on
    meanwhile. Nothing is reordered, so results don't depend on the number of threads. Places in arrays aren't
    checked, and the loop raises nothing.
    """
    in_memory = numba.njit(**_OPTIONS)(loop)
    try:
        machine_code = numba.njit(cache=True, **_OPTIONS)(loop)
    except RuntimeError:  # nowhere to keep it: neither this folder nor the user's own can be written
        machine_code = in_memory

    @wraps(loop)
    def call(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        nonlocal machine_code
        layer, most_threads = _threads()
        with _ONE_AT_A_TIME if layer == "workqueue" else nullcontext():
            numba.set_num_threads(min(torch.get_num_threads(), most_threads))
            result: Result
            try:
                result = machine_code(*arguments, **named)
            except Exception as error:  # a full disk or a damaged file, which numba finds before the loop begins
                if machine_code is in_memory:
                    raise
                log.warning("the machine code of %s can't be kept or read: %r", loop.__name__, error)
                machine_code = in_memory
                result = machine_code(*arguments, **named)
            return result

    return call


def piece(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A piece of a compiled loop, for the loops of its own file to call: it is compiled and kept with them."""
    options = {name: value for name, value in _OPTIONS.items() if name != "parallel"}
    return cast(Callable[Arguments, Result], numba.njit(**options)(function))


def takes(tensor: torch.Tensor) -> bool:
    """Whether a loop can work on it: numbers of 32 or 64 bits on the CPU."""
    return tensor.device.type == "cpu" and tensor.dtype in (torch.float32, torch.float64)


# numba's own layer, for machines without OpenMP, serves one caller; a second one would end the process.
_ONE_AT_A_TIME = threading.Lock()


@cache
def _threads() -> tuple[str, int]:
    """Start numba's threads, and say of which kind they are and how many.

    The thread that starts them gets its number of OpenMP threads, which is torch's too, set to the number of the
    machine's cores; so a thread of its own does it.
    """
    with ThreadPoolExecutor(1) as starter:
        n_threads = starter.submit(numba.get_num_threads).result()
    return str(threading_layer()), n_threads
