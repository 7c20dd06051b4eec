"""From the fields of a row to values: ids, numbers and times."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from convmf.data.problems import ID_CONTROL, ID_TOO_LONG

MAX_ID = 200
"""Characters of an id: a longer one is a description in the wrong column."""

MAX_RATING = 2.0**24
"""Size of a rating: beyond it single precision tells whole numbers apart no more; it is an id, a date or a time."""

MAX_NUMBER = 100
"""Characters of a number, a time or a column's name that is looked at: far above any of them."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_INFINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_GROUPED = {sign: re.compile(rf"[+-]?[1-9]\d{{0,2}}(?:\{sign}\d{{3}})+", re.ASCII) for sign in ",."}
_DATE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:$|[T ])", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CACHE = 1 << 16  # different fields remembered: ratings repeat, so that each is parsed once


class IdCodes(dict[str, int]):
    """Numbers for ids in the order they are met: raw field → code, -1 for a field that is no id."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []

    def __missing__(self, field: str) -> int:
        label = field.strip()
        if id_problem(label):
            return -1
        if label == field:
            self.ids.append(label)
            code = len(self.ids) - 1
        else:
            code = self[label]
        self[field] = code
        return code

    def encode(self, fields: Sequence[str]) -> npt.NDArray[np.int32]:
        """The code of each field, (n,)."""
        return np.fromiter(map(self.__getitem__, fields), dtype=np.int32, count=len(fields))

    def categories(self, codes: npt.NDArray[np.int32]) -> pd.Categorical:
        """The ids of ``codes`` (n,); the categories are the ids that occur, in the order they were met."""
        used = np.bincount(codes, minlength=len(self.ids)) > 0
        renumbered = (np.cumsum(used) - 1).astype(np.int32)
        labels = [label for label, is_used in zip(self.ids, used, strict=True) if is_used]
        return pd.Categorical.from_codes(renumbered[codes], categories=pd.Index(labels, dtype="str"))


def id_problem(label: str, missing: str = "missing") -> str:
    """Why ``label`` is no id, or ""; ``missing`` is what to say of an empty one."""
    if not label:
        return missing
    if len(label) > MAX_ID:
        return ID_TOO_LONG
    return ID_CONTROL if _CONTROL.search(label) else ""


def to_numbers(fields: Sequence[str], parse: Callable[[str], float]) -> npt.NDArray[np.float64]:
    """``fields`` as numbers (n,); ``parse`` is asked for every field that is not a plain finite number."""

    def number(field: str) -> float:
        if len(field) > MAX_NUMBER:
            return math.nan
        try:
            value = float(field)
        except ValueError:
            return parse(field)
        return value if math.isfinite(value) and "_" not in field else parse(field)

    try:
        numbers = np.fromiter(map(float, fields), dtype=np.float64, count=len(fields))
    except ValueError:
        numbers = np.array([np.nan])
    # float() takes "1_000" for a number, which no table means.
    if np.isfinite(numbers).all() and "_" not in "".join(fields):
        return numbers
    known = {field: number(field) for field in set(fields)}
    return np.fromiter(map(known.__getitem__, fields), dtype=np.float64, count=len(fields))


@lru_cache(_CACHE)
def parse_number(text: str, decimal_comma: bool = True) -> float:
    """``text`` as a number (full-width digits and, if wanted, a decimal comma too); NaN if it is none.

    "inf" and numbers too large for a float come back as infinity.
    """
    text = _plain(text)
    if decimal_comma and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    if _NUMBER.fullmatch(text):
        return float(text)
    return math.inf if _INFINITE.fullmatch(text) else math.nan


def thousands_sign(fields: Sequence[str]) -> str:
    """The sign that parts thousands in a column of which ``fields`` are the first: "," or ".", or "" for none.

    One number can't tell: "1,250" may be a decimal. So each number with the sign must have groups of three digits, and
    one two of them; or, for the comma, the others are whole and go beyond 100, but not to 1000 without it.
    """
    values = [value for value in map(_plain, fields) if re.fullmatch(r"[+-]?[\d.,]*\d", value, re.ASCII)]
    for sign, pattern in _GROUPED.items():
        grouped = [value for value in values if sign in value]
        if not grouped or not all(map(pattern.fullmatch, grouped)):
            continue
        others = [parse_number(value) for value in values if sign not in value]
        if any(value.count(sign) > 1 for value in grouped) or (
            sign == "," and 100 < max(map(abs, others), default=0) < 1000 and all(map(float.is_integer, others))
        ):
            return sign
    return ""


@lru_cache(_CACHE)
def without_thousands(field: str, sign: str) -> str:
    """``field`` without the ``sign`` that parts its thousands; "" where the sign stands elsewhere."""
    plain = _plain(field)
    if sign not in plain:
        return field
    return plain.replace(sign, "") if _GROUPED[sign].fullmatch(plain) else ""


@lru_cache(_CACHE)
def parse_time(text: str) -> float:
    """Seconds since 1970 from a number or an ISO date (UTC unless it says otherwise), else NaN."""
    number = parse_number(text, decimal_comma=False)
    if not math.isnan(number):
        return number if math.isfinite(number) else math.nan
    text = _plain(text)
    day = _DATE.match(text)
    if day is None:
        return math.nan
    year, month, date = day.groups()
    try:
        moment = datetime.fromisoformat(f"{year}-{month:0>2}-{date:0>2}{text[day.end(3) :]}")
    except ValueError:
        return math.nan
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH).total_seconds()


def _plain(text: str) -> str:
    """``text`` with digits of ordinary width; "" for one that is too long to be a number or a time."""
    # A long run of accents takes Unicode's normalisation quadratic time.
    return unicodedata.normalize("NFKC", text).strip() if len(text) <= MAX_NUMBER else ""
