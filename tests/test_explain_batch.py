from __future__ import annotations

import numpy as np
import pytest

from convmf.errors import ModelError
from convmf.explain import rate_texts, read_text
from convmf.model.convmf import ConvMF
from convmf.training.loop import fit
from tests.helpers import TINY, tiny_dataset

TEXTS = ["war soldiers at night", "", "zebra quokka", "love wedding river, a zebra"] + ["music road"] * 80


@pytest.fixture(scope="module")
def model() -> ConvMF:
    return fit(tiny_dataset(120, 40), TINY)


def test_each_row_is_what_the_text_alone_would_be_told(model: ConvMF) -> None:
    done: list[int] = []
    table = rate_texts(model, TEXTS, done.append)
    assert len(table) == len(TEXTS) and done[-1] == len(TEXTS) and done == sorted(done)
    for row in (0, 1, 2, 3, 83):
        reading, got = read_text(model, TEXTS[row]), table.iloc[row]
        assert reading.low is not None
        expected = [reading.mean, reading.low, reading.high, reading.p10, reading.p90]
        np.testing.assert_allclose(got[["expected", "low", "high", "p10", "p90"]].astype(float), expected, atol=1e-4)
        nearest = reading.nearest_items[0]
        assert (got.nearest_item, got.nearest_title) == (nearest.item_id, nearest.title)
        assert got.similarity == pytest.approx(nearest.score, abs=1e-4)
        assert (got.n_known, got.n_unknown) == (len(reading.known_words), len(reading.unknown_words))
        assert got.best_user in model.user_ids


def test_no_texts_and_a_model_without_intervals() -> None:
    model = fit(tiny_dataset(), TINY, with_intervals=False)
    assert rate_texts(model, []).empty
    assert rate_texts(model, ["war"])[["low", "high"]].isna().all(axis=None)


def test_a_model_without_texts_rates_none() -> None:
    from dataclasses import replace

    with pytest.raises(ModelError, match="trained without texts"):
        rate_texts(fit(tiny_dataset(), replace(TINY, text="none")), ["war"])
