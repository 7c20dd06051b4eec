"""What is minimised: the objective of the whole model and the CNN's share of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


class ConvMFLossFunc(nn.Module):
    """The CNN's loss, equation (9):  λ_V/2 Σ_j w_j ‖v_j − θ_j‖² + λ_W/2 Σ_k ‖w_k‖².

    Parameters
    ----------
    lambda_v, lambda_w
        Weights of the distance to the item factors and of the L2 penalty on the network.
    """

    def __init__(self, lambda_v: float, lambda_w: float) -> None:
        super().__init__()
        self.lambda_v = lambda_v
        self.lambda_w = lambda_w

    def forward(
        self,
        outputs: Tensor,
        targets: Tensor,
        parameters: Iterable[Tensor] = (),
        item_weights: Tensor | None = None,
    ) -> Tensor:
        """The loss as a scalar.

        Parameters
        ----------
        outputs, targets
            θ and v, both (batch, n_factors).
        parameters
            The network's weights; all of them take part in the penalty.
        item_weights
            w_j, (batch,); None is 1 for every item.
        """
        return self.data_term(outputs, targets, item_weights) + self.penalty(parameters, outputs)

    def data_term(self, outputs: Tensor, targets: Tensor, item_weights: Tensor | None = None) -> Tensor:
        """λ_V/2 Σ_j w_j ‖v_j − θ_j‖²."""
        distance = (targets - outputs).square().sum(dim=1)  # (batch,)
        if item_weights is not None:
            distance = distance * item_weights
        return self.lambda_v / 2 * distance.sum()

    def penalty(self, parameters: Iterable[Tensor], like: Tensor | None = None) -> Tensor:
        """λ_W/2 Σ_k ‖w_k‖²; ``like`` gives type and device where there are no parameters."""
        total = torch.zeros(()) if like is None else like.new_zeros(())
        if self.lambda_w:
            for weight in parameters:
                total = total + weight.square().sum()
        return self.lambda_w / 2 * total


@dataclass(frozen=True)
class Objective:
    """The four terms of the objective L; ratings are in the model's own (standardised) unit."""

    rating_loss: float
    user_penalty: float
    item_penalty: float
    cnn_penalty: float

    @property
    def total(self) -> float:
        return self.rating_loss + self.user_penalty + self.item_penalty + self.cnn_penalty


def objective(
    squared_error: float,
    user_factors: Tensor,
    item_factors: Tensor,
    text_factors: Tensor,
    item_weights: Tensor,
    parameters: Iterable[Tensor],
    *,
    lambda_u: float,
    lambda_v: float,
    lambda_w: float,
) -> Objective:
    """L = ½ Σ (r − uᵀv)² + λ_U/2 Σ ‖u‖² + λ_V/2 Σ w_j ‖v_j − θ_j‖² + λ_W/2 Σ ‖w‖².

    ``squared_error`` is the sum over the training ratings; factors are (n_rows, n_dimensions),
    ``item_weights`` (n_items,).
    """
    loss = ConvMFLossFunc(lambda_v, lambda_w)
    wide = item_factors.double(), text_factors.double(), item_weights.double()
    return Objective(
        rating_loss=squared_error / 2,
        user_penalty=lambda_u / 2 * float(user_factors.square().sum(dtype=torch.float64)),
        item_penalty=float(loss.data_term(wide[1], wide[0], wide[2])),
        cnn_penalty=float(loss.penalty(parameter.detach().double() for parameter in parameters)),
    )
