from __future__ import annotations

import pytest
import torch

from convmf.model.cnn import CnnNlpModel
from convmf.model.loss import ConvMFLossFunc, objective

TARGETS = torch.tensor([[2.0, 1.3, 0.1], [4.0, 1.2, 4.1]])
OUTPUTS = torch.tensor([[1.5, 1.2, 0.4], [3.0, 2.0, 3.1]])


def test_the_articles_example() -> None:
    loss = ConvMFLossFunc(lambda_v=0.01, lambda_w=0.1)
    assert float(loss(OUTPUTS, TARGETS, [])) == pytest.approx(0.01495, abs=1e-7)
    model = CnnNlpModel(output_dimension=10, vocab_size=100, embed_dimension=15)
    total = float(loss(OUTPUTS, TARGETS, model.parameters()).detach())
    assert 80 < total < 100
    squares = sum(float(weight.detach().square().sum()) for weight in model.parameters())
    assert total == pytest.approx(0.01495 + 0.05 * squares, rel=1e-5)


def test_weights_and_lambdas_have_an_effect() -> None:
    assert float(ConvMFLossFunc(2.0, 0.0)(OUTPUTS, TARGETS)) == pytest.approx(2.99)
    weighted = ConvMFLossFunc(2.0, 0.0)(OUTPUTS, TARGETS, item_weights=torch.tensor([2.0, 0.0]))
    assert float(weighted) == pytest.approx(2 * (0.25 + 0.01 + 0.09))
    assert float(ConvMFLossFunc(0.0, 3.0)(OUTPUTS, TARGETS, [torch.tensor([1.0, 2.0])])) == pytest.approx(7.5)


def test_the_four_terms_of_the_objective() -> None:
    terms = objective(
        8.0,
        torch.tensor([[1.0, 2.0]]),
        torch.tensor([[1.0, 0.0], [3.0, 1.0]]),
        torch.tensor([[0.0, 0.0], [1.0, 1.0]]),
        [torch.tensor([2.0])],
        user_penalty=torch.tensor([2.0, 2.0]),
        item_penalty=4.0 * torch.tensor([[1.0, 1.0], [0.5, 0.5]]),
        lambda_w=3.0,
    )
    assert (terms.rating_loss, terms.user_penalty) == (4.0, 5.0)
    assert (terms.item_penalty, terms.cnn_penalty) == (2.0 * (1 + 0.5 * 4), 6.0)
    assert terms.total == 21.0
