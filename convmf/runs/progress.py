"""How far a run is, and how long it may still take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from convmf.evaluation.comparison import COSTLY, PREDICTORS
from convmf.runs.records import RunRecord

READING, TRAINING, SAVING = "reading the data", "training", "saving the model"
ENDING = "getting ready for new descriptions"
"""The phase between the last iteration and the model."""
MEASURING = "measuring its errors"
"""The last phase; the costly baselines, which may follow it, have a phase each."""

_STAGE = 0.08
"""What each phase after the iterations takes of the bar."""


def comparing(baseline: str) -> str:
    """The phase in which a costly baseline is trained and measured."""
    return f"comparing: {PREDICTORS[baseline][0]}"


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    ``done`` is the share of all that it has to do: it never falls and, where the iterations end early, leaps.
    ``is_learning`` says whether its iterations go on; ``iteration`` of at most ``n_iterations`` are finished.
    ``seconds_left`` is the time when all of them are needed, ``seconds_left_soonest`` the time when the validation
    RMSE doesn't get better any more and patience ends the run; both are None unless the run is training and has
    finished an iteration.
    """

    state: str
    phase: str
    is_learning: bool
    done: float
    iteration: int
    n_iterations: int
    seconds_elapsed: float
    seconds_left: float | None
    seconds_left_soonest: float | None


def progress_of(
    run: RunRecord, times: Sequence[datetime], history: Sequence[dict[str, Any]], now: datetime
) -> Progress:
    """How far ``run`` is at ``now``, by the mean time of its iterations.

    Parameters
    ----------
    times, history
        When each finished iteration was recorded, and its result.
    """
    # Not below 0 when the clock was set back.
    elapsed = max(0.0, ((run.ended or now) - run.started).total_seconds()) if run.started else 0.0
    longest = soonest = None
    later = [ENDING, SAVING, MEASURING, *(comparing(name) for name in COSTLY if run.all_baselines)]
    is_learning = run.phase not in later
    iterations = 1 - _STAGE * len(later)
    if is_learning:
        done = iterations * min(1.0, run.iterations_done / run.n_iterations)
    else:
        done = iterations + _STAGE * later.index(run.phase)
    if run.state == "running" and run.started is not None and (not run.phase or run.phase.startswith(TRAINING)):
        times = [moment for moment in times if moment >= run.started]
        if times:
            spent = (now - times[-1]).total_seconds()
            mean = _mean_seconds(run.started, times)
            most = run.n_iterations - run.iterations_done
            fewest = fewest_left(history, run.config["patience"], most)
            longest, soonest = (max(0.0, mean * count - spent) for count in (most, fewest))
    phase = "waiting" if run.state == "queued" else run.phase
    return Progress(
        run.state, phase, is_learning, done, run.iterations_done, run.n_iterations, elapsed, longest, soonest
    )


def _mean_seconds(started: datetime, times: Sequence[datetime]) -> float:
    """Mean time of an iteration; reading the data counts only while there is one iteration to go by."""
    if len(times) == 1:
        return (times[0] - started).total_seconds()
    return (times[-1] - times[0]).total_seconds() / (len(times) - 1)


def fewest_left(history: Sequence[dict[str, Any]], patience: int, most: int) -> int:
    """Iterations to go, at most ``most``, when none of them has a better validation RMSE."""
    rmse = [values.get("valid_rmse") for values in history]
    measured = [value for value in rmse if value is not None]
    if not measured:
        return most
    since_best = len(rmse) - 1 - rmse.index(min(measured))
    return min(most, max(0, patience - since_best))
