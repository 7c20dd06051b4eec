from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from convmf.errors import ModelError
from convmf.model.cnn import CnnNlpModel, encode_texts


def small(**changes: object) -> CnnNlpModel:
    settings = {
        "output_dimension": 3,
        "vocab_size": 20,
        "embed_dimension": 4,
        "kernel_sizes": (2, 3),
        "num_kernels": (5, 6),
    }
    return CnnNlpModel(**{**settings, "generator": torch.Generator().manual_seed(0), **changes}).eval()  # type: ignore[arg-type]


def plain_forward(model: CnnNlpModel, row: list[int]) -> torch.Tensor:
    """One text without padding through torch's own layers."""
    longest = max(layer.kernel_size[0] for layer in model.conv1d_layers)
    ids = torch.tensor([row + [0] * max(0, longest - len(row))])
    embedded = model.embedding_layer.weight[ids].transpose(1, 2)
    pooled = []
    for layer in model.conv1d_layers:
        n_windows = max(len(row) - layer.kernel_size[0], 0) + 1
        pooled.append(functional.relu(layer(embedded))[:, :, :n_windows].amax(dim=2))
    hidden = torch.tanh(model.fc_layer1(torch.cat(pooled, dim=1)))
    return torch.tanh(model.fc_layer2(hidden))[0]


def test_the_articles_example() -> None:
    model = CnnNlpModel(output_dimension=10, vocab_size=100, embed_dimension=15)
    theta = model(torch.tensor([[0, 1, 2, 3, 4, 5], [2, 1, 3, 4, 5, 0]]))
    assert theta.shape == (2, 10)
    assert bool((theta.abs() < 1).all())
    assert model.fc_layer1.out_features == 600
    assert [layer.kernel_size[0] for layer in model.conv1d_layers] == [3, 4, 5]


@pytest.mark.parametrize("row", [[], [4], [4, 5], [7, 7, 3, 9, 1, 2, 19]])
def test_a_padded_batch_equals_each_text_alone(row: list[int]) -> None:
    model = small()
    batch = torch.tensor([row + [0] * (12 - len(row)), list(range(1, 13))])
    torch.testing.assert_close(model(batch)[0], plain_forward(model, row))


def test_padding_never_wins() -> None:
    model = small()
    with torch.no_grad():
        for layer in model.conv1d_layers:
            layer.weight.fill_(-1.0)
            layer.bias.fill_(2.0)
        model.embedding_layer.weight[1:] = 1.0
    # A real window gives relu(2 − words·4) = 0 here, a window of padding alone would give 2.
    assert not model.pooled(torch.tensor([[5, 6, 7, 0, 0, 0, 0]])).any()


def test_no_text_and_no_batch() -> None:
    model = small()
    assert model(torch.zeros(0, 7, dtype=torch.int64)).shape == (0, 3)
    assert model(torch.zeros(2, 0, dtype=torch.int64)).shape == (2, 3)
    assert encode_texts(model, torch.zeros(0, 0, dtype=torch.int64)).shape == (0, 3)


def test_every_weight_gets_its_gradient() -> None:
    model = small().double()
    model.embedding_layer.max_norm = None
    ids = torch.tensor([[3, 4, 5, 6, 3], [7, 0, 0, 0, 0], [8, 9, 8, 0, 0]])
    names = [name for name, _ in model.named_parameters()]
    weights = [parameter.detach().clone().requires_grad_() for parameter in model.parameters()]

    def forward(*values: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(model, dict(zip(names, values, strict=True)), (ids,))

    def masked(*values: torch.Tensor) -> torch.Tensor:
        # PAD's vector is zero by definition and gets no gradient, so it is held fixed.
        embedding = torch.cat([values[0][:1].detach(), values[0][1:]])
        return forward(embedding, *values[1:])

    assert torch.autograd.gradcheck(masked, tuple(weights), atol=1e-6)


def test_dropout_acts_in_training_only_and_obeys_its_generator() -> None:
    model, ids = small(dropout_ratio=0.5), torch.tensor([[3, 4, 5, 6]])
    assert torch.equal(model(ids), model(ids))
    model.train()
    draws = []
    for seed in (1, 1, 2):
        model.dropout.generator = torch.Generator().manual_seed(seed)
        draws.append(model(ids))
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])
    with torch.no_grad():
        ones = torch.ones(20_000, 1)
        kept = model.dropout(ones)
    assert float(kept.mean()) == pytest.approx(1.0, abs=0.05) and set(kept.unique().tolist()) == {0.0, 2.0}


def test_random_vectors_are_bounded_and_pad_is_zero() -> None:
    weight = CnnNlpModel(output_dimension=2, vocab_size=50, embed_dimension=300).embedding_layer.weight
    assert not weight[0].any()
    assert float(weight.detach().norm(dim=1).max()) <= 5.0 + 1e-4
    model = small()
    with torch.no_grad():
        model.embedding_layer.weight[4] = 100.0
    model.train()
    model(torch.tensor([[4, 5, 6]]))
    assert float(model.embedding_layer.weight[4].detach().norm()) == pytest.approx(5.0, rel=1e-4)


def test_pretrained_vectors() -> None:
    vectors = torch.randn(20, 7, generator=torch.Generator().manual_seed(0))
    model = CnnNlpModel(3, pretrained_embedding=vectors, kernel_sizes=(2,), num_kernels=(4,))
    assert torch.equal(model.embedding_layer.weight[1:], vectors[1:]) and not model.embedding_layer.weight[0].any()
    assert model.embedding_layer.weight.requires_grad
    frozen = CnnNlpModel(3, vectors, freeze_embedding=True, kernel_sizes=(2,), num_kernels=(4,))
    assert not frozen.embedding_layer.weight.requires_grad
    with pytest.raises(ModelError, match="30 words"):
        CnnNlpModel(3, pretrained_embedding=vectors, vocab_size=30)
    with pytest.raises(ModelError, match="shape"):
        CnnNlpModel(3, pretrained_embedding=torch.zeros(20))


@pytest.mark.parametrize(
    "changes",
    [
        {"vocab_size": None},
        {"kernel_sizes": (2,), "num_kernels": (2, 3)},
        {"kernel_sizes": (), "num_kernels": ()},
        {"kernel_sizes": (0, 2)},
        {"output_dimension": 0},
        {"dropout_ratio": 1.0},
        {"vocab_size": 0},
    ],
)
def test_sizes_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ModelError):
        small(**changes)


def test_ids_out_of_range_are_refused() -> None:
    model = small()
    for ids in (torch.tensor([[20]]), torch.tensor([[-1]]), torch.tensor([1, 2]), torch.tensor([[1.0]])):
        with pytest.raises(ModelError):
            model(ids)


def test_encode_texts_keeps_order_and_mode() -> None:
    model = small().train()
    ids = torch.tensor([[3, 4, 5, 6], [7, 0, 0, 0], [8, 9, 0, 0], [0, 0, 0, 0]])
    encoded = encode_texts(model, ids, batch_size=2)
    assert model.training
    torch.testing.assert_close(encoded, model.eval()(ids))
