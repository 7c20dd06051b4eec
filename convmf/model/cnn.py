"""The text network: from token ids to the prior mean of an item's factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from convmf.data.text import PAD
from convmf.errors import ModelError
from convmf.model.max_conv import max_conv, text_lengths, winning_windows
from convmf.model.token_ids import TokenIds

MAX_NORM = 5.0


class CnnNlpModel(nn.Module):
    """θ = cnn(W, X): embedding → convolutions over the words → max over time → two dense layers.

    Parameters
    ----------
    output_dimension
        Length of θ, the number of dimensions of the item factors.
    pretrained_embedding
        Word vectors, (vocab_size, embed_dimension), row 0 for PAD; None starts from random ones.
    freeze_embedding
        Keep the pretrained vectors as they are.
    vocab_size, embed_dimension
        Rows and columns of a random embedding; with a pretrained one its own shape counts.
    kernel_sizes, num_kernels
        Window sizes in words, and the number of kernels of each.
    dropout_ratio
        Share of the hidden layer that is switched off in training mode.
    hidden_dimension
        Width of the hidden dense layer; None is twice the number of kernels.
    generator
        Source of the random start (on the CPU); None is torch's global one.

    Raises
    ------
    ModelError
        Sizes that don't fit each other; the message says which.
    """

    def __init__(
        self,
        output_dimension: int,
        pretrained_embedding: Tensor | None = None,
        freeze_embedding: bool = False,
        vocab_size: int | None = None,
        embed_dimension: int = 300,
        kernel_sizes: Sequence[int] = (3, 4, 5),
        num_kernels: Sequence[int] = (100, 100, 100),
        dropout_ratio: float = 0.5,
        hidden_dimension: int | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        _check_sizes(output_dimension, kernel_sizes, num_kernels, dropout_ratio, hidden_dimension)
        self.embedding_layer = _embedding(
            pretrained_embedding, freeze_embedding, vocab_size, embed_dimension, generator
        )
        width = self.embedding_layer.embedding_dim
        self.conv1d_layers = nn.ModuleList(
            nn.Conv1d(width, number, size) for size, number in zip(kernel_sizes, num_kernels, strict=True)
        )
        n_features = sum(num_kernels)
        hidden = 2 * n_features if hidden_dimension is None else hidden_dimension
        self.fc_layer1 = nn.Linear(n_features, hidden)
        self.fc_layer2 = nn.Linear(hidden, output_dimension)
        self.dropout = SeededDropout(dropout_ratio)
        self.sparse_embedding_grad = False
        if generator is not None:
            self._draw(generator)

    @property
    def vocab_size(self) -> int:
        return self.embedding_layer.num_embeddings

    @property
    def embedding_dim(self) -> int:
        """Length of a word vector."""
        return self.embedding_layer.embedding_dim

    @property
    def output_dimension(self) -> int:
        return self.fc_layer2.out_features

    @property
    def word_vectors(self) -> Tensor:
        """(vocab_size, embedding_dim)."""
        return self.embedding_layer.weight

    @property
    def members(self) -> list[CnnNlpModel]:
        """This network, in a list of one: an ensemble has several."""
        return [self]

    @property
    def shares(self) -> Tensor:
        """What each of ``members`` counts, (1,)."""
        return torch.ones(1)

    @property
    def linear_share(self) -> float:
        """0: an ensemble may have a linear reader beside its networks."""
        return 0.0

    def use_sparse_embedding_grad(self, sparse: bool) -> None:
        """Whether the word vectors' gradient is a sparse tensor of the words in the batch."""
        self.sparse_embedding_grad = sparse

    def draw_dropout_from(self, generator: torch.Generator) -> None:
        """Take the random choices of dropout from this source."""
        self.dropout.generator = generator

    def readings(self, token_ids: Tensor) -> list[Tensor]:
        """θ of each text, in a list of one: an ensemble has one for each of its networks."""
        return [self(token_ids)]

    def forward(self, token_ids: Tensor) -> Tensor:
        """θ of each text.

        Parameters
        ----------
        token_ids
            (batch, length), whole numbers below vocab_size; PAD = 0 behind a text. Any length,
            also 0, and any batch size, also 0.

        Returns
        -------
        (batch, output_dimension), in (−1, 1).

        Raises
        ------
        ModelError
            ``token_ids`` has another shape, or an id that the embedding doesn't have.
        """
        return self.factors(self.pooled(token_ids), None)

    def pooled(self, token_ids: Tensor) -> Tensor:
        """The largest activation of each kernel over the text, (batch, Σ num_kernels); raises as :meth:`forward`."""
        if token_ids.dim() != 2 or token_ids.is_floating_point():
            raise ModelError(
                f"Token ids are whole numbers of shape (batch, length), not {token_ids.dtype} {tuple(token_ids.shape)}."
            )
        if token_ids.numel() and not 0 <= int(token_ids.min()) <= int(token_ids.max()) < self.vocab_size:
            raise ModelError(f"Token ids lie from 0 to {self.vocab_size - 1}, the size of the vocabulary.")
        self._limit_norms(token_ids)
        weights, biases = self._kernels()
        return max_conv(
            token_ids,
            self.embedding_layer.weight,
            weights,
            biases,
            sparse_grad=self.sparse_embedding_grad,
        )

    def linear_output(self, token_ids: Tensor) -> None:
        """None: a network alone has no linear reader beside it."""

    def factors(self, pooled: Tensor, linear_output: Tensor | None) -> Tensor:
        """The dense layers: θ, (batch, output_dimension), from :meth:`pooled`; there is no ``linear_output`` here."""
        return torch.tanh(self.output(pooled))

    def output(self, pooled: Tensor) -> Tensor:
        """artanh θ, (batch, output_dimension), from :meth:`pooled`."""
        hidden = self.dropout(torch.tanh(self.fc_layer1(pooled)))  # (batch, hidden)
        output: Tensor = self.fc_layer2(hidden)
        return output

    def winning_windows(self, token_ids: Tensor) -> tuple[Tensor, Tensor]:
        """:meth:`pooled`, and the position of the first word that each kernel's value comes from; on the CPU."""
        return winning_windows(token_ids, self.embedding_layer.weight, *self._kernels())

    @property
    def window_sizes(self) -> list[int]:
        """Words in the window of each pooled kernel, Σ num_kernels of them."""
        return [weight.shape[2] for weight in self._kernels()[0] for _ in range(weight.shape[0])]

    def _kernels(self) -> tuple[list[Tensor], list[Tensor]]:
        """Weights (n_kernels, embed_dimension, window) and biases (n_kernels,) of each window size."""
        layers = [layer for layer in self.conv1d_layers if isinstance(layer, nn.Conv1d)]
        return [layer.weight for layer in layers], [layer.bias for layer in layers if layer.bias is not None]

    def _limit_norms(self, token_ids: Tensor) -> None:
        """Shorten the vectors of these words to ``max_norm`` where they have grown longer."""
        limit = self.embedding_layer.max_norm
        if limit is None or not self.training or not token_ids.numel():
            return
        with torch.no_grad():
            # As torch.embedding_renorm_ does, but every distinct word once, in one pass.
            weight = self.embedding_layer.weight
            words = torch.bincount(token_ids.reshape(-1), minlength=self.vocab_size).nonzero().squeeze(1)
            vectors = weight.index_select(0, words)  # (n_distinct, embed_dimension)
            norms = vectors.norm(dim=1)
            long = norms > limit
            if bool(long.any()):
                shortened = vectors[long] * (limit / norms[long]).unsqueeze(1)
                weight.index_copy_(0, words[long], shortened)

    @torch.no_grad()
    def _draw(self, generator: torch.Generator) -> None:
        """The layers' usual random start, drawn from ``generator``."""
        for layer in (*self.conv1d_layers, self.fc_layer1, self.fc_layer2):
            if isinstance(layer, nn.Conv1d | nn.Linear) and layer.bias is not None:
                bound = layer.weight[0].numel() ** -0.5
                for parameter in (layer.weight, layer.bias):
                    parameter.uniform_(-bound, bound, generator=generator)


class _Reader(Protocol):
    """What :func:`encode_texts` needs of a network."""

    training: bool

    @property
    def output_dimension(self) -> int: ...
    def eval(self) -> Any: ...
    def train(self, mode: bool = True) -> Any: ...
    def __call__(self, token_ids: Tensor) -> Tensor: ...


@torch.no_grad()
def encode_texts(
    model: _Reader, token_ids: Tensor | TokenIds, device: torch.device | str = "cpu", batch_size: int = 512
) -> Tensor:
    """θ of many texts in evaluation mode, (n_texts, output_dimension), on ``device``.

    Training, unseen texts and explanations all come through here. Texts are taken in order of
    length, so that little padding is computed, and come back in their own order.
    """
    was_training = model.training
    model.eval()
    lengths = token_ids.lengths if isinstance(token_ids, TokenIds) else text_lengths(token_ids)
    order = torch.argsort(lengths, stable=True)
    factors = torch.empty(len(token_ids), model.output_dimension, device=device)
    for rows in order.split(batch_size) if len(order) else ():
        longest = int(lengths[rows].max())
        factors[rows.to(device)] = model(token_ids[rows][:, :longest].to(device)).to(factors.dtype)
    model.train(was_training)
    return factors


class SeededDropout(nn.Module):
    """Dropout whose random choices come from an explicit generator (None: torch's global one)."""

    def __init__(self, ratio: float) -> None:
        super().__init__()
        self.ratio = ratio
        self.generator: torch.Generator | None = None

    def forward(self, hidden: Tensor) -> Tensor:
        if not self.training or self.ratio == 0:
            return hidden
        kept = torch.empty_like(hidden).bernoulli_(1 - self.ratio, generator=self.generator)
        return hidden * kept / (1 - self.ratio)


def _embedding(
    pretrained: Tensor | None,
    freeze: bool,
    vocab_size: int | None,
    embed_dimension: int,
    generator: torch.Generator | None,
) -> nn.Embedding:
    if pretrained is not None:
        if pretrained.dim() != 2 or min(pretrained.shape) < 1:
            raise ModelError(
                f"Pretrained word vectors have the shape (vocab_size, embed_dimension), not {tuple(pretrained.shape)}."
            )
        if vocab_size is not None and vocab_size != pretrained.shape[0]:
            raise ModelError(
                f"The vocabulary has {vocab_size} words, but there are {pretrained.shape[0]} pretrained vectors; "
                "give one vector a word."
            )
        weight = pretrained.detach().float().clone()
        weight[PAD] = 0.0
        layer: nn.Embedding = nn.Embedding.from_pretrained(weight, freeze=freeze, padding_idx=PAD)
        return layer
    if vocab_size is None:
        raise ModelError("Give either vocab_size or pretrained_embedding; without one the embedding has no size.")
    if vocab_size < 1 or embed_dimension < 1:
        raise ModelError(
            f"vocab_size and embed_dimension are whole numbers from 1, not {vocab_size} and {embed_dimension}."
        )
    layer = nn.Embedding(vocab_size, embed_dimension, padding_idx=PAD, max_norm=MAX_NORM)
    if generator is not None:
        with torch.no_grad():
            layer.weight.normal_(generator=generator)
            layer.weight[PAD] = 0.0
    with torch.no_grad():
        torch.embedding_renorm_(layer.weight, torch.arange(vocab_size), MAX_NORM, 2.0)
    return layer


def _check_sizes(
    output_dimension: int,
    kernel_sizes: Sequence[int],
    num_kernels: Sequence[int],
    dropout_ratio: float,
    hidden_dimension: int | None,
) -> None:
    if len(kernel_sizes) != len(num_kernels) or not kernel_sizes:
        raise ModelError(
            f"Each kernel size needs its number of kernels: got kernel_sizes={tuple(kernel_sizes)} "
            f"and num_kernels={tuple(num_kernels)}."
        )
    hidden = 1 if hidden_dimension is None else hidden_dimension
    if min(output_dimension, hidden, *kernel_sizes, *num_kernels) < 1:
        raise ModelError("output_dimension, hidden_dimension, kernel_sizes and num_kernels are whole numbers from 1.")
    if not 0 <= dropout_ratio < 1:
        raise ModelError(f"dropout_ratio is a share from 0 to less than 1, not {dropout_ratio!r}.")
