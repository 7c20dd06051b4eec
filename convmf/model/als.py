"""The closed-form half-steps of alternating least squares, equations (7) and (8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convmf.device import Result, for_doubles, over_cores
from convmf.errors import ModelError
from convmf.model import cholesky

# Ratings gathered at once: few enough that their factors (16384 × 51 floats) stay near the cache, enough that
# threads seldom wait for the interpreter between two chunks.
_CHUNK_RATINGS = 16384

# Entries of the matrices A, (n_rows, D, D), that a thread works on at once: 64 MB. Where rows have a rating or two, and
# factors are many, they outweigh the ratings' own by far.
_CHUNK_ENTRIES = 1 << 24

# Above this width, and from this number of ratings on, Σ z zᵀ takes less time in two products that leave out what is
# symmetric.
_WHOLE_GRAM = 32
_FEW_RATINGS = 64


@dataclass(frozen=True)
class Chunk:
    """Rows with a similar number of ratings, padded to the longest.

    ``columns`` and ``ratings`` are (n_rows, length); a padded place points at column n_columns.
    """

    rows: Tensor
    columns: Tensor
    ratings: Tensor

    def pieces(self, width: int) -> Iterator[Chunk]:
        """The chunk in pieces of nearly equal size, whose matrices (n_rows, width, width) stay small."""
        n_rows = len(self.rows)
        n_pieces = 1 + n_rows * width**2 // _CHUNK_ENTRIES
        # A multiple of 64 rows leaves each matrix where it lay in a line of memory: MKL rounds by that.
        bounds = sorted({n_rows * piece // n_pieces // 64 * 64 for piece in range(1, n_pieces)} - {0})
        parts = (tensor.tensor_split(bounds) for tensor in (self.rows, self.columns, self.ratings))
        return (Chunk(*part) for part in zip(*parts, strict=True))


@dataclass(frozen=True)
class RatingRows:
    """The ratings of one side (users or items), planned once into chunks for the half-steps.

    ``counts`` (n_rows,) is the number of ratings of each row.
    """

    n_rows: int
    n_columns: int
    counts: Tensor
    chunks: tuple[Chunk, ...]

    @classmethod
    def plan(
        cls,
        row_index: NDArray[np.int32],
        column_index: NDArray[np.int32],
        rating: NDArray[np.float32],
        *,
        n_rows: int,
        n_columns: int,
        device: torch.device | str = "cpu",
    ) -> RatingRows:
        """Sort the ratings by row and group rows of similar degree, so that little is padded."""
        order = np.argsort(row_index, kind="stable")
        columns, ratings = column_index[order], rating[order]
        counts = np.bincount(row_index, minlength=n_rows)
        starts = np.concatenate([[0], np.cumsum(counts)])
        by_degree = np.argsort(counts, kind="stable")
        by_degree = by_degree[counts[by_degree] > 0]
        chunks = []
        for first, last in _chunk_bounds(counts[by_degree]):
            rows = by_degree[first:last]
            length = int(counts[rows[-1]])
            place = np.arange(length)[None, :]  # (1, length)
            filled = place < counts[rows][:, None]  # (n_rows, length)
            source = np.where(filled, starts[rows][:, None] + place, 0)
            chunks.append(
                Chunk(
                    rows=torch.from_numpy(rows).to(device),
                    columns=torch.from_numpy(np.where(filled, columns[source], n_columns).astype(np.int32)).to(device),
                    ratings=torch.from_numpy(np.where(filled, ratings[source], 0).astype(np.float32)).to(device),
                )
            )
        return cls(n_rows, n_columns, torch.from_numpy(counts).to(device), tuple(chunks))


def half_step(
    plan: RatingRows,
    other: Tensor,
    penalty: Tensor,
    prior: Tensor | None = None,
    *,
    biases: bool = False,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[Tensor, float]:
    """All rows of one side, each the minimiser of the objective with the other side fixed.

    Row x solves, with z the other side's factors of its ratings r (equations (7), (8)):

        x = (Σ z zᵀ + λ I)⁻¹ (Σ r z + λ prior)

    With ``biases``, column 0 of both sides is a bias: r ≈ b + c + pᵀq, so z has a 1 there and the
    other side's bias is taken off r. A row without ratings gets its prior.

    Parameters
    ----------
    plan
        This side's ratings.
    other
        The other side's factors, (n_columns, n_dimensions).
    penalty
        λ of each row, (n_rows,), or of each row and dimension, (n_rows, n_dimensions); positive.
    prior
        Mean that λ pulls to, (n_rows, n_dimensions); None is zero.
    should_stop
        Asked before each chunk; True ends the half-step with :class:`Stopped`.

    Returns
    -------
    factors (n_rows, n_dimensions), and the sum of squared errors of all ratings with them.
    """
    if not bool((penalty > 0).all()):
        raise ModelError("The penalty λ of a row must be above zero, else its factors aren't determined.")
    n_dimensions = other.shape[1]
    if penalty.dim() == 1:
        penalty = penalty.unsqueeze(1)
    factors = other.new_zeros(plan.n_rows, n_dimensions) if prior is None else prior.clone()
    design, offset = _design(other, biases)

    def solve(chunk: Chunk) -> float:
        if should_stop is not None and should_stop():
            raise Stopped
        pieces = chunk.pieces(n_dimensions)
        errors = [_solve_rows(piece, design, offset, penalty, prior, factors) for piece in pieces]
        return float(torch.cat(errors).sum())

    return factors, sum(_over_chunks(solve, plan.chunks))


def prior_shares(plan: RatingRows, other: Tensor, penalty: Tensor, *, biases: bool = False) -> Tensor:
    """How much of each row the prior makes, (n_rows,) in 0…1: 1 for a row without ratings, towards 0 with many.

    By the normal equations of :func:`half_step`, x = A⁻¹ Σ r z + A⁻¹ Λ prior with A = Σ z zᵀ + Λ, so A⁻¹ Λ is
    the prior's share. The gauge is its mean over the dimensions, each counted by how much it moves a rating:

        trace(A⁻¹ Λ C) / trace(C),   C = Σ z zᵀ over all rows z of the other side

    A plain mean, C = I, would mostly tell of dimensions in which the other side's factors are next to zero.

    Parameters
    ----------
    plan, other, penalty, biases
        As in :func:`half_step`.
    """
    shares = other.new_ones(plan.n_rows)
    design, _ = _design(other, biases)
    moments = design.T @ design / max(float(design.square().sum()), 1e-12)  # (D, D), its trace is 1
    if penalty.dim() == 1:
        penalty = penalty.unsqueeze(1)

    def measure(chunk: Chunk) -> None:
        for piece in chunk.pieces(other.shape[1]):
            z, row_penalty, gram = _normal_matrix(piece, design, penalty)
            factor, _ = torch.linalg.cholesky_ex(gram, upper=True)
            weak = cholesky.is_weak(factor)
            factor[weak] = torch.eye(factor.shape[1]).to(factor)  # a factor of zeros would be refused
            inverse = torch.cholesky_inverse(factor, upper=True)  # (n_rows, D, D)
            if bool(weak.any()):
                exact = torch.linalg.inv(_exact_gram(z[weak], row_penalty[weak]))
                inverse[weak] = exact.to(inverse.dtype).to(inverse.device)
            shares[piece.rows] = ((inverse * moments).sum(dim=1) * row_penalty).sum(dim=1)

    _over_chunks(measure, plan.chunks)
    return shares.clamp(0, 1)


class Stopped(Exception):
    """The caller asked to stop in the middle of a step; what the step had begun is to be thrown away."""


def _design(other: Tensor, biases: bool) -> tuple[Tensor, Tensor | None]:
    """What factors are multiplied with, (n_columns + 1, D), and with biases what comes off each rating first."""
    # The place that padding points at: no factors, no offset, so it adds nothing anywhere.
    design = torch.cat([other, other.new_zeros(1, other.shape[1])])
    if not biases:
        return design, None
    offset = design[:, 0].clone()
    design[:-1, 0] = 1.0
    return design, offset


def _normal_matrix(chunk: Chunk, design: Tensor, penalty: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """z (n_rows, length, D), λ (n_rows, 1 or D) and A = Σ z zᵀ + Λ (n_rows, D, D) of a chunk's rows, see ``_gram``."""
    n_rows, length = chunk.columns.shape
    z = design.index_select(0, chunk.columns.view(-1)).view(n_rows, length, -1)
    row_penalty = penalty.index_select(0, chunk.rows)
    gram = _gram(z)
    gram.diagonal(dim1=1, dim2=2).add_(row_penalty)
    return z, row_penalty, gram


def _gram(z: Tensor) -> Tensor:
    """Σ z zᵀ of each row, (n_rows, D, D), from z (n_rows, length, D); in full only its upper triangle, by symmetry."""
    _, length, width = z.shape
    if width <= _WHOLE_GRAM or length < _FEW_RATINGS:
        return torch.bmm(z.transpose(1, 2), z)
    half = -(-width // 32) * 16  # products of a whole number of vector registers are the fastest
    gram = z.new_empty(len(z), width, width)
    gram[:, :half] = torch.bmm(z[:, :, :half].transpose(1, 2), z)
    gram[:, half:, half:] = torch.bmm(z[:, :, half:].transpose(1, 2), z[:, :, half:])
    return gram


def _solve_rows(
    chunk: Chunk,
    design: Tensor,
    offset: Tensor | None,
    penalty: Tensor,
    prior: Tensor | None,
    factors: Tensor,
) -> Tensor:
    """Solve the rows of ``chunk`` into ``factors``; the squared errors of each one's ratings, (n_rows,)."""
    z, row_penalty, gram = _normal_matrix(chunk, design, penalty)
    target = chunk.ratings  # (n_rows, length)
    if offset is not None:
        target = target - offset.index_select(0, chunk.columns.view(-1)).view(target.shape)
    data_side = torch.bmm(target.unsqueeze(1), z).squeeze(1)  # (n_rows, D)
    right_side, row_prior = data_side, None
    if prior is not None:
        row_prior = prior.index_select(0, chunk.rows)
        right_side = data_side + row_penalty * row_prior
    solution, is_weak = cholesky.solve(gram, right_side)
    factors[chunk.rows] = solution
    # Σ (r − zᵀx)² = Σ r² − xᵀΣrz + λ xᵀ(prior − x), from the normal equations: no second pass.
    pull = -solution if row_prior is None else row_prior - solution
    quadratic = for_doubles(solution * (row_penalty * pull - data_side)).sum(dim=1, dtype=torch.float64)  # (n_rows,)
    squared_error = for_doubles(target.square()).sum(dim=1, dtype=torch.float64) + quadratic
    weak = torch.nonzero(is_weak).squeeze(1)
    if len(weak):
        solution, errors = _solve_exactly(
            z[weak], target[weak], row_penalty[weak], None if row_prior is None else row_prior[weak]
        )
        factors[chunk.rows[weak]] = solution.to(factors.dtype).to(factors.device)
        squared_error[weak.to(squared_error.device)] = errors.to(squared_error.device)
    return squared_error


def _solve_exactly(z: Tensor, target: Tensor, penalty: Tensor, prior: Tensor | None) -> tuple[Tensor, Tensor]:
    """As in the chunk, in double precision on the CPU: solutions (n_rows, D), and squared errors (n_rows,).

    A tiny λ with fewer ratings than factors needs it: then λ is lost in the rounding of Σ z zᵀ.
    """
    rows, ratings, pull = (tensor.cpu().double() for tensor in (z, target, penalty))
    right_side = (ratings.unsqueeze(1) @ rows).squeeze(1)  # (n_rows, D)
    if prior is not None:
        right_side = right_side + pull * prior.cpu().double()
    solution = torch.linalg.solve(_exact_gram(z, penalty), right_side)
    errors = (ratings - (rows @ solution.unsqueeze(2)).squeeze(2)).square().sum(dim=1)
    return solution, errors


def _exact_gram(z: Tensor, penalty: Tensor) -> Tensor:
    """A = Σ z zᵀ + Λ, (n_rows, D, D), in double precision on the CPU."""
    rows = z.cpu().double()  # not every device has double precision
    gram = rows.transpose(1, 2) @ rows
    gram.diagonal(dim1=1, dim2=2).add_(penalty.cpu().double())
    return gram


def _over_chunks(solve: Callable[[Chunk], Result], chunks: tuple[Chunk, ...]) -> list[Result]:
    """``solve`` for every chunk; what is batched and small gains nothing from torch's own threads."""
    if not chunks:
        return []
    # The largest first, so that no thread is left alone with the longest rows at the end.
    return over_cores(solve, chunks[::-1], chunks[0].rows.device)


def _chunk_bounds(counts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Bounds of runs of ascending ``counts`` whose padded size stays near ``_CHUNK_RATINGS``."""
    first = 0
    while first < len(counts):
        # A run may also not pad its shortest row by more than an eighth and a few places.
        longest = counts[first] + counts[first] // 8 + 2
        last = int(np.searchsorted(counts, longest, side="right"))
        last = min(last, first + max(1, _CHUNK_RATINGS // int(counts[min(last, len(counts)) - 1])))
        yield first, last
        first = last
