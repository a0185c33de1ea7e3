"""The inputs of a model by kind, and values in a column's own type."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from stages.core.schema import Schema
from stages.core.statistics import Floats


def of_kind(columns: Sequence[str], schema: Schema, *kinds: str) -> list[str]:
    """Return those of `columns` that schema.yaml calls one of `kinds`."""
    known = [name for name in columns if name in schema.columns]
    return [name for name in known if schema.columns[name].kind in kinds]


def like(column: "pd.Series[Any]", values: Floats) -> "pd.Series[Any]":
    """Return `values` with the type of `column`; whole numbers are rounded."""
    floats = pd.Series(values, index=column.index)
    if pd.api.types.is_integer_dtype(column):
        limits = np.iinfo(np.int64)
        # 1024 keeps clear of the last floats, which round beyond the limit.
        floats = floats.round().clip(limits.min + 1024, limits.max - 1024)
    return floats.astype(column.dtype)
