"""MovieLens latest-small: fetched from GroupLens when asked, never before, and read into a data set.

The archive is theirs and may not be passed on under other terms, so it is no part of the project.
"""

from __future__ import annotations

import csv
import io
import logging
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO
from urllib.parse import urlsplit

import pandas as pd

from convmf.data.dataset import Dataset
from convmf.data.readers import read_items, read_ratings
from convmf.errors import DataError

logger = logging.getLogger(__name__)

NAME = "MovieLens latest-small"
URL = "https://files.grouplens.org/datasets/movielens/ml-latest-small.zip"
TERMS_URL = "https://files.grouplens.org/datasets/movielens/ml-latest-small-README.html"
NOTE = (
    "MovieLens latest-small by GroupLens, University of Minnesota; for research, not for commercial use. "
    "Each description is made of the film's title, genres and tags."
)
TERMS = (
    "Research use only. No commercial or revenue-bearing use without permission from GroupLens.",
    "Don't state or imply that the University of Minnesota or GroupLens endorses what you do.",
    "Acknowledge the data in publications: F. M. Harper and J. A. Konstan, “The MovieLens Datasets: History and "
    "Context”, ACM TiiS 5(4), 2015, doi.org/10.1145/2827872.",
    "Pass it on, also transformed, under these same conditions only.",
    "It comes without any guarantee that it is correct or fits a purpose.",
)
"""GroupLens's conditions for this data set, in short."""

MAX_DOWNLOAD = 32 << 20
"""Bytes of the archive: it has one million, so whatever is larger is something else."""
MAX_UNPACKED = 256 << 20
"""Bytes of its tables together: a zip bomb is refused before it is unpacked."""
TIMEOUT_SECONDS = 15.0

_STEP = 1 << 16  # bytes between two looks at the stop signal
_NO_GENRES = "(no genres listed)"
_TABLES = ("ratings.csv", "movies.csv", "tags.csv")
_BY_HAND = (
    "You can also download ml-latest-small.zip elsewhere, unpack it, and hand in ratings.csv and movies.csv "
    "as files of your own."
)

Progress = Callable[[int, int | None], None]
"""Told the bytes received so far, and how many there will be where the server says so."""


def fetch(
    url: str = "",
    *,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> Dataset:
    """Download the archive and read it; nothing of it stays behind on the disk.

    Parameters
    ----------
    url
        Where the archive is; GroupLens's own address (``URL``) when left out.
    should_stop
        Asked between two pieces of the download.
    timeout
        Seconds without an answer after which the server counts as out of reach.

    Raises
    ------
    DataError
        The server can't be reached or refuses, the download breaks off or is too large, it was stopped,
        or what came is not this archive. The message says which, and what to do.
    """
    with tempfile.TemporaryFile() as file:
        download(url or URL, file, on_progress=on_progress, should_stop=should_stop, timeout=timeout)
        return read_archive(file)


def download(
    url: str,
    target: IO[bytes],
    *,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> None:
    """Write what ``url`` answers to ``target`` piece by piece, at most ``MAX_DOWNLOAD`` bytes of it.

    Raises
    ------
    DataError
        See :func:`fetch`.
    """
    host = urlsplit(url).hostname or url
    request = urllib.request.Request(url, headers={"User-Agent": "convmf-demo"})
    try:
        with urllib.request.build_opener(_SameHost).open(request, timeout=timeout) as answer:
            total = _announced(answer)
            received = 0
            for piece in _pieces(answer):
                received += len(piece)
                if max(received, total or 0) > MAX_DOWNLOAD:
                    raise DataError(
                        f"{host} sends more than {MAX_DOWNLOAD:,} bytes, far more than {NAME} has. Nothing was "
                        "kept. Check the address in a browser."
                    )
                target.write(piece)
                if on_progress is not None:
                    on_progress(received, total)
                if should_stop is not None and should_stop():
                    raise DataError("The download was stopped; nothing of it was kept.")
    except urllib.error.HTTPError as error:
        with error:
            raise DataError(
                f"{host} answered {error.code} ({error.reason}) instead of sending {NAME}. Try again later. {_BY_HAND}"
            ) from None
    except (OSError, HTTPException) as error:
        cause = getattr(error, "reason", None) or error
        reason = getattr(cause, "strerror", None) or cause
        raise DataError(
            f"{NAME} could not be fetched from {host}: {reason}. Check this machine's connection to the internet "
            f"and try again. {_BY_HAND}"
        ) from None
    if total is not None and received != total:
        raise DataError(f"The download broke off after {received:,} of {total:,} bytes. Try again.")


def read_archive(file: BinaryIO) -> Dataset:
    """The data set in an archive of the MovieLens format (movies.csv, ratings.csv, tags.csv).

    Raises
    ------
    DataError
        It is no zip archive, is damaged, unpacks to more than ``MAX_UNPACKED`` bytes, or lacks a table.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            tables = {name: archive.read(member) for name, member in _members(archive).items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise DataError(f"What came is not a whole zip archive ({error}). Fetch it again.") from None
    except (RuntimeError, NotImplementedError) as error:  # a password, or a method of packing that Python doesn't know
        raise DataError(f"The archive can't be unpacked ({error}). Fetch it again. {_BY_HAND}") from None
    ratings = read_ratings(tables["ratings.csv"], name="ratings.csv")
    movies = read_items(tables["movies.csv"], name="movies.csv")
    for report in (ratings.report, movies.report):
        if report.n_rejected:
            logger.warning("%s: %d bad rows left out", report.name, report.n_rejected)
    return Dataset.from_tables(ratings.frame, _with_texts(movies.frame, read_tags(tables["tags.csv"])), name=NAME)


def read_tags(table: bytes) -> dict[str, tuple[str, ...]]:
    """The distinct tags of each film (by movieId), the most given first; upper and lower case are one.

    Raises
    ------
    DataError
        The table has no columns movieId and tag.
    """
    rows = csv.DictReader(io.StringIO(table.decode("utf-8", errors="replace")))
    counts: dict[str, Counter[str]] = {}
    try:
        if not {"movieId", "tag"} <= set(rows.fieldnames or ()):
            raise DataError("tags.csv has no columns movieId and tag, so it is not the MovieLens table of tags.")
        for row in rows:
            tag = " ".join((row["tag"] or "").lower().split())
            if tag:
                counts.setdefault(row["movieId"], Counter())[tag] += 1
    except csv.Error as error:
        raise DataError(f"tags.csv is damaged ({error}). Fetch the archive again.") from None
    return {movie: tuple(tag for tag, _ in tags.most_common()) for movie, tags in counts.items()}


def describe(title: str, genres: Iterable[str], tags: Iterable[str]) -> str:
    """A film's description: its title, genres and tags, in sentences."""
    parts = (title, ", ".join(genres), ", ".join(tags))
    return " ".join(f"{part}." for part in parts if part)


def _with_texts(movies: pd.DataFrame, tags: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """The films with their descriptions, and without the mark of those that have no genre."""
    genres = [[] if text == _NO_GENRES else text.split("|") for text in movies["genres"]]
    texts = [
        describe(title, names, tags.get(movie, ()))
        for movie, title, names in zip(movies["item_id"], movies["title"], genres, strict=True)
    ]
    return movies.assign(text=texts, genres=["|".join(names) for names in genres])


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The tables in the archive, whatever folder they are in."""
    found = {PurePosixPath(member.filename).name: member for member in archive.infolist()}
    missing = [name for name in _TABLES if name not in found]
    if missing:
        raise DataError(f"The archive has no {missing[0]}, so it is not {NAME}. {_BY_HAND}")
    members = {name: found[name] for name in _TABLES}
    # zipfile reads no more of a member than it declares, so the declared sizes are a limit that holds.
    if sum(member.file_size for member in members.values()) > MAX_UNPACKED:
        raise DataError(
            f"The archive unpacks to more than {MAX_UNPACKED:,} bytes, far more than {NAME} has. Nothing was kept."
        )
    return members


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows a redirection on the same host only: the user agreed to ask this one and no other."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if after.hostname != before.hostname or (before.scheme == "https" and after.scheme != "https"):
            raise urllib.error.URLError(f"it sends on to another place, {after.scheme}://{after.hostname}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _announced(answer: Any) -> int | None:
    """The size that the server announces, where it does."""
    text = answer.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _pieces(answer: HTTPResponse) -> Iterator[bytes]:
    """What has arrived, without waiting for a whole step, so that a slow download can be stopped too."""
    while piece := answer.read1(_STEP):
        yield piece
