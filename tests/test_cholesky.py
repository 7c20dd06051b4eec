"""Many systems at once: side by side and one by one, and what comes of those that can't be solved."""

import pytest
import torch

from convmf.model import cholesky

SIZES = [1, 21, 22, 64, 65, 130]
"""Below and above what the loop is taken for, and around the number of its lanes."""


def _systems(n: int, width: int, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(n + width)
    rows = torch.randn(n, 2 * width, width, generator=generator, dtype=dtype)
    matrices = rows.transpose(1, 2) @ rows + torch.eye(width, dtype=dtype)
    return matrices, torch.randn(n, width, generator=generator, dtype=dtype)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("width", [1, 2, 5, 13, 51])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_system_is_solved(n, width, dtype):
    matrices, right_sides = _systems(n, width, dtype)
    expected = torch.linalg.solve(matrices.double(), right_sides.double())
    kept = matrices.clone(), right_sides.clone()
    solutions, weak = cholesky.solve(matrices, right_sides)
    assert solutions.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(solutions.double(), expected, rtol=tolerance, atol=tolerance)
    assert not weak.any()
    assert torch.equal(matrices, kept[0]) and torch.equal(right_sides, kept[1])


@pytest.mark.parametrize("n", SIZES)
def test_the_lower_triangles_are_not_read(n):
    matrices, right_sides = _systems(n, 7)
    expected, _ = cholesky.solve(matrices, right_sides)
    lower = torch.ones(7, 7, dtype=torch.bool).tril(-1)
    solutions, weak = cholesky.solve(matrices.masked_fill(lower, float("nan")), right_sides)
    assert torch.equal(solutions, expected)
    assert not weak.any()


@pytest.mark.parametrize("n", SIZES[1:])
@pytest.mark.parametrize("pivot", [0, 3, 6])
@pytest.mark.parametrize("value", [-1.0, 0.0, 0.9e-4, float("nan"), float("inf"), float("-inf")])
def test_systems_that_cannot_be_trusted_are_told_and_spoil_no_other(n, pivot, value):
    matrices, right_sides = _systems(n, 7)
    expected, _ = cholesky.solve(matrices, right_sides)
    bad = sorted({0, 3, n - 1})
    matrices[bad] = torch.eye(7)
    matrices[bad, pivot, pivot] = value
    solutions, weak = cholesky.solve(matrices, right_sides)
    assert torch.nonzero(weak).squeeze(1).tolist() == bad
    assert torch.equal(solutions[~weak], expected[~weak])


@pytest.mark.parametrize("n", [21, 22])
@pytest.mark.parametrize(
    ("matrices", "right_sides"),
    [((0, 7, 7), (1, 7)), ((0, 7, 7), (0, 9)), ((0, 7, 5), (0, 7)), ((0, 5, 5), (0, 7))],
)
def test_shapes_that_don_t_fit_each_other_are_refused(n, matrices, right_sides):
    """Each first number comes on top of n. The loop checks no bounds, so this has to be found before it."""
    with pytest.raises(RuntimeError):
        cholesky.solve(torch.ones(n + matrices[0], *matrices[1:]), torch.ones(n + right_sides[0], *right_sides[1:]))


@pytest.mark.parametrize("n", [21, 22])
def test_numbers_of_two_kinds_are_refused(n):
    matrices, right_sides = _systems(n, 3)
    with pytest.raises(RuntimeError):
        cholesky.solve(matrices, right_sides.double())


@pytest.mark.parametrize("n", [21, 22])
def test_gradients_go_through(n):
    matrices, right_sides = _systems(n, 3, torch.float64)
    right_sides.requires_grad_()
    cholesky.solve(matrices, right_sides)[0].sum().backward()
    torch.testing.assert_close(right_sides.grad, torch.linalg.solve(matrices, torch.ones(n, 3).double()))


@pytest.mark.parametrize("n", SIZES)
def test_pivots_just_close_enough_are_trusted(n):
    matrices = torch.diag(torch.tensor([1.0, 1.1e-4])).repeat(n, 1, 1)
    _, weak = cholesky.solve(matrices, torch.ones(n, 2))
    assert not weak.any()


def test_many_systems_side_by_side_are_what_one_at_a_time_is():
    matrices, right_sides = _systems(100, 20)
    together, _ = cholesky.solve(matrices, right_sides)
    alone = torch.cat([cholesky.solve(matrices[k : k + 1], right_sides[k : k + 1])[0] for k in range(100)])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
