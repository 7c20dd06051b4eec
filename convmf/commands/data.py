"""The commands' input files, and what is said of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from convmf.errors import quoted, shown

if TYPE_CHECKING:
    from convmf.data.dataset import Dataset
    from convmf.data.problems import ReadReport
    from convmf.data.vectors import WordVectors


def read_data(ratings: Path, items: Path) -> Dataset:
    """The data set in two files; what is left out of them, or doesn't fit, is named on stderr."""
    from convmf.data.columns import roles_in_words
    from convmf.data.dataset import read_dataset

    dataset, reports = read_dataset(ratings, items, name=ratings.parent.name)
    for kind, report in reports.items():
        if report.n_rejected:
            print(
                f"{kind}: {report.n_rejected:,} of {report.n_rows:,} rows left out; "
                f"read were {roles_in_words(report.columns)}. python -m convmf check names each of them.",
                file=sys.stderr,
            )
            print_problems(report, most=1, of_kept=False, file=sys.stderr)
    if warning := misfit(reports):
        print(warning, file=sys.stderr)
    return dataset


def print_problems(report: ReadReport, *, most: int, of_kept: bool = True, file: TextIO | None = None) -> None:
    """The first ``most`` rows that had a problem, a line each; with ``of_kept`` also those that were kept all the
    same."""
    problems = report.problems if of_kept else report.problems[~report.problems["kept"]]
    for row in problems.head(most).itertuples():
        state = "kept" if row.kept else "left out"
        print(f"  line {row.line}: {shown(str(row.field))} {quoted(row.value)}: {row.reason} ({state})", file=file)


def misfit(reports: Mapping[str, ReadReport]) -> str:
    """A sentence where no rating is of an item in the items file; "" otherwise."""
    from convmf.data.problems import UNKNOWN_ITEM

    if "items" not in reports or reports["ratings"].counts.get(UNKNOWN_ITEM, 0) < reports["ratings"].n_kept:
        return ""
    return "No rating is of an item in the items file; check that both files use the same item labels."


def read_word_vectors(path: Path, dataset: Dataset) -> WordVectors:
    """The word vectors in ``path`` of the words in the descriptions; lines that are left out are named on stderr."""
    from convmf.data.vectors import distinct_words, read_vectors

    vectors = read_vectors(path, distinct_words(dataset.texts))
    if vectors.n_bad_lines:
        print(vectors.bad_lines_text(), file=sys.stderr)
    return vectors
