from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from convmf.data.text import Vocabulary
from convmf.model.cnn import encode_texts
from convmf.model.token_ids import TokenIds
from convmf.training import linear as linear_module
from convmf.training.linear import fit_linear_reader

TEXTS = [[5, 3, 5], [], [2], [4, 2, 3, 9]]
PADDED = torch.tensor([[5, 3, 5, 0], [0, 0, 0, 0], [2, 0, 0, 0], [4, 2, 3, 9]])


def test_texts_are_padded_to_the_longest_of_those_asked_for() -> None:
    token_ids = TokenIds.of(TEXTS)
    assert len(token_ids) == 4 and token_ids.width == 4 and token_ids.lengths.tolist() == [3, 0, 1, 4]
    assert token_ids[torch.tensor([3, 1, 0])].tolist() == PADDED[[3, 1, 0]].tolist()
    assert token_ids[torch.tensor([2, 0])].tolist() == PADDED[[2, 0], :3].tolist()
    assert token_ids[torch.tensor([1])].shape == (1, 0)
    some = token_ids.take(torch.tensor([2, 0, 1]))
    assert some[torch.tensor([1, 0])].tolist() == PADDED[[0, 2], :3].tolist()
    assert torch.cat(list(some.batches(2))).tolist() == PADDED[[2, 0, 1]].tolist(), "as wide as all"


def test_no_texts_and_empty_ones() -> None:
    for texts in ([], [[], []]):
        token_ids = TokenIds.of(texts)
        assert len(token_ids) == len(texts) and token_ids.width == 0
        assert torch.cat(list(token_ids.batches(5))).shape == (len(texts), 0)
        assert token_ids[torch.arange(len(texts))].shape == (len(texts), 0)


class Widest(nn.Module):
    """Says the sum of a text's ids, and remembers how many places it has been given at most."""

    output_dimension, places = 1, 0

    def forward(self, token_ids: Tensor) -> Tensor:
        self.places = max(self.places, token_ids.numel())
        return token_ids.sum(dim=1, keepdim=True).float()


def test_one_long_text_takes_no_room_in_all_others() -> None:
    long, n_texts = 3000, 400
    texts = ["war love " * 2] * n_texts
    texts[7] = "war love " * (long // 2)
    vocabulary = Vocabulary(("war", "love"))
    token_ids = TokenIds.of(list(vocabulary.encode_each(texts, long)))
    assert token_ids.ids.size == long + 4 * (n_texts - 1)
    network = Widest()
    read = encode_texts(network, token_ids, batch_size=8)
    assert torch.equal(read, encode_texts(Widest(), torch.from_numpy(vocabulary.encode(texts, long))))
    assert network.places <= 8 * long


def test_a_linear_reader_takes_its_texts_a_batch_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    random = torch.Generator().manual_seed(0)
    texts = [torch.randint(2, 9, (int(length),), generator=random).tolist() for length in torch.arange(60) % 7]
    factors = torch.rand(60, 2, generator=random)

    def coefficients() -> Tensor:
        linear = fit_linear_reader(TokenIds.of(texts), factors, torch.ones(60), vocab_size=9)
        assert linear is not None
        return linear.coefficients

    whole = coefficients()
    sizes, weigh = [], linear_module.text_weights
    monkeypatch.setattr(linear_module, "BATCH", 8)
    monkeypatch.setattr(linear_module, "text_weights", lambda ids, idf: sizes.append(len(ids)) or weigh(ids, idf))
    assert torch.equal(coefficients(), whole) and max(sizes) == 8
