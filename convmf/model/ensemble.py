"""Several text networks that read each text, a linear reader beside them, and what they say together."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from convmf.errors import ModelError
from convmf.model.cnn import CnnNlpModel
from convmf.model.linear import LinearReader


class CnnEnsemble(nn.Module):
    """θ = tanh of the mean of what the readers say before their own tanh; to others it looks like one network.

    Each network is fitted on its own, so that the errors of each, which come from its random start and from what it
    learned by heart, are in part undone by the others'. Of unseen texts that tells more than one network of the
    same size in all.

    Parameters
    ----------
    networks
        At least one; alike in their vocabulary and their output.
    shares
        What each counts in the mean of the networks; None is the same for all.
    linear
        A linear reader beside the networks, or None.
    linear_share
        What it counts, beside all networks together; nothing without one.

    Raises
    ------
    ModelError
        There is none, or they aren't alike, or the shares aren't one positive number a network with the sum 1, or the
        linear reader's isn't a number between 0 and 1.
    """

    shares: Tensor

    def __init__(
        self,
        networks: Sequence[CnnNlpModel],
        shares: Sequence[float] | None = None,
        linear: LinearReader | None = None,
        linear_share: float = 0.0,
    ) -> None:
        super().__init__()
        if len({(network.vocab_size, network.output_dimension) for network in networks}) != 1:
            raise ModelError("An ensemble takes one network or more, of one vocabulary and one output dimension.")
        self.networks = nn.ModuleList(networks)
        shares = [1 / len(networks)] * len(networks) if shares is None else shares
        if len(shares) != len(networks) or not min(shares) > 0 or not math.isclose(sum(shares), 1, rel_tol=1e-6):
            raise ModelError(f"Shares are a positive number for each of {len(networks)} networks, with the sum 1.")
        if not 0 <= linear_share < 1 or (linear is None) != (linear_share == 0):
            raise ModelError(f"A linear reader counts by a share between 0 and 1, not {linear_share!r}; none by 0.")
        self.register_buffer("shares", torch.tensor(shares), persistent=False)  # (n_networks,)
        self.linear, self.linear_share = linear, linear_share

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
        return self.factors(self.pooled(token_ids), self.linear_output(token_ids))

    def pooled(self, token_ids: Tensor) -> Tensor:
        """The largest activation of each kernel over the text, (batch, Σ num_kernels)."""
        return torch.cat([network.pooled(token_ids) for network in self.members], dim=1)

    def linear_output(self, token_ids: Tensor) -> Tensor | None:
        """What the linear reader says of each text, (batch, output_dimension); None without one."""
        said: Tensor | None = None if self.linear is None else self.linear(token_ids)
        return said

    def factors(self, pooled: Tensor, linear_output: Tensor | None) -> Tensor:
        """θ, (batch, output_dimension), from :meth:`pooled` and :meth:`linear_output`."""
        parts = pooled.split([len(network.window_sizes) for network in self.members], dim=1)
        outputs = [network.output(part) for network, part in zip(self.members, parts, strict=True)]
        output = (self.shares.view(-1, 1, 1) * torch.stack(outputs)).sum(dim=0)
        return torch.tanh(output if linear_output is None else torch.lerp(output, linear_output, self.linear_share))

    def winning_windows(self, token_ids: Tensor) -> tuple[Tensor, Tensor]:
        """As :meth:`CnnNlpModel.winning_windows`, of all kernels."""
        pooled, starts = zip(*(network.winning_windows(token_ids) for network in self.members), strict=True)
        return torch.cat(pooled, dim=1), torch.cat(starts, dim=1)


TextNetwork = CnnNlpModel | CnnEnsemble
"""What reads texts: one network, or several as one, with or without a linear reader."""
