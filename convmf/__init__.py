"""ConvMF: ratings and descriptions in one model (Kim et al., RecSys 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convmf.config import ConvMFConfig
    from convmf.data.dataset import Dataset, load_dataset, sample_dataset
    from convmf.model.cnn import CnnNlpModel
    from convmf.model.convmf import ConvMF
    from convmf.model.loss import ConvMFLossFunc
    from convmf.training.cnn import train
    from convmf.training.factorization import MatrixFactorization
    from convmf.training.loop import fit

__all__ = [
    "CnnNlpModel",
    "ConvMF",
    "ConvMFConfig",
    "ConvMFLossFunc",
    "Dataset",
    "MatrixFactorization",
    "fit",
    "load_dataset",
    "sample_dataset",
    "train",
]

_HOME = {
    "CnnNlpModel": "convmf.model.cnn",
    "ConvMF": "convmf.model.convmf",
    "ConvMFConfig": "convmf.config",
    "ConvMFLossFunc": "convmf.model.loss",
    "Dataset": "convmf.data.dataset",
    "MatrixFactorization": "convmf.training.factorization",
    "fit": "convmf.training.loop",
    "load_dataset": "convmf.data.dataset",
    "sample_dataset": "convmf.data.dataset",
    "train": "convmf.training.cnn",
}


def __getattr__(name: str) -> Any:
    """Public names on demand: torch takes over a second to import, and not every use needs it."""
    if name not in _HOME:
        raise AttributeError(f"module 'convmf' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
