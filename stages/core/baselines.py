"""The charter's rule as an estimator, so that it is measured and shipped as a model is."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from stages.core.params import Task
from stages.core.rules import Rule, parse_rule
from stages.core.targets import class_label

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WHERE = "charter.rule.expression"


class RuleClassifier(ClassifierMixin, BaseEstimator):
    """The rule of a binary or a multiclass charter.

    It predicts what the rule says; its probabilities are the shares of the classes that
    train has where the rule says so. Where the rule says nothing, or a class that train
    does not have, they are those of all rows.

    Args:
        expression: the rule, in the language of `stages.core.rules`.
        task: ``binary`` for a condition, ``multiclass`` for a class.

    Attributes:
        classes_: the classes; of two the positive last.
        rates_: the share of each class by the class that the rule says, shape
            (classes + 1, classes); the last row is for where it says none.
    """

    def __init__(self, expression: str, task: Task = "binary") -> None:
        self.expression = expression
        self.task = task

    def fit(
        self, X: pd.DataFrame, y: npt.ArrayLike, sample_weight: Floats | None = None
    ) -> "RuleClassifier":
        """Count the classes of `X` by what the rule says, each row by its weight."""
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        if self.task == "binary" and len(self.classes_) != 2:
            raise ValueError(f"two classes were expected, not {len(self.classes_)}")
        k = len(self.classes_)
        counts = np.zeros((k + 1, k))
        weight = np.ones(len(codes)) if sample_weight is None else sample_weight
        np.add.at(counts, (self._said(X), codes), weight)
        total = counts.sum(axis=0)
        counts[counts.sum(axis=1) == 0] = total
        counts[k] = total
        self.rates_ = counts / counts.sum(axis=1, keepdims=True)
        return self

    def predict(self, X: pd.DataFrame) -> npt.NDArray[Any]:
        """Return what the rule says, or the most frequent class where it says none, (rows,)."""
        check_is_fitted(self)
        said = self._said(X)
        frequent = int(self.rates_[-1].argmax())
        return np.asarray(self.classes_[np.where(said < len(self.classes_), said, frequent)])

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Return the probability of each class, shape (rows, classes)."""
        check_is_fitted(self)
        return np.asarray(self.rates_[self._said(X)])

    def _said(self, X: pd.DataFrame) -> Ints:
        """Return the place of the class that the rule says, their number for none, (rows,)."""
        said = self.rule().values(X)
        if self.task == "binary":
            return said.astype(np.int64)
        places = {class_label(label): place for place, label in enumerate(self.classes_)}
        return np.array([places.get(label, len(places)) for label in said], dtype=np.int64)

    def rule(self) -> Rule:
        """Return the rule, parsed."""
        return parse_rule(self.expression, WHERE, self.task)


class RuleRegressor(RegressorMixin, BaseEstimator):
    """The rule of a regression charter: the number that it gives.

    Args:
        expression: the rule, in the language of `stages.core.rules`.

    Attributes:
        mean_: the mean of train; it stands in where the rule gives no number.
    """

    def __init__(self, expression: str) -> None:
        self.expression = expression

    def fit(
        self, X: pd.DataFrame, y: npt.ArrayLike, sample_weight: Floats | None = None
    ) -> "RuleRegressor":
        """Learn the mean; each row counts by its weight."""
        self.rule().check_columns(str(name) for name in X.columns)
        self.mean_ = float(np.average(np.asarray(y, dtype=np.float64), weights=sample_weight))
        return self

    def predict(self, X: pd.DataFrame) -> Floats:
        """Return a number for each row, shape (rows,)."""
        check_is_fitted(self)
        said = self.rule().values(X)
        return np.where(np.isnan(said), self.mean_, said)

    def rule(self) -> Rule:
        """Return the rule, parsed."""
        return parse_rule(self.expression, WHERE, "regression")
