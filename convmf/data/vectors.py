"""Pretrained word vectors (ConvMF+) from a file in GloVe's or word2vec's text format."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from convmf.data.decoding import _GZIP, _SIGNATURES, _open_bytes
from convmf.data.text import UNK, Vocabulary, tokenize, words
from convmf.errors import DataError
from convmf.files import write_atomic

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]

MAX_BYTES = 8 << 30
"""Unpacked size in bytes; the largest public file, GloVe 840B with 300 numbers a word, has 5.6e9."""
MAX_EXPANSION = 50
"""A gzip file may unpack to this many times its size: digits pack to a half or a third, never to a fiftieth."""
SMALL_BYTES = 64 << 20
"""Up to here ``MAX_EXPANSION`` isn't asked: a small file of round numbers may pack well, and can do no harm."""
MAX_DIM = 2048
"""Numbers a word: as many as the setting ``embedding_dim`` allows."""
MAX_LINE_BYTES = 1 << 16
"""A line of ``MAX_DIM`` numbers in full precision (25 characters each) fits; a longer one is no row of vectors."""
MAX_VALUE = 1000.0
"""Numbers of real vectors lie within ±20; far outside, a row is damaged and would outweigh all others."""
MEAN_NORM = 0.5
"""A compromise by validation RMSE on MovieLens: tuned vectors want 0.5 or less, frozen ones 1 to 2; at 5 both lose."""
LISTED = 20
"""Bad lines, and words without a vector, that are kept as examples."""

ACCEPTED = (
    "Accepted is the text format of GloVe or word2vec, plain or gzip-compressed: in each line a word and its "
    "numbers with spaces between, in UTF-8."
)
_PROBED_LINES = 100
_VERSION = "1"


@dataclass(frozen=True)
class BadLine:
    """A line that couldn't be used, counted from 1."""

    line: int
    reason: str


@dataclass(frozen=True)
class Coverage:
    """How many words of a vocabulary have a pretrained vector; ``missing`` names some that have none."""

    n_known: int
    n_words: int
    missing: tuple[str, ...]

    @property
    def share(self) -> float:
        """Known words in all words, from 0 to 1."""
        return self.n_known / max(self.n_words, 1)

    def __str__(self) -> str:
        examples = f"; the others start at random: {', '.join(self.missing[:5])} …" if self.missing else ""
        return f"{self.n_known:,} of {self.n_words:,} words ({self.share:.1%}) have a pretrained vector{examples}"


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Pretrained vectors of some words, see :func:`read_vectors`.

    Attributes
    ----------
    words, vectors
        The words, each once, and their vectors (n_words, dim) as they stand in the file.
    name
        Of the file.
    n_lines, n_bad_lines, bad_lines
        Words in the file, lines that couldn't be used, and the first of these with their reasons.

    Raises
    ------
    DataError
        There are no vectors, or they don't fit the words.
    """

    words: tuple[str, ...]
    vectors: Floats
    name: str = ""
    n_lines: int = 0
    n_bad_lines: int = 0
    bad_lines: tuple[BadLine, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "vectors", np.asarray(self.vectors, dtype=np.float32))
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.words) or not 1 <= self.vectors.shape[1] <= MAX_DIM:
            raise DataError(
                f"Word vectors have the shape (words, 1 to {MAX_DIM} numbers), here ({len(self.words)}, …), "
                f"not {self.vectors.shape}."
            )
        if not self.words or len(set(self.words)) != len(self.words) or not np.isfinite(self.vectors).all():
            raise DataError("Word vectors need at least one word, each word once, and finite numbers.")

    @property
    def dim(self) -> int:
        """Numbers a word."""
        return int(self.vectors.shape[1])

    @cached_property
    def digest(self) -> str:
        """Stands for words and vectors: another file of the same content has the same."""
        content = hashlib.sha256("\0".join(self.words).encode("utf-8", "surrogatepass"))
        content.update(np.ascontiguousarray(self.vectors).tobytes())
        return content.hexdigest()

    def bad_lines_text(self) -> str:
        """How many lines are left out and why the first one is, in a sentence; empty where all are used."""
        if not self.bad_lines:
            return ""
        first = self.bad_lines[0]
        count = "1 line is" if self.n_bad_lines == 1 else f"{self.n_bad_lines:,} lines are"
        return f"{self.name}: {count} left out; line {first.line}: {first.reason}."

    def coverage(self, vocabulary: Vocabulary) -> Coverage:
        """How many words of ``vocabulary`` have a vector here."""
        own = set(self.words)
        missing = [word for word in vocabulary.words if word not in own]
        n_words = len(vocabulary.words)
        return Coverage(n_words - len(missing), n_words, tuple(missing[:LISTED]))

    def matrix(self, vocabulary: Vocabulary, seed: int) -> tuple[Floats, Coverage]:
        """The start of an embedding, (len(vocabulary), dim), and how much of it is pretrained.

        The vectors are scaled to a mean norm of ``MEAN_NORM``. A word without one gets random numbers
        with the mean and deviation that the known vectors have in each dimension; PAD and UNK are zero.
        """
        row_of = {word: row for row, word in enumerate(self.words)}
        rows = np.array([row_of.get(word, -1) for word in vocabulary.words], dtype=np.int64)
        mean_norm = float(np.linalg.norm(self.vectors, axis=1).mean(dtype=np.float64))
        scaled = self.vectors * np.float32(MEAN_NORM / (mean_norm or 1.0))
        matrix = np.zeros((len(vocabulary), self.dim), dtype=np.float32)
        body = matrix[UNK + 1 :]
        body[rows >= 0] = scaled[rows[rows >= 0]]
        size = (int((rows < 0).sum()), self.dim)
        body[rows < 0] = np.random.default_rng(seed).normal(scaled.mean(axis=0), scaled.std(axis=0), size)
        return matrix, self.coverage(vocabulary)

    def report(self, vocabulary: Vocabulary) -> dict[str, Any]:
        """File, dimension and coverage as plain JSON values."""
        coverage = self.coverage(vocabulary)
        return {"file": self.name, "dim": self.dim, "known": coverage.n_known, "words": coverage.n_words}

    def save(self, path: Path) -> None:
        """Write words and vectors to one safetensors file."""
        meta = {"version": _VERSION, "name": self.name, "words": json.dumps(self.words, ensure_ascii=False)}
        write_atomic(path, save({"vectors": np.ascontiguousarray(self.vectors)}, meta))

    @classmethod
    def load(cls, path: Path) -> WordVectors:
        """Read what :meth:`save` wrote.

        Raises
        ------
        DataError
            The file is missing or damaged.
        """
        try:
            with safe_open(path, framework="np") as file:
                meta = file.metadata() or {}
                if meta.get("version") != _VERSION:
                    raise DataError(f"{path.name} is of another version of this program; choose the vectors again.")
                words, vectors = tuple(json.loads(meta["words"])), file.get_slice("vectors")
                n_rows, dim = vectors.get_shape()
                if vectors.get_dtype() != "F32" or n_rows != len(words) or not 1 <= dim <= MAX_DIM:
                    raise ValueError(f"{n_rows} × {dim} numbers of type {vectors.get_dtype()} for {len(words)} words")
                return cls(words, file.get_tensor("vectors"), meta["name"])
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"The word vectors in {path.name} are damaged ({error}); choose them again.") from error


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
    name = name or ("the file" if isinstance(source, bytes) else Path(source).name)
    with _open_bytes(source, name) as stream:
        lines = _lines(stream, name, _byte_limit(source))
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


def _byte_limit(source: bytes | Path) -> int:
    """How much may be read of the unpacked file."""
    if isinstance(source, bytes):
        packed, n_bytes = source.startswith(_GZIP), len(source)
    else:
        with source.open("rb") as file:
            packed, n_bytes = file.read(2) == _GZIP, source.stat().st_size
    return min(MAX_BYTES, max(SMALL_BYTES, MAX_EXPANSION * n_bytes)) if packed else MAX_BYTES


def _refuse_other_files(head: list[bytes], name: str) -> None:
    start = b"".join(head)
    if not start.strip():
        raise DataError(f"{name} is empty. {ACCEPTED}")
    for signature, kind, _ in _SIGNATURES:
        if start.startswith(signature):
            raise DataError(f"{name} is {kind}. {ACCEPTED} If the vectors are inside, unpack it first.")
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
