"""Curves for linear models: each column as a natural cubic spline.

Between the knots a column bends, beyond the outer two it goes on straight, so that a value
that train never saw moves a prediction no further than a line would. The basis is that of
Harrell, Regression Modeling Strategies, 2nd edition (2015), section 2.4.5. scikit-learn's
SplineTransformer holds objects of scipy that a model file may not hold; this one holds
numbers.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

Floats = npt.NDArray[np.float64]


class NaturalSplines(TransformerMixin, BaseEstimator):
    """Add to each column of many values the parts in which it is not straight.

    Args:
        n_knots: how many knots a column has, at quantiles of train; equal ones are one.

    Attributes:
        knots_: the knots of each column, shape (columns, n_knots), NaN where it has fewer;
            a column with fewer than three stays a line.
    """

    def __init__(self, n_knots: int) -> None:
        self.n_knots = n_knots

    def fit(self, X: Any, y: Any = None) -> "NaturalSplines":
        """Place the knots by the rows of `X`, shape (rows, columns)."""
        values = validate_data(self, X, dtype=np.float64)
        # Harrell's places: the outer knots a little inside, so that both tails are lines.
        outer = 0.1 if self.n_knots <= 3 else 0.05
        levels = np.linspace(outer, 1 - outer, self.n_knots)
        self.knots_ = np.full((values.shape[1], self.n_knots), np.nan)
        for column, numbers in enumerate(values.T):
            knots = np.unique(np.quantile(numbers, levels))
            if len(knots) >= 3:
                self.knots_[column, : len(knots)] = knots
        return self

    def transform(self, X: Any) -> Floats:
        """Return the columns of `X`, then the bends of each, shape (rows, ...)."""
        check_is_fitted(self)
        values = validate_data(self, X, dtype=np.float64, reset=False)
        bends = [
            _bends(values[:, column], knots[~np.isnan(knots)])
            for column, knots in enumerate(self.knots_)
            if not np.isnan(knots[0])
        ]
        return np.asarray(np.column_stack([values, *bends]), dtype=np.float64)


def _bends(x: Floats, knots: Floats) -> Floats:
    """Return the parts of a natural cubic spline beside the line, shape (rows, knots - 2)."""
    first, *_, before, last = knots

    def cube(knot: float) -> Floats:
        return np.maximum(x - knot, 0) ** 3

    gap = last - before
    parts = [
        cube(knot) - cube(before) * (last - knot) / gap + cube(last) * (before - knot) / gap
        for knot in knots[:-2]
    ]
    return np.asarray(np.column_stack(parts) / (last - first) ** 2, dtype=np.float64)
