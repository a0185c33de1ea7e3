"""What is measured: every metric by name, with its direction, range and definition.

A metric is computed for many bootstrap draws at once: `compute` takes predictions of n
rows and weights (draws, n), and gives one number a draw, NaN where it is undefined (one
class only, nothing predicted positive). No undefined value is ever replaced by a default.
"""

from stages.core.metrics.binary import best_thresholds, cumulated, roc_auc
from stages.core.metrics.calibration import (
    calibration_by_chance,
    expected_calibration_error,
    quantile_bins,
)
from stages.core.metrics.decisions import decided
from stages.core.metrics.money import (
    PER_DECISIONS,
    best_classes,
    class_values,
    cost_threshold,
    number_values,
    row_value,
)
from stages.core.metrics.predictions import (
    AnyPredictions,
    ClassPredictions,
    NumberPredictions,
    Predictions,
    codes_of,
    row_log_loss,
)
from stages.core.metrics.rows import expected_value
from stages.core.metrics.table import METRICS, Metric, computable, find_metric, measure_all

__all__ = [
    "METRICS",
    "PER_DECISIONS",
    "AnyPredictions",
    "ClassPredictions",
    "Metric",
    "NumberPredictions",
    "Predictions",
    "best_classes",
    "best_thresholds",
    "calibration_by_chance",
    "class_values",
    "codes_of",
    "computable",
    "cost_threshold",
    "cumulated",
    "decided",
    "expected_calibration_error",
    "expected_value",
    "find_metric",
    "measure_all",
    "number_values",
    "quantile_bins",
    "roc_auc",
    "row_log_loss",
    "row_value",
]
