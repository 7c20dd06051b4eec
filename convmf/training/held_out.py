"""What the CNN says of texts that it wasn't fitted to: the honest measure of an unseen text's error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from convmf.config import MOST_NETWORKS
from convmf.model.cnn import CnnNlpModel
from convmf.training.reader import TextReader

# A fresh network has a short average to steady it and only a few epochs to go: larger steps take it to the error
# of the one that was trained in a few epochs.
_LARGER_STEPS = 3.0

# Networks that know two thirds of the items read the others better than those that know half; more parts gain little.
# Half as many again of half the size in each dimension tell more together than as many of the whole size, in less time.
_PARTS = 3

# How much of the average of the epochs before stays at each: there are few, so it forgets sooner than a training's.
_AVERAGING = 0.5


class CrossReading(NamedTuple):
    """What cross-fitted networks read of the items that each of them hadn't been fitted to.

    Attributes
    ----------
    reading
        θ, (n_items, D); zero for items that nobody rated.
    networks
        The networks, on the CPU; each knows all parts of the items but one.
    """

    reading: Tensor
    networks: list[CnnNlpModel]


def read_held_out(
    reader: TextReader,
    item_factors: Tensor,
    weights: Tensor,
    rows: Tensor,
    *,
    lambda_v: float,
    most_epochs: int,
    should_stop: Callable[[], bool],
) -> CrossReading:
    """θ of each item in ``rows``, read by a network that was fitted without it (cross-fitting).

    Fresh networks, of half the size in each dimension, are fitted to the final factors of two thirds of the items and
    read the other third, until the loss of that third stops falling. So all items are read, in about the time of
    seventeen epochs of the training's own networks.

    Parameters
    ----------
    item_factors, weights
        Final factors v, (n_items, D), and w_j of each item, (n_items,).
    rows
        The rated items, at least two.
    most_epochs
        Calls of :meth:`TextReader.fit`, at most.
    """
    config = reader.config
    order = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(config.seed))]
    parts = order.tensor_split(min(_PARTS, len(rows)))
    reading, networks = torch.zeros_like(item_factors), []
    for number, held in enumerate(parts):
        shown = torch.cat([part for other, part in enumerate(parts) if other != number])
        learner = reader.untaught(
            replace(
                config,
                n_networks=min(-(-3 * config.n_networks // 2), MOST_NETWORKS),
                embedding_dim=-(-config.embedding_dim // 2),
                n_kernels=-(-config.n_kernels // 2),
                hidden_dim=-(-config.hidden_dim // 2),
                averaging=_AVERAGING,
                learning_rate=min(1.0, _LARGER_STEPS * config.learning_rate),
                # Each part has a random start of its own: what all would get wrong alike no mean would undo.
                seed=config.seed + number,
            )
        )
        least, best = torch.inf, learner.weights()
        for epoch in range(1, most_epochs + 1):
            learner.fit(item_factors, weights, shown, epoch, lambda_v, should_stop)
            text_factors = learner.read(held)
            errors = (item_factors[held] - text_factors).square().sum(dim=1)
            loss = float((weights[held] * errors).sum())
            if loss >= least:
                break
            least, best = loss, learner.weights()
            reading[held] = text_factors
        networks += learner.model(best).members
    return CrossReading(reading, networks)
