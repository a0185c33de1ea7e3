"""Weights reach the last step, and the features that take them."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline

from stages.core.fitting import Rows, fit


class Note(TransformerMixin, BaseEstimator):
    """Remember what came in."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Note":
        self.weight_ = sample_weight
        return self

    def transform(self, X: Any) -> Any:
        return X

    def predict(self, X: Any) -> Any:
        return X


def test_weights_go_to_the_last_step_and_the_selection_of_features() -> None:
    X, y, weight = np.zeros((3, 1)), np.arange(3), np.array([1.0, 2, 3])
    assert fit(Note(), X, y, weight).weight_ is weight
    assert fit(Note(), X, y, None).weight_ is None
    tail = Pipeline([("scale", Note()), ("estimator", Note())])
    found = fit(tail, X, y, weight)
    assert found["scale"].weight_ is None
    np.testing.assert_array_equal(found["estimator"].weight_, weight)
    features = Pipeline([("columns", Note()), ("select", Note())])
    found = fit(Pipeline([("features", features), ("estimator", Note())]), X, y, weight)
    assert found["features"]["columns"].weight_ is None
    np.testing.assert_array_equal(found["features"]["select"].weight_, weight)


def test_a_part_of_rows_keeps_each_with_its_truth_and_weight() -> None:
    frame = pd.DataFrame({"x": [1, 2, 3]})
    rows = Rows(frame, np.array([4, 5, 6]), np.array([7.0, 8, 9]))
    part = rows.part(np.array([2, 0]))
    assert len(rows) == 3
    assert (part.frame["x"].tolist(), part.y.tolist()) == ([3, 1], [6, 4])
    assert part.weight is not None
    assert part.weight.tolist() == [9, 7]
    assert Rows(frame, rows.y, None).part(np.array([0])).weight is None
