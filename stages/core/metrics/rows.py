"""Metrics that are means over rows: one function for every task that has them."""

import numpy as np

from stages.core.metrics.money import PER_DECISIONS
from stages.core.metrics.predictions import AnyPredictions, ClassPredictions, Predictions
from stages.core.statistics import Floats, Weights, ratio, weighted_mean


def log_loss(p: Predictions | ClassPredictions, weights: Weights) -> Floats:
    """The mean of minus the log of the probability given to what happened."""
    return weighted_mean(p.row_loss, weights)


def brier_score(p: Predictions | ClassPredictions, weights: Weights) -> Floats:
    """The mean squared difference of probability and outcome (Brier, 1950).

    Of several classes it is half the sum over them: of two, the same number.
    """
    return weighted_mean(p.row_brier, weights)


def accuracy(p: Predictions | ClassPredictions, weights: Weights) -> Floats:
    """The share of right decisions."""
    return weighted_mean(p.row_right, weights)


def balanced_accuracy(p: Predictions | ClassPredictions, weights: Weights) -> Floats:
    """The mean over classes of the share that was decided rightly.

    Of several classes it is over those that occur; of two, both must.
    """
    shares = ratio(weights @ p.right_by_class, weights @ p.by_class)
    occurs = p.by_class.any(axis=0) | isinstance(p, Predictions)
    return np.asarray(shares[:, occurs].mean(axis=1))


def expected_value(p: AnyPredictions, weights: Weights) -> Floats:
    """What 1,000 decisions bring on average, in the charter's currency."""
    return weighted_mean(PER_DECISIONS * p.brought, weights)


def value_over_rule(p: AnyPredictions, weights: Weights) -> Floats:
    """What 1,000 decisions bring more than those of the rule on the same rows."""
    if p.costs is None or p.rule_decisions is None:
        raise ValueError("value_over_rule needs costs and the rule's decisions")
    return weighted_mean(PER_DECISIONS * (p.brought - p.brought_by_rule), weights)
