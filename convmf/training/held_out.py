"""What readers say of texts that they weren't fitted to: the honest measure of an unseen text's error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from convmf.device import over_cores
from convmf.model.als import Stopped
from convmf.model.cnn import CnnNlpModel
from convmf.model.linear import LinearReader
from convmf.training.calibration import artanh
from convmf.training.linear import BATCH, fit_linear_reader, linear_word_vectors
from convmf.training.reader import TextReader

# Networks that know two thirds of the items read the others better than those that know half; more parts gain little,
# and so do, beside a linear reader, several networks a part.
_PARTS = 3

# How much of the average of the epochs before stays at each: there are few, so it forgets sooner than a training's.
_AVERAGING = 0.5


class CrossReading(NamedTuple):
    """What cross-fitted readers say of the items that each of them hadn't been fitted to.

    Attributes
    ----------
    reading
        θ as networks read it, (n_items, D); zero for items that nobody rated.
    networks
        The networks, on the CPU, one a part of the items; each knows all other parts.
    linear_reading
        artanh θ as linear readers have it, (n_items, D); zero for items that nobody rated.
    """

    reading: Tensor
    networks: list[CnnNlpModel]
    linear_reading: Tensor


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
    """What networks and a linear reader say of each item in ``rows`` that were fitted without it (cross-fitting).

    Three fresh networks, of half the size in each dimension, are fitted to the final factors of two thirds of the items
    each and read the other third, until the loss of that third stops falling. Their word vectors start from what each
    word tells by itself of those two thirds, to a linear reader that reads the other third as well. So all items are
    read, in about the time of ten epochs of the training's own networks.

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

    def read_part(number: int) -> tuple[Tensor, Tensor, CnnNlpModel]:
        if should_stop():
            raise Stopped
        held = parts[number]
        shown = torch.cat([part for other, part in enumerate(parts) if other != number])
        linear = linear_reader(reader, item_factors, weights, shown)
        learner = _untaught(reader, linear, number)
        reading = item_factors.new_zeros(len(held), item_factors.shape[1])
        least, best = torch.inf, learner.weights()
        for epoch in range(1, most_epochs + 1):
            learner.fit(item_factors, weights, shown, epoch, lambda_v, should_stop)
            text_factors = learner.read(held)
            errors = (item_factors[held] - text_factors).square().sum(dim=1)
            loss = float((weights[held] * errors).sum())
            if loss >= least:
                break
            least, best, reading = loss, learner.weights(), text_factors
        said = artanh(reading)
        if linear is not None:
            said = torch.cat([linear(batch) for batch in reader.token_ids.take(held).batches(BATCH)]).to(reading)
        (network,) = learner.model(best).members
        return reading, said, network

    read = over_cores(read_part, range(len(parts)), reader.device)
    reading, linear_reading = torch.zeros_like(item_factors), torch.zeros_like(item_factors)
    reading[order] = torch.cat([text_factors for text_factors, _, _ in read])
    linear_reading[order] = torch.cat([said for _, said, _ in read])
    return CrossReading(reading, [network for _, _, network in read], linear_reading)


def linear_reader(reader: TextReader, item_factors: Tensor, weights: Tensor, rows: Tensor) -> LinearReader | None:
    """A linear reader fitted to the items in ``rows``, on the CPU; None where their texts tell it nothing."""
    vocab_size = len(reader.vocabulary)
    return fit_linear_reader(reader.token_ids.take(rows), item_factors[rows], weights[rows], vocab_size=vocab_size)


def _untaught(reader: TextReader, linear: LinearReader | None, number: int) -> TextReader:
    """A fresh network for one part, which knows what each word tells by itself to ``linear``."""
    config = reader.config
    smaller = replace(
        config,
        n_networks=1,
        embedding_dim=-(-config.embedding_dim // 2),
        freeze_embedding=False,
        n_kernels=-(-config.n_kernels // 2),
        hidden_dim=-(-config.hidden_dim // 2),
        averaging=_AVERAGING,
        # Each part has a random start of its own: what all would get wrong alike no mean would undo.
        seed=(config.seed + number) % 2**31,
    )
    vectors = None
    if linear is not None:
        width, others_std = smaller.embedding_dim, smaller.embedding_std
        vectors = linear_word_vectors(linear, width=width, others_std=others_std, seed=smaller.seed)
    return reader.untaught(smaller, vectors)
