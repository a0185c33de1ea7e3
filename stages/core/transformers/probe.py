"""A small, fast model that measures what features are worth; it is never shipped."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from stages.core.metrics.predictions import surprise
from stages.core.params import Task

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[Any]


# As many as gradient boosting tells apart.
BINS = 255


def coded(X: Floats, *others: Floats) -> list[Floats]:
    """Return features as the numbers of at most `BINS` bins of `X`, those of `others` likewise.

    A tree asks for no more than the order of values. Found once, the bins need not be found
    again for every fit, which takes minutes where rows have weights.

    Args:
        X: shape (rows, features), NaN where missing; it says where the bins are.
        others: with the same features.
    """
    edges = [_edges(column[~np.isnan(column)]) for column in X.T]
    return [
        np.column_stack(
            [
                np.where(np.isnan(column), np.nan, np.searchsorted(own, column, side="right"))
                for own, column in zip(edges, values.T, strict=True)
            ]
        )
        for values in (X, *others)
    ]


def _edges(known: Floats) -> Floats:
    distinct = np.unique(known)
    if len(distinct) <= BINS:
        return distinct[1:]
    return np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))


def probe(task: Task) -> Any:
    """Return gradient boosting of fifty small trees, not fitted; the same every time."""
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    return kind(max_iter=50, max_leaf_nodes=8, early_stopping=False, random_state=0)


def row_losses(task: Task, fitted: Any, X: Any, y: Truth) -> Floats:
    """Return the loss of `fitted` on each row: log loss, or the squared error of a number.

    Args:
        task: of the target.
        fitted: a classifier, or a regressor where the target is a number.
        X: shape (rows, features).
        y: what was true, shape (rows,). A class that `fitted` never saw costs as much as one
            given no chance.
    """
    if task == "regression":
        return np.asarray((y - fitted.predict(X)) ** 2, dtype=np.float64)
    chances = fitted.predict_proba(X)
    places = {label: place for place, label in enumerate(fitted.classes_.tolist())}
    at = np.array([places.get(label, -1) for label in y.tolist()])
    given = chances[np.arange(len(y)), at]
    return surprise(np.where(at < 0, 0.0, given))
