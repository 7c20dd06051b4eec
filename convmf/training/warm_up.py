"""Machine code for the training, before its first step needs it."""

from __future__ import annotations

from functools import cache

import torch

from convmf.model import cholesky
from convmf.model.max_conv import compile_loops
from convmf.training.lazy import LazyAdam


@cache
def warm_up(*, texts: bool = True) -> None:
    """Compile the loops of a training on the CPU, with or without texts.

    It takes some 12 seconds once in an installation, and half a second in other processes, which find the code on
    disk. An iteration that had this time in it would say nothing of the next ones'.
    """
    cholesky.compile_loop()
    if not texts:
        return
    compile_loops()
    parameter = torch.zeros(2, 1)
    parameter.grad = torch.eye(2, 1).to_sparse(1)  # rows, as max_conv gives them
    LazyAdam([parameter]).step()
