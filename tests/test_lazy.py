"""The row-lazy optimisers: torch's steps where a row has a gradient, none where it has none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from convmf.errors import ConfigError
from convmf.training.lazy import LazyAdam, LazyRMSprop

PAIRS = [
    pytest.param(LazyAdam, torch.optim.Adam, {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-6}, id="adam"),
    pytest.param(LazyAdam, torch.optim.Adam, {}, id="adam, defaults"),
    pytest.param(LazyRMSprop, torch.optim.RMSprop, {"lr": 0.02, "alpha": 0.9, "eps": 1e-6}, id="rmsprop"),
]


def _gradients(n: int = 7, shape: tuple[int, int] = (6, 4)) -> list[Tensor]:
    random = torch.Generator().manual_seed(5)
    return [torch.randn(shape, generator=random, dtype=torch.float64) for _ in range(n)]


def _rows_of(gradient: Tensor, ids: list[int]) -> Tensor:
    return torch.sparse_coo_tensor(torch.tensor([ids]), gradient[ids], gradient.shape, check_invariants=True)


def _after(optimizer_class, settings, gradients, start=None) -> Tensor:
    parameter = torch.ones(6, 4, dtype=torch.float64) if start is None else start.clone()
    parameter.requires_grad_()
    optimizer = optimizer_class([parameter], **settings)
    for gradient in gradients:
        parameter.grad = gradient
        optimizer.step()
    return parameter.detach()


@pytest.mark.parametrize(("lazy", "plain", "settings"), PAIRS)
def test_dense_gradients_take_torch_steps(lazy, plain, settings):
    ours, theirs = _after(lazy, settings, _gradients()), _after(plain, settings, _gradients())
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("lazy", "plain", "settings"), PAIRS)
def test_sparse_gradients_of_all_rows_take_torch_steps(lazy, plain, settings):
    rows = [_rows_of(gradient, [4, 0, 1, 5, 3, 2]) for gradient in _gradients()]
    ours, theirs = _after(lazy, settings, rows), _after(plain, settings, _gradients())
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("lazy", [LazyAdam, LazyRMSprop])
def test_rows_without_gradient_stay(lazy):
    start = torch.arange(24, dtype=torch.float64).view(6, 4)
    first, second, third = _gradients(3)
    after_one = _after(lazy, {}, [first], start)
    after_three = _after(lazy, {}, [first, _rows_of(second, [1, 4]), _rows_of(third, [4])], start)
    assert torch.equal(after_three[[0, 2, 3, 5]], after_one[[0, 2, 3, 5]])
    assert (after_three[[1, 4]] != after_one[[1, 4]]).all()


def test_lazy_adam_corrects_bias_by_the_parameter_step():
    one = torch.ones(6, 4, dtype=torch.float64)
    settings = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-12}
    moved = 1 - _after(LazyAdam, settings, [_rows_of(one, [0]), _rows_of(one, [3])])
    # Row 3 at step 2: m = 0.1 / (1 - 0.9²), v = 0.01 / (1 - 0.99²), step 0.1 · m / √v
    expected = 0.1 * (0.1 / 0.19) / (0.01 / 0.0199) ** 0.5
    np.testing.assert_allclose(moved[3], expected, rtol=1e-9)
    np.testing.assert_allclose(moved[0], 0.1, rtol=1e-9)
    assert not moved[[1, 2, 4, 5]].any()


def test_lazy_rmsprop_by_hand():
    two = torch.full((6, 4), 2.0, dtype=torch.float64)
    moved = 1 - _after(LazyRMSprop, {"lr": 0.1, "alpha": 0.75, "eps": 1.0}, [_rows_of(two, [2])])
    # square_avg = 0.25 · 4 = 1, step 0.1 · 2 / (1 + 1)
    np.testing.assert_allclose(moved[2], 0.1, rtol=1e-12)
    assert not moved[[0, 1, 3, 4, 5]].any()


@pytest.mark.parametrize("lazy", [LazyAdam, LazyRMSprop])
def test_an_id_given_twice_counts_once_with_the_sum(lazy):
    gradient = _gradients(1)[0]
    twice = torch.sparse_coo_tensor(torch.tensor([[2, 2]]), gradient[[0, 1]], gradient.shape, check_invariants=True)
    summed = torch.zeros_like(gradient)
    summed[2] = gradient[0] + gradient[1]
    torch.testing.assert_close(_after(lazy, {}, [twice]), _after(lazy, {}, [_rows_of(summed, [2])]))


@pytest.mark.parametrize("lazy", [LazyAdam, LazyRMSprop])
def test_state_dict_carries_on(lazy):
    gradients = [_rows_of(gradient, [i % 6, (i + 2) % 6]) for i, gradient in enumerate(_gradients(6))]
    expected = _after(lazy, {"lr": 0.05}, gradients)

    half = torch.ones(6, 4, dtype=torch.float64).requires_grad_()
    optimizer = lazy([half], lr=0.05)
    for gradient in gradients[:3]:
        half.grad = gradient
        optimizer.step()
    rest = half.detach().clone().requires_grad_()
    resumed = lazy([rest], lr=9.0)
    resumed.load_state_dict(optimizer.state_dict())
    for gradient in gradients[3:]:
        rest.grad = gradient
        resumed.step()
    assert torch.equal(rest.detach(), expected)


def test_parameters_in_groups_with_and_without_gradient():
    embedding, weight, unused = (torch.ones(3, 2, requires_grad=True) for _ in range(3))
    optimizer = LazyAdam([{"params": [embedding, unused], "lr": 0.5}, {"params": [weight]}], lr=0.25)
    embedding.grad = _rows_of(torch.ones(3, 2), [1])
    weight.grad = torch.ones(3, 2)
    optimizer.step()
    np.testing.assert_allclose(embedding.detach(), [[1, 1], [0.5, 0.5], [1, 1]], rtol=1e-6)
    np.testing.assert_allclose(weight.detach(), 0.75, rtol=1e-6)
    assert torch.equal(unused.detach(), torch.ones(3, 2))
    optimizer.zero_grad()
    assert embedding.grad is None and weight.grad is None


def test_step_returns_the_loss_of_its_closure():
    parameter = torch.tensor([3.0], requires_grad=True)
    optimizer = LazyAdam([parameter], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (parameter**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure) == 9.0
    np.testing.assert_allclose(parameter.detach(), 2.5, rtol=1e-6)


@pytest.mark.parametrize(
    ("lazy", "settings", "named"),
    [
        (LazyAdam, {"lr": 0.0}, "lr"),
        (LazyAdam, {"betas": (0.9, 1.0)}, "betas"),
        (LazyRMSprop, {"alpha": -0.1}, "alpha"),
        (LazyRMSprop, {"eps": float("nan")}, "eps"),
    ],
)
def test_settings_out_of_range_are_refused(lazy, settings, named):
    with pytest.raises(ConfigError, match=named):
        lazy([torch.ones(2, requires_grad=True)], **settings)
