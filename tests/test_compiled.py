"""Compiled loops: as many threads as torch, several callers at once, no place to keep the code."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

from convmf import compiled as module
from convmf.compiled import compiled
from convmf.device import torch_threads


@compiled
def _cumulated(values, results):
    """Each row's running sum."""
    for row in numba.prange(len(values)):
        total = 0.0
        for place in range(values.shape[1]):
            total += values[row, place]
            results[row, place] = total


@pytest.mark.parametrize("threads", [1, 2])
def test_a_loop_gives_its_numbers_and_takes_as_many_threads_as_torch(threads):
    if threads > numba.config.NUMBA_NUM_THREADS:
        pytest.skip("this machine has one core")
    values = np.arange(12.0).reshape(3, 4)
    results = np.zeros_like(values)
    with torch_threads(threads):
        _cumulated(values, results)
    assert numba.get_num_threads() == threads
    np.testing.assert_array_equal(results, values.cumsum(axis=1))


def test_more_threads_of_torch_than_cores_are_no_error():
    with torch_threads(numba.config.NUMBA_NUM_THREADS + 3):
        _cumulated(np.ones((1, 1)), np.ones((1, 1)))
    assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS


def test_the_first_call_leaves_torch_its_threads():
    """In a process of its own: numba starts its threads once."""
    code = (
        "import torch; torch.set_num_threads(1); torch.get_num_threads()\n"  # which settles the number for this thread
        "from tests.test_compiled import _cumulated\n"
        "import numpy as np; _cumulated(np.ones((1, 1)), np.ones((1, 1)))\n"
        "print(torch.get_num_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_several_callers_at_once(layer, monkeypatch):
    monkeypatch.setattr(module, "_threads", lambda: (layer, numba.config.NUMBA_NUM_THREADS))
    values = np.random.default_rng(0).random((200, 300))

    def call(_: int) -> np.ndarray:
        results = np.zeros_like(values)
        _cumulated(values, results)
        return results

    with ThreadPoolExecutor(4) as pool:
        for results in pool.map(call, range(40)):
            np.testing.assert_allclose(results, values.cumsum(axis=1), rtol=1e-12)


def test_numba_s_own_threads_serve_several_callers_in_turn():
    """Two at once would end the process, so this one is another."""
    code = (
        "import numba; numba.config.THREADING_LAYER = 'workqueue'\n"
        "from tests.test_compiled import test_several_callers_at_once as test, module\n"
        "from pytest import MonkeyPatch\n"
        "assert module._threads()[0] == 'workqueue'\n"
        "test('workqueue', MonkeyPatch())"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


@pytest.mark.parametrize("name", ["*.nbi", "*.nbc"])
def test_damaged_code_on_disk_is_told_and_compiled_anew(name, tmp_path):
    code = (
        "import logging; logging.basicConfig(format='%(message)s')\n"
        "from tests.test_compiled import _cumulated\n"
        "import numpy as np; results = np.zeros((1, 3)); _cumulated(np.ones((1, 3)), results); print(results)"
    )

    def run() -> subprocess.CompletedProcess:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)

    assert run().stdout == "[[1. 2. 3.]]\n"
    (kept,) = tmp_path.rglob(name)
    kept.write_bytes(b"")
    damaged = run()
    assert damaged.stdout == "[[1. 2. 3.]]\n"
    assert "the machine code of _cumulated can't be kept or read: EOFError" in damaged.stderr


def test_warming_up_leaves_the_global_generator_alone():
    code = (
        "import torch; torch.manual_seed(0); from convmf.training.warm_up import warm_up; warm_up()\n"
        "drawn = torch.rand(1); torch.manual_seed(0); assert torch.equal(drawn, torch.rand(1))"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


@pytest.mark.parametrize("text", ["real", "none"])
def test_after_warming_up_a_training_compiles_nothing(text, tmp_path):
    """Nor takes it code from disk, where there is none to begin with."""
    code = (
        f"from convmf.training.warm_up import warm_up; warm_up(texts={text == 'real'})\n"
        "from numba.core.event import install_recorder\n"
        "from convmf import ConvMFConfig, fit, sample_dataset\n"
        "with install_recorder('numba:compile') as recorder:\n"
        f"    fit(sample_dataset(), ConvMFConfig.preset('quick', n_iterations=1, text='{text}'))\n"
        "assert not recorder.buffer, recorder.buffer"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment)


def test_a_loop_that_can_be_kept_nowhere_is_compiled_all_the_same(monkeypatch):
    njit = numba.njit

    def without_a_place(*arguments, **options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*arguments, **options)

    monkeypatch.setattr(numba, "njit", without_a_place)

    @compiled
    def doubled(values):
        for place in numba.prange(len(values)):
            values[place] *= 2

    values = np.ones(3)
    doubled(values)
    assert values.tolist() == [2.0, 2.0, 2.0]
