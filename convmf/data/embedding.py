"""What pretrained word vectors (ConvMF+) are, how far they cover a vocabulary, and the embedding made of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from convmf.data.text import UNK, Vocabulary
from convmf.errors import DataError
from convmf.files import write_atomic

Floats = NDArray[np.float32]

MAX_DIM = 2048
"""Numbers a word: as many as the setting ``embedding_dim`` allows."""
MEAN_NORM = 0.5
"""A compromise by validation RMSE on MovieLens: tuned vectors want 0.5 or less, frozen ones 1 to 2; at 5 both lose."""
LISTED = 20
"""Bad lines, and words without a vector, that are kept as examples."""

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
        if not all(isinstance(word, str) for word in self.words):
            raise DataError("The words of word vectors are strings.")
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
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(f"The word vectors in {path.name} are damaged ({error}); choose them again.") from error
