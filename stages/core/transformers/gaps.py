"""Where values were missing, as features."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data


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
