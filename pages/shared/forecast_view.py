"""How long a training will take, before it is started, and how that was found out."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import streamlit as st

from convmf.config import ConvMFConfig
from convmf.data.splits import SplitSettings
from convmf.errors import ConvMFError
from convmf.runs.paces import likely_iterations, pace_of_runs
from convmf.runs.store import DatasetRecord
from convmf.training.forecast import Costs, Forecast, TrainingSize, calibrate, forecast, words_read
from pages.shared import device, frame, run_words, workspace

LOOK_SECONDS = 1.0
FEW_SECONDS = 3.0
"""Up to here the work is less than what it takes to start, which no forecast knows."""
ROUGH = "Rough: half of it or double is possible, and more while the machine does other work."


def draw(data: DatasetRecord, config: ConvMFConfig, split: SplitSettings) -> None:
    """The forecast for this data set and these settings; measured first where no run says how fast the machine is."""
    try:
        seen = pace_of_runs(workspace.store(), config.device, _words)
        if seen is not None:
            _show(data, config, split, seen.pace, f"From earlier runs here ({frame.plain(', '.join(seen.names))})")
            return
        if workspace.jobs().active() is not None:
            st.caption("**Time:** a forecast comes when the running training has finished its first iteration.")
            return
    except ConvMFError as error:
        st.caption(f"**Time:** no forecast. {frame.plain(str(error))}")
        return
    # torch is imported in the background; a calibration that asked for it now would hold up the first paint.
    waiting = not device.is_known() or not _calibration(config.device).done()
    st.fragment(_calibrated, run_every=LOOK_SECONDS if waiting else None)(data, config, split)


def _calibrated(data: DatasetRecord, config: ConvMFConfig, split: SplitSettings) -> None:
    measured = _calibration(config.device) if device.is_known() else None
    if measured is None or not measured.done():
        st.caption("**Time:** measuring how fast this machine is …")
        return
    error = measured.exception()
    if error is not None:
        st.caption(f"**Time:** no forecast. {frame.plain(str(error))}")
        return
    _show(data, config, split, measured.result(), "From a short calibration of this machine on made-up data")


def _show(data: DatasetRecord, config: ConvMFConfig, split: SplitSettings, pace: Costs, origin: str) -> None:
    n_words = _words(data.id, config.max_length)
    size = TrainingSize.of(data.n_users, data.n_items, data.n_ratings, n_words, split)
    told = forecast(size, config, pace, likely_iterations(workspace.store().runs(), config))
    st.markdown(f"**Time:** {in_words(told)}")
    st.caption(f"{origin}, scaled by ratings, words and the size of the network. {ROUGH}")


def in_words(told: Forecast) -> str:
    """A forecast in a sentence: the likely time if there is one, and its two ends."""
    if told.seconds(told.most) < FEW_SECONDS:
        return "a few seconds."
    each = "less than 0.1 s" if told.iteration < 0.1 else f"about {seconds(told.iteration)}"
    rest = f", and {seconds(told.setup)} before and after them" if told.setup >= 1 else ""
    ends = f"at least {seconds(told.seconds(told.fewest))}, at most {seconds(told.seconds(told.most))}"
    if told.fewest == told.most:
        ends = f"about {seconds(told.seconds(told.most))}"
    text = f"{ends} ({told.fewest} to {told.most} iterations, as patience decides; {each} each{rest})"
    if told.fewest == told.most:
        text = f"{ends} ({told.most} iterations, {each} each{rest})"
    if told.likely is None:
        return f"{text}."
    return f"likely about {seconds(told.seconds(told.likely))}, for {told.likely} iterations as before; {text}."


def seconds(value: float) -> str:
    """Seconds in words, with a decimal where they are few."""
    return f"{value:.1f} s" if value < 9.95 else run_words.duration(value)


@st.cache_data(show_spinner="Counting the words …", max_entries=32)
def _words(dataset_id: str, max_length: int) -> float:
    return words_read(workspace.dataset(dataset_id).texts, max_length)


@st.cache_resource(show_spinner=False)
def _calibration(name: str) -> Future[Costs]:
    """The one measurement of a device, in a thread of its own so that the page doesn't wait for it."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="convmf-calibration")
    try:
        return pool.submit(_calibrate, name)
    finally:
        pool.shutdown(wait=False)


def _calibrate(name: str) -> Costs:
    from convmf.device import leave_a_core

    leave_a_core()  # as a training here does
    return calibrate(name)
