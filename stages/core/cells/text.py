"""Texts read by their declared type."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from stages.core.errors import LoopwrightError
from stages.core.schema import Column

Mask = npt.NDArray[np.bool_]

# Digits that int64 holds whatever they are.
_SAFE_DIGITS = 18

# What one piece of text may hold.
_LARGEST = 2**31 - 1

_STR = pd.StringDtype(na_value=np.nan)


@dataclass(frozen=True)
class Spelling:
    """What the texts of a source mean.

    Attributes:
        missing_values: the texts that mean missing, to the letter.
        decimal: the sign before the fraction of a number.
    """

    missing_values: tuple[str, ...]
    decimal: str = "."


@dataclass(frozen=True, eq=False)
class Cells:
    """One column of a source.

    Attributes:
        values: shape (rows,), of the declared dtype; without meaning if a cell is refused.
        refused: shape (rows,), True where the text is not what was declared.
        expected: what was declared, for a message.
    """

    values: pd.Series
    refused: Mask
    expected: str


def read_texts(text: pa.ChunkedArray, column: Column, spelling: Spelling) -> Cells:
    """Read the texts of one column by the dtype that schema.yaml declares for it.

    A text counts as missing only if `spelling.missing_values` lists it, to the letter;
    nothing is trimmed. A datetime with a time zone becomes the same moment in UTC.

    Args:
        text: shape (rows,), strings; a null is a missing value.
        column: its line in schema.yaml.
        spelling: what the texts mean.

    Raises:
        LoopwrightError: the declared format of a datetime is not one.
    """
    missing = pc.is_in(text, value_set=pa.array(spelling.missing_values, pa.string()))
    present = pc.if_else(missing, pa.scalar(None, pa.string()), text)
    return _READERS[column.dtype](present, column, spelling)


def _matching(text: pa.ChunkedArray, pattern: str) -> Mask:
    """Return where `text` matches; a missing text does."""
    found = pc.fill_null(pc.match_substring_regex(text, pattern), True)
    return np.asarray(found.to_numpy(), dtype=bool)


def _as_pandas(values: pa.ChunkedArray, dtype: pd.api.extensions.ExtensionDtype) -> pd.Series:
    series: pd.Series = values.to_pandas(types_mapper=lambda _: dtype)
    return series


def _only(text: pa.ChunkedArray, accepted: Mask) -> pa.ChunkedArray:
    """Return `text` with what is not accepted made missing."""
    return pc.if_else(pa.array(accepted), text, pa.scalar(None, pa.string()))


def _integers(text: pa.ChunkedArray, column: Column, spelling: Spelling) -> Cells:
    expected = f"a whole number ({column.dtype})"
    pattern = "^-?[0-9]+$"
    if column.kind == "identifier":
        # 007 and 7 are two clients.
        expected += " without leading zeros, which only str keeps"
        pattern = "^-?(0|[1-9][0-9]*)$"
    accepted = _matching(text, pattern)
    long = pc.fill_null(pc.greater(pc.utf8_length(text), _SAFE_DIGITS), False).to_numpy()
    for row in np.flatnonzero(accepted & long):
        accepted[row] = _fits_int64(text[int(row)].as_py())
    numbers = _only(text, accepted).cast(pa.int64())
    if column.dtype == "Int64":
        return Cells(_as_pandas(numbers, pd.Int64Dtype()), ~accepted, expected)
    missing = np.asarray(pc.is_null(text).to_numpy(), dtype=bool)
    if missing.any():
        expected += "; one that may be missing is Int64 and nullable: true"
    values = pd.Series(pc.fill_null(numbers, 0).to_numpy(), dtype="int64")
    return Cells(values, ~accepted | missing, expected)


def _fits_int64(text: str) -> bool:
    digits = text.lstrip("-").lstrip("0")
    if len(digits) > _SAFE_DIGITS + 1:
        return False
    value = int(digits or "0")
    return value <= 2**63 if text.startswith("-") else value < 2**63


def _floats(text: pa.ChunkedArray, column: Column, spelling: Spelling) -> Cells:
    point = f"[{spelling.decimal}]"
    accepted = _matching(text, f"^-?([0-9]+({point}[0-9]*)?|{point}[0-9]+)([eE][-+]?[0-9]+)?$")
    numbers = _only(text, accepted)
    if spelling.decimal != ".":
        numbers = pc.replace_substring(numbers, spelling.decimal, ".")
    values = numbers.cast(pa.float64()).to_numpy()
    too_large = np.isinf(values)
    expected = f"a finite number (float64) with decimal '{spelling.decimal}'"
    return Cells(pd.Series(values, dtype="float64"), ~accepted | too_large, expected)


def _booleans(text: pa.ChunkedArray, column: Column, spelling: Spelling) -> Cells:
    lower = pc.utf8_lower(text)
    accepted = _matching(lower, "^(true|false)$")
    values = _as_pandas(pc.equal(_only(lower, accepted), "true"), pd.BooleanDtype())
    return Cells(values, ~accepted, "true or false (boolean)")


def _strings(text: pa.ChunkedArray, column: Column, spelling: Spelling) -> Cells:
    if text.nbytes < _LARGEST:
        # In one piece: where a file was cut into blocks would show in the bytes of the table.
        text = pa.chunked_array([text.combine_chunks()])
    return Cells(_as_pandas(text, _STR), np.zeros(len(text), dtype=bool), "text (str)")


def _categories(text: pa.ChunkedArray, column: Column, spelling: Spelling) -> Cells:
    declared = column.categories()
    found = set(pc.drop_null(pc.unique(text)).to_pylist())
    ordered = column.kind == "ordinal"
    # What is not declared keeps its name, for validate to judge; but it has no rank.
    known = [*declared] if ordered else [*declared, *sorted(found.difference(declared))]
    ranked = pc.is_in(text, value_set=pa.array([*known, None], pa.string()))
    accepted = np.asarray(ranked.to_numpy(), dtype=bool)
    values = _as_pandas(_only(text, accepted), _STR)
    series = pd.Series(pd.Categorical(values, categories=known, ordered=ordered))
    return Cells(series, ~accepted, f"one of {', '.join(declared)} (an ordered category)")


def _datetimes(text: pa.ChunkedArray, column: Column, spelling: Spelling) -> Cells:
    pattern = column.format or ""
    try:
        # Moments are compared, so all are in one zone; without one they stay as they are.
        moments = pd.to_datetime(_as_pandas(text, _STR), format=pattern, errors="coerce", utc=True)
    except ValueError as fault:
        raise LoopwrightError(f"schema.yaml: format of '{column.title}': {fault}") from None
    moments = in_utc(moments.dt.tz_localize(None), column)
    holds = moments.between(pd.Timestamp.min.ceil("s"), pd.Timestamp.max.floor("s"))
    values = moments.where(holds).astype("datetime64[ns]")
    refused = np.asarray(pc.is_valid(text).to_numpy() & values.isna().to_numpy(), dtype=bool)
    expected = f"a date like {pattern} from 1677-09-22 to 2262-04-11 (datetime64[ns])"
    if column.time_zone:
        expected += f" that is once on the clocks of {column.time_zone}"
    return Cells(values, refused, expected)


def in_utc(moments: pd.Series, column: Column) -> pd.Series:
    """Return moments of the column's time zone in UTC; without one they stay as they are.

    When clocks change, some times are there twice and some never: these become missing.
    """
    if column.time_zone is None:
        return moments
    local = moments.dt.tz_localize(column.time_zone, ambiguous="NaT", nonexistent="NaT")
    utc: pd.Series = local.dt.tz_convert("UTC").dt.tz_localize(None)
    return utc


_READERS: dict[str, Callable[[pa.ChunkedArray, Column, Spelling], Cells]] = {
    "int64": _integers,
    "Int64": _integers,
    "float64": _floats,
    "boolean": _booleans,
    "str": _strings,
    "category": _categories,
    "datetime64[ns]": _datetimes,
}
