"""Rows that are equal in all that a model sees."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.errors import LoopwrightError

Ints = npt.NDArray[np.int64]


def features_of(frame: pd.DataFrame, target: str, key: str | None) -> list[str]:
    """Return the columns of `frame` other than the target and the key.

    Raises:
        LoopwrightError: there are none.
    """
    features = [str(name) for name in frame.columns if name not in (target, key)]
    if not features:
        raise LoopwrightError("the table has no column besides its target and its key")
    return features


def twins(frame: pd.DataFrame, columns: list[str]) -> Ints:
    """Number the rows so that rows equal in `columns` have equal numbers.

    Two missing values are equal.

    Returns:
        Shape (rows,), from 0, in the order in which they first appear.
    """
    grouped = frame.groupby(columns, sort=False, dropna=False, observed=True)
    return np.asarray(grouped.ngroup(), dtype=np.int64)


def first_rows(numbers: Ints) -> Ints:
    """Return for each row the position of the first with its number, shape (rows,)."""
    _, first, place = np.unique(numbers, return_index=True, return_inverse=True)
    return np.asarray(first[place], dtype=np.int64)
