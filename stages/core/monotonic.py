"""Directions that a model must keep: more of a feature never lowers, or never raises, it."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from stages.core.errors import LoopwrightError

Floats = npt.NDArray[np.float64]
# By the name of a feature: 1 to rise with it, -1 to fall.
Directions = dict[str, int]

SIGNS = {"increasing": 1, "decreasing": -1}

# Created features that never fall when one of their columns rises; in some the second
# counts backwards. Of the other kinds the way depends on the values.
RISING = ("sum", "mean", "max", "min", "count_above", "log1p", "bins")
SECOND_BACKWARDS = ("difference", "greater")

# Transformers that keep the order of a column, or only say where it is missing.
KEEP_ORDER = (
    "KnownColumns",
    "PowerTransformer",
    "QuantileTransformer",
    "RobustScaler",
    "SimpleImputer",
    "StandardScaler",
    "WhereMissing",
)


def directions(features: Pipeline, monotonic: Mapping[str, str]) -> Directions:
    """Return the direction of each transformed feature in which it must be kept.

    Args:
        features: the feature pipeline; it need not be fitted.
        monotonic: by column ``increasing`` or ``decreasing``, as ``charter.monotonic``.

    Raises:
        LoopwrightError: a column is no input, loses its order in the transform, or goes
            into a created feature whose way cannot be known.
    """
    found = {name: SIGNS[way] for name, way in monotonic.items()}
    if not found:
        return {}
    inputs = features["columns"].inputs
    for name in found:
        if name not in inputs:
            raise LoopwrightError(
                f"charter.monotonic: '{name}' is no input of the model; possible: "
                f"{', '.join(inputs)}"
            )
    for created, feature in features["create"].features.items():
        if ways := {way for way in _ways(created, feature, found) if way}:
            if len(ways) > 1:
                raise LoopwrightError(
                    f"charter.monotonic: the created feature '{created}' would have to rise and "
                    f"to fall at once ({', '.join(feature['columns'])})"
                )
            found[created] = ways.pop()
    for name in found:
        _check_order(features, name)
    return found


def _ways(name: str, feature: Mapping[str, Any], known: Directions) -> Iterator[int]:
    """Yield the direction that each column of a created feature asks of it, 0 for none."""
    kind, columns = feature["kind"], feature["columns"]
    constrained = [column for column in columns if column in known]
    if constrained and kind not in (*RISING, *SECOND_BACKWARDS):
        raise LoopwrightError(
            f"charter.monotonic: '{constrained[0]}' goes into the created feature '{name}', and "
            f"whether a {kind} rises with it depends on the values; leave out one of the two"
        )
    for place, column in enumerate(columns):
        backwards = kind in SECOND_BACKWARDS and place == 1
        yield known.get(column, 0) * (-1 if backwards else 1)


def _check_order(features: Pipeline, name: str) -> None:
    for _, transformer, columns in features["transform"].transformers:
        # Some blocks choose their columns when they are fitted, out of those.
        possible = getattr(columns, "features", getattr(columns, "columns", columns))
        if name not in possible:
            continue
        steps = [step for _, step in getattr(transformer, "steps", [("", transformer)])]
        for step in steps:
            kind = type(step).__name__
            ranked = kind == "OrdinalEncoder" and not isinstance(step.categories, str)
            if step != "passthrough" and not ranked and kind not in KEEP_ORDER:
                raise LoopwrightError(
                    f"charter.monotonic: '{name}' is transformed by {kind}, which does not keep "
                    "its order; see featurize.transform, or leave the column out"
                )


def _has(method: str) -> Any:
    return available_if(lambda model: hasattr(model.estimator, method))


class _Monotonic(BaseEstimator):
    """A tree model that keeps directions, by the names of the features.

    scikit-learn takes them by place; which feature has which is known when it is fitted.

    Args:
        estimator: takes ``monotonic_cst``.
        directions: by feature 1 or -1; a name that the features do not have is passed over:
            selection has dropped it.

    Attributes:
        estimator_: fitted.
    """

    def __init__(self, estimator: Any, directions: Directions) -> None:
        self.estimator = estimator
        self.directions = directions

    def fit(self, X: pd.DataFrame, y: npt.ArrayLike, **more: Any) -> Any:
        """Fit the estimator with the directions at their places; `more` is passed on."""
        ways = [self.directions.get(str(name), 0) for name in X.columns]
        self.estimator_ = clone(self.estimator).set_params(monotonic_cst=ways)
        self.estimator_.fit(X, y, **more)
        return self

    @property
    def n_iter_(self) -> int:
        """How many iterations the estimator took, if it takes any."""
        return int(self.estimator_.n_iter_)

    def predict(self, X: pd.DataFrame) -> npt.NDArray[Any]:
        """Return the class or the number of each row, shape (rows,)."""
        check_is_fitted(self)
        return np.asarray(self.estimator_.predict(X))


class MonotonicClassifier(ClassifierMixin, _Monotonic):
    """A classifier of two classes whose probability of the last keeps directions."""

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The classes."""
        return np.asarray(self.estimator_.classes_)

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Return the probability of each class, shape (rows, classes)."""
        check_is_fitted(self)
        return np.asarray(self.estimator_.predict_proba(X))

    @_has("staged_predict_proba")
    def staged_predict_proba(self, X: pd.DataFrame) -> Iterator[Floats]:
        """Yield the probabilities after each iteration."""
        yield from self.estimator_.staged_predict_proba(X)


class MonotonicRegressor(RegressorMixin, _Monotonic):
    """A regressor whose number keeps directions."""

    @_has("staged_predict")
    def staged_predict(self, X: pd.DataFrame) -> Iterator[Floats]:
        """Yield the numbers after each iteration."""
        yield from self.estimator_.staged_predict(X)
