"""Cornac's ConvMF on the split that it is given: seconds of each outer iteration, and the RMSE it comes to."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import time
from typing import Any

import numpy as np
from cornac.data import TextModality
from cornac.data.text import BaseTokenizer
from cornac.eval_methods import BaseMethod
from cornac.models import ConvMF

from tests.benchmarks.peers.serve import serve


class Comparison:
    def __init__(self, path: str) -> None:
        data = np.load(path)
        self.parts = {name: tuple(data[f"{name}_{key}"] for key in ("user", "item", "rating")) for name in PARTS}
        texts = bytes(data["texts"]).decode("utf-8").split("\0")
        modality = TextModality(
            corpus=texts,
            ids=list(range(len(texts))),
            tokenizer=BaseTokenizer(stop_words="english"),
            max_vocab=8000,
            max_doc_freq=0.5,
        )
        triples = {
            name: list(zip(*(column.tolist() for column in part), strict=True)) for name, part in self.parts.items()
        }
        self.method = BaseMethod.from_splits(
            train_data=triples["train"],
            test_data=triples["test"],
            val_data=triples["valid"],
            exclude_unknowns=True,
            item_text=modality,
            seed=0,
        )

    def answer(self, iterations: int, lambda_u: float, lambda_v: float, cnn_epochs: int) -> dict[str, Any]:
        # Cornac's own default of cnn_lr is 128; its documentation means 0.001.
        model = ConvMF(
            n_epochs=iterations,
            cnn_epochs=cnn_epochs,
            cnn_lr=0.001,
            lambda_u=lambda_u,
            lambda_v=lambda_v,
            verbose=True,
            seed=0,
        )
        spoken = io.StringIO()
        start = time.perf_counter()
        with contextlib.redirect_stdout(spoken):
            model.fit(self.method.train_set, self.method.val_set)
        total = time.perf_counter() - start
        seconds = [float(number) for number in re.findall(r"Elapsed: ([\d.]+)s", spoken.getvalue())]
        return {"seconds": seconds, "total": total, **{name: self._rmse(model, name) for name in ("valid", "test")}}

    def _rmse(self, model: ConvMF, name: str) -> float:
        """Of the part's ratings, predictions clipped to the scale; users and items out of train have none."""
        users, items, ratings = self.parts[name]
        row_of, column_of = self.method.train_set.uid_map, self.method.train_set.iid_map
        known = [u in row_of and i in column_of for u, i in zip(users.tolist(), items.tolist(), strict=True)]
        rows = [row_of[u] for u in users[known].tolist()]
        columns = [column_of[i] for i in items[known].tolist()]
        train = self.parts["train"][2]
        predicted = (model.U[rows] * model.V[columns]).sum(1).clip(train.min(), train.max())
        return float(np.sqrt(np.mean((predicted - ratings[known]) ** 2)))


PARTS = ("train", "valid", "test")

if __name__ == "__main__":
    serve(Comparison(sys.argv[1]).answer)
