"""A number beside its like: the statistics of the rows of one category, learnt from train."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from stages.core.transformers.categories import hashes_of, places_in

Floats = npt.NDArray[np.float64]

STATISTICS = {
    "group_mean": "mean",
    "group_median": "median",
    "group_std": "std",
    "group_deviation": "mean",
}


class GroupStatistic(TransformerMixin, BaseEstimator):
    """The mean, median or standard deviation of a number by category, or the distance to it.

    A group of n known values gets (n * its own + shrinkage * that of all rows) /
    (n + shrinkage), so that a small group is near the whole (the James-Stein idea: Efron and
    Morris, 1977). A group that train did not know, or without a known value, has that of all.

    Args:
        kind: one of `STATISTICS`; ``group_deviation`` is the value less its group's mean.
        shrinkage: how many rows of the whole stand beside each group's own.

    Attributes:
        levels_: the hashes of the groups, ascending.
        values_: the statistic of each.
        overall_: that of all rows; NaN where no value is known.
    """

    def __init__(self, kind: str, shrinkage: float) -> None:
        self.kind = kind
        self.shrinkage = shrinkage

    def fit(self, X: pd.DataFrame, y: Any = None) -> "GroupStatistic":
        """Learn from the number in the first column of `X` and the categories in the others."""
        statistic = STATISTICS[self.kind]
        number, groups = X.iloc[:, 0], hashes_of(X.iloc[:, 1:])
        self.overall_ = float(getattr(number, statistic)())
        by_group = pd.Series(number.to_numpy()).groupby(groups, sort=True)
        own = getattr(by_group, statistic)()
        n = by_group.count().to_numpy(dtype=np.float64)
        known = own.notna().to_numpy()
        total = np.where(known, n + self.shrinkage, 1.0)
        shrunk = (n * own.to_numpy() + self.shrinkage * self.overall_) / np.maximum(total, 1e-300)
        self.levels_ = own.index.to_numpy(dtype=np.uint64)
        self.values_ = np.where(known, shrunk, self.overall_)
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return the statistic of each row's group, or the distance to it, shape (rows,)."""
        check_is_fitted(self)
        places = places_in(self.levels_, hashes_of(X.iloc[:, 1:]))
        of_group = np.append(self.values_, self.overall_)[places]
        if self.kind == "group_deviation":
            return np.asarray(X.iloc[:, 0].to_numpy() - of_group)
        return np.asarray(of_group)
