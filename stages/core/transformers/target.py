"""Target encoding: a category replaced by the mean of the target among train's rows of it.

Told naively it leaks: a row's own outcome is in the mean of its category, and where a category
has few rows the model learns to read it off. So `TargetMean.fit_transform` is cross-fitted, as
scikit-learn's TargetEncoder is: each row gets the mean of the other folds. New rows get the
mean of all of train. What a model is fitted on must therefore come from ``fit_transform``.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold
from sklearn.utils.validation import check_is_fitted, validate_data

from stages.core.params import Task
from stages.core.transformers.categories import Hashes, columns_of, hashes_of, places_in
from stages.core.transformers.columns import GROUP

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Smooth = str | float


class TargetMean(TransformerMixin, BaseEstimator):
    """Encode categories by the target, cross-fitted in `fit_transform`.

    Args:
        task: what the target is. Several classes give a number for each class.
        folds: in how many parts the rows are dealt for cross-fitting.
        smooth: how many rows of the whole stand beside each category's own; ``auto`` weighs
            the spread within the category against that of all rows (Micci-Barreca, 2001).
        random_state: the seed of the folds.
        crossed: take the columns' combination as one category.

    A column `GROUP` of `X` is no category: its equal values stay in one fold, so that no row
    is encoded by others of its own entity.

    Attributes:
        classes_: the labels of several classes; else None.
        overall_: the mean of each outcome, shape (outcomes,).
        levels_: the hashes of the categories, ascending; a list of one array a column.
        encodings_: their means, of shape (levels, outcomes) each.
    """

    def __init__(
        self,
        task: Task,
        folds: int,
        smooth: Smooth,
        random_state: int,
        crossed: bool = False,
    ) -> None:
        self.task = task
        self.folds = folds
        self.smooth = smooth
        self.random_state = random_state
        self.crossed = crossed

    def fit(self, X: pd.DataFrame, y: npt.ArrayLike) -> "TargetMean":
        """Learn the encoding of new rows; the rows of `X` themselves need `fit_transform`."""
        X = self._categories(X)
        validate_data(self, X, skip_check_array=True)
        outcomes = self._outcomes(np.asarray(y))
        self.overall_ = outcomes.mean(axis=0)
        columns = columns_of(X, self.crossed)
        self.levels_ = [np.unique(hashes) for hashes in columns]
        self.encodings_ = [
            encode(levels, hashes, outcomes, self.smooth)
            for levels, hashes in zip(self.levels_, columns, strict=True)
        ]
        return self

    def fit_transform(self, X: pd.DataFrame, y: npt.ArrayLike, **_: Any) -> Floats:
        """Learn, and return each row of `X` encoded by the rows of the other folds."""
        self.fit(X, y)
        outcomes = self._outcomes(np.asarray(y))
        groups = hashes_of(X[[GROUP]]) if GROUP in X else None
        columns = columns_of(self._categories(X), self.crossed)
        found = np.tile(self.overall_, (len(X), len(columns)))
        for others, own in self._deal(np.asarray(y), groups):
            part, encoded = outcomes[others], []
            for hashes in columns:
                levels = np.unique(hashes[others])
                means = encode(levels, hashes[others], part, self.smooth)
                encoded.append(_look_up(hashes[own], levels, means, part.mean(axis=0)))
            found[own] = np.column_stack(encoded)
        return self._shaped(found)

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return the encodings, shape (rows, columns x outcomes), or (rows,) of just one."""
        check_is_fitted(self)
        columns = columns_of(self._categories(X), self.crossed)
        found = [
            _look_up(hashes, levels, encodings, self.overall_)
            for hashes, levels, encodings in zip(
                columns, self.levels_, self.encodings_, strict=True
            )
        ]
        return self._shaped(np.column_stack(found))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the columns' names, with ``=class`` for each of several classes."""
        check_is_fitted(self)
        ends = [""] if self.classes_ is None else [f"={label}" for label in self.classes_]
        names = [f"{name}{end}" for name in self.feature_names_in_ for end in ends]
        return np.array(names, dtype=object)

    def suffixes(self) -> list[str]:
        """Return the labels of the classes."""
        return [] if self.classes_ is None else list(self.classes_)

    def _categories(self, X: pd.DataFrame) -> pd.DataFrame:
        return X.drop(columns=GROUP) if GROUP in X else X

    def _shaped(self, found: Floats) -> Floats:
        return found[:, 0] if self.crossed and found.shape[1] == 1 else found

    def _outcomes(self, y: npt.NDArray[Any]) -> Floats:
        """Return the target as numbers, shape (rows, outcomes): one, or one a class."""
        self.classes_: list[str] | None = None
        if self.task != "multiclass":
            return y.astype(np.float64)[:, None]
        classes = np.unique(y)
        self.classes_ = [str(label) for label in classes]
        return np.asarray(y[:, None] == classes[None, :], dtype=np.float64)

    def _deal(self, y: npt.NDArray[Any], groups: Hashes | None) -> Iterator[tuple[Ints, Ints]]:
        units = len(y) if groups is None else len(np.unique(groups))
        folds = min(self.folds, units)
        if folds < 2:
            return  # nobody else to learn from: every row keeps the mean of all
        shuffled = {"n_splits": folds, "shuffle": True, "random_state": self.random_state}
        if self.task == "regression":
            splitter = KFold(**shuffled) if groups is None else GroupKFold(**shuffled)
        else:
            _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
            if counts.max() < folds:  # too few of each class to deal them in proportion
                splitter = KFold(**shuffled) if groups is None else GroupKFold(**shuffled)
            else:
                splitter = (
                    StratifiedKFold(**shuffled)
                    if groups is None
                    else StratifiedGroupKFold(**shuffled)
                )
            y = codes
        with warnings.catch_warnings():
            # A class with fewer rows than folds is missing in some: they do without it.
            warnings.filterwarnings("ignore", message="The least populated class")
            yield from splitter.split(np.zeros(len(y)), y, groups)


def encode(levels: Hashes, hashes: Hashes, outcomes: Floats, smooth: Smooth) -> Floats:
    """Return the smoothed mean of `outcomes` (rows, k) at each of `levels`, shape (levels, k).

    Args:
        levels: the categories, ascending; each occurs in `hashes`.
        hashes: the category of each row, shape (rows,).
        outcomes: shape (rows, k).
        smooth: as in `TargetMean`.
    """
    places = places_in(levels, hashes)
    n = np.bincount(places, minlength=len(levels)).astype(np.float64)
    overall, variance = outcomes.mean(axis=0), outcomes.var(axis=0)
    found = np.empty((len(levels), outcomes.shape[1]))
    for k in range(outcomes.shape[1]):
        y = outcomes[:, k]
        total = np.bincount(places, y, minlength=len(levels))
        if smooth != "auto":
            found[:, k] = (total + float(smooth) * overall[k]) / (n + float(smooth))
            continue
        mean = total / n
        spread = np.bincount(places, (y - mean[places]) ** 2, minlength=len(levels)) / n
        signal = variance[k] * n
        # Where nothing varies, neither within nor between, all means are the same.
        share = np.divide(signal, signal + spread, out=np.zeros_like(n), where=signal + spread > 0)
        found[:, k] = share * mean + (1 - share) * overall[k]
    return found


def _look_up(hashes: Hashes, levels: Hashes, encodings: Floats, overall: Floats) -> Floats:
    """Return the encoding of each of `hashes`, `overall` where it is unknown."""
    return np.vstack([encodings, overall])[places_in(levels, hashes)]
