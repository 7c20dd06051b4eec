"""Adam and RMSprop that also take row-sparse gradients, and then touch those rows only.

For a parameter with a dense gradient they take torch.optim's own steps. For one with a sparse COO gradient (an
embedding, see ``max_conv(sparse_grad=True)``) the rows that got no gradient keep their value and their
moments, where the dense step would let the moments decay and move the row by what is left of them.

Setting one up doesn't import torch._dynamo, which takes over a second on the first of torch.optim's optimisers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

import numpy as np
import torch
from numba import prange
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer

from convmf.compiled import compiled, takes
from convmf.errors import ConfigError


def _undecorated(method: Callable[..., Any]) -> Callable[..., Any]:
    """``method`` without torch's wrapper that imports torch._dynamo to keep torch.compile out of it."""
    return getattr(method, "__wrapped__", method)


class _RowLazyOptimizer(Optimizer):
    """Hands each parameter's gradient to ``_update``: all of it, or the rows that a sparse gradient holds."""

    state_names: tuple[str, ...]

    add_param_group = _undecorated(Optimizer.add_param_group)
    zero_grad = _undecorated(Optimizer.zero_grad)
    state_dict = _undecorated(Optimizer.state_dict)
    load_state_dict = _undecorated(Optimizer.load_state_dict)

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step for every parameter that has a gradient; ``closure`` recomputes the loss first."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._step_group(group)
        return loss

    def _step_group(self, group: dict[str, Any]) -> None:
        steps: list[Tensor] = []
        gradients: list[Tensor] = []
        tensors: list[list[Tensor]] = []
        for parameter in group["params"]:
            if parameter.grad is None:
                continue
            state = self.state[parameter]
            if not state:
                state["step"] = torch.zeros((), device=parameter.device)
                state.update({name: torch.zeros_like(parameter) for name in self.state_names})
            state["step"] += 1
            whole = [parameter, *(state[name] for name in self.state_names)]
            if parameter.grad.is_sparse:
                self._update_rows(*_sparse_rows(parameter.grad), state["step"], group, *whole)
            else:
                steps.append(state["step"])
                gradients.append(parameter.grad)
                tensors.append(whole)
        if steps:
            self._update(gradients, steps, group, *map(list, zip(*tensors, strict=True)))

    def _update(
        self, gradients: list[Tensor], steps: list[Tensor], group: dict[str, Any], *tensors: list[Tensor]
    ) -> None:
        """Change the parameters and each part of their state, ``tensors``, in place."""
        raise NotImplementedError

    def _update_rows(
        self, ids: Tensor, gradient: Tensor, step: Tensor, group: dict[str, Any], *tensors: Tensor
    ) -> None:
        """The same for rows ``ids``, (n,), of one parameter; ``gradient`` is that of these rows, (n, width)."""
        rows = [tensor.index_select(0, ids) for tensor in tensors]
        self._update([gradient], [step], group, *([tensor] for tensor in rows))
        for tensor, updated in zip(tensors, rows, strict=True):
            _put_rows(tensor, ids, updated)


class LazyAdam(_RowLazyOptimizer):
    """Adam (Kingma and Ba, ICLR 2015), without weight decay.

    The bias correction counts the parameter's steps, also for a row that took part in few of them, as
    torch.optim.SparseAdam does: a row seen for the first time late takes a shorter first step.

    Raises
    ------
    ConfigError
        A setting is outside its range.
    """

    state_names = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        _check_positive("lr", lr)
        _check_positive("eps", eps)
        for beta in betas:
            _check_share("betas", beta)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    def _update(
        self, gradients: list[Tensor], steps: list[Tensor], group: dict[str, Any], *tensors: list[Tensor]
    ) -> None:
        parameters, exp_avgs, exp_avg_sqs = tensors
        # The kernel of torch.optim.Adam(fused=True): one pass over memory instead of five.
        torch._fused_adam_(
            parameters,
            gradients,
            exp_avgs,
            exp_avg_sqs,
            [],
            steps,
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=0.0,
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )

    def _update_rows(
        self, ids: Tensor, gradient: Tensor, step: Tensor, group: dict[str, Any], *tensors: Tensor
    ) -> None:
        if not takes(gradient) or gradient.dim() != 2:
            super()._update_rows(ids, gradient, step, group, *tensors)
            return
        parameter, exp_avg, exp_avg_sq = tensors
        (beta1, beta2), n_steps = group["betas"], int(step)
        settings = (group["lr"] / (1 - beta1**n_steps), 1 - beta1, beta2, 1 - beta2, (1 - beta2**n_steps) ** 0.5)
        _adam_of_rows(
            ids.numpy(),
            gradient.numpy(),
            parameter.detach().numpy(),
            exp_avg.numpy(),
            exp_avg_sq.numpy(),
            torch.tensor([*settings, group["eps"]], dtype=gradient.dtype).numpy(),
        )


class LazyRMSprop(_RowLazyOptimizer):
    """RMSprop (Tieleman and Hinton, 2012), without momentum, centring or weight decay.

    Raises
    ------
    ConfigError
        A setting is outside its range.
    """

    state_names = ("square_avg",)

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        alpha: float = 0.99,
        eps: float = 1e-8,
    ) -> None:
        _check_positive("lr", lr)
        _check_positive("eps", eps)
        _check_share("alpha", alpha)
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps})

    def _update(
        self, gradients: list[Tensor], steps: list[Tensor], group: dict[str, Any], *tensors: list[Tensor]
    ) -> None:
        for gradient, parameter, square_avg in zip(gradients, *tensors, strict=True):
            square_avg.mul_(group["alpha"]).addcmul_(gradient, gradient, value=1 - group["alpha"])
            parameter.addcdiv_(gradient, square_avg.sqrt().add_(group["eps"]), value=-group["lr"])


@compiled
def _adam_of_rows(
    ids: NDArray[np.int64],
    gradient: NDArray[Any],
    parameter: NDArray[Any],
    exp_avg: NDArray[Any],
    exp_avg_sq: NDArray[Any],
    settings: NDArray[Any],
) -> None:
    """``_update`` for rows ``ids`` of the last three, where they lie: copied out and back it takes four times as long.

    ``settings`` are step size / (1 − β₁ᵗ), 1 − β₁, β₂, 1 − β₂, √(1 − β₂ᵗ) and ε, in the numbers of the parameter.
    """
    step_size, share, kept_sq, share_sq, correction, eps = settings
    for i in prange(len(ids)):
        row = ids[i]
        for d in range(gradient.shape[1]):
            exp_avg[row, d] += share * (gradient[i, d] - exp_avg[row, d])
            exp_avg_sq[row, d] = kept_sq * exp_avg_sq[row, d] + share_sq * gradient[i, d] * gradient[i, d]
            denominator = np.sqrt(exp_avg_sq[row, d]) / correction + eps
            parameter[row, d] -= step_size * exp_avg[row, d] / denominator


def _sparse_rows(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Row numbers, each once, and their values."""
    ids, values = gradient._indices()[0], gradient._values()
    # max_conv gives each row once; to look is much cheaper than to sort and sum again.
    if not len(ids) or int(torch.bincount(ids).max()) == 1:
        return ids, values
    gradient = gradient.coalesce()
    return gradient.indices()[0], gradient.values()


def _put_rows(tensor: Tensor, ids: Tensor, rows: Tensor) -> None:
    """tensor[ids] = rows, in place."""
    if tensor.device.type == "cpu":  # numpy copies a row at a time, five times as fast as index_copy_
        tensor.detach().numpy()[ids.numpy()] = rows.numpy()
    else:
        tensor.index_copy_(0, ids, rows)


def _check_positive(name: str, value: float) -> None:
    if not value > 0:
        raise ConfigError(f"{name} is a number above 0, not {value!r}.")


def _check_share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ConfigError(f"{name} is a number from 0 up to, but not including, 1, not {value!r}.")
