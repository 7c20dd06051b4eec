"""Putting right what the CNN says of texts that it wasn't fitted to: its mean, and how far it goes from it.

For a model with levels, whose factors have means near 0; in the paper's model they may lie where tanh is flat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

_STEEPEST = 1.5
# The correction counts by half where as many items as these were measured.
_PRIOR_ITEMS = 20.0
# A network that says the same of every text differs from its mean by rounding alone.
_LEAST_SPREAD = 1e-10
# artanh of anything closer to 1 is no number to reckon with.
_MOST = 0.99


@dataclass(frozen=True)
class Calibration:
    """θ' = tanh(s · (artanh θ − artanh m) + artanh m'), with the mean m of what was read and m' of what is so.

    The CNN is fitted to items that weigh √n_j each, and knows their texts by heart. What it says of other texts is
    asked for once a rating, so mostly of much rated items, which people also like better; and a network that
    learned by heart goes too far. Both are seen in what networks say of items that they weren't fitted to.

    Attributes
    ----------
    mean, true_mean
        artanh m and artanh m', (D,).
    slope
        s, (D,): in θ one slope for the levels and one for all other factors.
    """

    mean: Tensor
    true_mean: Tensor
    slope: Tensor

    @classmethod
    def measure(cls, reading: Tensor, item_factors: Tensor, counts: Tensor) -> Calibration:
        """Least squares of the item factors on ``reading``, each item counted once a rating.

        Parameters
        ----------
        reading, item_factors
            θ as read by a network that hadn't been fitted to the item, and v; (n_items, D).
        counts
            Training ratings of each item, (n_items,); those without any tell nothing.
        """
        share = (counts / counts.sum()).to(reading.dtype).unsqueeze(1)  # (n_items, 1)
        mean, true_mean = (share * reading).sum(dim=0), (share * item_factors).sum(dim=0)  # (D,)
        off = reading - mean
        covariance = (share * off * (item_factors - true_mean)).sum(dim=0)  # (D,)
        variance = (share * off.square()).sum(dim=0)
        slope = torch.ones_like(mean)
        for columns in (slice(0, 1), slice(1, None)):
            spread = variance[columns].sum()
            if spread > _LEAST_SPREAD:
                slope[columns] = (covariance[columns].sum() / spread).clamp(0.0, _STEEPEST)
        # A few much rated items weigh nearly all there is: as many equal ones would tell as much (Kish, 1965).
        n_effective = 1 / share.square().sum()
        trust = n_effective / (n_effective + _PRIOR_ITEMS)
        true_mean = torch.lerp(mean, true_mean, trust)
        slope = torch.lerp(torch.ones_like(slope), slope, trust)
        # Least squares is in θ, and artanh is steeper the further from 0.
        steepness = (1 - mean.clamp(-_MOST, _MOST).square()) / (1 - true_mean.clamp(-_MOST, _MOST).square())
        return cls(mean=_artanh(mean), true_mean=_artanh(true_mean), slope=slope * steepness)

    def apply(self, text_factors: Tensor) -> Tensor:
        """θ' of θ, (n, D)."""
        return torch.tanh(self.slope * (_artanh(text_factors) - self.mean) + self.true_mean)

    def into(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weights of the CNN that reads θ' where the one with ``weights`` reads θ: only last layers differ."""
        new = dict(weights)
        for name, weight in weights.items():
            if name.endswith("fc_layer2.weight"):
                new[name] = self.slope.unsqueeze(1) * weight
            elif name.endswith("fc_layer2.bias"):
                new[name] = self.slope * (weight - self.mean) + self.true_mean
        return new


def _artanh(values: Tensor) -> Tensor:
    return torch.atanh(values.clamp(-_MOST, _MOST))
