"""Matrix factorization of cmfrec and implicit: seconds of one iteration (both half-steps)."""

from __future__ import annotations

import sys
import time
from typing import Any

import implicit.als
import numpy as np
import scipy.sparse
from cmfrec import CMF

from tests.benchmarks.peers.serve import serve


class Solvers:
    def __init__(self, path: str) -> None:
        data = np.load(path)
        self.ratings = scipy.sparse.coo_matrix((data["rating"], (data["user_index"], data["item_index"])))
        self.by_user = self.ratings.tocsr()

    def answer(self, solver: str, threads: int, n_factors: int, iterations: int) -> dict[str, Any]:
        if solver == "implicit":
            return {"seconds": self._implicit(threads, n_factors, iterations)}
        # What comes before and after the iterations is the same for one iteration, so the difference is without it.
        few, many = (self._cmfrec(solver, threads, n_factors, number) for number in (1, 1 + iterations))
        return {"seconds": (many - few) / iterations}

    def _cmfrec(self, solver: str, threads: int, n_factors: int, iterations: int) -> float:
        model = CMF(
            k=n_factors,
            lambda_=10.0,
            method="als",
            use_cg=solver == "cg",
            max_cg_steps=3,
            finalize_chol=False,
            niter=iterations,
            nthreads=threads,
            use_float=True,
            user_bias=False,
            item_bias=False,
            center=False,
            precompute_for_predictions=False,
            verbose=False,
        )
        start = time.perf_counter()
        model.fit(self.ratings)
        return time.perf_counter() - start

    def _implicit(self, threads: int, n_factors: int, iterations: int) -> float:
        model = implicit.als.AlternatingLeastSquares(
            factors=n_factors,
            regularization=10.0,
            iterations=iterations + 1,
            num_threads=threads,
            use_cg=False,
            calculate_training_loss=False,
            random_state=0,
        )
        spent: list[float] = []
        model.fit(self.by_user, show_progress=False, callback=lambda _, seconds, *rest: spent.append(seconds))
        return float(np.mean(spent[1:]))


if __name__ == "__main__":
    serve(Solvers(sys.argv[1]).answer)
