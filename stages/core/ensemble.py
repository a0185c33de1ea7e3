"""The mean of several models, weighted by how much each adds where it did not learn.

The weights come from greedy selection with replacement on predictions out of fold (Caruana,
Niculescu-Mizil, Crew and Ksikes, Ensemble Selection from Libraries of Models, ICML 2004):
round by round the member is added that makes the mean best; its weight is how often it was.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted

from stages.core.fitting import fit

Floats = npt.NDArray[np.float64]
Members = list[tuple[str, Any]]


class _Weighted(BaseEstimator):
    """Members on the same features, and the weight of each.

    Args:
        members: by name, not fitted; each takes what the feature pipeline gives.
        weights: of each member, summing to 1.

    Attributes:
        members_: the members, fitted.
    """

    def __init__(self, members: Members, weights: Sequence[float]) -> None:
        self.members = members
        self.weights = weights

    def fit(
        self, X: pd.DataFrame, y: npt.ArrayLike, sample_weight: Floats | None = None
    ) -> "_Weighted":
        """Fit each member on all rows of `X`; the weights stay as they are."""
        return self.of([fit(clone(member), X, y, sample_weight) for _, member in self.members])

    def of(self, fitted: Sequence[Any]) -> "_Weighted":
        """Take members that are `fitted` already, in their order."""
        self.members_ = list(fitted)
        return self

    def _mean(self, predict: Callable[[Any], Floats]) -> Floats:
        check_is_fitted(self)
        parts = [
            weight * predict(member)
            for weight, member in zip(self.weights, self.members_, strict=True)
        ]
        return np.asarray(sum(parts[1:], start=parts[0]))


class WeightedClassifier(ClassifierMixin, _Weighted):
    """The mean of the members' probabilities."""

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The classes."""
        return np.asarray(self.members_[0].classes_)

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Return the probability of each class, shape (rows, classes)."""
        return self._mean(lambda member: member.predict_proba(X))

    def predict(self, X: pd.DataFrame) -> npt.NDArray[Any]:
        """Return the likeliest class of each row, shape (rows,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class WeightedRegressor(RegressorMixin, _Weighted):
    """The mean of the members' numbers."""

    def predict(self, X: pd.DataFrame) -> Floats:
        """Return the number of each row, shape (rows,)."""
        return self._mean(lambda member: member.predict(X))


def choose_weights(
    predictions: Mapping[str, Floats], goodness: Callable[[Floats], float], rounds: int
) -> dict[str, float]:
    """Return the weight of each member that is chosen, in the order of `predictions`.

    Args:
        predictions: of each member, for rows that it was not fitted on.
        goodness: how good predictions are, higher is better.
        rounds: how often a member is added; the best mean on the way is taken, the earliest
            on a tie, and on a tie of members the earlier.
    """
    total: Any = 0.0
    chosen: list[str] = []
    best, length = -np.inf, 0
    for count in range(1, rounds + 1):
        found = {name: goodness((total + values) / count) for name, values in predictions.items()}
        name = max(found, key=lambda member: found[member])
        total = total + predictions[name]
        chosen.append(name)
        if found[name] > best:
            best, length = found[name], count
    kept = chosen[:length]
    return {name: kept.count(name) / length for name in predictions if name in kept}
