"""Rows to learn from or to be measured on, and what a model says of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.fitting import Rows
from stages.core.metrics import (
    AnyPredictions,
    ClassPredictions,
    Metric,
    NumberPredictions,
    Predictions,
    codes_of,
)
from stages.core.params import Task
from stages.core.scoring import predicted
from stages.core.statistics import Drawn, Floats, Seed, Weights, bootstrap

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sample(Rows):
    """Rows of a split without the target, and how bootstrap draws of them are taken.

    Attributes:
        groups: the entity of each row where entities repeat, else None.
        seed: of the draws.
    """

    groups: npt.NDArray[Any] | None = None
    seed: Seed = 0

    def part(self, places: Ints) -> "Sample":
        """Return the rows at `places`."""
        groups = None if self.groups is None else self.groups[places]
        return replace(self, **vars(super().part(places)), groups=groups)


def said(model: Any, frame: pd.DataFrame, task: Task, classes: tuple[str, ...]) -> Floats:
    """Return `stages.core.scoring.predicted`, of several classes with a column for each.

    A model that learned from few rows may not know every class of `classes`: it gives 0 to
    those that it does not.
    """
    found = predicted(model, frame, task)
    if task != "multiclass":
        return found
    y_prob = np.zeros((len(frame), len(classes)))
    y_prob[:, codes_of(np.array([str(c) for c in model.classes_], dtype=object), classes)] = found
    return y_prob


def scored(rows: Sample, predicted: Floats, task: Task, classes: tuple[str, ...]) -> AnyPredictions:
    """Return what is `predicted` for `rows`, without money: enough for scores.

    The class that is decided for is the likeliest.
    """
    if task == "binary":
        decided = (predicted >= 0.5).astype(np.int64)
        return Predictions(rows.y, predicted, decided, sample_weight=rows.weight)
    if task == "multiclass":
        likeliest = np.asarray(predicted.argmax(axis=1), dtype=np.int64)
        y = codes_of(rows.y, classes)
        return ClassPredictions(y, predicted, likeliest, classes, sample_weight=rows.weight)
    return NumberPredictions(rows.y, predicted, sample_weight=rows.weight)


def errors_of(
    told: Sequence[Floats],
    rows: Sample,
    metric: Metric,
    task: Task,
    classes: tuple[str, ...],
    draws: int,
) -> list[Drawn]:
    """Return the error of each of several predictions of `rows`, on the same draws.

    Args:
        told: what `said` gives for the rows, once a model.
        rows: the rows.
        metric: of scores; the lower its error, the better.
        task: binary, multiclass or regression.
        classes: of a multiclass task, the labels.
        draws: the number of bootstrap draws.
    """
    measured = [scored(rows, one, task, classes) for one in told]
    own = 1.0 if rows.weight is None else rows.weight

    def columns(weights: Weights) -> Floats:
        return np.stack([metric.compute(p, weights * own) for p in measured], axis=1)

    once = columns(np.ones((1, len(rows))))[0]
    drawn = bootstrap(columns, len(rows), draws, rows.seed, rows.groups)
    return [metric.error(Drawn(float(once[i]), drawn[:, i])) for i in range(len(told))]


def error_once(
    told: Floats, rows: Sample, metric: Metric, task: Task, classes: tuple[str, ...]
) -> float:
    """Return the error of predictions of `rows`, without draws."""
    own = np.ones(len(rows)) if rows.weight is None else rows.weight
    value = metric.compute(scored(rows, told, task, classes), own[None, :])
    return metric.error(Drawn(float(value[0]), value)).value
