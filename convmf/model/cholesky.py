"""Many small systems of equations at once: A x = b, A symmetric and positive definite.

LAPACK takes one matrix after the other, and of 50 × 50 gets a tenth of what the processor can. On the CPU 64 of them
are decomposed side by side, the same entry of all in one vector: a system of 50 takes 3.3 µs instead of 10.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import prange
from numpy.typing import NDArray
from torch import Tensor

from convmf.compiled import compiled, piece, takes

# So many are decomposed side by side, whether there are as many or not. LAPACK is faster for fewer systems than the
# second number (at D = 50), and catches up as they get wider.
_LANES, _WORTHWHILE, _WIDEST = 64, 22, 128

# The root of 1e-4: with pivots farther apart than that, few of the seven digits of single precision are left.
# Rows of real data at a λ worth having stay ten times above it.
_WEAK_PIVOT = 1e-2


def solve(matrices: Tensor, right_sides: Tensor) -> tuple[Tensor, Tensor]:
    """x of each A x = b, and which of them can't be trusted.

    Parameters
    ----------
    matrices : (n, D, D), symmetric; only their upper triangles are read
    right_sides : (n, D)

    Returns
    -------
    (n, D), and of (n,) True where the numbers' precision isn't enough: the decomposition failed, or hardly held.

    Raises
    ------
    RuntimeError
        The shapes or the kinds of numbers don't fit each other.
    """
    if not _loop_fits(matrices, right_sides):
        # The upper factor is the one that LAPACK reads without a transposed copy.
        cholesky, _ = torch.linalg.cholesky_ex(matrices, upper=True)
        return torch.cholesky_solve(right_sides.unsqueeze(2), cholesky, upper=True).squeeze(2), is_weak(cholesky)
    solutions, weak = torch.empty_like(right_sides), torch.empty(len(right_sides), dtype=torch.bool)
    _solve(matrices.numpy(), right_sides.contiguous().numpy(), solutions.numpy(), weak.numpy())
    return solutions, weak


def _loop_fits(matrices: Tensor, right_sides: Tensor) -> bool:
    """Whether the loop is the faster way, and can be gone: it checks nothing, and knows no gradients."""
    n, width = right_sides.shape
    return (
        n >= _WORTHWHILE
        and 0 < width <= _WIDEST
        and matrices.shape == (n, width, width)
        and takes(matrices)
        and matrices.dtype == right_sides.dtype
        and not (matrices.requires_grad or right_sides.requires_grad)
    )


def compile_loop() -> None:
    """Compile what ``solve`` needs in single precision, where it isn't yet."""
    solve(torch.ones(_WORTHWHILE, 1, 1), torch.ones(_WORTHWHILE, 1))


def is_weak(cholesky: Tensor) -> Tensor:
    """Which of the decompositions, (n, D, D), can't be trusted: (n,).

    The squared diagonal are the pivots; the largest over the smallest is a lower bound of the condition.
    """
    pivots = cholesky.diagonal(dim1=1, dim2=2)  # (n, D)
    return ~(pivots.amin(dim=1) > _WEAK_PIVOT * pivots.amax(dim=1))  # NaN is weak, too


@compiled
def _solve(matrices: NDArray[Any], right_sides: NDArray[Any], solutions: NDArray[Any], weak: NDArray[np.bool_]) -> None:
    """Fill in ``solutions`` and ``weak``."""
    n, width = right_sides.shape
    for block in prange(-(-n // _LANES)):
        first = block * _LANES
        # Upper triangles, with the right sides as one more column, which the elimination turns as it does theirs.
        systems = np.empty((width, width + 1, _LANES), matrices.dtype)
        for row in range(width):
            for lane in range(_LANES):
                system = min(first + lane, n - 1)  # lanes that are left over solve the last one again
                for column in range(row, width):
                    systems[row, column, lane] = matrices[system, row, column]
                systems[row, width, lane] = right_sides[system, row]
        _decompose(systems)
        _substitute(systems)
        for lane in range(min(_LANES, n - first)):
            largest = systems[0, 0, lane]
            for row in range(width):
                solutions[first + lane, row] = systems[row, width, lane]
                largest = max(largest, systems[row, row, lane])
            trusted = True
            for row in range(width):  # a NaN is no larger than anything, but would get lost in a minimum
                trusted &= systems[row, row, lane] > _WEAK_PIVOT * largest
            weak[first + lane] = not trusted


@piece
def _decompose(systems: NDArray[Any]) -> None:
    """A = UᵀU: U where the upper triangle was, and U⁻ᵀb in the last column."""
    width = len(systems)
    scale = np.empty(_LANES, systems.dtype)
    for row in range(width):
        for column in range(row, width + 1):
            entry = systems[row, column]
            above = 0
            while above + 4 <= row:  # four at a time, so that the entry is read and written less often
                a, b, c, d = above, above + 1, above + 2, above + 3
                left_a, left_b, left_c, left_d = systems[a, row], systems[b, row], systems[c, row], systems[d, row]
                up_a, up_b, up_c, up_d = systems[a, column], systems[b, column], systems[c, column], systems[d, column]
                for lane in range(_LANES):
                    entry[lane] -= (left_a[lane] * up_a[lane] + left_b[lane] * up_b[lane]) + (
                        left_c[lane] * up_c[lane] + left_d[lane] * up_d[lane]
                    )
                above += 4
            while above < row:
                left, up = systems[above, row], systems[above, column]
                for lane in range(_LANES):
                    entry[lane] -= left[lane] * up[lane]
                above += 1
        pivot = systems[row, row]
        for lane in range(_LANES):
            scale[lane] = 1 / np.sqrt(pivot[lane])
        for column in range(row, width + 1):
            entry = systems[row, column]
            for lane in range(_LANES):
                entry[lane] *= scale[lane]


@piece
def _substitute(systems: NDArray[Any]) -> None:
    """U x = U⁻ᵀb, from the last row up: x in the last column."""
    width = len(systems)
    for row in range(width - 1, -1, -1):
        entry, pivot = systems[row, width], systems[row, row]
        for column in range(row + 1, width):
            factor, known = systems[row, column], systems[column, width]
            for lane in range(_LANES):
                entry[lane] -= factor[lane] * known[lane]
        for lane in range(_LANES):
            entry[lane] /= pivot[lane]
