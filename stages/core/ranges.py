"""The range that each number had where a model was trained, and rows that lie outside of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stages.core.schema import Schema
from stages.core.statistics import Floats

# By column the least and the greatest value, in the column's own type.
Ranges = Mapping[str, tuple[Any, Any]]


def trained_ranges(train: pd.DataFrame, inputs: Sequence[str], schema: Schema) -> Ranges:
    """Return the range in `train` of each numeric or ordinal input that is a number."""
    known = [name for name in inputs if name in schema.columns]
    ranked = [name for name in known if schema.columns[name].kind in ("numeric", "ordinal")]
    return {
        name: (train[name].min(), train[name].max())
        for name in ranked
        if pd.api.types.is_numeric_dtype(train[name]) and train[name].notna().any()
    }


def outside(rows: pd.DataFrame, ranges: Ranges) -> pd.DataFrame:
    """Return where a value of `rows` is outside of its range, (rows, columns of `ranges`).

    What is missing is not.
    """
    beyond = {
        name: (rows[name] < low) | (rows[name] > high) for name, (low, high) in ranges.items()
    }
    return pd.DataFrame(beyond, index=rows.index).fillna(False).astype(bool)


def clipped(rows: pd.DataFrame, ranges: Ranges) -> pd.DataFrame:
    """Return `rows` with each number of `ranges` kept to its range."""
    kept = {}
    for name, (low, high) in ranges.items():
        values = rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
        kept[name] = like(rows[name], np.clip(values, float(low), float(high)))
    return rows.assign(**kept)


def like(column: "pd.Series[Any]", values: Floats) -> "pd.Series[Any]":
    """Return `values` with the type of `column`; whole numbers are rounded."""
    floats = pd.Series(values, index=column.index)
    if pd.api.types.is_integer_dtype(column):
        limits = np.iinfo(np.int64)
        # 1024 keeps clear of the last floats, which round beyond the limit.
        floats = floats.round().clip(limits.min + 1024, limits.max - 1024)
    return floats.astype(column.dtype)
