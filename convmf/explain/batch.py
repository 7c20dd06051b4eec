"""Many descriptions rated at once, as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from torch import Tensor

from convmf.explain.reading import of_somebody
from convmf.explain.taste import text_parts
from convmf.model.convmf import ConvMF, Floats

_BATCH = 64


def rate_texts(model: ConvMF, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> pd.DataFrame:
    """How each text would be received, a row a text in their order.

    Columns, the first five in rating points: ``expected`` (mean over all users), ``low`` and ``high`` (between them
    lies the rating of a user picked at random with probability 0.8; NaN for a model without intervals), ``p10``
    and ``p90`` (a tenth of the users lies below, above), ``best_user`` and ``nearest_item`` (ids),
    ``nearest_title``, ``similarity`` (−1…1), ``n_known`` and ``n_unknown`` (different words).

    Parameters
    ----------
    on_progress
        Gets the number of texts done, now and then.

    Raises
    ------
    ModelError
        The model was trained without texts.
    """
    _, vocabulary = text_parts(model)
    users = model.user_factors_at(0)
    rows = []
    for first in range(0, len(texts), _BATCH):
        batch = texts[first : first + _BATCH]
        words = [vocabulary.known_and_unknown(text) for text in batch]
        theta = model.encode(batch)
        ratings = model.rate(users, theta)  # (n_batch, n_users)
        for place, (known, unknown) in enumerate(words):
            rows.append(_row(model, ratings[place], theta[place], len(known), len(unknown)))
        if on_progress is not None:
            on_progress(first + len(batch))
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)


_COLUMNS = {
    **dict.fromkeys(("expected", "low", "high", "p10", "p90"), "float64"),
    **dict.fromkeys(("best_user", "nearest_item", "nearest_title"), "str"),
    "similarity": "float64",
    "n_known": "int64",
    "n_unknown": "int64",
}


def _row(model: ConvMF, ratings: Floats, theta: Tensor, n_known: int, n_unknown: int) -> tuple[object, ...]:
    low, high = of_somebody(model, ratings) or (np.nan, np.nan)
    p10, p90 = np.percentile(ratings, [10, 90])
    nearest = model.similar_items(theta, 1, by="text")[0]
    best = model.user_ids[int(ratings.argmax())]
    near = (nearest.item_id, nearest.title, nearest.score)
    return (float(ratings.mean()), low, high, p10, p90, best, *near, n_known, n_unknown)
