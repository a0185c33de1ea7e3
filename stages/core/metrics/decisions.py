"""From what a model says to what is decided, ready to be measured, for each task."""

from typing import Any

import numpy as np
import numpy.typing as npt

from stages.core.metrics.money import best_classes, cost_threshold
from stages.core.metrics.predictions import (
    AnyPredictions,
    ClassPredictions,
    NumberPredictions,
    Predictions,
    codes_of,
)
from stages.core.params import AnyCosts, ClassCosts, Costs
from stages.core.statistics import Floats


def decided(
    y_true: npt.NDArray[Any],
    predicted: Floats,
    costs: AnyCosts,
    *,
    threshold: float | None = None,
    classes: tuple[str, ...] = (),
    rule_decisions: npt.NDArray[Any] | None = None,
    calibration_bins: int = 10,
    sample_weight: Floats | None = None,
) -> AnyPredictions:
    """Return the predictions with the decisions that `costs` ask for.

    Args:
        y_true: what `stages.core.targets.truth` gives, shape (n,).
        predicted: what `stages.core.scoring.predicted` gives for the same rows.
        costs: what decisions bring; they say which task it is.
        threshold: of a binary task, act from this probability on; by the costs unless given.
        classes: of a multiclass task, the label of each column of `predicted`.
        rule_decisions: what `stages.core.rules.Rule.values` gives for the same rows. A
            class that is missing or unknown is a wrong one; a missing number counts as the
            mean of those that are there.
        calibration_bins: the number of bins of the calibration error.
        sample_weight: how much each row counts, shape (n,).

    Raises:
        LoopwrightError: the costs leave nothing to decide, or name an unknown class.
    """
    if isinstance(costs, Costs):
        from_here = cost_threshold(costs) if threshold is None else threshold
        return Predictions(
            y_true,
            predicted,
            (predicted >= from_here).astype(np.int64),
            costs,
            None if rule_decisions is None else rule_decisions.astype(np.int64),
            calibration_bins,
            sample_weight,
        )
    if isinstance(costs, ClassCosts):
        return ClassPredictions(
            codes_of(y_true, classes),
            predicted,
            best_classes(predicted, costs, classes),
            classes,
            costs,
            None if rule_decisions is None else codes_of(rule_decisions, classes),
            calibration_bins,
            sample_weight,
        )
    if rule_decisions is not None and np.isnan(rule_decisions).any():
        known = rule_decisions[~np.isnan(rule_decisions)]
        fill = known.mean() if len(known) else 0.0
        rule_decisions = np.where(np.isnan(rule_decisions), fill, rule_decisions)
    return NumberPredictions(y_true, predicted, costs, rule_decisions, sample_weight)
