"""How the threads of torch and of the compiled loops wait for each other.

By default they spin for milliseconds before they sleep, and stall on a machine that others use too: MovieLens 100k then
took 35 s to train on two cores, one of them busy, instead of 19. Where they sleep at once, each of the many short
parallel parts of a step begins with waking them: on two quiet cores a CNN step of 128 texts took 20 ms instead of 17.
"""

from __future__ import annotations

import os

# Looks at what is waited for before a thread sleeps. Ten times as many cost half of the speed beside a busy core.
BRIEF = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}


def wait_briefly() -> None:
    """Let threads spin for microseconds, then sleep, unless the environment has a wish of its own.

    Call it before torch is imported, when OpenMP reads this. GNU's takes the second setting, others know the first
    alone and don't spin.
    """
    if not BRIEF.keys() & os.environ.keys():
        os.environ.update(BRIEF)
