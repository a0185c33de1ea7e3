"""Metrics of a predicted number."""

import numpy as np

from stages.core.metrics.predictions import NumberPredictions
from stages.core.statistics import Floats, Weights, ratio, weighted_mean


def root_mean_squared_error(p: NumberPredictions, weights: Weights) -> Floats:
    """The root of the mean squared error, in the target's unit."""
    return np.sqrt(weighted_mean(p.row_loss, weights))


def mean_absolute_error(p: NumberPredictions, weights: Weights) -> Floats:
    """The mean of how far predictions are off, in the target's unit."""
    return weighted_mean(np.abs(p.residuals), weights)


def median_absolute_error(p: NumberPredictions, weights: Weights) -> Floats:
    """How far the middle prediction is off: half are nearer. In the target's unit."""
    off = np.abs(p.residuals)
    order = np.argsort(off, kind="stable")
    until = np.cumsum(np.take(weights, order, axis=1), axis=1, dtype=np.float64)
    half = until[:, -1:] / 2
    # Where half of the weight ends between two rows, the middle is between them.
    low = (until >= half).argmax(axis=1)
    high = (until > half).argmax(axis=1)
    middle = (off[order][low] + off[order][high]) / 2
    return np.where(half[:, 0] > 0, middle, np.nan)


def mean_error(p: NumberPredictions, weights: Weights) -> Floats:
    """How far the mean prediction is from the mean truth, either way, in the target's unit."""
    return np.abs(weighted_mean(p.residuals, weights))


def r2(p: NumberPredictions, weights: Weights) -> Floats:
    """The share of the target's variance that the predictions explain; below 0, none is."""
    # The target is shifted first, so that a large mean costs no digits.
    shifted = p.y_true - p.y_true.mean()
    spread = weighted_mean(shifted**2, weights) - weighted_mean(shifted, weights) ** 2
    return 1 - ratio(weighted_mean(p.row_loss, weights), np.maximum(spread, 0))
