"""Metrics of a decision among several classes: the mean over classes of one against the rest."""

from collections.abc import Callable

import numpy as np

from stages.core.metrics import binary
from stages.core.metrics.predictions import ClassPredictions, Predictions
from stages.core.statistics import Floats, Weights


def _over_classes(
    measure: Callable[[Predictions, Weights], Floats], p: ClassPredictions, weights: Weights
) -> Floats:
    """Return the mean over the classes that occur, and are not all that occurs, shape (d,)."""
    occurs = p.happened.any(axis=0) & ~p.happened.all(axis=0)
    found = [measure(p.one_class(int(place)), weights) for place in np.flatnonzero(occurs)]
    return np.mean(found, axis=0) if found else np.full(len(weights), np.nan)


def roc_auc_ovr(p: ClassPredictions, weights: Weights) -> Floats:
    """The chance that a row of a class ranks above one of another, averaged over classes."""
    return _over_classes(binary.roc_auc, p, weights)


def f1_macro(p: ClassPredictions, weights: Weights) -> Floats:
    """The mean over classes of the harmonic mean of precision and recall."""
    return _over_classes(binary.f1, p, weights)
