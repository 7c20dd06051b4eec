"""Reading pretrained word vectors from a file in GloVe's or word2vec's text format."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from convmf.data.embedding import LISTED, MAX_DIM, BadLine, Coverage, Floats, WordVectors
from convmf.data.text import tokenize, words
from convmf.data.unpacking import byte_limit, file_name, open_unpacked, other_kind
from convmf.errors import DataError, shown

__all__ = ["BadLine", "Coverage", "WordVectors", "distinct_words", "read_vectors"]

log = logging.getLogger(__name__)

MAX_BYTES = 8 << 30
"""Unpacked size in bytes; the largest public file, GloVe 840B with 300 numbers a word, has 5.6e9."""
MAX_LINE_BYTES = 1 << 16
"""A line of ``MAX_DIM`` numbers in full precision (25 characters each) fits; a longer one is no row of vectors."""
MAX_VALUE = 1000.0
"""Numbers of real vectors lie within ±20; far outside, a row is damaged and would outweigh all others."""

ACCEPTED = (
    "Accepted is the text format of GloVe or word2vec, plain or gzip-compressed: in each line a word and its "
    "numbers with spaces between, in UTF-8."
)
_PROBED_LINES = 100


def distinct_words(texts: Iterable[str]) -> set[str]:
    """All words of the texts, as a vocabulary would spell them."""
    return {word for text in texts for word in words(text)}


def read_vectors(source: bytes | Path, vocabulary_words: Collection[str], name: str = "") -> WordVectors:
    """The vectors of ``vocabulary_words`` from a file in GloVe's or word2vec's text format, plain or gzip.

    Line by line, and only the wanted words are kept, so that a file of gigabytes takes little memory. A
    word of the file counts as it stands; where that isn't wanted, its lower case without accents
    counts, unless that stands in the file itself. Of a word that comes twice the first counts. Lines
    that can't be used are counted and left out; of words that aren't wanted only the length is checked.

    Parameters
    ----------
    vocabulary_words
        The words that matter, such as ``distinct_words(dataset.texts)``.
    name
        What messages call the file.

    Raises
    ------
    DataError
        The file can't be read, isn't in such a format, unpacks to too much, or has none of the words.
    """
    wanted = frozenset(vocabulary_words)
    if not wanted:
        raise DataError("There is no word in the descriptions, so word vectors have nothing to do. Leave them out.")
    name = shown(name or file_name(source))
    with open_unpacked(source, name) as stream:
        lines = _lines(stream, name, byte_limit(source, MAX_BYTES))
        head = list(islice(lines, _PROBED_LINES))
        _refuse_other_files(head, name)
        header = _header(head[0])
        reader = _Reader(wanted, _dimension(head[1:] if header else head, name))
        for number, line in enumerate(chain(head, lines), start=1):
            if number > 1 or not header:
                reader.read(number, line)
    if header is not None and reader.n_lines < header:
        reader.note(number, f"the first line promises {header:,} words, but the file ends after {reader.n_lines:,}")
    return reader.result(name)


class _Reader:
    """Takes line after line and keeps what is wanted."""

    def __init__(self, wanted: frozenset[str], dim: int) -> None:
        self.wanted, self.dim = wanted, dim
        self.exact: dict[str, Floats] = {}
        self.folded: dict[str, Floats] = {}
        self.n_lines = self.n_bad = 0
        self.bad: list[BadLine] = []

    def read(self, number: int, line: bytes) -> None:
        """One line, with the word in front."""
        word, *rest = line.split(None, 1) or (b"",)
        if not word:
            return
        self.n_lines += 1
        numbers = rest[0].rstrip() if rest else b""
        # Counting spaces is much faster than splitting, and nearly all lines have one between two numbers.
        if numbers.count(b" ") + 1 != self.dim and len(numbers.split()) != self.dim:
            self.note(number, f"{len(numbers.split())} numbers behind the first word, not {self.dim}")
            return
        table, key = self._place(word.decode("utf-8", "replace"))
        if key in self.wanted and key not in table:
            vector = _vector(numbers)
            if vector is None:
                self.note(number, f"a number of {key!r} is none, or not from -{MAX_VALUE:g} to {MAX_VALUE:g}")
            else:
                table[key] = vector

    def _place(self, word: str) -> tuple[dict[str, Floats], str]:
        # Folding changes nothing in most words, and takes the most time.
        if word in self.wanted or (word.isascii() and "'" not in word and word == word.lower()):
            return self.exact, word
        tokens = tokenize(word)
        is_one = len(tokens) == 1 and (tokens[0].start, tokens[0].end) == (0, len(word))
        return self.folded, tokens[0].word if is_one else ""

    def note(self, number: int, reason: str) -> None:
        """Count a bad line."""
        self.n_bad += 1
        if len(self.bad) < LISTED:
            self.bad.append(BadLine(number, reason))

    def result(self, name: str) -> WordVectors:
        """What was kept."""
        found = {**self.folded, **self.exact}
        if not found:
            raise DataError(
                f"{name} has {self.n_lines:,} lines, but no usable vector for any of the {len(self.wanted):,} words in "
                "the descriptions. Choose vectors in the language of the descriptions."
            )
        log.info("%s: vectors for %d of %d words, %d bad lines", name, len(found), len(self.wanted), self.n_bad)
        return WordVectors(
            tuple(found), np.stack(list(found.values())), name, self.n_lines, self.n_bad, tuple(self.bad)
        )


def _vector(numbers: bytes) -> Floats | None:
    try:
        values = np.array([float(part) for part in numbers.split()])
    except ValueError:
        return None
    return values.astype(np.float32) if (np.abs(values) <= MAX_VALUE).all() else None


def _lines(stream: BinaryIO, name: str, limit: int) -> Iterator[bytes]:
    """Each line without its end; of one that is too long, the start."""
    n_bytes, begins = 0, True
    while piece := stream.readline(MAX_LINE_BYTES):
        n_bytes += len(piece)
        if n_bytes > limit:
            raise DataError(f"{name} unpacks to more than {limit:,} bytes, which no such file does. {ACCEPTED}")
        if begins:
            yield piece.removeprefix(b"\xef\xbb\xbf")
        begins = piece.endswith(b"\n")


def _refuse_other_files(head: list[bytes], name: str) -> None:
    start = b"".join(head)
    if not start.strip():
        raise DataError(f"{name} is empty. {ACCEPTED}")
    if other := other_kind(start):
        raise DataError(f"{name} is {other[0]}. {ACCEPTED} If the vectors are inside, unpack it first.")
    if b"\0" in start:
        kind = "seems to be in word2vec's binary format" if _header(head[0]) else "is a binary file, or in UTF-16"
        raise DataError(f"{name} {kind}. {ACCEPTED} Save it in the text format.")


def _header(line: bytes) -> int | None:
    """The number of words that word2vec's first line, "words numbers", promises; None for another line."""
    parts = line.split()
    return int(parts[0]) if len(parts) == 2 and all(part.isdigit() and len(part) < 12 for part in parts) else None


def _dimension(head: list[bytes], name: str) -> int:
    """Numbers a word in most of the first lines; a word with a space in it makes some lines longer."""
    tails = [line.split()[1:] for line in head]
    counts = Counter(len(tail) for tail in tails if tail and _vector(b" ".join(tail)) is not None)
    if not counts:
        raise DataError(f"None of the first lines of {name} is a word with numbers behind it. {ACCEPTED}")
    dim = counts.most_common(1)[0][0]
    if dim > MAX_DIM:
        raise DataError(f"{name} has {dim:,} numbers a word; at most {MAX_DIM:,} can be used.")
    return dim
