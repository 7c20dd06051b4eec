"""How long a training will take, from how long others took: seconds a unit of work, times the work to come.

The work is counted, the pace is measured: on earlier runs of this machine, or on a training of a second or two
made for the purpose. It is a rough figure: the counts know nothing of caches, and other programs take their share
of the machine at one time and not at another.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from convmf.config import ConvMFConfig
from convmf.data.dataset import Dataset, Ratings
from convmf.data.splits import SplitSettings, split_ratings
from convmf.data.text import STOP_WORDS, words
from convmf.errors import RunError

MAX_TEXTS = 2_000
"""Texts whose words are counted; of more, every k-th."""

STEPS = ("users", "items", "cnn")

MIN_RATINGS, MIN_WORDS = 5_000, 5_000
"""Ratings and words of the smallest training that tells how fast the machine is. In a smaller one starting up outweighs
the work: two seconds for six ratings would be hours for sixty thousand."""

_ROW_OVERHEAD = 32  # factors: what gathering a row of factors costs beside multiplying it
_WINDOW_OVERHEAD = 160  # dimensions of a word vector: what a kernel's window costs beside multiplying it
_RATINGS_A_WORD = 10  # preparing a word (finding, counting, encoding it) takes as long as preparing so many ratings
_FINAL_CNN_STEPS = 10  # what reading held-out items takes at the end, in CNN steps of an iteration
_CALIBRATION_USERS, _CALIBRATION_ITEMS, _CALIBRATION_RATINGS, _CALIBRATION_WORDS = 200, 200, 8_000, 50


@dataclass(frozen=True)
class TrainingSize:
    """What the work of a training depends on, settings aside: ``n_words`` are those the CNN reads in one pass."""

    n_users: int
    n_items: int
    n_ratings: float
    n_words: float

    @classmethod
    def of(cls, n_users: int, n_items: int, n_ratings: int, n_words: float, split: SplitSettings) -> TrainingSize:
        """The size of a data set's training part."""
        share = (1 - split.cold_items) * (1 - split.valid - split.test)
        return cls(n_users, n_items, n_ratings * share, n_words)

    @property
    def tells_of_the_pace(self) -> bool:
        """Whether the work of such a training is what it spends its time on."""
        return self.n_ratings >= MIN_RATINGS and self.n_words >= MIN_WORDS


def words_read(texts: Sequence[str], max_length: int) -> float:
    """About how many words the CNN reads of ``texts`` in one pass: no stop words, at most ``max_length`` a text."""
    some = texts[:: -(-len(texts) // MAX_TEXTS) or 1]
    counts = [min(max_length, sum(word not in STOP_WORDS for word in words(text))) for text in some]
    return sum(counts) * len(texts) / max(1, len(some))


@dataclass(frozen=True)
class Costs:
    """One figure for each part of a training: getting ready once, and in each iteration users, items and CNN.

    Units of work where it says how much there is to do, seconds a unit where it is a pace, seconds where it is
    their product.
    """

    setup: float
    users: float
    items: float
    cnn: float

    @property
    def iteration(self) -> float:
        """The three steps of an iteration together."""
        return self.users + self.items + self.cnn


def work(size: TrainingSize, config: ConvMFConfig) -> Costs:
    """Units of work (about one multiplication each) of a training.

    A half-step of ALS adds an outer product a rating to the normal equations and solves them once a row; the CNN
    convolves each word forwards and backwards in its epochs, and once more forwards to read the texts.
    """
    width = config.n_factors + config.biases

    def half_step(n_rows: int) -> float:
        return size.n_ratings * width * (width + _ROW_OVERHEAD) + n_rows * width**3 / 3

    n_words = size.n_words if config.text in ("real", "shuffled") else 0.0
    return Costs(
        setup=n_words + size.n_ratings / _RATINGS_A_WORD,
        users=half_step(size.n_users),
        items=half_step(size.n_items),
        cnn=n_words * (3 * config.cnn_epochs + 1) * _windows(config),
    )


def _windows(config: ConvMFConfig) -> int:
    """Units of work that a word makes in the windows of all kernels."""
    numbers = config.n_networks * config.n_kernels * sum(config.kernel_sizes)
    return numbers * (config.embedding_dim + _WINDOW_OVERHEAD)


def pace(
    done: Costs,
    history: Sequence[Mapping[str, Any]],
    setup_seconds: float = 0.0,
    final_steps: int = _FINAL_CNN_STEPS,
) -> Costs | None:
    """Seconds a unit of the work in ``done``: the middle of the iterations in ``history``, and getting ready.

    ``setup_seconds`` is everything beside the iterations, with ``final_steps`` of the CNN for reading held-out items
    at the end; 0 counts as not measured. None when the history says nothing about one of the steps.
    """
    if not history or min(done.users, done.items, done.cnn) <= 0:
        return None
    step = {name: median(values["seconds"][name] for values in history) for name in STEPS}
    setup = max(0.0, setup_seconds - final_steps * step["cnn"])
    return Costs(setup / done.setup, *(step[name] / getattr(done, name) for name in STEPS))


def iteration_seconds(history: Sequence[Mapping[str, Any]]) -> float:
    """The seconds of all iterations together."""
    return float(sum(sum(values["seconds"].values()) for values in history))


def middle(paces: Sequence[Costs]) -> Costs:
    """The median of several paces, part by part; a setup of 0 was not measured and doesn't count.

    Raises
    ------
    RunError
        There is none.
    """
    if not paces:
        raise RunError("There is no pace to take the middle of.")
    setups = [one.setup for one in paces if one.setup > 0]
    return Costs(median(setups or [0.0]), *(median(getattr(one, name) for one in paces) for name in STEPS))


def calibrate(device: str = "auto") -> Costs:
    """The pace of this machine, by a training of a second or two on made-up data.

    Raises
    ------
    ConfigError
        The machine has no such device.
    """
    # torch takes over a second to import; a forecast from earlier runs needs none of it.
    from convmf.device import choose_device
    from convmf.training.loop import fit
    from convmf.training.warm_up import warm_up

    if choose_device(device).type == "cpu":
        warm_up()
    # After two iterations held-out items would be read for two epochs only, which tells nothing of a real end.
    config = ConvMFConfig.preset("default", n_iterations=2, device=device, calibration=False)
    split = SplitSettings()
    dataset = _made_up_dataset()
    history: list[dict[str, Any]] = []
    started = time.perf_counter()
    fit(
        split_ratings(dataset, split),
        config,
        on_iteration=lambda result: history.append(result.to_dict()),
        with_intervals=False,
    )
    total = time.perf_counter() - started
    n_words = words_read(dataset.texts, config.max_length)
    size = TrainingSize.of(dataset.n_users, dataset.n_items, dataset.n_ratings, n_words, split)
    measured = pace(work(size, config), history, total - iteration_seconds(history), final_steps=0)
    assert measured is not None  # it has texts, and two iterations
    return measured


@dataclass(frozen=True)
class Forecast:
    """The seconds of a training before it starts: ``setup`` once, for getting ready and for measuring the intervals
    at the end, and ``iteration`` for each iteration.

    It ends after ``fewest`` iterations when none is better than the first, after ``most`` when patience never
    runs out; ``likely`` is what earlier runs with the same patience took, None where there are none.
    """

    setup: float
    iteration: float
    fewest: int
    most: int
    likely: int | None = None

    def seconds(self, n_iterations: int) -> float:
        """From start to end when it takes so many iterations."""
        return self.setup + n_iterations * self.iteration


def forecast(size: TrainingSize, config: ConvMFConfig, pace: Costs, likely: int | None = None) -> Forecast:
    """The seconds that a training of this size will take at this pace."""
    units = work(size, config)
    seconds = Costs(**{name: getattr(units, name) * getattr(pace, name) for name in ("setup", *STEPS)})
    most = config.n_iterations
    once = seconds.setup + _FINAL_CNN_STEPS * seconds.cnn
    return Forecast(once, seconds.iteration, min(most, config.patience + 1), most, likely)


def _made_up_dataset() -> Dataset:
    """Random ratings and random texts: only their amount matters here."""
    generator = np.random.default_rng(0)
    n_users, n_items, n_ratings = _CALIBRATION_USERS, _CALIBRATION_ITEMS, _CALIBRATION_RATINGS
    pairs = generator.choice(n_users * n_items, n_ratings, replace=False)
    spoken = generator.zipf(1.3, (n_items, _CALIBRATION_WORDS)) % 5_000
    return Dataset(
        name="calibration",
        user_ids=tuple(map(str, range(n_users))),
        item_ids=tuple(map(str, range(n_items))),
        titles=("",) * n_items,
        texts=tuple(" ".join(f"word{number}" for number in row) for row in spoken),
        genres=("",) * n_items,
        ratings=Ratings(
            (pairs // n_items).astype(np.int32),
            (pairs % n_items).astype(np.int32),
            generator.integers(1, 6, n_ratings).astype(np.float32),
        ),
    )
