"""What the CNN says of texts that it wasn't fitted to: the honest measure of an unseen text's error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from convmf.training.reader import TextReader

# A fresh network has no average to steady it and only a few epochs to go: larger steps take it to the error
# of the one that was trained, in about three epochs instead of eight.
_LARGER_STEPS = 3.0


def read_held_out(
    reader: TextReader,
    item_factors: Tensor,
    weights: Tensor,
    rows: Tensor,
    *,
    lambda_v: float,
    most_epochs: int,
    should_stop: Callable[[], bool],
) -> Tensor:
    """θ of each item in ``rows``, read by a network that was fitted without it (two-fold cross-fitting).

    Fresh networks are fitted to the final factors of one half of the items and read the other half,
    until the other half's loss stops falling. So all items are read, at about the cost of three epochs.

    Parameters
    ----------
    item_factors, weights
        Final factors v, (n_items, D), and w_j of each item, (n_items,).
    rows
        The rated items, at least two.
    most_epochs
        Calls of :meth:`TextReader.fit`, at most.

    Returns
    -------
    (n_items, D); zero outside ``rows``.
    """
    config = reader.config
    steps = min(1.0, _LARGER_STEPS * config.learning_rate)
    order = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(config.seed))]
    first, second = order.tensor_split(2)
    reading = torch.zeros_like(item_factors)
    for shown, held in ((first, second), (second, first)):
        learner = reader.untaught(replace(config, averaging=0.0, learning_rate=steps))
        least = torch.inf
        for epoch in range(1, most_epochs + 1):
            learner.fit(item_factors, weights, shown, epoch, lambda_v, should_stop)
            text_factors = learner.read(held)
            errors = (item_factors[held] - text_factors).square().sum(dim=1)
            loss = float((weights[held] * errors).sum())
            if loss >= least:
                break
            least = loss
            reading[held] = text_factors
    return reading
