"""Fetching MovieLens: a real-format archive from a server on this machine, and everything that can go wrong."""

from __future__ import annotations

import csv
import gzip
import io
import socket
import threading
import zipfile
from http.server import BaseHTTPRequestHandler

import numpy as np
import pytest

from convmf.data import movielens
from convmf.errors import DataError
from tests.movielens_server import TAGS, archive, refuses, sends, sends_on, serving


def test_an_archive_is_fetched_and_joined_by_id():
    seen: list[tuple[int, int | None]] = []
    content = archive()
    with serving(sends(content)) as url:
        data = movielens.fetch(url, on_progress=lambda received, total: seen.append((received, total)))
    assert data.name == movielens.NAME
    assert data.item_ids == ("1", "2", "3", "4") and data.user_ids == ("1", "2", "7")
    assert data.titles[1] == "American President, The (1995)"
    assert data.genres == (
        "Adventure|Animation|Children|Comedy|Fantasy",
        "Comedy|Drama|Romance",
        "Drama|War",
        "",
    )
    assert data.texts == (
        "Toy Story (1995). Adventure, Animation, Children, Comedy, Fantasy. pixar, fun, for children.",
        "American President, The (1995). Comedy, Drama, Romance.",
        'Misérables, Les (1995). Drama, War. "revolution".',
        "Nobody Rated This (2001).",
    )
    np.testing.assert_array_equal(data.ratings.rating, np.array([4.0, 0.5, 5.0, 3.5, 2.0], np.float32))
    np.testing.assert_array_equal(data.ratings.item_index, [0, 1, 0, 2, 2])
    assert seen[-1] == (len(content), len(content))


def test_tags_that_differ_by_case_are_one_and_the_most_given_comes_first():
    assert movielens.read_tags((TAGS + "3,1,fun,1\n9,1,FUN,2\n1,1,fun,3\n9,1, ,4\n").encode()) == {
        "1": ("fun", "pixar", "fun, for children"),
        "3": ('"revolution"',),
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive()[:-40], "not a whole zip archive"),
        (b"", "not a whole zip archive"),
        (b"<html>moved</html>", "not a whole zip archive"),
        (archive(tags=None), r"has no tags\.csv"),
        (archive(ratings=None), r"has no ratings\.csv"),
        (archive(tags="a,b\n1,2\n"), r"tags\.csv has no columns movieId and tag"),
        (archive(tags="userId,movieId,tag\n1,1," + "x" * (csv.field_size_limit() + 1)), r"tags\.csv is damaged"),
        (archive(ratings="userId,movieId,rating\n1,2,good\n"), r"ratings\.csv has no row that can be used"),
    ],
)
def test_what_is_no_such_archive_is_refused(content, message):
    with serving(sends(content)) as url, pytest.raises(DataError, match=message):
        movielens.fetch(url)


def test_an_archive_damaged_inside_is_refused():
    content = bytearray(archive())
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        start = packed.getinfo("ml-latest-small/ratings.csv").header_offset + 30 + len("ml-latest-small/ratings.csv")
    content[start + 5 : start + 15] = bytes(10)
    with pytest.raises(DataError, match="not a whole zip archive"):
        movielens.read_archive(io.BytesIO(content))


def test_an_encrypted_archive_is_refused():
    content = bytearray(archive())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := content.find(mark, place + 1)) >= 0:
            content[place + offset] |= 1
    with pytest.raises(DataError, match="can't be unpacked .*password"):
        movielens.read_archive(io.BytesIO(content))


def test_a_download_that_breaks_off_is_an_error():
    content = archive()
    with (
        serving(sends(content[:100], announced=len(content))) as url,
        pytest.raises(DataError, match=f"broke off after 100 of {len(content):,} bytes"),
    ):
        movielens.fetch(url)


@pytest.mark.parametrize("announced", [None, 1 << 40])
def test_a_download_that_is_too_large_ends_early(monkeypatch, announced):
    monkeypatch.setattr(movielens, "MAX_DOWNLOAD", 1000)
    with serving(sends(bytes(3000), announced=announced)) as url, pytest.raises(DataError, match="more than 1,000 by"):
        movielens.fetch(url)


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(movielens, "MAX_UNPACKED", 10_000_000)
    content = archive(ratings="userId,movieId,rating\n" + " " * 20_000_000)
    assert len(content) < 100_000
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("was unpacked"))
    with serving(sends(content)) as url, pytest.raises(DataError, match="unpacks to more than 10,000,000 bytes"):
        movielens.fetch(url)


def test_an_http_error_is_told_with_its_code_and_a_way_around():
    with serving(refuses(503)) as url, pytest.raises(DataError, match=r"answered 503 .* ratings\.csv and movies\.csv"):
        movielens.fetch(url)


def test_another_host_is_not_asked():
    asked = threading.Event()

    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        sends(archive())(handler)

    with serving(elsewhere) as other:
        moved = other.replace("127.0.0.1", "localhost")
        with serving(sends_on(moved)) as url, pytest.raises(DataError, match="another place, http://localhost"):
            movielens.fetch(url)
    assert not asked.is_set()


def test_another_address_on_the_same_host_is_followed():
    with serving(sends(archive())) as new, serving(sends_on(new)) as url:
        assert movielens.fetch(url).n_ratings == 5


def test_without_a_server_the_message_says_what_to_do():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DataError, match=r"could not be fetched from 127\.0\.0\.1: .*refused.*connection to the int"):
        movielens.fetch(f"http://127.0.0.1:{port}/ml-latest-small.zip")


def test_a_server_that_says_nothing_is_given_up():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/ml-latest-small.zip"
        with pytest.raises(DataError, match="timed out"):
            movielens.fetch(url, timeout=0.1)


def test_a_slow_download_can_be_stopped():
    content, stopped = archive(), threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:10])
        handler.wfile.flush()
        stopped.wait(10)

    seen: list[int] = []
    with serving(drip) as url:
        with pytest.raises(DataError, match="was stopped"):
            movielens.fetch(url, on_progress=lambda received, _: seen.append(received), should_stop=lambda: bool(seen))
        stopped.set()
    assert seen == [10], "the first bytes are looked at when they come, not when the piece is full"


def test_the_real_tables_packed_as_the_archive_has_them(test_data):
    folder = test_data / "ml-small"
    ratings = gzip.decompress((folder / "ratings.csv.gz").read_bytes()).decode()
    with gzip.open(folder / "items.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    movies = io.StringIO()
    writer = csv.writer(movies)
    writer.writerow(["movieId", "title", "genres"])
    writer.writerows([row["item_id"], row["title"], row["genres"] or "(no genres listed)"] for row in rows)
    ratings = ratings.replace("user_id,item_id,rating,timestamp", "userId,movieId,rating,timestamp", 1)
    with serving(sends(archive(movies=movies.getvalue(), ratings=ratings))) as url:
        data = movielens.fetch(url)
    assert (data.n_users, data.n_ratings, data.rating_range) == (610, 100_836, (0.5, 5.0))
    assert data.n_items_with_text == data.n_items == len(rows)
    assert data.texts[0].startswith("Toy Story (1995). Adventure, Animation, Children, Comedy, Fantasy. pixar")
