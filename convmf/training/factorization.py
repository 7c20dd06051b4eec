"""Probabilistic matrix factorization: ConvMF without text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from convmf.config import ConvMFConfig
from convmf.data.dataset import Dataset
from convmf.data.splits import Split
from convmf.errors import ModelError
from convmf.model.convmf import ConvMF
from convmf.training.loop import IterationResult, fit


class MatrixFactorization:
    """PMF by alternating the closed forms (7) and (8), with θ = 0.

    Parameters
    ----------
    n_factors, lambda_u, lambda_v
        K, λ_U and λ_V.
    n_iterations, patience
        At most so many iterations; stop after ``patience`` without a better validation RMSE.
    biases
        Also model users' and items' own levels, on standardised ratings.
    seed
        Start of the random factors.
    """

    def __init__(
        self,
        n_factors: int = 50,
        lambda_u: float = 10.0,
        lambda_v: float = 10.0,
        n_iterations: int = 50,
        patience: int = 5,
        biases: bool = False,
        seed: int = 0,
    ) -> None:
        self.config = ConvMFConfig(
            n_factors=n_factors,
            lambda_u=lambda_u,
            lambda_v=lambda_v,
            n_iterations=n_iterations,
            patience=patience,
            biases=biases,
            user_weights="uniform",
            item_weights="uniform",
            lambda_growth=1.0,
            text="none",
            seed=seed,
        )
        self._model: ConvMF | None = None

    def fit(
        self,
        dataset_or_split: Dataset | Split,
        *,
        on_iteration: Callable[[IterationResult], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> MatrixFactorization:
        """Learn the factors; see :func:`convmf.training.loop.fit`."""
        self._model = fit(dataset_or_split, self.config, on_iteration=on_iteration, should_stop=should_stop)
        return self

    @property
    def model(self) -> ConvMF:
        """The trained model; a ModelError before :meth:`fit`."""
        if self._model is None:
            raise ModelError("This matrix factorization isn't trained yet; call fit first.")
        return self._model

    @property
    def user_factors(self) -> Tensor:
        """(n_users, n_factors), one more column with biases."""
        return self.model.user_factors

    @property
    def item_factors(self) -> Tensor:
        """(n_items, n_factors), one more column with biases."""
        return self.model.item_factors

    def predict(self, user_ids: Sequence[str], item_ids: Sequence[str]) -> NDArray[np.float32]:
        """Ratings of the pairs (user_ids[k], item_ids[k]), clipped to the scale."""
        return self.model.predict(user_ids, item_ids)
