from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from convmf.data import unpacking
from convmf.data import vectors as module
from convmf.data.dataset import load_dataset
from convmf.data.embedding import LISTED, MEAN_NORM
from convmf.data.text import Vocabulary
from convmf.data.vectors import BadLine, WordVectors, distinct_words, read_vectors
from convmf.errors import DataError

GLOVE = "the 9 9 9\nwar 1 2 3\nlove -1 0.5 2e-1\n"
WANTED = {"war", "love", "cafe", "river"}


def read(text: str, wanted: set[str] = WANTED) -> WordVectors:
    return read_vectors(text.encode(), wanted, "some.txt")


def as_dict(vectors: WordVectors) -> dict[str, list[float]]:
    return {word: row.tolist() for word, row in zip(vectors.words, vectors.vectors, strict=True)}


@pytest.mark.parametrize(
    "text",
    [
        GLOVE,
        "3 3\n" + GLOVE,
        "\ufeff3 3\n" + GLOVE,
        GLOVE.replace("\n", " \r\n"),
        GLOVE.replace(" ", "\t"),
        GLOVE.replace(" ", "  "),
        GLOVE.replace("war", "\nwar").rstrip("\n"),
    ],
    ids=["glove", "word2vec", "mark", "windows", "tabs", "wide", "blank line"],
)
def test_only_the_wanted_words_are_kept(text: str) -> None:
    vectors = read(text)
    assert as_dict(vectors) == {"war": [1, 2, 3], "love": [-1, 0.5, np.float32(0.2)]}
    assert (vectors.dim, vectors.n_lines, vectors.n_bad_lines, vectors.name) == (3, 3, 0, "some.txt")
    assert vectors.vectors.dtype == np.float32 and vectors.bad_lines_text() == ""


def test_a_path_and_gzip(tmp_path: Path) -> None:
    (tmp_path / "v.txt.gz").write_bytes(gzip.compress(GLOVE.encode()))
    vectors = read_vectors(tmp_path / "v.txt.gz", WANTED)
    assert as_dict(vectors) == as_dict(read(GLOVE)) and vectors.name == "v.txt.gz"
    assert vectors.digest == read(GLOVE).digest != read(GLOVE.replace("0.5", "0.6")).digest
    assert read_vectors(gzip.compress(GLOVE.encode()), WANTED).name == "the file"


def test_the_first_of_two_counts_and_an_exact_word_before_a_folded_one() -> None:
    text = "War 1 1\nLOVE 2 2\nlove 3 3\nlove 4 4\nCafé 5 5\ncafé 6 6\nu.s. 7 7\n'river 8 8\nriver's 9 9\n"
    assert as_dict(read(text, WANTED | {"s"})) == {"war": [1, 1], "love": [3, 3], "cafe": [5, 5], "river": [9, 9]}


def test_bad_lines_are_counted_with_their_numbers_and_a_later_row_steps_in() -> None:
    text = (
        "the 1 2\nwar 1\nwar 1 x\nwar 1 nan\nwar 1 inf\nwar 1 1e39\nwar -1000.5 1\nat name@domain.com 1 2\nlove 1 2\n"
        "other x y\nwar 1000 7\n"
    )
    vectors = read(text)
    assert as_dict(vectors) == {"love": [1, 2], "war": [1000, 7]}
    assert [bad.line for bad in vectors.bad_lines] == [2, 3, 4, 5, 6, 7, 8]
    assert (vectors.n_bad_lines, vectors.n_lines) == (7, 11)
    assert vectors.bad_lines[0] == BadLine(2, "1 numbers behind the first word, not 2")
    assert vectors.bad_lines[-1].reason == "3 numbers behind the first word, not 2"
    assert "'war'" in vectors.bad_lines[1].reason
    assert vectors.bad_lines_text() == "some.txt: 7 lines are left out; line 2: 1 numbers behind the first word, not 2."


def test_lines_count_from_the_header_and_few_examples_are_kept() -> None:
    vectors = read("40 2\nwar 1 2\n" + "bad x\n" * 30)
    assert vectors.bad_lines[0].line == 3 and len(vectors.bad_lines) == LISTED
    assert vectors.n_bad_lines == 31, "thirty short lines, and the file is shorter than its header says"
    cut = read("5 2\nwar 1 2\n")
    assert cut.bad_lines == (BadLine(2, "the first line promises 5 words, but the file ends after 1"),)


def test_a_line_too_long_is_one_bad_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINE_BYTES", 32)
    vectors = read("war 1 2\n" + "love " + "1 " * 200 + "\nriver 3 4\n")
    assert as_dict(vectors) == {"war": [1, 2], "river": [3, 4]}
    assert [bad.line for bad in vectors.bad_lines] == [2]


def binary(n_words: int = 50) -> bytes:
    rows = np.random.default_rng(0).normal(size=(n_words, 20)).astype(np.float32)
    rows[0, 0] = 0.5
    return b"50 20\n" + b"".join(f"word{n} ".encode() + row.tobytes() for n, row in enumerate(rows))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"user_id,item_id,rating\n1,2,3\n", "None of the first lines"),
        (b"once upon a time\n" * 200, "None of the first lines"),
        (b"3 2\n", "None of the first lines"),
        (b"9" * 5000 + b" 2\n", "None of the first lines|no usable vector"),
        (binary(), "word2vec's binary format"),
        (b"\x00\x01\x02" * 99, "binary file"),
        (GLOVE.encode("utf-16"), "binary file, or in UTF-16"),
        (b"PK\x03\x04....", "zip archive"),
        (gzip.compress(GLOVE.encode(), mtime=0)[:-12], "damaged gzip"),
        (b"krieg 1 2\nliebe 3 4\n", "has 2 lines, but no usable vector for any of the 4 words"),
        (b"war nan 2\nlove 1 2\n".replace(b"love", b"hate"), "no usable vector"),
        (b"war " + b"1 " * 2049, "2,049 numbers a word; at most 2,048"),
    ],
)
def test_a_useless_file_is_one_clear_error(content: bytes, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        read_vectors(content, WANTED, "some.txt")
    assert "some.txt" in str(caught.value)


def test_other_things_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.txt"):
        with pytest.raises(DataError, match="can't be read"):
            read_vectors(path, WANTED)
    with pytest.raises(DataError, match="no word in the descriptions"):
        read_vectors(GLOVE.encode(), set())


def test_a_gzip_bomb_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "SMALL_BYTES", 1 << 16)
    bomb = gzip.compress(GLOVE.encode() + b"the 0 0 0\n" * 200_000)
    with pytest.raises(DataError, match="unpacks to more than"):
        read_vectors(bomb, WANTED)
    monkeypatch.setattr(unpacking, "MAX_EXPANSION", 10_000)
    assert len(read_vectors(bomb, WANTED).words) == 2
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    with pytest.raises(DataError, match="more than 1,000 bytes"):
        read_vectors(GLOVE.encode() * 100, WANTED)


def test_the_matrix_by_hand() -> None:
    vectors = WordVectors(("war", "love"), np.array([[3.0, 4.0], [0.0, 15.0]]), "hand")
    vocabulary = Vocabulary(("love", "river", "war", "house"))
    matrix, coverage = vectors.matrix(vocabulary, seed=0)
    # Norms 5 and 15, mean 10.
    scaled = vectors.vectors * (MEAN_NORM / 10)
    assert matrix.shape == (6, 2) and matrix.dtype == np.float32
    assert not matrix[:2].any(), "PAD and UNK"
    np.testing.assert_allclose(matrix[[2, 4]], scaled[[1, 0]], rtol=1e-6)
    assert np.isfinite(matrix[[3, 5]]).all() and not np.array_equal(matrix[3], matrix[5])
    assert (coverage.n_known, coverage.n_words, coverage.missing, coverage.share) == (2, 4, ("river", "house"), 0.5)
    assert str(coverage).startswith("2 of 4 words (50.0%) have a pretrained vector")
    assert vectors.report(vocabulary) == {"file": "hand", "dim": 2, "known": 2, "words": 4}
    again, _ = vectors.matrix(vocabulary, seed=0)
    other, _ = vectors.matrix(vocabulary, seed=1)
    assert np.array_equal(matrix, again) and not np.array_equal(matrix[3], other[3])
    assert np.array_equal(matrix[2], other[2])


def test_missing_words_are_spread_like_the_known_ones() -> None:
    generator = np.random.default_rng(0)
    known = generator.normal([1.0, -2.0], [0.5, 0.1], size=(3000, 2))
    vectors = WordVectors(tuple(f"w{n}" for n in range(3000)), known)
    matrix, _ = vectors.matrix(Vocabulary(tuple(f"x{n}" for n in range(3000))), seed=0)
    scale = MEAN_NORM / np.linalg.norm(known, axis=1).mean()
    np.testing.assert_allclose(matrix[2:].mean(axis=0), scale * np.array([1.0, -2.0]), rtol=0.05)
    np.testing.assert_allclose(matrix[2:].std(axis=0), scale * np.array([0.5, 0.1]), rtol=0.05)


def test_edges_of_the_matrix() -> None:
    zero = WordVectors(("war",), np.zeros((1, 3)))
    assert not zero.matrix(Vocabulary(("war", "love")), 0)[0].any()
    matrix, coverage = zero.matrix(Vocabulary(()), 0)
    assert matrix.shape == (2, 3) and (coverage.n_words, coverage.share) == (0, 0.0)


@pytest.mark.parametrize(
    ("words", "shape"), [((), (0, 2)), (("a",), (2, 2)), (("a", "a"), (2, 2)), (("a",), (1,)), (("a",), (1, 0))]
)
def test_vectors_that_do_not_fit_are_refused(words: tuple[str, ...], shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError):
        WordVectors(words, np.ones(shape))
    with pytest.raises(DataError, match="finite"):
        WordVectors(("a",), np.array([[np.nan]]))


def test_saved_and_loaded(tmp_path: Path) -> None:
    vectors, path = read("war 1 2\nCafé 3 4\n"), tmp_path / "vectors.safetensors"
    vectors.save(path)
    loaded = WordVectors.load(path)
    assert as_dict(loaded) == as_dict(vectors)
    assert (loaded.digest, loaded.name) == (vectors.digest, "some.txt")
    path.write_bytes(path.read_bytes()[:-4])
    for broken in (path, tmp_path / "missing.safetensors"):
        with pytest.raises(DataError, match="damaged"):
            WordVectors.load(broken)


def test_words_of_texts_are_spelled_as_in_a_vocabulary() -> None:
    assert distinct_words(["The War's café", "war, WAR"]) == {"the", "war", "cafe"}


@pytest.mark.parametrize(("name", "low", "high"), [("ml-100k", 0.93, 0.99), ("ml-small", 0.97, 0.99)])
def test_coverage_of_real_descriptions(test_data: Path, name: str, low: float, high: float) -> None:
    files = list((test_data / "glove").glob("*.txt.gz"))
    if not files:
        pytest.skip("there are no word vectors in the folder glove of CONVMF_TEST_DATA")
    texts = load_dataset(test_data / name / "ratings.csv.gz", test_data / name / "items.csv.gz").texts
    vectors = read_vectors(files[0], distinct_words(texts))
    coverage = vectors.coverage(Vocabulary.build(texts, max_words=8000))
    # The file leaves out number words and longer stop lists' words such as "one" and "first".
    assert coverage.n_words == 8000 and low <= coverage.share <= high
    assert vectors.n_bad_lines == 0 and vectors.dim == 50


@pytest.mark.parametrize(
    "vectors", [np.zeros((3, 2), np.float32), np.zeros((1, 5000), np.float32), np.zeros((1, 2), np.int64)]
)
def test_a_stored_file_of_other_shapes_is_damaged(tmp_path: Path, vectors: np.ndarray) -> None:
    path = tmp_path / "vectors.safetensors"
    save_file({"vectors": vectors}, path, {"version": "1", "name": "a", "words": '["war"]'})
    with pytest.raises(DataError, match="damaged.*numbers of type"):
        WordVectors.load(path)
