"""Categories by number: what train knew, how often, and whether there are many.

A category is kept as a 64-bit hash of its value, never as its text: names of people and
places do not enter a model file, and a hundred thousand levels take 1.6 MB. Two of a
hundred thousand levels share a hash once in 3,700 million tables.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

# What no text of a table begins with.
MISSING = "\x00missing"


def hashes_of(X: pd.DataFrame) -> Hashes:
    """Return a number for each row's categories together, equal where they are, shape (rows,).

    Missing is a category of its own; 0.0 and -0.0 are one.
    """
    columns = {}
    for place, name in enumerate(X):
        values = X[name].to_numpy()
        if values.dtype == object:
            values = np.where(pd.isna(values), MISSING, values)
        elif values.dtype == np.float64:
            values = np.where(np.isnan(values), np.nan, values + 0.0)
        columns[place] = values
    frame = pd.DataFrame(columns)
    return np.asarray(pd.util.hash_pandas_object(frame, index=False), dtype=np.uint64)


def places_in(levels: Hashes, hashes: Hashes) -> Ints:
    """Return the place of each of `hashes` in the ascending `levels`, -1 where it is not there."""
    if not len(levels):
        return np.full(len(hashes), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(levels, hashes), len(levels) - 1)
    return np.where(levels[at] == hashes, at, -1).astype(np.int64)


class FrequencyEncoder(TransformerMixin, BaseEstimator):
    """Replace each category by the share of train's rows that have it; 0 if none had.

    Args:
        crossed: take the columns' combination as one category, and give one number.

    Attributes:
        levels_: the hashes of the categories, ascending; a list of one array a column.
        shares_: their shares, in the same order.
    """

    def __init__(self, crossed: bool = False) -> None:
        self.crossed = crossed

    def fit(self, X: pd.DataFrame, y: Any = None) -> "FrequencyEncoder":
        """Count the categories of `X`."""
        validate_data(self, X, skip_check_array=True)
        counted = [np.unique(h, return_counts=True) for h in columns_of(X, self.crossed)]
        self.levels_ = [levels for levels, _ in counted]
        self.shares_ = [counts / max(len(X), 1) for _, counts in counted]
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return the shares, shape (rows, columns), or (rows,) of a combination."""
        check_is_fitted(self)
        found = [
            np.append(shares, 0.0)[places_in(levels, hashes)]
            for levels, shares, hashes in zip(
                self.levels_, self.shares_, columns_of(X, self.crossed), strict=True
            )
        ]
        return found[0] if self.crossed else np.column_stack(found)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the names of the columns."""
        check_is_fitted(self)
        return np.asarray(self.feature_names_in_, dtype=object)


def columns_of(X: pd.DataFrame, crossed: bool) -> list[Hashes]:
    """Return the hashes of each column of `X`, or those of the rows where they are `crossed`."""
    return [hashes_of(X)] if crossed else [hashes_of(X[[name]]) for name in X]


class ByLevels:
    """Choose the columns that have more levels than `above`, or those that have not.

    Args:
        columns: among which to choose.
        above: the number of levels, missing not counted.
        many: choose those with more; else the others.
        beside: columns that go with any that are chosen.
    """

    def __init__(
        self, columns: list[str], above: int, many: bool, beside: list[str] | None = None
    ) -> None:
        self.columns = columns
        self.above = above
        self.many = many
        self.beside = beside

    def __call__(self, X: pd.DataFrame) -> list[str]:
        """Return the names of the columns of `X` that are chosen."""
        chosen = [n for n in self.columns if (X[n].nunique() > self.above) == self.many]
        return [*chosen, *(self.beside or ())] if chosen else []


class CategoryNames:
    """Name the column of a one-hot category by its label: ``EDUCATION=university``.

    Args:
        labels: by column, the label of each code.
    """

    def __init__(self, labels: dict[str, dict[str, str]]) -> None:
        self.labels = labels

    def __call__(self, column: str, category: Any) -> str:
        """Return the name for `category` of `column`."""
        if pd.isna(category):
            return f"{column}=missing"
        if isinstance(category, str) and category == "infrequent_sklearn":
            return f"{column}=(rare)"
        if isinstance(category, float) and category.is_integer():
            category = int(category)
        return f"{column}={self.labels.get(column, {}).get(str(category), category)}"
