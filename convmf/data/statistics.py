"""What a data set is like, in figures: how ratings and texts are spread, and which words a model would read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from convmf.data.dataset import Dataset
from convmf.data.text import STOP_WORDS, WordCounts, written_words

MAX_TEXTS = 5_000
"""Texts whose words are counted for a figure; of more, every k-th."""
MAX_VOCABULARY_TEXTS = 20_000
"""The same for the list of words, which takes about a second for each 10,000 texts of 100 words."""


@dataclass(frozen=True)
class DatasetStatistics:
    """Figures of a data set, to lay beside those of another one.

    Ratings are in the user's points. ``density`` is the share of user-item pairs that were rated;
    ``top_tenth`` the share of all ratings that the most rated tenth of the rated items has;
    ``ratings_without_text`` the share of ratings given to items that have no text. Medians are over users with
    a rating, items with a rating, and items with a text (None without any).
    """

    n_users: int
    n_items: int
    n_ratings: int
    n_unrated_items: int
    n_items_with_text: int
    density: float
    lowest: float
    highest: float
    mean: float
    deviation: float
    ratings_per_user: float
    ratings_per_item: float
    top_tenth: float
    ratings_without_text: float
    words_per_text: float | None

    @classmethod
    def of(cls, dataset: Dataset) -> DatasetStatistics:
        """The figures of ``dataset``."""
        rating = dataset.ratings.rating
        by_item, by_user = dataset.item_counts(), dataset.user_counts()
        rated = np.sort(by_item[by_item > 0])[::-1]
        silent = np.array([not text.strip() for text in dataset.texts])
        lengths = text_lengths(dataset)
        low, high = dataset.rating_range
        return cls(
            n_users=dataset.n_users,
            n_items=dataset.n_items,
            n_ratings=dataset.n_ratings,
            n_unrated_items=dataset.n_items - len(rated),
            n_items_with_text=dataset.n_items_with_text,
            density=dataset.density,
            lowest=low,
            highest=high,
            mean=float(rating.mean(dtype=np.float64)),
            deviation=float(rating.std(dtype=np.float64)),
            ratings_per_user=float(np.median(by_user[by_user > 0])),
            ratings_per_item=float(np.median(rated)),
            top_tenth=float(rated[: max(1, round(len(rated) / 10))].sum() / rated.sum()),
            ratings_without_text=float(by_item[silent].sum() / dataset.n_ratings),
            words_per_text=float(np.median(lengths)) if len(lengths) else None,
        )


def rating_levels(rating: NDArray[np.float32], most: int = 11) -> tuple[float, ...]:
    """The ratings that people can choose from, ascending: those that occur; () where there are more than ``most``."""
    levels = np.unique(rating)
    # Written as people wrote them: 3.7, and not the float32 next to it.
    return tuple(float(str(level)) for level in levels) if len(levels) <= most else ()


def text_lengths(dataset: Dataset) -> NDArray[np.int64]:
    """Words of each description that isn't empty; of more than ``MAX_TEXTS`` only every k-th is counted."""
    texts = _some([text for text in dataset.texts if text.strip()], MAX_TEXTS)
    return np.array([len(written_words(text)) for text in texts], dtype=np.int64)


def concentration(dataset: Dataset, n_points: int = 101) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares (0 to 1) of the rated items, the most rated first, and the share of all ratings that they have."""
    counts = dataset.item_counts()
    rated = np.sort(counts[counts > 0])[::-1]
    summed = np.concatenate([[0.0], np.cumsum(rated) / rated.sum()])
    share = np.linspace(0.0, 1.0, n_points)
    return share, np.interp(share * len(rated), np.arange(len(rated) + 1), summed)


def items_by_text_length(dataset: Dataset) -> NDArray[np.int64]:
    """Rows of the items with a text, from the shortest text (in characters) to the longest."""
    lengths = np.array([len(text.strip()) for text in dataset.texts])
    order = np.argsort(lengths, kind="stable")
    return order[lengths[order] > 0]


def items_without_text(dataset: Dataset) -> NDArray[np.int64]:
    """Rows of the items without a text, the most rated first: there a description would help most."""
    silent = np.array([row for row, text in enumerate(dataset.texts) if not text.strip()], dtype=np.int64)
    counts = dataset.item_counts()[silent]
    return silent[np.argsort(-counts, kind="stable")]


@dataclass(frozen=True)
class VocabularyTable:
    """The words of a data set's descriptions, and what becomes of them with certain settings.

    ``words`` has a row a word: ``word``, ``n_texts`` (descriptions it stands in), ``n_times``, ``score`` (its
    sum of tf-idf) and ``use`` ("read", "too common", "stop word" or "beyond the limit"), the highest score first.
    ``n_counted`` of ``n_texts`` descriptions were counted.
    """

    words: pd.DataFrame
    n_counted: int
    n_texts: int

    def count(self, use: str) -> int:
        """How many words are used so."""
        return int((self.words["use"] == use).sum())


def vocabulary_table(texts: Sequence[str], max_words: int, max_document_frequency: float) -> VocabularyTable:
    """What :meth:`convmf.data.text.Vocabulary.build` makes of the words of ``texts``, word by word."""
    written = [text for text in texts if text.strip()]
    some = _some(written, MAX_VOCABULARY_TEXTS)
    counts = WordCounts.of(some)
    limit = counts.most_texts(max_document_frequency)
    rows = [(word, counts.n_texts_with[word], times, counts.score(word)) for word, times in counts.n_times.items()]
    table = pd.DataFrame(rows, columns=["word", "n_texts", "n_times", "score"])
    table = table.sort_values(["score", "word"], ascending=[False, True], ignore_index=True)
    is_stop = table["word"].isin(STOP_WORDS).to_numpy(dtype=bool)
    is_common = table["n_texts"].to_numpy() > limit
    is_candidate = ~is_stop & ~is_common
    beyond = is_candidate & (np.cumsum(is_candidate) > max_words)
    use = np.select([is_stop, is_common, beyond], ["stop word", "too common", "beyond the limit"], "read")
    return VocabularyTable(table.assign(use=use), len(some), len(written))


def _some(texts: list[str], most: int) -> list[str]:
    """``texts``, or every k-th of them so that there are at most ``most``."""
    return texts[:: max(1, -(-len(texts) // most))]
