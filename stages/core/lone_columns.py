"""How much one column alone says of the target: what knows nearly all may be a leak."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.core.metrics import codes_of
from stages.core.params import Task
from stages.core.sample import Ints, Sample, scored
from stages.core.schema import Schema
from stages.core.statistics import Floats
from stages.core.variables import Variable, read_variables

# A number is cut into so many parts of equal size.
BINS = 32

# So many rows of the whole of train are added to each part: few rows prove nothing.
SHRINKAGE = 2.0


@dataclass(frozen=True)
class Lone:
    """What a column alone explains.

    Attributes:
        column: its name.
        skill: 1 - its loss on validation / that of knowing nothing: the share of the log
            loss, or of the squared error, that it takes away.
    """

    column: str
    skill: float


def skill(loss: Floats, of_dummy: Floats, weight: Floats | None = None) -> float:
    """Return the share of the dummy's loss that is gone, by losses of rows, (n,)."""
    without = float(np.average(of_dummy, weights=weight))
    with_it = float(np.average(loss, weights=weight))
    return 1 - with_it / without if without > 0 else 0.0


def lone_columns(
    train: Sample,
    validation: Sample,
    columns: tuple[str, ...],
    schema: Schema,
    task: Task,
    classes: tuple[str, ...],
) -> list[Lone]:
    """Return what each column alone explains on validation, the most telling first.

    It predicts the mean target of train's rows with about the same value.

    Args:
        train: what the means are taken from.
        validation: what they are held against.
        columns: which; identifiers are left out.
        schema: what the columns are.
        task: binary, multiclass or regression.
        classes: of a multiclass task, the labels.
    """
    answers = _answers(train, task, classes)
    weight = np.ones(len(train)) if train.weight is None else train.weight
    prior = weight @ answers / weight.sum()
    known_nothing = _loss(validation, np.tile(prior, (len(validation), 1)), task, classes)
    found = []
    both = pd.concat([train.frame[list(columns)], validation.frame[list(columns)]])
    for variable in read_variables(both, schema, "", None):
        seen, unseen = _parts(variable, len(train))
        k = int(max(seen.max(), unseen.max())) + 1
        rows = np.bincount(seen, weight, minlength=k)[:, None] + SHRINKAGE
        sums = np.stack([np.bincount(seen, weight * a, minlength=k) for a in answers.T], axis=1)
        means = (sums + SHRINKAGE * prior) / rows
        loss = _loss(validation, means[unseen], task, classes)
        found.append(Lone(variable.name, skill(loss, known_nothing, validation.weight)))
    return sorted(found, key=lambda lone: -lone.skill)


def _answers(rows: Sample, task: Task, classes: tuple[str, ...]) -> Floats:
    """Return what is averaged: outcome, number, or a column a class, (n, k)."""
    if task != "multiclass":
        return rows.y.astype(np.float64)[:, None]
    codes = codes_of(rows.y, classes)
    return np.asarray(codes[:, None] == np.arange(len(classes)), dtype=np.float64)


def _loss(rows: Sample, means: Floats, task: Task, classes: tuple[str, ...]) -> Floats:
    # Sums of weights may end a last bit above 1.
    told = means if task == "regression" else np.clip(means, 0, 1)
    return scored(rows, told if task == "multiclass" else told[:, 0], task, classes).row_loss


def _parts(variable: Variable, cut: int) -> tuple[Ints, Ints]:
    """Return the part of each value, quantities by the quantiles of train; missing is one."""
    values = variable.values
    seen = values[:cut][~np.isnan(values[:cut])]
    if variable.levels or not len(seen):
        found = np.where(np.isnan(values), len(variable.levels), values).astype(np.int64)
    else:
        edges = np.unique(np.quantile(seen, np.linspace(0, 1, BINS + 1)[1:-1]))
        codes = np.searchsorted(edges, values, side="left")
        found = np.where(np.isnan(values), len(edges) + 1, codes).astype(np.int64)
    return found[:cut], found[cut:]
