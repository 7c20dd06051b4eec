"""Several text networks that read each text, and what they say together."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from convmf.errors import ModelError
from convmf.model.cnn import CnnNlpModel


class CnnEnsemble(nn.Module):
    """θ = tanh of the mean of what the networks say before their own tanh; to others it looks like one network.

    Each network is fitted on its own, so that the errors of each, which come from its random start and from what it
    learned by heart, are in part undone by the others'. Of unseen texts that tells more than one network of the
    same size in all.

    Parameters
    ----------
    networks
        At least one; alike in their vocabulary and their output.
    shares
        What each counts in the mean; None is the same for all.

    Raises
    ------
    ModelError
        There is none, or they aren't alike, or the shares aren't one positive number a network with the sum 1.
    """

    shares: Tensor

    def __init__(self, networks: Sequence[CnnNlpModel], shares: Sequence[float] | None = None) -> None:
        super().__init__()
        if len({(network.vocab_size, network.output_dimension) for network in networks}) != 1:
            raise ModelError("An ensemble takes one network or more, of one vocabulary and one output dimension.")
        self.networks = nn.ModuleList(networks)
        shares = [1 / len(networks)] * len(networks) if shares is None else shares
        if len(shares) != len(networks) or not min(shares) > 0 or not math.isclose(sum(shares), 1, rel_tol=1e-6):
            raise ModelError(f"Shares are a positive number for each of {len(networks)} networks, with the sum 1.")
        self.register_buffer("shares", torch.tensor(shares), persistent=False)  # (n_networks,)

    @property
    def members(self) -> list[CnnNlpModel]:
        """The networks."""
        return [network for network in self.networks if isinstance(network, CnnNlpModel)]

    @property
    def vocab_size(self) -> int:
        return self.members[0].vocab_size

    @property
    def embedding_dim(self) -> int:
        """Length of the first network's word vectors."""
        return self.members[0].embedding_dim

    @property
    def output_dimension(self) -> int:
        return self.members[0].output_dimension

    @property
    def window_sizes(self) -> list[int]:
        """Words in the window of each pooled kernel, of the first network's kernels first."""
        return [size for network in self.members for size in network.window_sizes]

    @property
    def word_vectors(self) -> Tensor:
        """The networks' vectors of a word side by side, (vocab_size, Σ embedding_dim)."""
        return torch.cat([network.word_vectors for network in self.members], dim=1)

    def use_sparse_embedding_grad(self, sparse: bool) -> None:
        """As :meth:`CnnNlpModel.use_sparse_embedding_grad`, for each network."""
        for network in self.members:
            network.use_sparse_embedding_grad(sparse)

    def draw_dropout_from(self, generator: torch.Generator) -> None:
        """All dropout comes from this one source, network after network."""
        for network in self.members:
            network.draw_dropout_from(generator)

    def readings(self, token_ids: Tensor) -> list[Tensor]:
        """θ as each network alone has it, (batch, output_dimension) each: what each is fitted by."""
        return [network(token_ids) for network in self.members]

    def forward(self, token_ids: Tensor) -> Tensor:
        """θ of each text, (batch, output_dimension) in (−1, 1); see :meth:`CnnNlpModel.forward`."""
        return self.factors(self.pooled(token_ids))

    def pooled(self, token_ids: Tensor) -> Tensor:
        """The largest activation of each kernel over the text, (batch, Σ num_kernels)."""
        return torch.cat([network.pooled(token_ids) for network in self.members], dim=1)

    def factors(self, pooled: Tensor) -> Tensor:
        """θ, (batch, output_dimension), from :meth:`pooled`."""
        parts = pooled.split([len(network.window_sizes) for network in self.members], dim=1)
        outputs = [network.output(part) for network, part in zip(self.members, parts, strict=True)]
        return torch.tanh((self.shares.view(-1, 1, 1) * torch.stack(outputs)).sum(dim=0))

    def winning_windows(self, token_ids: Tensor) -> tuple[Tensor, Tensor]:
        """As :meth:`CnnNlpModel.winning_windows`, of all kernels."""
        pooled, starts = zip(*(network.winning_windows(token_ids) for network in self.members), strict=True)
        return torch.cat(pooled, dim=1), torch.cat(starts, dim=1)


TextNetwork = CnnNlpModel | CnnEnsemble
"""What reads texts: one network, or several as one."""
