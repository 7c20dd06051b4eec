"""Machine code for the CNN's training, before its first step needs it."""

from __future__ import annotations

from functools import cache

import torch

from convmf.model.cnn import CnnNlpModel
from convmf.model.loss import ConvMFLossFunc
from convmf.training.cnn import run_epoch
from convmf.training.lazy import LazyAdam


@cache
def warm_up() -> None:
    """Compile the loops of a training step on the CPU, by such a step on one word.

    It takes some 10 seconds once in an installation, and 0.3 s in other processes, which find the code on disk.
    An iteration that had this time in it would say nothing of the next ones'.
    """
    generator = torch.Generator().manual_seed(0)
    cnn = CnnNlpModel(
        output_dimension=1,
        vocab_size=2,
        embed_dimension=1,
        kernel_sizes=(1,),
        num_kernels=(1,),
        hidden_dimension=1,
        generator=generator,
    )
    cnn.draw_dropout_from(generator)
    cnn.use_sparse_embedding_grad(True)
    batch = torch.ones(1, 1, dtype=torch.int64), torch.zeros(1, 1)
    loss_function = ConvMFLossFunc(lambda_v=1.0, lambda_w=0.0)
    run_epoch(cnn, LazyAdam(cnn.parameters()), loss_function, [batch], 1, torch.device("cpu"))
