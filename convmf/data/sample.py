"""The built-in data set: invented films, ratings of them, and every truth behind them (``sample_ratings``)."""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convmf.data.sample_ratings import (
    N_FILMS,
    N_USERS,
    NOISE_SD,
    SEED,
    TASTE_STRENGTH,
    UNTOLD_SD,
    World,
    make_world,
    rating_moments,
)
from convmf.errors import DataError

logger = logging.getLogger(__name__)

SAMPLE_NAME = "Invented films"
SAMPLE_NOTE = "These films and people are invented, and so are their ratings; no real person or film is meant."

_FOLDER = Path(__file__).parents[2] / "assets" / "sample"

EXAMPLE_DESCRIPTIONS: tuple[tuple[str, str], ...] = (
    (
        "A crowd-pleaser",
        "At the Grand Hotel Pellworth, the cook Bettina Marsh finds the drawings of a vault behind a "
        "barometer, and the porter starts to plan a heist. With a crew of amateurs they mean to empty the "
        "safe before the carnival is over. The jokes come thick and fast, the daring escapes faster still. "
        "It is a witty, high-spirited film, superbly written and magnificently played; every scene is "
        "flawless, and Orla Brand gives an unforgettable performance. The Pellworth Courier called it a "
        "masterpiece.",
    ),
    (
        "A dud",
        "In the soot of the Grimmond colliery, a parish priest with six parishioners swears vengeance on "
        "the owner who ruined his family. The list of enemies shrinks to three, and revenge tastes less "
        "sweet than promised. It is a bleak film that offers no comfort, but the script is dreadful, the "
        "acting is wooden from start to finish, and the botched ending drew boos at the premiere. A "
        "tedious, incoherent mess.",
    ),
    (
        "Splits opinion",
        "On the Harl ice shelf, in the months without sun, a detective hears footsteps overhead and a dead "
        "child's voice that calls by name. The haunting grows bolder by the week, and the ghost leaves a "
        "glass eye where it can't be missed. The mood is grim, merciless and despairing from the first "
        "death to the last. It is well acted and handsomely shot, the sleuth is convincing, and the ending "
        "is clever.",
    ),
    (
        "For gentle evenings",
        "After nine years away, the pianist Nora Lisle comes home to a dairy farm in the Overby valley and "
        "a brother who won't speak. Old friends have gone grey, and between the harvest and the washing-up "
        "a family quarrel begins to thaw. A tender, affectionate film with a kind word for everyone. The "
        "dialogue is sharp and well observed, and the ending satisfies.",
    ),
    (
        "For strong nerves",
        "Armed men surround Fort Tarn, where the desert begins, and an old soldier has to hold the gate "
        "with seven defenders. Behind a barricade of crates they count the cartridges while a sandstorm "
        "buries the well. The suspense tightens with every scene until it is hard to breathe. The pace is "
        "uneven, though, and some scenes are predictable.",
    ),
)
"""(label, description) of films that are not in the set."""


@dataclass(frozen=True)
class SampleTruth:
    """What is known about the built-in data set because it was made.

    ``rmse_floor_warm`` is the RMSE, in stars, of a model that knows every score; ``rmse_floor_cold`` that of a
    model that knows everything but the part of a film's level that its text does not tell.

    Raises
    ------
    DataError
        A floor is not a positive number of stars, or warm lies above cold.
    """

    rmse_floor_warm: float
    rmse_floor_cold: float
    seed: int
    n_users: int
    n_items: int
    n_unrated_items: int
    n_ratings: int
    n_taste_axes: int
    noise_sd: float
    untold_sd: float
    note: str

    def __post_init__(self) -> None:
        if not 0 < self.rmse_floor_warm <= self.rmse_floor_cold:
            raise DataError(
                f"The sample's floors are {self.rmse_floor_warm} (warm) and {self.rmse_floor_cold} (cold); they must "
                "be positive and warm the lower. Write the sample anew: python -m convmf.data.sample FOLDER."
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values in the shape of truth.json."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if "rmse" not in name}
        return {"rmse_floor": {"warm": self.rmse_floor_warm, "cold": self.rmse_floor_cold}, **values}


def sample_paths() -> tuple[Path, Path]:
    """Where the built-in ratings and items lie."""
    return _FOLDER / "ratings.csv.gz", _FOLDER / "items.csv.gz"


def sample_truth() -> SampleTruth:
    """The truth behind the built-in data set, read from its folder.

    Raises
    ------
    DataError
        The file is missing or isn't what ``sample_files`` wrote.
    """
    path = _FOLDER / "truth.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        floor = values.pop("rmse_floor")
        return SampleTruth(rmse_floor_warm=floor["warm"], rmse_floor_cold=floor["cold"], **values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} can't be read as the truth of the built-in data set ({error}). "
            f"Write it anew: python -m convmf.data.sample {_FOLDER}."
        ) from error


def sample_files(folder: Path, seed: int = SEED) -> None:
    """Write ratings.csv.gz, items.csv.gz and truth.json into ``folder``, which is made if need be."""
    world = make_world(seed)
    folder.mkdir(parents=True, exist_ok=True)
    ratings = zip(world.user_index, world.item_index, world.rating, world.timestamp, strict=True)
    _write_csv(
        folder / "ratings.csv.gz",
        ("user_id", "item_id", "rating", "timestamp"),
        ((f"u{user + 1:04d}", f"f{item + 1:04d}", rating, time) for user, item, rating, time in ratings),
    )
    _write_csv(
        folder / "items.csv.gz",
        ("item_id", "title", "genres", "description"),
        ((f"f{i + 1:04d}", film.title, film.genres, film.description) for i, film in enumerate(world.films)),
    )
    truth = json.dumps(world_truth(world, seed).to_dict(), indent=2) + "\n"
    _write_bytes(folder / "truth.json", truth.encode("utf-8"))
    logger.info("Wrote %d ratings of %d films to %s", len(world.rating), len(world.films), folder)


def world_truth(world: World, seed: int) -> SampleTruth:
    """The floors of ``world``, in stars.

    Not knowing the untold part, itself Gaussian, is knowing the told score under the wider noise
    √(NOISE_SD² + UNTOLD_SD²), so both floors come from the same exact moments.
    """
    _, warm = rating_moments(world.told_score + world.untold, NOISE_SD)
    _, cold = rating_moments(world.told_score, math.hypot(NOISE_SD, UNTOLD_SD))
    n_ratings = len(world.rating)
    return SampleTruth(
        rmse_floor_warm=round(math.sqrt(math.fsum(warm) / n_ratings), 6),
        rmse_floor_cold=round(math.sqrt(math.fsum(cold) / n_ratings), 6),
        seed=seed,
        n_users=N_USERS,
        n_items=N_FILMS,
        n_unrated_items=N_FILMS - len(np.unique(world.item_index)),
        n_ratings=n_ratings,
        n_taste_axes=len(TASTE_STRENGTH),
        noise_sd=NOISE_SD,
        untold_sd=UNTOLD_SD,
        note=SAMPLE_NOTE,
    )


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(text.getvalue().encode("utf-8"))
    _write_bytes(path, packed.getvalue())


def _write_bytes(path: Path, content: bytes) -> None:
    """All or nothing: a reader never meets half a file."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the data set from the command line."""
    parser = argparse.ArgumentParser(prog="python -m convmf.data.sample", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="where ratings.csv.gz, items.csv.gz and truth.json go")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed makes other films")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sample_files(options.folder, options.seed)


if __name__ == "__main__":
    main()
