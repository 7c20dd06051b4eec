"""Figures of a data set, against answers worked out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from convmf.data import statistics
from convmf.data.dataset import Dataset, Ratings
from convmf.data.statistics import DatasetStatistics, concentration, rating_levels, vocabulary_table
from convmf.data.text import Vocabulary
from tests.helpers import tiny_dataset

TEXTS = ("one two three", "", "one one", "one two three four five", "  ")


def small() -> Dataset:
    """Four users, five items; item 0 has 4 ratings, item 1 two, items 2 and 4 one, item 3 none."""
    users = np.array([0, 1, 2, 3, 0, 1, 0, 0], np.int32)
    items = np.array([0, 0, 0, 0, 1, 1, 2, 4], np.int32)
    ratings = Ratings(users, items, np.array([1, 2, 3, 4, 5, 5, 2, 2], np.float32))
    ids = tuple("abcde")
    return Dataset("small", tuple("wxyz"), ids, ids, TEXTS, ("",) * 5, ratings)


def test_the_figures_of_a_small_data_set():
    assert DatasetStatistics.of(small()) == DatasetStatistics(
        n_users=4,
        n_items=5,
        n_ratings=8,
        n_unrated_items=1,
        n_items_with_text=3,
        density=8 / 20,
        lowest=1.0,
        highest=5.0,
        mean=3.0,
        deviation=2.0**0.5,
        ratings_per_user=1.5,
        ratings_per_item=1.5,
        top_tenth=0.5,
        ratings_without_text=3 / 8,
        words_per_text=3.0,
    )


def test_without_texts_there_is_no_length():
    data = small()
    figures = DatasetStatistics.of(dataclasses.replace(data, texts=("",) * 5))
    assert (figures.words_per_text, figures.ratings_without_text, figures.n_items_with_text) == (None, 1.0, 0)


def test_the_share_of_the_most_rated_items():
    share, ratings = concentration(small(), 5)
    np.testing.assert_allclose(share, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(ratings, [0, 4 / 8, 6 / 8, 7 / 8, 1])


def test_items_by_their_texts():
    data = small()
    assert statistics.items_by_text_length(data).tolist() == [2, 0, 3]
    assert statistics.items_without_text(data).tolist() == [1, 4]


def test_of_many_texts_every_kth_is_counted(monkeypatch):
    monkeypatch.setattr(statistics, "MAX_TEXTS", 2)
    assert statistics.text_lengths(small()).tolist() == [3, 5]


def test_the_table_of_words_agrees_with_the_vocabulary_of_a_training():
    texts = [*tiny_dataset().texts, *["the war is everywhere"] * 30]
    table = vocabulary_table(texts, 9, 0.4)
    assert table.words.query("use == 'read'")["word"].tolist() == list(
        Vocabulary.build(texts, max_words=9, max_document_frequency=0.4).words
    )
    use = table.words.set_index("word")["use"]
    assert (use["the"], use["war"]) == ("stop word", "too common")
    assert (table.count("read"), table.count("stop word")) == (9, 2)
    assert table.count("beyond the limit") == len(table.words) - 9 - 2 - table.count("too common") > 0
    assert table.words.set_index("word").loc["everywhere", ["n_texts", "n_times"]].tolist() == [30, 30]


@pytest.mark.parametrize("texts", [(), ("", " ")])
def test_no_words_are_an_empty_table(texts):
    table = vocabulary_table(texts, 10, 0.5)
    assert (len(table.words), table.n_texts, table.count("read")) == (0, 0, 0)


def test_rating_levels_are_those_that_occur_unless_they_are_too_many():
    rating = np.array([0.7, 3.0, 0.7, 1.5], dtype=np.float32)
    assert rating_levels(rating) == (0.7, 1.5, 3.0)
    assert rating_levels(rating, most=2) == ()
