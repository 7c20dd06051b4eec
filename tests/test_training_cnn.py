from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from convmf.errors import ModelError
from convmf.model.cnn import CnnNlpModel
from convmf.model.loss import ConvMFLossFunc
from convmf.training.cnn import EpochResult, shuffled_batches, train

IDS = torch.tensor([[0, 1, 2, 3, 4, 5], [2, 1, 3, 4, 5, 0]])
FACTORS = torch.tensor([[0.5, 1.0, 2.0, 1.5, 1.8, 1.9, 1.0], [0.8, 1.5, 2.1, 1.0, 1.0, 1.2, 1.8]])


def article_model(output_dimension: int = 7, **changes: object) -> CnnNlpModel:
    generator = torch.Generator().manual_seed(0)
    return CnnNlpModel(output_dimension, vocab_size=100, embed_dimension=15, generator=generator, **changes)  # type: ignore[arg-type]


def test_the_articles_example_falls_at_every_epoch() -> None:
    model, losses = article_model(), []
    optimizer = torch.optim.Adadelta(model.parameters(), lr=0.01, rho=0.95)
    loader = DataLoader(TensorDataset(IDS, FACTORS))
    trained = train(model, optimizer, "cpu", loader, loader, epochs=10, on_epoch=losses.append)
    assert trained is model and not model.training
    assert [result.epoch for result in losses] == list(range(1, 11))
    values = [result.train_loss for result in losses]
    assert 80 < values[0] < 95
    assert all(later < earlier for earlier, later in zip(values, values[1:], strict=False))
    assert [result.valid_loss for result in losses] == values, "same data, same footing, same figure"


def test_it_learns_to_give_the_factors() -> None:
    model, losses = article_model(dropout_ratio=0.0), []
    optimizer = torch.optim.Adam(model.parameters(), lr=0.0003)
    loader = DataLoader(TensorDataset(IDS, 0.3 * FACTORS), batch_size=2)
    train(model, optimizer, "cpu", loader, epochs=60, loss_function=ConvMFLossFunc(1.0, 0.0), on_epoch=losses.append)
    assert losses[-1].train_loss < 0.05 * losses[0].train_loss
    assert losses[-1].valid_loss is None


def first_loss(loss: ConvMFLossFunc, *weights: torch.Tensor, batch_size: int = 2) -> float:
    model, losses = article_model(), []
    loader = DataLoader(TensorDataset(IDS, FACTORS, *weights), batch_size=batch_size)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-12)
    train(model, optimizer, "cpu", loader, epochs=1, loss_function=loss, on_epoch=losses.append)
    return float(losses[0].train_loss)


def test_the_callers_lambdas_and_weights_count() -> None:
    base = first_loss(ConvMFLossFunc(1.0, 0.0))
    assert first_loss(ConvMFLossFunc(2.0, 0.0)) == pytest.approx(2 * base)
    assert first_loss(ConvMFLossFunc(1.0, 0.1)) > base + 50
    assert first_loss(ConvMFLossFunc(1.0, 0.0), torch.tensor([3.0, 3.0])) == pytest.approx(3 * base)
    assert first_loss(ConvMFLossFunc(1.0, 0.1), batch_size=1) == pytest.approx(first_loss(ConvMFLossFunc(1.0, 0.1)))


def test_an_epochs_steps_add_up_to_equation_nine() -> None:
    """With plain gradient descent at a tiny rate the epoch moves along the gradient of the whole loss."""
    moves = []
    for batch_size in (1, 2):
        model = article_model(dropout_ratio=0.0)
        before = model.fc_layer2.weight.detach().clone()
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
        loader = DataLoader(TensorDataset(IDS, FACTORS), batch_size=batch_size)
        train(model, optimizer, "cpu", loader, epochs=1, loss_function=ConvMFLossFunc(1.0, 5.0))
        moves.append(model.fc_layer2.weight.detach() - before)
    torch.testing.assert_close(moves[0], moves[1], rtol=0.01, atol=3e-6)


def test_stopping_before_a_batch() -> None:
    asked = iter([False, True])
    model, losses = article_model(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(TensorDataset(IDS, FACTORS))
    train(model, optimizer, "cpu", loader, should_stop=lambda: next(asked), on_epoch=losses.append)
    assert losses == [] and not model.training


def test_wrong_sizes_and_no_data_are_clear_errors() -> None:
    optimizer = torch.optim.SGD(article_model().parameters(), lr=0.1)
    with pytest.raises(ModelError, match="output_dimension"):
        train(article_model(3), optimizer, "cpu", DataLoader(TensorDataset(IDS, FACTORS)))
    with pytest.raises(ModelError, match="no text"):
        train(article_model(), optimizer, "cpu", DataLoader(TensorDataset(IDS[:0], FACTORS[:0])))


def test_shuffled_batches_cover_their_rows_once() -> None:
    ids = torch.arange(1, 51).reshape(10, 5) * (torch.arange(5) < torch.arange(10)[:, None])
    rows = torch.tensor([1, 3, 4, 6, 7])
    targets, weights = torch.arange(10.0)[:, None], torch.arange(10.0)
    generator = torch.Generator().manual_seed(0)
    batches = list(shuffled_batches(ids, targets, weights, rows, 2, generator))
    assert sorted(torch.cat([batch[2] for batch in batches]).tolist()) == rows.tolist()
    for tokens, target, weight in batches:
        assert torch.equal(target[:, 0], weight)
        assert tokens.shape[1] == min(5, int(weight.max())), "cut to the longest text of the batch"
        assert torch.equal(tokens, ids[weight.long(), : tokens.shape[1]])


def test_epoch_results_are_plain() -> None:
    assert EpochResult(1, 2.0, None) == EpochResult(epoch=1, train_loss=2.0, valid_loss=None)
