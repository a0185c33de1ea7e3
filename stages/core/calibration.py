"""Maps from probabilities to better ones, and the classifier that holds one.

A map is fitted on rows that the model was not fitted on. Three kinds have scikit-learn's
names in CalibratedClassifierCV: ``sigmoid``, a line through the log odds, with targets a
little off 0 and 1 (Platt, Probabilistic Outputs for Support Vector Machines, 1999, section
2.2); ``isotonic``, any rising steps (Zadrozny and Elkan, KDD 2002), kept off 0 and 1 by
Laplace's rule of succession; ``temperature``, all log probabilities times one number (Guo and
others, ICML 2017). Of several classes the first two map each against the others, and what
comes of it is made to sum to 1. None turns an order round.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from stages.core.fitting import fit
from stages.core.params import CalibrationMethod

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Probabilities are kept this far from 0, where they have no logarithm.
TINY = 1e-12


def _log_odds(y_prob: Floats) -> Floats:
    return np.asarray(logit(np.clip(y_prob, TINY, 1 - TINY)))


def _logs(y_prob: Floats) -> Floats:
    return np.log(np.clip(y_prob, TINY, 1))


def _both(y_prob: Floats) -> Floats:
    """Return the probabilities of both classes from those of the second, (n,)."""
    return np.column_stack([1 - y_prob, y_prob])


@dataclass(frozen=True)
class Sigmoid:
    """A line through the log odds, (n,)."""

    slope: float
    shift: float

    def __call__(self, y_prob: Floats) -> Floats:
        """Map probabilities of one class, shape (n,)."""
        return np.asarray(expit(self.slope * _log_odds(y_prob) + self.shift))


@dataclass(frozen=True, eq=False)
class Isotonic:
    """Rising straight pieces between the points `x` and `y`, level beyond them, (n,)."""

    x: Floats
    y: Floats

    def __call__(self, y_prob: Floats) -> Floats:
        """Map probabilities of one class, shape (n,)."""
        return np.asarray(np.interp(y_prob, self.x, self.y))


@dataclass(frozen=True)
class Temperature:
    """All log probabilities times `sureness`, 1 / temperature; (n,) or (n, classes)."""

    sureness: float

    def __call__(self, y_prob: Floats) -> Floats:
        """Map probabilities, shape (n,) or (n, classes)."""
        if y_prob.ndim == 1:
            return self(_both(y_prob))[:, 1]
        return np.asarray(softmax(_logs(y_prob) * self.sureness, axis=1))


@dataclass(frozen=True, eq=False)
class OneVsRest:
    """A map a class, (n, classes), and rows that sum to 1 again."""

    maps: Sequence[Sigmoid | Isotonic]

    def __call__(self, y_prob: Floats) -> Floats:
        """Map probabilities of each class, shape (n, classes)."""
        found = np.column_stack([of(y_prob[:, place]) for place, of in enumerate(self.maps)])
        return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), TINY))


Map = Sigmoid | Isotonic | Temperature | OneVsRest
MAPS = (Sigmoid, Isotonic, Temperature, OneVsRest)


def fitted(
    method: CalibrationMethod, y_true: Ints, y_prob: Floats, weight: Floats | None = None
) -> Map:
    """Fit a map from probabilities to better ones.

    Args:
        method: which.
        y_true: 0 or 1, or the place of the class, -1 for an unknown one; (n,).
        y_prob: of the second of two classes, (n,), or of each, (n, classes).
        weight: how much each row counts, (n,).
    """
    weight = np.ones(len(y_true)) if weight is None else weight
    if method == "temperature":
        return _temperature(y_true, y_prob if y_prob.ndim == 2 else _both(y_prob), weight)
    of_one = _sigmoid if method == "sigmoid" else _isotonic
    if y_prob.ndim == 1:
        return of_one(y_true, y_prob, weight)
    return OneVsRest(
        [
            of_one((y_true == place).astype(np.int64), column, weight)
            for place, column in enumerate(y_prob.T)
        ]
    )


def _sigmoid(y_true: Ints, y_prob: Floats, weight: Floats) -> Sigmoid:
    from scipy.optimize import minimize

    positives = float(weight @ y_true)
    negatives = float(weight.sum()) - positives
    target = np.where(y_true == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    odds = _log_odds(y_prob)
    scaled = weight / weight.sum()

    def loss(line: Floats) -> tuple[float, Floats]:
        score = line[0] * odds + line[1]
        off = scaled * (expit(score) - target)
        value = float(scaled @ (np.logaddexp(0, score) - target * score))
        return value, np.array([off @ odds, off.sum()])

    # A line that falls would turn the order round, and with it charter.monotonic.
    rising = [(0.0, None), (None, None)]
    line = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=rising).x
    return Sigmoid(float(line[0]), float(line[1]))


def _isotonic(y_true: Ints, y_prob: Floats, weight: Floats) -> Isotonic:
    from sklearn.isotonic import IsotonicRegression

    edge = 1 / (len(y_true) + 2)
    steps = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip")
    steps.fit(y_prob, y_true.astype(np.float64), sample_weight=weight)
    return Isotonic(steps.X_thresholds_, steps.y_thresholds_)


def _temperature(y_true: Ints, y_prob: Floats, weight: Floats) -> Temperature:
    from scipy.optimize import minimize_scalar

    known = y_true >= 0
    own, place, scaled = _logs(y_prob[known]), y_true[known], weight[known]

    def loss(cooling: float) -> float:
        given = log_softmax(own * np.exp(cooling), axis=1)[np.arange(len(place)), place]
        return -float(scaled @ given)

    # From a hundredth to a hundred times as sure.
    cooling = float(minimize_scalar(loss, bounds=(-4.6, 4.6), method="bounded").x)
    return Temperature(float(np.exp(cooling)))


def _staged() -> Any:
    return available_if(lambda model: hasattr(model.estimator, "staged_predict_proba"))


class CalibratedClassifier(ClassifierMixin, BaseEstimator):
    """A classifier whose probabilities go through a map.

    Args:
        estimator: the classifier, not fitted.
        mapping: fitted on predictions out of fold; fitted again, it stays as it is, as do
            the weights of an ensemble.

    Attributes:
        estimator_: the classifier, fitted.
    """

    def __init__(self, estimator: Any, mapping: Map) -> None:
        self.estimator = estimator
        self.mapping = mapping

    def fit(
        self, X: pd.DataFrame, y: npt.ArrayLike, sample_weight: Floats | None = None
    ) -> "CalibratedClassifier":
        """Fit the classifier on all rows of `X`."""
        return self.of(fit(clone(self.estimator), X, y, sample_weight))

    def of(self, fitted: Any) -> "CalibratedClassifier":
        """Take a classifier that is `fitted` already."""
        self.estimator_ = fitted
        return self

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The classes."""
        return np.asarray(self.estimator_.classes_)

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Return the probability of each class, shape (rows, classes)."""
        check_is_fitted(self)
        return self._mapped(self.estimator_.predict_proba(X))

    def _mapped(self, y_prob: Floats) -> Floats:
        if y_prob.shape[1] == 2:
            return _both(self.mapping(y_prob[:, 1]))
        return self.mapping(y_prob)

    @property
    def n_iter_(self) -> int:
        """How many iterations the classifier took, if it takes any."""
        return int(self.estimator_.n_iter_)

    @_staged()
    def staged_predict_proba(self, X: pd.DataFrame) -> Iterator[Floats]:
        """Yield the probabilities after each iteration, behind the map of the last."""
        yield from map(self._mapped, self.estimator_.staged_predict_proba(X))

    def predict(self, X: pd.DataFrame) -> npt.NDArray[Any]:
        """Return the likeliest class of each row, shape (rows,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])
