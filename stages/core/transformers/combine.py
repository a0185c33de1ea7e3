"""Features of whole columns that learn nothing: a ratio, a sum, which of two is greater."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

Floats = npt.NDArray[np.float64]
# Of numbers as float64, of texts as objects; shape (rows,).
Values = npt.NDArray[Any]


def _finite(values: Floats) -> Floats:
    """What is too large for a float is missing."""
    return np.where(np.isfinite(values), values, np.nan)


def _ratio(columns: Sequence[Floats]) -> Floats:
    """The first column over the second; missing where the second is 0."""
    above, below = columns
    missing = np.full_like(above, np.nan)
    with np.errstate(over="ignore"):
        return _finite(np.divide(above, below, out=missing, where=below != 0))


def _sum(columns: Sequence[Floats]) -> Floats:
    # One column after the other: numpy's own sum over a row adds in an order that
    # depends on the number of rows, and so would the last bit.
    return reduce(np.add, columns)


def _weighted(columns: Sequence[Floats], weights: Sequence[float]) -> Floats:
    # A column of weight 0 is no part of the sum, be it missing or not.
    return _sum(
        [weight * column for weight, column in zip(weights, columns, strict=True) if weight]
    )


def _weighted_ratio(
    columns: Sequence[Floats], numerator: Sequence[float], denominator: Sequence[float] | None
) -> Floats:
    """One weighted sum over another, or itself; missing where the other is 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        above = _finite(_weighted(columns, numerator))
        below = None if denominator is None else _finite(_weighted(columns, denominator))
    return above if below is None else _ratio([above, below])


def _product(columns: Sequence[Floats]) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        return _finite(reduce(np.multiply, columns))


def _known(columns: Sequence[Values], values: Values) -> Floats:
    """Return `values` as numbers, missing where one of the columns is."""
    missing = reduce(np.logical_or, [np.asarray(pd.isna(column)) for column in columns])
    return np.where(missing, np.nan, values.astype(np.float64))


def _count_above(columns: Sequence[Floats], above: float) -> Floats:
    return _known(columns, _sum([(column > above).astype(np.float64) for column in columns]))


def _log1p(columns: Sequence[Floats]) -> Floats:
    """The logarithm of 1 + the column; missing at -1 and below, where there is none."""
    above = columns[0] > -1
    return np.where(above, np.log1p(np.where(above, columns[0], 0.0)), np.nan)


# Each takes columns of shape (rows,) and gives one; missing where one of them is.
COMBINE: dict[str, Callable[..., Floats]] = {
    "ratio": _ratio,
    "difference": lambda columns: columns[0] - columns[1],
    "sum": _sum,
    "mean": lambda columns: _sum(columns) / len(columns),
    "max": lambda columns: reduce(np.maximum, columns),
    "min": lambda columns: reduce(np.minimum, columns),
    "product": _product,
    "count_above": _count_above,
    "weighted_ratio": _weighted_ratio,
    "greater": lambda columns: _known(columns, columns[0] > columns[1]),
    "equal": lambda columns: _known(columns, columns[0] == columns[1]),
    "log1p": _log1p,
}

# What a kind takes beside its columns.
SETTINGS = {"count_above": ("above",), "weighted_ratio": ("numerator", "denominator")}


class Combine(TransformerMixin, BaseEstimator):
    """One feature of whole columns; stateless.

    Args:
        kind: one of `COMBINE`.
        above: of ``count_above``.
        numerator: of ``weighted_ratio``.
        denominator: of ``weighted_ratio``.
    """

    def __init__(
        self,
        kind: str,
        above: float | None = None,
        numerator: Sequence[float] | None = None,
        denominator: Sequence[float] | None = None,
    ) -> None:
        self.kind = kind
        self.above = above
        self.numerator = numerator
        self.denominator = denominator

    def fit(self, X: pd.DataFrame, y: Any = None) -> "Combine":
        """Learn nothing."""
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return the feature, shape (rows,)."""
        return self.combine([X[column].to_numpy() for column in X])

    def combine(self, columns: Sequence[Values]) -> Floats:
        """Return the feature of `columns`, each of shape (rows,)."""
        settings = {name: getattr(self, name) for name in SETTINGS.get(self.kind, ())}
        return COMBINE[self.kind](columns, **settings)

    def __sklearn_is_fitted__(self) -> bool:
        return True
