"""The catalogue as a map: all items' factors seen from the side that shows most of their differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from convmf.errors import ModelError, quoted
from convmf.model.convmf import ConvMF


@dataclass(frozen=True, eq=False)
class Projection:
    """Places of the items on two axes, and how much of their differences these show.

    Attributes
    ----------
    points
        (n_items, 2) in the unit of the factors, around 0.
    explained
        Share of the variance of the factors along each axis, in 0…1, the larger first; the rest can't be seen.
    """

    points: NDArray[np.float64]
    explained: tuple[float, float]


def project(model: ConvMF, by: str = "text") -> Projection:
    """The two principal components of the items' factors (Pearson, 1901), by singular values of (F − F̄).

    The level (column 0 of a model with biases) is left aside, as in :meth:`ConvMF.similar_items`: it says how good
    an item is thought to be and not what it is like, and would push all other differences off the map. An axis has
    no sense of direction of its own; here the factor with the largest weight in it points to the positive side.

    Parameters
    ----------
    by
        'item' projects item factors, 'text' what the CNN reads in the texts.

    Raises
    ------
    ModelError
        ``by`` is neither, or the model was trained without texts and has only item factors.
    """
    if by not in ("item", "text"):
        raise ModelError(f"The map is drawn by 'item' or 'text', not {quoted(by)}.")
    if by == "text" and model.cnn is None:
        raise ModelError("This model was trained without texts; draw the map by 'item'.")
    table = model.item_factors if by == "item" else model.text_factors
    factors = table[:, int(model.config.biases) :].double()
    centred = factors - factors.mean(dim=0)  # (n_items, n_factors)
    _, values, axes = torch.linalg.svd(centred, full_matrices=False)  # axes: (n_axes, n_factors)
    largest = axes.gather(1, axes.abs().argmax(dim=1, keepdim=True))  # (n_axes, 1)
    axes = axes * torch.where(largest < 0, -1.0, 1.0)
    variance = values.square()
    shares = variance / variance.sum() if float(variance.sum()) > 0 else torch.zeros_like(variance)
    points = torch.zeros(len(factors), 2, dtype=torch.float64)
    points[:, : min(2, len(axes))] = centred @ axes[:2].T
    first, second = [*shares[:2].tolist(), 0.0, 0.0][:2]
    return Projection(points.numpy(), (first, second))
