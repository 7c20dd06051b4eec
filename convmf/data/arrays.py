"""What callers hand over, checked and as the containers keep it: arrays of one type, and tuples of strings."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from convmf.errors import ConvMFError, DataError, quoted

MOST_ROWS = 2**31
"""Row numbers are kept in 32 bits."""


def numbers(values: object, name: str, error: type[ConvMFError] = DataError) -> NDArray[Any]:
    """``values`` as an array of integers or floats, (n,); not a copy where they are one already.

    Raises
    ------
    error
        They are no numbers, or not in one row.
    """
    try:
        array = np.asarray(values)
    except ValueError:
        raise error(f"{name} must be numbers in one row, (n,), not sequences of different lengths.") from None
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise error(f"{name} must be numbers in one row, (n,), not {array.dtype} of shape {array.shape}.")
    return array


def row_numbers(
    values: object, name: str, n_rows: int = MOST_ROWS, error: type[ConvMFError] = DataError
) -> NDArray[Any]:
    """As :func:`numbers`, all of them whole and from 0 to ``n_rows`` − 1, whatever their type."""
    array = numbers(values, name, error)
    if not len(array):
        return array
    # Most are sound, and two numbers tell it; NaN is neither small nor large.
    in_range = 0 <= array.min() and array.max() < n_rows
    if not in_range or (array.dtype.kind == "f" and (array != np.floor(array)).any()):
        wrong = ~((array >= 0) & (array < n_rows) & (array == np.floor(array)))
        raise error(
            f"{name} must be row numbers, whole and from 0 to {n_rows - 1:,}, not {array[wrong][0]} "
            f"(at place {int(wrong.argmax())})."
        )
    return array


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """``array``, closed for writing: with that it is given away, see :func:`kept`."""
    array.setflags(write=False)
    return array


def kept(array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """A read-only contiguous array of ``dtype``, (n,), that nobody else writes to.

    ``array`` itself where it is one and has been closed for writing, else a copy. A read-only view of another array
    is copied as well: its owner may still write.
    """
    is_closed = not array.flags.writeable and not isinstance(array.base, np.ndarray)
    if is_closed and array.dtype == dtype and array.flags.c_contiguous:
        return array
    with np.errstate(over="ignore"):  # what is too large for the type becomes infinite
        return read_only(np.array(array, dtype=dtype, order="C"))


def label(value: object) -> str | None:
    """The id that ``value`` stands for: a string as it is, a whole number (10.0 is one) as its digits, else None."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    if isinstance(value, Integral):
        return str(int(value))
    return str(int(float(value))) if float(value).is_integer() else None


def labels(values: object, name: str) -> tuple[str, ...]:
    """Ids as strings, see :func:`label`; a DataError names the first that is none."""
    listed = _listed(values, name)
    if set(map(type, listed)) <= {str}:
        return listed
    found = tuple(map(label, listed))
    if None in found:
        raise DataError(f"{name} must be strings or whole numbers, not {quoted(listed[found.index(None)])}.")
    return tuple(map(str, found))


def strings(values: object, name: str) -> tuple[str, ...]:
    """Strings as a tuple; a DataError names the first value that is none."""
    listed = _listed(values, name)
    if set(map(type, listed)) <= {str}:
        return listed
    wrong = [value for value in listed if not isinstance(value, str)]
    if wrong:
        raise DataError(f'{name} must be strings, not {quoted(wrong[0])}; where there is none, give "".')
    return tuple(map(str, listed))


def _listed(values: object, name: str) -> tuple[Any, ...]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise DataError(f"{name} must be a sequence of strings, not {quoted(values)}.")
    return tuple(values)
