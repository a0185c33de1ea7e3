"""A row gets the same answer alone and among others, to the last bit."""

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge

from stages.core.linear import RowwiseElasticNet, RowwiseLogisticRegression, RowwiseRidge
from stages.core.params import Task
from stages.core.products import row_products
from stages.core.scoring import predicted
from tests.candidates import SMALL, TASKS, fitted, made, small

IN_SMALL_PARTS = [
    (task, kind)
    for task in TASKS
    for kind in SMALL
    if kind not in ("lightgbm", "catboost") and task in small(kind).tasks
]


@pytest.mark.parametrize(("task", "kind"), IN_SMALL_PARTS)
def test_a_row_alone_gets_the_bits_that_it_gets_in_a_table(task: Task, kind: str) -> None:
    model, frame = fitted(kind, task), made(200, seed=1)[0]
    together = predicted(model, frame, task)
    for size in (1, 3, 7, 64):
        parts = [
            predicted(model, frame.iloc[start : start + size], task) for start in range(0, 70, size)
        ]
        found = np.concatenate(parts)
        assert np.array_equal(found, together[: len(found)])


def test_products_are_those_of_linear_algebra_and_no_row_changes_another() -> None:
    rng = np.random.default_rng(0)
    rows, weights = rng.normal(size=(50, 33)), rng.normal(size=(33, 4))
    found = row_products(rows, weights)
    np.testing.assert_allclose(found, rows @ weights, rtol=0, atol=1e-13)
    assert np.array_equal(found[7:8], row_products(rows[7:8], weights))
    assert np.array_equal(found, row_products(np.asfortranarray(rows), weights))


@pytest.mark.parametrize("classes", [2, 3])
def test_a_logistic_regression_is_scikit_learns(classes: int) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 5)), rng.integers(0, classes, 90)
    theirs, ours = (kind().fit(X, y) for kind in (LogisticRegression, RowwiseLogisticRegression))
    assert ours.decision_function(X).shape == theirs.decision_function(X).shape
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-14)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(RowwiseRidge, Ridge), (RowwiseElasticNet, ElasticNet)]
)
def test_a_linear_regression_is_scikit_learns(ours: type, theirs: type) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 5)), rng.normal(size=90)
    np.testing.assert_allclose(
        ours().fit(X, y).predict(X), theirs().fit(X, y).predict(X), atol=1e-13
    )
