"""Logistic regression whose solver goes by the size of the table."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from stages.core.newton import EXACT, NewtonLogisticRegression


@pytest.mark.parametrize(
    ("features", "classes", "solver"),
    [
        (EXACT, 2, "newton-cholesky"),
        (EXACT + 1, 2, "newton-cg"),
        (EXACT // 3, 3, "newton-cholesky"),
        (EXACT // 3 + 1, 3, "newton-cg"),
    ],
)
def test_the_solver_goes_by_features_times_classes(
    features: int, classes: int, solver: str
) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, features)), np.arange(60) % classes
    model = NewtonLogisticRegression(tol=1e-6).fit(X, y)
    assert model.solver == solver
    # Both find the one minimum, as scikit-learn's own default does.
    other = LogisticRegression(tol=1e-8, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), other.predict_proba(X), atol=1e-4)


def test_a_row_of_weight_two_counts_twice() -> None:
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(50, 3)), np.arange(50) % 2
    weight = np.where(np.arange(50) < 10, 2, 1)
    twice = NewtonLogisticRegression().fit(np.repeat(X, weight, 0), np.repeat(y, weight))
    weighted = NewtonLogisticRegression().fit(X, y, weight)
    np.testing.assert_allclose(weighted.coef_, twice.coef_, rtol=1e-6)
