"""Gaps: columns that are nothing else, and where values were missing, as features."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data


class KnownColumns(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Make a column of which train knew no value 0 everywhere: there is nothing to scale.

    Attributes:
        empty_: the names of those columns.
    """

    def fit(self, X: pd.DataFrame, y: Any = None) -> "KnownColumns":
        """Learn which columns of `X` are missing in every row."""
        validate_data(self, X, skip_check_array=True)
        self.empty_ = [str(name) for name in X if X[name].isna().all()]
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return `X`, those columns being 0."""
        check_is_fitted(self)
        return X.assign(**dict.fromkeys(self.empty_, 0.0)) if self.empty_ else X


class WhereMissing(TransformerMixin, BaseEstimator):
    """Say 1 where a column is missing and 0 elsewhere, for the columns with gaps in train.

    Attributes:
        columns_: their names.
    """

    def fit(self, X: pd.DataFrame, y: Any = None) -> "WhereMissing":
        """Learn which columns of `X` have gaps."""
        validate_data(self, X, skip_check_array=True)
        self.columns_ = [str(name) for name in X if X[name].isna().any()]
        return self

    def transform(self, X: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Return a column for each of them, shape (rows, columns with gaps)."""
        check_is_fitted(self)
        return X[self.columns_].isna().to_numpy(dtype=np.float64)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return ``missingindicator_column`` for each, as scikit-learn's own does."""
        check_is_fitted(self)
        return np.array([f"missingindicator_{name}" for name in self.columns_], dtype=object)
