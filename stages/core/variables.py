"""A column of the table read as numbers, whatever its type."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.errors import LoopwrightError
from stages.core.schema import Column, Schema


@dataclass(frozen=True, eq=False)
class Variable:
    """A column as numbers.

    Attributes:
        name: the column's name in the table.
        column: what schema.yaml says about it.
        values: shape (rows,), NaN where missing or not finite. Of a datetime: days since
            1970. Of a column with `levels`: the position of the row's level.
        levels: the labels of its categories; empty for a quantity.
        ordered: whether a higher value means more; not so for nominal categories.
    """

    name: str
    column: Column
    values: npt.NDArray[np.float64]
    levels: tuple[str, ...]
    ordered: bool

    @cached_property
    def known(self) -> npt.NDArray[np.float64]:
        """The values that are there."""
        return self.values[~np.isnan(self.values)]

    @cached_property
    def distinct(self) -> int:
        """How many different values are there."""
        return len(np.unique(self.known))


def read_variables(
    frame: pd.DataFrame, schema: Schema, target: str, key: str | None
) -> tuple[Variable, ...]:
    """Return the features of `frame` as variables, in the order of its columns.

    The target, the key and every column of kind ``identifier`` are no features.

    Raises:
        LoopwrightError: a column is not in the schema, or does not hold what the schema says.
    """
    described = {str(name): schema.column(str(name), "table") for name in frame.columns}
    return tuple(
        _read(frame[name], column)
        for name, column in described.items()
        if name not in (target, key) and column.kind != "identifier"
    )


def _read(series: pd.Series, column: Column) -> Variable:
    name = str(series.name)
    numeric = pd.api.types.is_numeric_dtype(series.dtype)
    if column.kind == "datetime":
        if not pd.api.types.is_datetime64_any_dtype(series.dtype):
            raise _mistyped(series, column)
        return Variable(name, column, _days(series), (), ordered=True)
    if pd.api.types.is_bool_dtype(series.dtype):
        levels = (column.label(False), column.label(True))
        return Variable(name, column, _floats(series), levels, ordered=True)
    if column.kind == "numeric" and not numeric:
        raise _mistyped(series, column)
    if column.kind in ("numeric", "ordinal") and numeric:
        return Variable(name, column, _floats(series), (), ordered=True)
    return _categories(series, column)


def _mistyped(series: pd.Series, column: Column) -> LoopwrightError:
    return LoopwrightError(
        f"column '{series.name}': schema.yaml says {column.kind}, the table holds {series.dtype}; "
        "`dvc repro validate` gives each column its declared type"
    )


def _floats(series: pd.Series) -> npt.NDArray[np.float64]:
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    # Differences of still larger numbers would overflow.
    return np.where(np.abs(values) < 1e306, values, np.nan)


def _days(series: pd.Series) -> npt.NDArray[np.float64]:
    times = series.to_numpy().astype("datetime64[ns]")
    days = times.astype(np.int64) / 86_400e9
    return np.where(np.isnat(times), np.nan, days)


def _categories(series: pd.Series, column: Column) -> Variable:
    """Read categories: ordinal ones in their declared order, others by frequency."""
    codes, found = pd.factorize(series)
    counts = np.bincount(codes[codes >= 0], minlength=len(found))
    spelt = [_spelt(value) for value in found]
    ordered = column.kind == "ordinal"
    declared = {value: place for place, value in enumerate(column.categories())}

    def place(code: int) -> tuple[int, str]:
        rank = declared.get(spelt[code], len(declared)) if ordered else -int(counts[code])
        return rank, spelt[code]

    order = sorted(range(len(found)), key=place)
    position = np.full(len(found) + 1, np.nan)  # the last is that of code -1, missing
    position[order] = np.arange(len(found))
    levels = tuple(column.label(spelt[code]) for code in order)
    return Variable(str(series.name), column, position[codes], levels, ordered)


def _spelt(value: object) -> str:
    """Return a category as schema.yaml spells it: 1 and not 1.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
