"""Metrics of a yes-or-no decision: how well scores rank, and how decisions turn out."""

import numpy as np

from stages.core.metrics.predictions import Predictions
from stages.core.metrics.ranking import cumulated_down
from stages.core.statistics import Floats, Weights, ratio


def cumulated(p: Predictions, weights: Weights) -> tuple[Weights, Weights]:
    """Return the true and the false positives of acting from each distinct score on.

    Both have shape (d, distinct scores), from the highest score down.
    """
    order, ends = p.ranking
    drawn = np.take(weights, order, axis=1)
    true = np.cumsum(drawn * p.y_true[order], axis=1)
    false = np.cumsum(drawn, axis=1) - true
    tied = len(ends) < len(order)
    return (true[:, ends], false[:, ends]) if tied else (true, false)


def roc_auc(p: Predictions, weights: Weights) -> Floats:
    """The chance that a positive ranks above a negative, ties counting half."""
    positive, below, tied = p.by_score.counted(weights)
    area = np.einsum("kd,kd->d", positive, below[:-1])
    if tied is not None:
        area += np.einsum("kd,kd->d", positive, tied) / 2
    return ratio(area, positive.sum(axis=0) * below[-1])


def average_precision(p: Predictions, weights: Weights) -> Floats:
    """The mean precision over the positives, from the highest score down; no interpolation."""
    positive, below, _ = p.by_score.counted(weights)
    true = cumulated_down(positive[::-1].copy())
    acted = true + (below[-1] - below[:-1])[::-1]
    # Where nothing is drawn yet there is no step either: 0, not undefined.
    precision = np.divide(true, acted, out=np.zeros(acted.shape), where=acted > 0)
    return ratio(np.einsum("kd,kd->d", positive[::-1], precision), positive.sum(axis=0))


def _counts(p: Predictions, weights: Weights) -> tuple[Floats, Floats, Floats, Floats]:
    """Return true positives, false positives, true negatives, false negatives, each (d,)."""
    tp, fp, tn, fn = (weights @ p.outcomes).T
    return tp, fp, tn, fn


def precision(p: Predictions, weights: Weights) -> Floats:
    """The share of positives among those acted on."""
    tp, fp, _, _ = _counts(p, weights)
    return ratio(tp, tp + fp)


def recall(p: Predictions, weights: Weights) -> Floats:
    """The share of the positives that were acted on."""
    tp, _, _, fn = _counts(p, weights)
    return ratio(tp, tp + fn)


def f1(p: Predictions, weights: Weights) -> Floats:
    """The harmonic mean of precision and recall."""
    tp, fp, _, fn = _counts(p, weights)
    return ratio(2 * tp, 2 * tp + fp + fn)


def best_thresholds(p: Predictions, weights: Weights) -> Floats:
    """Return for each draw the threshold with the greatest value on it, shape (d,).

    The scores themselves are tried, and 1 for never to act. Chosen on the rows on which
    it is measured, its value is too good: hold it against rows that were not drawn.
    """
    if p.costs is None:
        raise ValueError("a threshold by value needs costs")
    true, false = cumulated(p, weights)
    saved = p.costs.true_positive - p.costs.false_negative
    wasted = p.costs.true_negative - p.costs.false_positive
    gain = true * saved - false * wasted
    order, ends = p.ranking
    best = gain.argmax(axis=1)
    pays = gain[np.arange(len(gain)), best] > 0
    return np.where(pays, p.y_prob[order][ends[best]], 1.0)
