"""Values that come with a type of their own, held against the declared one.

Nothing is converted but what loses nothing: a whole number is read from a float below 2**53,
from where on floats have lost digits; a number is no text, and a text is read as in a CSV file.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from stages.core.cells.text import Cells, Mask, Spelling, in_utc, read_texts
from stages.core.schema import Column

# From here on a float may stand for another whole number than was written.
_EXACT = 2**53

_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}

_NUMBERS = ("int64", "Int64", "float64")


def read_typed(values: pa.ChunkedArray, column: Column, spelling: Spelling) -> Cells:
    """Read the values of one column by the dtype that schema.yaml declares for it.

    Args:
        values: shape (rows,), of any type of Arrow; a null and a NaN are missing values.
        column: its line in schema.yaml.
        spelling: what texts mean, where the values are texts.

    Raises:
        LoopwrightError: as `read_texts`.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        values, kind = values.cast(kind.value_type), kind.value_type
    if _is_text(kind) or pa.types.is_null(kind):
        return read_texts(values.cast(pa.string()), column, spelling)
    reader: Callable[[pa.ChunkedArray, Column], tuple[pa.ChunkedArray, Mask]] | None = None
    if column.dtype in _NUMBERS and pa.types.is_integer(kind):
        reader = _of_integers
    elif column.dtype in _NUMBERS and (pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        reader = _of_floats
    elif column.dtype == "boolean" and pa.types.is_boolean(kind):
        reader = _as_they_are
    elif column.dtype == "datetime64[ns]" and (pa.types.is_date(kind) or _is_moment(kind)):
        reader = _of_moments
    given = _present(values)
    good, refused = reader(values, column) if reader else (_nothing(len(values)), given)
    # The text reader builds the column, so that its type and its rules stand once.
    cells = _built(good, column, spelling, not given.all())
    missing = ~given & cells.refused  # of an int64, which holds none
    return Cells(cells.values, refused | missing, cells.expected + _about_zone(kind, column))


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()
    )


def _is_moment(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind))


def _about_zone(kind: pa.DataType, column: Column) -> str:
    """Return what to do where only one of the source and the schema has a time zone."""
    if column.dtype != "datetime64[ns]" or not _is_moment(kind) or column.time_zone:
        return ""
    if kind.tz is not None and "%z" not in (column.format or ""):
        return "; the source gives a time zone: add %z to the format"
    if kind.tz is None and "%z" in (column.format or ""):
        return "; the source gives no time zone: take %z from the format"
    return ""


def _present(values: pa.ChunkedArray) -> Mask:
    """Return where `values` are not missing; a NaN is."""
    found = np.asarray(values.is_valid().to_numpy(), dtype=bool)
    if pa.types.is_floating(values.type):
        numbers = values.cast(pa.float64()).to_numpy()
        found &= ~np.isnan(numbers)
    return found


def _nothing(rows: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.nulls(rows)])


def _as_they_are(values: pa.ChunkedArray, column: Column) -> tuple[pa.ChunkedArray, Mask]:
    return values, np.zeros(len(values), dtype=bool)


def _of_integers(values: pa.ChunkedArray, column: Column) -> tuple[pa.ChunkedArray, Mask]:
    refused = np.zeros(len(values), dtype=bool)
    if pa.types.is_uint64(values.type):
        high = pc.greater(values, pa.scalar(2**63 - 1, pa.uint64()))
        refused = np.asarray(pc.fill_null(high, False).to_numpy(), dtype=bool)
        values = pc.if_else(pa.array(refused), pa.scalar(None, values.type), values)
    return values.cast(pa.int64()), refused


def _of_floats(values: pa.ChunkedArray, column: Column) -> tuple[pa.ChunkedArray, Mask]:
    present = _present(values)
    if pa.types.is_decimal(values.type) and column.dtype != "float64":
        return _of_decimals(values, present)
    numbers = np.asarray(values.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    numbers = np.where(present, numbers, np.nan)
    if column.dtype == "float64":
        refused = present & ~np.isfinite(numbers)
    else:
        with np.errstate(invalid="ignore"):
            refused = present & ~((np.abs(numbers) < _EXACT) & (numbers == np.trunc(numbers)))
    good = pa.array(np.where(refused, np.nan, numbers), pa.float64(), from_pandas=True)
    if column.dtype != "float64":
        good = good.cast(pa.int64())
    return pa.chunked_array([good]), refused


def _of_decimals(values: pa.ChunkedArray, present: Mask) -> tuple[pa.ChunkedArray, Mask]:
    """Read whole numbers, whose digits a decimal keeps."""
    numbers = values.to_pylist()
    whole = [
        int(n) if n is not None and n == int(n) and -(2**63) <= n < 2**63 else None for n in numbers
    ]
    refused = present & np.array([n is None for n in whole], dtype=bool)
    return pa.chunked_array([pa.array(whole, pa.int64())]), refused


def _of_moments(values: pa.ChunkedArray, column: Column) -> tuple[pa.ChunkedArray, Mask]:
    present = _present(values)
    zoned = _is_moment(values.type) and values.type.tz is not None
    if not column.time_zone and zoned != ("%z" in (column.format or "")):
        return _nothing(len(values)), present  # one has a time zone, and the other has none
    seconds = pa.timestamp("us") if not _is_moment(values.type) else pa.timestamp(values.type.unit)
    moments = values.cast(pa.timestamp(values.type.unit)) if zoned else values.cast(seconds)
    # In the unit that they have: in a finer one a far date would come round again.
    limits = (pd.Timestamp.min.ceil("s"), pd.Timestamp.max.floor("s"))
    low, high = (limit.value // _NANOSECONDS[moments.type.unit] for limit in limits)
    counts = moments.cast(pa.int64())
    holds = pc.and_(pc.greater_equal(counts, low), pc.less_equal(counts, high))
    refused = present & ~np.asarray(pc.fill_null(holds, False).to_numpy(), dtype=bool)
    kept = pc.if_else(pa.array(refused), pa.scalar(None, moments.type), moments)
    good = kept.cast(pa.timestamp("ns"))
    if column.time_zone and not zoned:
        series = in_utc(pd.Series(good.to_numpy(), dtype="datetime64[ns]"), column)
        good = pa.chunked_array([pa.array(series, pa.timestamp("ns"), from_pandas=True)])
        refused = present & series.isna().to_numpy()
    return good, refused


def _built(good: pa.ChunkedArray, column: Column, spelling: Spelling, gaps: bool) -> Cells:
    """Return the accepted values as the declared dtype; `gaps`: some values are missing."""
    missing = np.asarray(good.is_null().to_numpy(), dtype=bool)
    # The reader of texts says what it expects, and has the dtypes.
    empty = read_texts(_nothing(1 if gaps else 0).cast(pa.string()), column, spelling)
    expected = empty.expected.replace(f" with decimal '{spelling.decimal}'", "")
    none = np.zeros(len(good), dtype=bool)
    if column.dtype == "int64":
        filled = pc.fill_null(good.cast(pa.int64()), 0)
        return Cells(pd.Series(filled.to_numpy(), dtype="int64"), missing, expected)
    if column.dtype == "Int64":
        series = good.cast(pa.int64()).to_pandas(types_mapper=lambda _: pd.Int64Dtype())
    elif column.dtype == "boolean":
        series = good.cast(pa.bool_()).to_pandas(types_mapper=lambda _: pd.BooleanDtype())
    elif column.dtype == "float64":
        series = pd.Series(good.cast(pa.float64(), safe=False).to_numpy(), dtype="float64")
    elif column.dtype == "datetime64[ns]":
        series = pd.Series(good.cast(pa.timestamp("ns")).to_numpy(), dtype="datetime64[ns]")
    else:  # a text or a category, and no text was given
        series = empty.values.reindex(range(len(good)))
    return Cells(series, none, expected)
