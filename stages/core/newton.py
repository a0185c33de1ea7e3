"""Logistic regression by Newton's steps, in the way that the size of its matrix allows."""

from typing import Any

import numpy as np
import numpy.typing as npt

from stages.core.linear import RowwiseLogisticRegression

# Features times classes up to which the steps are solved exactly. There the matrix takes
# 8 MB, and a step less time than the conjugate gradients that approach it.
EXACT = 1000


class NewtonLogisticRegression(RowwiseLogisticRegression):
    """scikit-learn's LogisticRegression, which chooses between two of its solvers.

    Newton's steps are few, and curves, whose columns are nearly collinear, do not slow them
    down: a handful instead of lbfgs's hundreds. Solved exactly, the square of features
    times classes must fit into memory; beyond `EXACT` conjugate gradients do without.
    """

    def fit(
        self, X: Any, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> "NewtonLogisticRegression":
        """Fit to `X`, shape (rows, features), and `y`."""
        classes = len(np.unique(y))
        width = np.shape(X)[1] * (classes if classes > 2 else 1)
        self.solver = "newton-cholesky" if width <= EXACT else "newton-cg"
        super().fit(X, y, sample_weight)
        return self
