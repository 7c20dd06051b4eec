"""Fitting the text network to item factors: the only CNN epoch loop there is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from convmf.errors import ModelError
from convmf.model.als import Stopped
from convmf.model.cnn import CnnNlpModel
from convmf.model.ensemble import TextNetwork
from convmf.model.loss import ConvMFLossFunc
from convmf.model.max_conv import text_lengths
from convmf.model.token_ids import TokenIds

log = logging.getLogger(__name__)

Batch = Sequence[Tensor]
"""(token_ids (batch, length), item_factors (batch, n_factors)[, item_weights (batch,)])."""

_DEFAULT_LOSS = ConvMFLossFunc(lambda_v=0.01, lambda_w=0.1)


@dataclass(frozen=True)
class EpochResult:
    """Loss after an epoch, both parts on the same footing: dropout off, the data term as a mean over
    the texts, plus the L2 penalty once. ``valid_loss`` is None where no validation data was given."""

    epoch: int
    train_loss: float
    valid_loss: float | None


def train(
    model: CnnNlpModel,
    optimizer: torch.optim.Optimizer,
    device: torch.device | str,
    train_dataloader: DataLoader[tuple[Tensor, ...]],
    val_dataloader: DataLoader[tuple[Tensor, ...]] | None = None,
    epochs: int = 10,
    *,
    loss_function: ConvMFLossFunc = _DEFAULT_LOSS,
    on_epoch: Callable[[EpochResult], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> CnnNlpModel:
    """Fit the CNN alone to item factors by equation (9); the model in evaluation mode comes back.

    Parameters
    ----------
    optimizer
        Any torch optimiser over ``model``'s parameters.
    train_dataloader, val_dataloader
        Batches of (token_ids (batch, length), item_factors (batch, n_factors)[, item_weights (batch,)]).
    loss_function
        Holds λ_V and λ_W; the default has λ_V = 0.01 and λ_W = 0.1.
    on_epoch
        Gets the losses after each epoch.
    should_stop
        Asked before each batch; True ends the training early, with the weights as they are.

    Raises
    ------
    ModelError
        The training data is empty, or its factors don't fit the model's output.
    """
    device = torch.device(device)
    model.to(device)
    n_texts = sum(len(batch[0]) for batch in train_dataloader)
    if n_texts == 0:
        raise ModelError("There is no text to train on; give at least one batch of token ids and factors.")
    for epoch in range(1, epochs + 1):
        try:
            run_epoch(model, optimizer, loss_function, train_dataloader, n_texts, device, should_stop)
        except Stopped:
            break
        result = EpochResult(
            epoch=epoch,
            train_loss=mean_loss(model, loss_function, train_dataloader, device),
            valid_loss=None if val_dataloader is None else mean_loss(model, loss_function, val_dataloader, device),
        )
        log.info("epoch %d: train loss %.6f, validation loss %s", epoch, result.train_loss, result.valid_loss)
        if on_epoch is not None:
            on_epoch(result)
    return model.eval()


def run_epoch(
    model: TextNetwork,
    optimizer: torch.optim.Optimizer,
    loss_function: ConvMFLossFunc,
    batches: Iterable[Batch],
    n_texts: int,
    device: torch.device,
    should_stop: Callable[[], bool] | None = None,
) -> None:
    """One pass of gradient steps over the texts.

    A batch's loss is its data term plus its share (batch / n_texts) of the L2 penalty, so that the
    steps of an epoch add up to the gradient of equation (9).
    """
    model.train()
    for token_ids, targets, *weights in batches:
        if should_stop is not None and should_stop():
            raise Stopped
        # Each network of an ensemble is held to the targets by itself.
        readings = model.readings(token_ids.to(device))
        _check_targets(readings[0], targets)
        item_weights = weights[0].to(device) if weights else None
        loss = torch.stack([loss_function.data_term(one, targets.to(device), item_weights) for one in readings]).sum()
        if loss_function.lambda_w:
            loss = loss + len(token_ids) / n_texts * loss_function.penalty(model.parameters())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def mean_loss(
    model: CnnNlpModel, loss_function: ConvMFLossFunc, batches: Iterable[Batch], device: torch.device
) -> float:
    """The data term of equation (9) as a mean over the texts, plus the L2 penalty; dropout off."""
    model.eval()
    data_term, n_texts = 0.0, 0
    for token_ids, targets, *weights in batches:
        item_weights = weights[0].to(device) if weights else None
        outputs = model(token_ids.to(device))
        _check_targets(outputs, targets)
        data_term += float(loss_function.data_term(outputs, targets.to(device), item_weights))
        n_texts += len(token_ids)
    if n_texts == 0:
        raise ModelError("There is no text to measure the loss on; give at least one batch.")
    return data_term / n_texts + float(loss_function.penalty(model.parameters()))


def shuffled_batches(
    token_ids: Tensor | TokenIds,
    targets: Tensor,
    item_weights: Tensor,
    rows: Tensor,
    batch_size: int,
    generator: torch.Generator,
) -> Iterable[Batch]:
    """The texts of ``rows`` in random order, each batch cut to its own longest text."""
    order = rows[torch.randperm(len(rows), generator=generator)]
    for batch in order.split(batch_size):
        on_device, texts = batch.to(targets.device), token_ids[batch]
        yield texts[:, : int(text_lengths(texts).max())], targets[on_device], item_weights[on_device]


def _check_targets(outputs: Tensor, targets: Tensor) -> None:
    if outputs.shape != targets.shape:
        raise ModelError(
            f"The CNN gives {tuple(outputs.shape)}, but the item factors are {tuple(targets.shape)}; "
            "output_dimension must equal the number of factors, and each text needs its factors."
        )
