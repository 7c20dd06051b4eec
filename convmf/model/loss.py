"""What is minimised: the objective of the whole model and the CNN's share of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from convmf.device import for_doubles


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
    parameters: Iterable[Tensor],
    *,
    user_penalty: Tensor,
    item_penalty: Tensor,
    lambda_w: float,
) -> Objective:
    """L = ½ Σ (r − uᵀv)² + λ_U/2 Σ w_i ‖u_i‖² + λ_V/2 Σ w_j ‖v_j − θ_j‖² + λ_W/2 Σ ‖w‖²; levels (column 0 of a model
    with biases) have λ_b in the place of λ_U w_i and λ_V w_j.

    Parameters
    ----------
    squared_error
        Sum over the training ratings.
    user_factors, item_factors, text_factors
        (n_users, D), (n_items, D), (n_items, D).
    user_penalty, item_penalty
        λ_U w_i and λ_V w_j, of any shape that broadcasts with the factors.
    """
    users, items, texts = (for_doubles(part).double() for part in (user_factors, item_factors, text_factors))
    weights = (for_doubles(weight.detach()).double() for weight in parameters)
    return Objective(
        rating_loss=squared_error / 2,
        user_penalty=float((for_doubles(user_penalty) * users.square()).sum()) / 2,
        item_penalty=float((for_doubles(item_penalty) * (items - texts).square()).sum()) / 2,
        cnn_penalty=float(ConvMFLossFunc(0.0, lambda_w).penalty(weights)),
    )
