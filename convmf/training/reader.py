"""The text side of a training: the CNN that is fitted to item factors, and the average of it that reads."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from convmf.config import ConvMFConfig
from convmf.data.text import Vocabulary
from convmf.model.cnn import encode_texts
from convmf.model.convmf import build_cnn
from convmf.model.ensemble import TextNetwork
from convmf.model.loss import ConvMFLossFunc
from convmf.model.token_ids import TokenIds
from convmf.training.checkpoint import (
    Shapes,
    optimizer_tensors,
    prefixed,
    restore_module,
    restore_optimizer,
    shapes_of,
    under,
)
from convmf.training.cnn import run_epoch, shuffled_batches
from convmf.training.lazy import LazyAdam, LazyRMSprop


class TextReader:
    """Vocabulary, token ids and CNN of one training.

    ``cnn`` takes the gradient steps. ``average`` is the running average of its weights over the
    iterations, and the one that gives θ: averaging evens out what each pass over noisy targets does
    to the weights (Polyak and Juditsky, 1992). With ``averaging`` 0 the two are the same network.
    """

    def __init__(
        self,
        texts: Sequence[str],
        vocabulary: Vocabulary,
        config: ConvMFConfig,
        device: torch.device,
        pretrained: Tensor | None = None,
    ) -> None:
        self.vocabulary, self.config, self.device = vocabulary, config, device
        self.token_ids = TokenIds.of(list(vocabulary.encode_each(texts, config.max_length)))
        self.pretrained = pretrained
        self._start_network()

    def _start_network(self) -> None:
        config = self.config
        generator = torch.Generator().manual_seed(config.seed)
        cnn = build_cnn(config, len(self.vocabulary), pretrained=self.pretrained, generator=generator)
        self.cnn = cnn.to(self.device)
        self.average = copy.deepcopy(self.cnn) if config.averaging else self.cnn
        self.optimizer = make_optimizer(self.cnn, config)

    def untaught(self, config: ConvMFConfig, pretrained: Tensor | None) -> TextReader:
        """A reader of the same texts with a network of its own that has learned nothing yet, but for its word vectors
        where ``pretrained``, (vocab_size, embedding_dim), are given."""
        fresh = copy.copy(self)
        fresh.config, fresh.pretrained = config, pretrained
        fresh._start_network()
        return fresh

    def fit(
        self,
        targets: Tensor,
        weights: Tensor,
        rows: Tensor,
        iteration: int,
        lambda_v: float,
        should_stop: Callable[[], bool],
    ) -> None:
        """Equation (9): some epochs of the CNN on the texts of ``rows``.

        Parameters
        ----------
        targets, weights
            What θ should become, (n_items, D), and w_j of each, (n_items,). The levels weigh as much as a factor here,
            whatever their own λ is: an unseen item's level is what the text is asked for first.
        iteration
            Number of the iteration, from 1. Each has random numbers of its own, so that a resumed
            training draws what it would have drawn.
        lambda_v
            λ_V of this iteration, what λ_W is weighed against.
        """
        config = self.config
        loss_function = ConvMFLossFunc(lambda_v, config.lambda_w)
        seed = config.seed * 100_003 + iteration
        self.cnn.draw_dropout_from(torch.Generator(self.device).manual_seed(seed))
        shuffle = torch.Generator().manual_seed(seed)
        for _ in range(config.cnn_epochs):
            batches = shuffled_batches(self.token_ids, targets, weights, rows, config.batch_size, shuffle)
            run_epoch(self.cnn, self.optimizer, loss_function, batches, len(rows), self.device, should_stop)
        self._take_into_average(iteration)

    @torch.no_grad()
    def _take_into_average(self, iteration: int) -> None:
        if self.average is self.cnn:
            return
        # A plain mean over the first iterations, so that the random start is forgotten at once.
        kept = min(self.config.averaging, 1 - 1 / iteration)
        for mean, weight in zip(self.average.parameters(), self.cnn.parameters(), strict=True):
            mean.lerp_(weight, 1 - kept)

    def read(self, rows: Tensor | None = None) -> Tensor:
        """θ of the items in ``rows``, (n_rows, D); of every item, (n_items, D), where it is None."""
        token_ids = self.token_ids if rows is None else self.token_ids.take(rows)
        return encode_texts(self.average, token_ids, self.device)

    def read_by(self, network: TextNetwork) -> Tensor:
        """θ of every item as another network of this vocabulary reads it, (n_items, D)."""
        return encode_texts(network.to(self.device), self.token_ids, self.device)

    def weights(self) -> dict[str, Tensor]:
        """A copy of the weights that read."""
        return {name: tensor.clone() for name, tensor in self.average.state_dict().items()}

    def model(self, weights: Mapping[str, Tensor]) -> TextNetwork:
        """A network of its own with the given weights, on the CPU, for inference."""
        cnn = build_cnn(self.config, len(self.vocabulary), embedding_dim=self.cnn.embedding_dim)
        cnn.load_state_dict(dict(weights))
        return cnn.eval().requires_grad_(False)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that the next epoch depends on, for a checkpoint."""
        return (
            prefixed("cnn", self.cnn.state_dict())
            # A copy: without averaging both are one network, and a file holds no tensor twice.
            | prefixed("average", self.weights())
            | prefixed("optimizer", optimizer_tensors(self.optimizer))
        )

    def optimizer_shapes(self) -> Shapes:
        """Shapes of the optimiser's state in :meth:`tensors` once every weight has taken a step."""
        shapes: Shapes = {}
        for place, weight in enumerate(self.optimizer.param_groups[0]["params"]):
            state = dict.fromkeys(self.optimizer.state_names, tuple(weight.shape))
            shapes |= {f"optimizer.{place}.{key}": shape for key, shape in {"step": (), **state}.items()}
        return shapes

    def weight_shapes(self) -> Shapes:
        """Shapes of the two networks in :meth:`tensors`."""
        weights = shapes_of(self.cnn.state_dict())
        return prefixed("cnn", weights) | prefixed("average", weights)

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to what :meth:`tensors` gave."""
        restore_module(self.cnn, under("cnn", tensors))
        restore_module(self.average, under("average", tensors))
        restore_optimizer(self.optimizer, under("optimizer", tensors))


def make_optimizer(cnn: TextNetwork, config: ConvMFConfig) -> LazyAdam | LazyRMSprop:
    """The optimiser of the CNN's weights; of the word vectors it moves those in the batch only."""
    # The L2 penalty has a gradient for every word, so there is nothing to be lazy about.
    cnn.use_sparse_embedding_grad(config.lambda_w == 0)
    kind: type[LazyAdam] | type[LazyRMSprop] = LazyRMSprop if config.optimizer == "rmsprop" else LazyAdam
    return kind([weight for weight in cnn.parameters() if weight.requires_grad], lr=config.learning_rate)
