"""The table of metrics: each by name, with its direction, range, tasks and definition."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.metrics import binary, multiclass, regression, rows
from stages.core.metrics.calibration import expected_calibration_error
from stages.core.metrics.predictions import AnyPredictions
from stages.core.params import Task
from stages.core.statistics import Drawn, Floats, Seed, Weights, bootstrap

# From the predictions of one of its tasks and weights (d, n), one number a draw, (d,).
Compute = Callable[[Any, Weights], Floats]
Direction = Literal["higher", "lower"]
Needs = Literal["score", "decision", "value", "rule"]


@dataclass(frozen=True)
class Metric:
    """One way to measure a model.

    Attributes:
        name: scikit-learn's name where scikit-learn has the metric.
        title: what a figure or a page calls it.
        direction: whether ``higher`` or ``lower`` is better.
        low: the least value that is possible.
        high: the greatest value that is possible.
        tasks: the tasks that it is for.
        needs: the least that it takes beside the truth: a ``score`` (probability or number),
            a ``decision``, a ``value`` (costs and decisions) or a ``rule`` (those, and the
            rule's decisions).
        compute: takes predictions of n rows and weights (d, n), gives (d,).
    """

    name: str
    title: str
    direction: Direction
    low: float
    high: float
    tasks: frozenset[Task]
    needs: Needs
    compute: Compute

    def error(self, drawn: Drawn) -> Drawn:
        """Turn a value into an error: lower is better, and 0 the best where there is one."""
        if self.direction == "lower":
            return drawn
        best = self.high if np.isfinite(self.high) else 0.0
        return Drawn(best - drawn.value, best - drawn.samples)


_ALL: tuple[Task, ...] = ("binary", "multiclass", "regression")
_CLASSES: tuple[Task, ...] = ("binary", "multiclass")
_BINARY: tuple[Task, ...] = ("binary",)
_MULTICLASS: tuple[Task, ...] = ("multiclass",)
_REGRESSION: tuple[Task, ...] = ("regression",)
_SHARE = (0.0, 1.0)
_AMOUNT = (0.0, inf)
_MONEY = (-inf, inf)

_Row = tuple[Compute, str, Direction, tuple[float, float], tuple[Task, ...], Needs]

_TABLE: tuple[_Row, ...] = (
    (binary.roc_auc, "ROC AUC", "higher", _SHARE, _BINARY, "score"),
    (binary.average_precision, "Average precision", "higher", _SHARE, _BINARY, "score"),
    (multiclass.roc_auc_ovr, "ROC AUC, one vs rest", "higher", _SHARE, _MULTICLASS, "score"),
    (rows.log_loss, "Log loss", "lower", _AMOUNT, _CLASSES, "score"),
    (rows.brier_score, "Brier score", "lower", _SHARE, _CLASSES, "score"),
    (expected_calibration_error, "Expected calibration error", "lower", _SHARE, _CLASSES, "score"),
    (rows.accuracy, "Accuracy", "higher", _SHARE, _CLASSES, "decision"),
    (rows.balanced_accuracy, "Balanced accuracy", "higher", _SHARE, _CLASSES, "decision"),
    (binary.precision, "Precision", "higher", _SHARE, _BINARY, "decision"),
    (binary.recall, "Recall", "higher", _SHARE, _BINARY, "decision"),
    (binary.f1, "F1", "higher", _SHARE, _BINARY, "decision"),
    (multiclass.f1_macro, "F1, mean over classes", "higher", _SHARE, _MULTICLASS, "decision"),
    (regression.root_mean_squared_error, "RMSE", "lower", _AMOUNT, _REGRESSION, "score"),
    (regression.mean_absolute_error, "Mean absolute error", "lower", _AMOUNT, _REGRESSION, "score"),
    (
        regression.median_absolute_error,
        "Median absolute error",
        "lower",
        _AMOUNT,
        _REGRESSION,
        "score",
    ),
    (regression.mean_error, "Mean error, either way", "lower", _AMOUNT, _REGRESSION, "score"),
    (regression.r2, "R²", "higher", (-inf, 1.0), _REGRESSION, "score"),
    (rows.expected_value, "Value per 1,000 decisions", "higher", _MONEY, _ALL, "value"),
    (
        rows.value_over_rule,
        "Value over the rule per 1,000 decisions",
        "higher",
        _MONEY,
        _ALL,
        "rule",
    ),
)

METRICS: dict[str, Metric] = {
    compute.__name__: Metric(
        compute.__name__, title, direction, *bounds, frozenset(tasks), needs, compute
    )
    for compute, title, direction, bounds, tasks, needs in _TABLE
}


def find_metric(name: str, where: str, task: Task | None = None) -> Metric:
    """Return the metric called `name`; with a `task`, one that is for it.

    Raises:
        LoopwrightError: there is none; `where` is the key in params.yaml that asked for it.
    """
    possible = [known for known in METRICS if task is None or task in METRICS[known].tasks]
    if name in possible:
        return METRICS[name]
    if name in METRICS:
        served = " and ".join(sorted(METRICS[name].tasks))
        fault = f"metric '{name}' is for {served} tasks, and charter.task is {task}"
    else:
        fault = f"no metric '{name}'{did_you_mean(name, possible)}"
    raise LoopwrightError(f"{where}: {fault}; possible: {', '.join(possible)}")


def computable(predictions: AnyPredictions) -> list[Metric]:
    """Return the metrics for which `predictions` hold enough."""
    missing = set()
    if predictions.costs is None:
        missing = {"value", "rule"}
    elif predictions.rule_decisions is None:
        missing = {"rule"}
    return [
        metric
        for metric in METRICS.values()
        if predictions.task in metric.tasks and metric.needs not in missing
    ]


def measure_all(
    predictions: AnyPredictions,
    draws: int,
    random_state: Seed,
    groups: npt.ArrayLike | None = None,
    metrics: Collection[Metric] | None = None,
) -> dict[str, Drawn]:
    """Return each metric by name, on the rows as they are and on every bootstrap draw.

    Predictions for the same rows, measured with the same draws, seed and groups, are
    paired: their difference is that on the same draws. Where the rows have weights, a draw
    counts each row by its weight.

    Args:
        predictions: n rows.
        draws: the number of bootstrap draws.
        random_state: the seed of the draws.
        groups: the entity of each row, where rows of one entity repeat.
        metrics: what to measure; all that `predictions` hold enough for, unless given.
    """
    metrics = computable(predictions) if metrics is None else metrics
    own = predictions.sample_weight

    def columns(weights: Weights) -> Floats:
        # As floats once, and not in each metric.
        counted = weights.astype(np.float64) if own is None else weights * own
        return np.stack([m.compute(predictions, counted) for m in metrics], axis=1)

    once = columns(np.ones((1, len(predictions)), dtype=np.int64))[0]
    drawn = bootstrap(columns, len(predictions), draws, random_state, groups)
    return {m.name: Drawn(float(once[i]), drawn[:, i]) for i, m in enumerate(metrics)}
