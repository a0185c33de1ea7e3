"""The candidates by name: from their parameters to a scikit-learn estimator.

Each estimator takes the whole raw frame and gives probabilities, so that a rule, a linear
model and an ensemble are measured and shipped in the same way.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.params import Candidate
from stages.core.rules import parse_rule


class RuleClassifier(ClassifierMixin, BaseEstimator):
    """The charter's rule as a classifier.

    It predicts what the rule says; its probabilities are the shares of positives that
    train has where the rule holds and where it does not.

    Args:
        expression: the rule, in the language of `stages.core.rules`.

    Attributes:
        classes_: the two classes, the positive last.
        rates_: the share of positives where the rule does not hold and where it does;
            that of all rows, where train has no such row.
    """

    def __init__(self, expression: str) -> None:
        self.expression = expression

    def fit(self, X: pd.DataFrame, y: npt.ArrayLike) -> "RuleClassifier":
        """Count the positives of `X` on both sides of the rule."""
        self.classes_, positive = np.unique(np.asarray(y), return_inverse=True)
        if len(self.classes_) != 2:
            raise ValueError(f"two classes were expected, not {len(self.classes_)}")
        held = self._held(X)
        sides = [positive[held == side] for side in (0, 1)]
        self.rates_ = np.array([(side if len(side) else positive).mean() for side in sides])
        return self

    def predict(self, X: pd.DataFrame) -> npt.NDArray[Any]:
        """Return the positive class where the rule holds, shape (rows,)."""
        check_is_fitted(self)
        return np.asarray(self.classes_[self._held(X)])

    def predict_proba(self, X: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Return the probability of each class, shape (rows, 2)."""
        check_is_fitted(self)
        positive = self.rates_[self._held(X)]
        return np.column_stack([1 - positive, positive])

    def _held(self, X: pd.DataFrame) -> npt.NDArray[np.int64]:
        return parse_rule(self.expression, "charter.rule.expression").mask(X).astype(np.int64)


Builder = Callable[[dict[str, Any], int, Pipeline, str], BaseEstimator]


def _dummy(_: dict[str, Any], random_state: int, features: Pipeline, rule: str) -> BaseEstimator:
    return DummyClassifier(strategy="prior")


def _rule(_: dict[str, Any], random_state: int, features: Pipeline, rule: str) -> BaseEstimator:
    return RuleClassifier(rule)


def _logistic_regression(
    parameters: dict[str, Any], random_state: int, features: Pipeline, rule: str
) -> BaseEstimator:
    # The ridge penalty is fair only among features of one scale.
    estimator = LogisticRegression(solver="lbfgs", **parameters)
    steps = [("features", features), ("scale", StandardScaler()), ("estimator", estimator)]
    return Pipeline(steps)


def _hist_gradient_boosting(
    parameters: dict[str, Any], random_state: int, features: Pipeline, rule: str
) -> BaseEstimator:
    # Early stopping would deal a validation split of its own out of train.
    estimator = HistGradientBoostingClassifier(
        early_stopping=False, random_state=random_state, **parameters
    )
    return Pipeline([("features", features), ("estimator", estimator)])


ESTIMATORS: dict[str, Builder] = {
    "dummy": _dummy,
    "rule": _rule,
    "logistic_regression": _logistic_regression,
    "hist_gradient_boosting": _hist_gradient_boosting,
}


def parameters_of(candidate: Candidate) -> dict[str, Any]:
    """Return the parameters of `candidate`, those that the estimator takes."""
    return candidate.model_dump(exclude={"estimator", "early_stopping", "n_knots"})


def with_parameters(candidate: Candidate, parameters: dict[str, Any], where: str) -> Candidate:
    """Return `candidate` with some of its parameters given other values.

    Raises:
        LoopwrightError: one is no parameter of it, or its value is not possible; `where`
            says who asked for it.
    """
    possible = parameters_of(candidate)
    for name in parameters:
        if name not in possible:
            raise LoopwrightError(
                f"{where}.{name}: not a parameter of {candidate.estimator}"
                f"{did_you_mean(name, possible)}; possible: {', '.join(possible) or 'none'}"
            )
    try:
        return type(candidate).model_validate(candidate.model_dump() | parameters)
    except ValidationError as invalid:
        fault = invalid.errors()[0]
        raise LoopwrightError(
            f"{where}.{fault['loc'][0]}: found {fault['input']!r}; {fault['msg']}"
        ) from None


def build_estimator(
    candidate: Candidate, random_state: int, features: Pipeline, rule: str
) -> BaseEstimator:
    """Return the estimator of `candidate`; it takes the raw frame and is not fitted.

    Args:
        candidate: its name and parameters.
        random_state: the seed, where the estimator draws lots.
        features: the feature pipeline; it becomes the first step, and is not copied. The
            dummy and the rule do without.
        rule: the charter's rule.
    """
    build = ESTIMATORS[candidate.estimator]
    return build(parameters_of(candidate), random_state, features, rule)


def inputs_of(estimator: BaseEstimator) -> list[str]:
    """Return the columns of the raw frame that `estimator` reads to predict."""
    if isinstance(estimator, Pipeline):
        columns = estimator["features"]["columns"]
        return list(columns.inputs)
    if isinstance(estimator, RuleClassifier):
        return list(parse_rule(estimator.expression, "charter.rule.expression").columns)
    return []
