"""Bins: which tenth, or other part, of train's values a number falls into."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

Floats = npt.NDArray[np.float64]


class QuantileBins(TransformerMixin, BaseEstimator):
    """Number the quantile bins of a column from 0; a missing value stays missing.

    Args:
        bins: how many; fewer where values repeat so often that edges fall together.

    Attributes:
        edges_: the inner edges, ascending; a value on an edge belongs to the bin above.
    """

    def __init__(self, bins: int) -> None:
        self.bins = bins

    def fit(self, X: pd.DataFrame, y: Any = None) -> "QuantileBins":
        """Learn the edges from the known values of the first column of `X`."""
        values = X.iloc[:, 0].to_numpy(dtype=np.float64)
        known = values[~np.isnan(values)]
        inner = np.linspace(0, 1, self.bins + 1)[1:-1]
        self.edges_ = np.unique(np.quantile(known, inner)) if len(known) else np.empty(0)
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return the number of each value's bin, shape (rows,)."""
        check_is_fitted(self)
        values = X.iloc[:, 0].to_numpy(dtype=np.float64)
        found = np.searchsorted(self.edges_, values, side="right").astype(np.float64)
        return np.where(np.isnan(values), np.nan, found)
