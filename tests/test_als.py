from __future__ import annotations

import numpy as np
import pytest
import torch

from convmf.errors import ModelError
from convmf.model import als, cholesky
from convmf.model.als import RatingRows, Stopped, half_step, prior_shares
from convmf.model.loss import objective


class Case:
    """Random ratings of 40 rows by some columns, row 7 without any; degrees from 1 to all columns."""

    def __init__(self, biases: bool, seed: int = 0, n_columns: int = 25, width: int = 5) -> None:
        generator = np.random.default_rng(seed)
        self.n_columns = n_columns
        keep = generator.random((40, n_columns)) < generator.random((40, 1)) ** 2
        keep[:, 3] = True
        keep[7] = False
        self.rows, self.columns = (index.astype(np.int32) for index in np.nonzero(keep))
        self.ratings = generator.normal(size=len(self.rows)).astype(np.float32)
        order = generator.permutation(len(self.rows))
        self.rows, self.columns, self.ratings = self.rows[order], self.columns[order], self.ratings[order]
        self.other = generator.normal(size=(n_columns, width)).astype(np.float32)
        self.prior = generator.normal(size=(40, width)).astype(np.float32)
        self.penalty = generator.uniform(0.5, 3, size=40).astype(np.float32)
        self.biases = biases

    def plan(self) -> RatingRows:
        return RatingRows.plan(self.rows, self.columns, self.ratings, n_rows=40, n_columns=self.n_columns)

    def solve(self) -> tuple[torch.Tensor, float]:
        tensors = (torch.from_numpy(array) for array in (self.other, self.penalty, self.prior))
        return half_step(self.plan(), *tensors, biases=self.biases)

    def expected(self) -> np.ndarray:
        """Equation (8) row by row, with numpy in float64."""
        solution = self.prior.astype(np.float64)
        for row in range(40):
            mine = self.rows == row
            z, r = self.other[self.columns[mine]].astype(np.float64), self.ratings[mine].astype(np.float64)
            if self.biases:
                r = r - z[:, 0]
                z = np.column_stack([np.ones(len(z)), z[:, 1:]])
            left = z.T @ z + self.penalty[row] * np.eye(z.shape[1])
            solution[row] = np.linalg.solve(left, z.T @ r + self.penalty[row] * self.prior[row])
        return solution

    def errors(self, solution: np.ndarray) -> np.ndarray:
        mine, its = solution[self.rows], self.other[self.columns].astype(np.float64)
        if self.biases:
            return self.ratings - (mine[:, 0] + its[:, 0] + (mine[:, 1:] * its[:, 1:]).sum(1))
        return self.ratings - (mine * its).sum(1)


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize(("n_columns", "width"), [(25, 5), (25, 40), (120, 32), (120, 33), (120, 51), (120, 100)])
def test_a_half_step_is_the_closed_form(biases: bool, n_columns: int, width: int) -> None:
    case = Case(biases, n_columns=n_columns, width=width)
    factors, squared_error = case.solve()
    np.testing.assert_allclose(factors.numpy(), case.expected(), rtol=2e-4, atol=2e-5)
    assert squared_error == pytest.approx((case.errors(case.expected()) ** 2).sum(), rel=1e-4)


def test_a_row_without_ratings_gets_its_prior() -> None:
    case = Case(biases=True)
    factors, _ = case.solve()
    np.testing.assert_array_equal(factors[7].numpy(), case.prior[7])
    without_prior, _ = half_step(case.plan(), torch.from_numpy(case.other), torch.from_numpy(case.penalty))
    assert not without_prior[7].any()


@pytest.mark.parametrize("biases", [False, True])
def test_no_half_step_raises_the_objective(biases: bool) -> None:
    case = Case(biases)
    transposed = RatingRows.plan(case.columns, case.rows, case.ratings, n_rows=25, n_columns=40)
    users, items = torch.from_numpy(case.prior.copy()), torch.from_numpy(case.other)
    text = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (25, 5)).astype(np.float32))
    weights = torch.linspace(0.5, 2, 25)

    def value() -> float:
        case.other = items.numpy()
        squared = float((case.errors(users.double().numpy()) ** 2).sum())
        penalties = {"user_penalty": torch.tensor(0.7), "item_penalty": 1.3 * weights[:, None]}
        return objective(squared, users, items, text, [], **penalties, lambda_w=0.0).total

    history = [value()]
    for _ in range(6):
        users, _ = half_step(case.plan(), items, torch.full((40,), 0.7), biases=biases)
        history.append(value())
        items, _ = half_step(transposed, users, 1.3 * weights, text, biases=biases)
        history.append(value())
    assert all(later <= earlier + 1e-4 for earlier, later in zip(history, history[1:], strict=False))
    assert history[-1] < 0.9 * history[0]


def test_more_threads_change_nothing() -> None:
    before = torch.get_num_threads()
    results = []
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            results.append(Case(biases=True).solve())
    finally:
        torch.set_num_threads(before)
    assert torch.equal(results[0][0], results[1][0]) and results[0][1] == results[1][1]


def test_more_factors_than_ratings_stay_finite() -> None:
    zero = np.zeros(1, np.int32)
    plan = RatingRows.plan(zero, zero, np.ones(1, np.float32), n_rows=1, n_columns=1)
    factors, _ = half_step(plan, torch.randn(1, 64, generator=torch.Generator().manual_seed(0)), torch.ones(1))
    assert torch.isfinite(factors).all()


def test_padding_stays_small_on_a_long_tail() -> None:
    generator = np.random.default_rng(0)
    rows = generator.zipf(1.5, 20_000)
    rows = (rows[rows < 3000] - 1).astype(np.int32)
    columns = generator.integers(0, 500, len(rows)).astype(np.int32)
    plan = RatingRows.plan(rows, columns, np.ones(len(rows), np.float32), n_rows=3000, n_columns=500)
    filled = sum(int((chunk.columns < 500).sum()) for chunk in plan.chunks)
    assert filled == len(rows)
    assert sum(chunk.columns.numel() for chunk in plan.chunks) < 1.5 * len(rows)


@pytest.mark.parametrize("width", [5, 51, 140])
def test_many_rows_with_few_ratings_are_solved_in_pieces(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    generator = np.random.default_rng(0)
    rows = np.concatenate([np.arange(300), np.arange(150)]).astype(np.int32)
    columns = generator.integers(0, 40, len(rows)).astype(np.int32)
    ratings = generator.normal(size=len(rows)).astype(np.float32)
    other = torch.from_numpy(generator.normal(size=(40, width)).astype(np.float32))
    plan = RatingRows.plan(rows, columns, ratings, n_rows=300, n_columns=40)
    penalty, sizes, solve = torch.ones(300), [], cholesky.solve
    monkeypatch.setattr(cholesky, "solve", lambda gram, side: sizes.append(len(gram)) or solve(gram, side))

    def results() -> tuple[torch.Tensor, float, torch.Tensor]:
        return *half_step(plan, other, penalty), prior_shares(plan, other, penalty)

    factors, squared_error, shares = results()
    assert max(sizes) == 300
    sizes.clear()
    monkeypatch.setattr(als, "_CHUNK_ENTRIES", 70 * width**2)
    in_pieces = results()
    assert max(sizes) <= 70 + 64 and sum(sizes) == 300
    assert torch.equal(in_pieces[0], factors) and in_pieces[1] == squared_error and torch.equal(in_pieces[2], shares)


@pytest.mark.parametrize("strength", [1e-6, 1e-4, 1e-2])
@pytest.mark.parametrize("biases", [False, True])
def test_a_penalty_near_zero_is_still_the_closed_form(strength: float, biases: bool) -> None:
    """With fewer ratings than factors λ alone decides, and single precision loses it."""
    case = Case(biases)
    case.penalty = np.full(40, strength, dtype=np.float32)
    generator = np.random.default_rng(2)
    # Two of the five columns nearly alike, and large: no row has ratings enough to tell them apart.
    case.other[:, 4] = case.other[:, 3] + 1e-3 * generator.normal(size=25)
    case.other *= 30
    factors, squared_error = case.solve()
    expected = case.expected()
    assert torch.isfinite(factors).all()
    np.testing.assert_allclose(factors.numpy(), expected, rtol=2e-2, atol=2e-3 * np.abs(expected).max())
    assert squared_error == pytest.approx((case.errors(expected) ** 2).sum(), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("n_rows", [5, 60])
def test_rows_alike_with_fewer_ratings_than_factors_are_the_closed_form(n_rows: int) -> None:
    """Enough of them that they are solved side by side, and some fail in the middle of it."""
    generator = np.random.default_rng(0)
    columns = np.stack([generator.permutation(40)[:10] for _ in range(n_rows)])
    ratings = generator.normal(size=(n_rows, 10)).astype(np.float32)
    other = (100 * generator.normal(size=(40, 50))).astype(np.float32)
    rows = np.repeat(np.arange(n_rows, dtype=np.int32), 10)
    plan = RatingRows.plan(rows, columns.ravel().astype(np.int32), ratings.ravel(), n_rows=n_rows, n_columns=40)
    factors, squared_error = half_step(plan, torch.from_numpy(other), torch.full((n_rows,), 1e-3))
    z = other[columns].astype(np.float64)  # (n_rows, 10, 50)
    gram = z.transpose(0, 2, 1) @ z + 1e-3 * np.eye(50)
    expected = np.linalg.solve(gram, z.transpose(0, 2, 1) @ ratings[:, :, None])[:, :, 0]
    np.testing.assert_allclose(factors.numpy(), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    assert squared_error == pytest.approx(0, abs=1e-3)


def test_a_penalty_of_zero_is_refused() -> None:
    case = Case(biases=False)
    with pytest.raises(ModelError, match="above zero"):
        half_step(case.plan(), torch.from_numpy(case.other), torch.zeros(40))


def test_it_stops_when_asked() -> None:
    case = Case(biases=False)
    with pytest.raises(Stopped):
        half_step(case.plan(), torch.from_numpy(case.other), torch.ones(40), should_stop=lambda: True)


@pytest.mark.parametrize("strength", [1e-7, 1.0])
@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_priors_share_is_what_its_formula_says(biases: bool, strength: float, dtype: torch.dtype) -> None:
    case = Case(biases)
    design = case.other.astype(np.float64)
    if biases:
        design[:, 0] = 1.0
    moments = design.T @ design
    penalty = strength * np.outer(case.penalty, [3.0, 1.0, 1.0, 2.0, 1.0])  # (40, 5), λ of each row and dimension
    expected = np.ones(40)
    for row in range(40):
        z = design[case.columns[case.rows == row]]
        share = np.linalg.solve(z.T @ z + np.diag(penalty[row]), np.diag(penalty[row]))
        expected[row] = np.trace(share @ moments) / np.trace(moments)
    shares = prior_shares(
        case.plan(), torch.from_numpy(case.other).to(dtype), torch.tensor(penalty, dtype=dtype), biases=biases
    )
    np.testing.assert_allclose(shares.numpy(), expected, rtol=1e-4, atol=1e-6)
    assert shares[7] == 1, "a row without ratings is its prior"


def test_a_priors_share_by_hand() -> None:
    """One dimension, λ = 6, two ratings of columns 1 and 2: 6 / (1² + 2² + 6)."""
    plan = RatingRows.plan(
        np.zeros(2, np.int32), np.arange(2, dtype=np.int32), np.ones(2, np.float32), n_rows=1, n_columns=2
    )
    shares = prior_shares(plan, torch.tensor([[1.0], [2.0]]), torch.tensor([6.0]))
    assert shares.tolist() == pytest.approx([6 / 11])
