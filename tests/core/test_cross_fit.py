"""Folds within train: no row is scored by what knew it."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier

from stages.core.cross_fit import cross_fit, predict_held
from stages.core.fitting import Rows
from stages.core.params import Params
from tests.candidates import made, pipeline

DEALT = [(np.arange(200), np.arange(200, 400)), (np.arange(200, 400), np.arange(200))]


def test_the_features_of_a_fold_are_fitted_without_the_rows_that_it_scores(chosen: Params) -> None:
    frame, truths = made()
    features = pipeline(chosen)
    folds = list(cross_fit(features, Rows(frame, truths["binary"], None), DEALT))
    assert [len(fold.inner) for fold in folds] == [200, 200]
    for fold, (inner, held) in zip(folds, DEALT, strict=True):
        own = pipeline(chosen).fit(frame.iloc[inner], truths["binary"][inner])
        pd.testing.assert_frame_equal(fold.matrix, own.transform(frame.iloc[inner]))
        pd.testing.assert_frame_equal(fold.ahead, own.transform(frame.iloc[held]))
    assert not hasattr(features["select"], "support_")


class Recorder(ClassifierMixin, BaseEstimator):
    """Note the rows that it is fitted on and predicts."""

    log: list[Any] = []  # noqa: RUF012  # shared by copies, so that the test sees them

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> "Recorder":
        self.classes_ = np.unique(y)
        self.rows_ = set(X.index)
        Recorder.log.append(sample_weight)
        return self

    def predict_proba(self, X: pd.DataFrame) -> Any:
        assert not self.rows_ & set(X.index)
        return np.full((len(X), 2), 0.5)


def test_an_estimator_is_fitted_anew_in_each_fold_with_its_weights(chosen: Params) -> None:
    frame, truths = made()
    weight = np.arange(400.0)
    rows = Rows(frame, truths["binary"], weight)
    for fold, (inner, _) in zip(cross_fit(pipeline(chosen), rows, DEALT), DEALT, strict=True):
        estimator = Recorder()
        assert predict_held(estimator, fold, "binary", None).tolist() == [0.5] * 200
        np.testing.assert_array_equal(Recorder.log[-1], weight[inner])
        assert not hasattr(estimator, "rows_")


def test_a_class_that_a_fold_did_not_learn_has_no_probability(chosen: Params) -> None:
    frame, truths = made()
    y = truths["multiclass"].copy()
    y[:200][y[:200] == "low"] = "middle"
    classes = np.unique(y)
    first, second = cross_fit(pipeline(chosen), Rows(frame, y, None), DEALT)
    found = predict_held(DummyClassifier(), first, "multiclass", classes)
    shares = [np.mean(y[:200] == label) for label in classes]
    np.testing.assert_allclose(found, [shares] * 200)
    assert shares[1] == 0
    assert (predict_held(DummyClassifier(), second, "multiclass", classes) > 0).all()
