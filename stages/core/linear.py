"""scikit-learn's linear models; a row's answer does not depend on the rows beside it."""

from typing import Any

import numpy as np
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.utils.validation import check_is_fitted, validate_data

from stages.core.products import Floats, row_products


def _linear(model: Any, X: Any) -> Floats:
    """Return what a fitted `model` adds up for each row, shape (rows, outputs)."""
    check_is_fitted(model)
    values = validate_data(model, X, dtype=np.float64, reset=False)
    return np.asarray(row_products(values, np.atleast_2d(model.coef_).T) + model.intercept_)


class RowwiseLogisticRegression(LogisticRegression):
    """LogisticRegression, each row by itself."""

    def decision_function(self, X: Any) -> Floats:
        """Return the log odds, shape (rows,); of several classes scores, (rows, classes)."""
        scores = _linear(self, X)
        return scores[:, 0] if scores.shape[1] == 1 else scores


class RowwiseRidge(Ridge):
    """Ridge, each row by itself."""

    def predict(self, X: Any) -> Floats:
        """Return the number of each row, shape (rows,)."""
        return _linear(self, X)[:, 0]


class RowwiseElasticNet(ElasticNet):
    """ElasticNet, each row by itself."""

    def predict(self, X: Any) -> Floats:
        """Return the number of each row, shape (rows,)."""
        return _linear(self, X)[:, 0]
