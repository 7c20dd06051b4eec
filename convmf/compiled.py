"""Loops that numba makes machine code of, run on as many threads as torch has.

They stand where torch has no operation for what is meant, and several that go over memory again and again instead.
numba's threads are torch's own where both use the same OpenMP, as on Linux, and no others wait beside them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

import numba
import torch
from numba.np.ufunc.parallel import threading_layer

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def compiled(loop: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """``loop`` as machine code: compiled at the first call for each kind of arguments (seconds), then kept on disk.

    It works on numpy arrays and numbers, runs ``numba.prange`` in parallel, and lets other Python threads go on
    meanwhile. Products and sums may be fused (as torch's own are); nothing else is reordered, so results don't
    depend on the number of threads.
    """
    options: dict[str, Any] = {"parallel": True, "nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
    try:
        machine_code = numba.njit(cache=True, **options)(loop)
    except RuntimeError:  # nowhere to keep it: neither this folder nor the user's own can be written
        machine_code = numba.njit(**options)(loop)

    @wraps(loop)
    def call(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        layer, most_threads = _threads()
        with _ONE_AT_A_TIME if layer == "workqueue" else nullcontext():
            numba.set_num_threads(min(torch.get_num_threads(), most_threads))
            result: Result = machine_code(*arguments, **named)
            return result

    return call


# numba's own layer, for machines without OpenMP, serves one caller; a second one would end the process.
_ONE_AT_A_TIME = threading.Lock()


@cache
def _threads() -> tuple[str, int]:
    """Start numba's threads, and say of which kind they are and how many.

    The thread that starts them gets its number of OpenMP threads, which is torch's too, set to the number of the
    machine's cores; so a thread of its own does it.
    """
    started: list[int] = []
    starter = threading.Thread(target=lambda: started.append(numba.get_num_threads()))
    starter.start()
    starter.join()
    return str(threading_layer()), started[0]
