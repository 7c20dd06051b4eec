"""A data set as the two files that it could have been read from: for the command line, and to take it elsewhere.

They are for programs, so no cell is changed to keep a spreadsheet from running it; being gzip-compressed, they
don't open in one by accident.
"""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd

from convmf.data.dataset import Dataset

RATINGS_NAME, ITEMS_NAME = "ratings.csv.gz", "items.csv.gz"


def ratings_csv(dataset: Dataset) -> bytes:
    """Columns user_id, item_id, rating, in the data set's order; gzip, UTF-8."""
    ratings = dataset.ratings
    users, items = np.array(dataset.user_ids, dtype=object), np.array(dataset.item_ids, dtype=object)
    table = {"user_id": users[ratings.user_index], "item_id": items[ratings.item_index], "rating": ratings.rating}
    return _packed(pd.DataFrame(table))


def items_csv(dataset: Dataset) -> bytes:
    """Columns item_id, title, genres, description, in the data set's order; gzip, UTF-8."""
    table = {
        "item_id": dataset.item_ids,
        "title": dataset.titles,
        "genres": dataset.genres,
        "description": dataset.texts,
    }
    return _packed(pd.DataFrame(table))


def _packed(table: pd.DataFrame) -> bytes:
    # Without the time of packing the same data give the same bytes.
    return gzip.compress(table.to_csv(index=False).encode("utf-8"), compresslevel=6, mtime=0)
