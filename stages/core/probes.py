"""Would a simpler or a richer model do better? A validation curve of few points.

The model is refitted with its leading parameter changed, and as a model of another family
on the same features. Each is held against the model on the same rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from stages.core.fitting import fit
from stages.core.learning_curve import at_most
from stages.core.metrics import Metric
from stages.core.params import Task
from stages.core.progress import progress
from stages.core.sample import Sample, error_once, errors_of, said
from stages.core.statistics import Drawn, Estimate, estimate

Direction = Literal["simpler", "richer"]
Change = Callable[[Any], Any]

COLUMNS = (
    "direction",
    "parameter",
    "value",
    "train",
    "validation",
    *("gain", "gain_low", "gain_high"),
)

# Leaves of a tree without a bound.
MANY_LEAVES = 64


@dataclass(frozen=True)
class Lever:
    """A parameter that makes a model simpler or richer."""

    parameter: str
    simpler: Change
    richer: Change


def _whole(value: float, least: int) -> int:
    return max(round(value), least)


# The first that a model has is its leading one. None stands for "no bound".
LEVERS = (
    Lever("num_leaves", lambda v: _whole(v / 4, 2), lambda v: _whole(v * 4, 8)),
    Lever("max_leaf_nodes", lambda v: _whole((v or MANY_LEAVES) / 4, 2), lambda v: v and v * 4),
    Lever("max_depth", lambda v: _whole((v or 8) / 2, 1), lambda v: v and v * 2),
    Lever("depth", lambda v: _whole(v / 2, 1), lambda v: min(v + 3, 16)),
    Lever("C", lambda v: v / 30, lambda v: v * 30),
    Lever("alpha", lambda v: v * 30, lambda v: v / 30),
)
# Of those, the ones of linear models.
LINEAR = ("C", "alpha")


@dataclass(frozen=True)
class Probe:
    """The model with one thing changed, refitted on train.

    Attributes:
        direction: whether the change makes it ``simpler`` or ``richer``.
        parameter: what was changed; ``estimator`` where that is the family.
        value: what it was changed to.
        train: its error on the rows that it learned from.
        validation: its error on validation: the model's, less the gain.
        gain: the model's error on validation - its, on the same draws.
        rows: on so many rows both were fitted for the gain; None: on all of train.
    """

    direction: Direction
    parameter: str
    value: Any
    train: float
    validation: Drawn
    gain: Drawn
    rows: int | None = None

    def clear_gain(self, probes: int) -> Estimate:
        """Return the gain with an interval that holds for all of so many probes at once."""
        return estimate(self.gain.value, self.gain.samples, 1 - 0.05 / max(probes, 1))


def probe(
    model: Any,
    train: Sample,
    validation: Sample,
    error: Drawn,
    metric: Metric,
    task: Task,
    classes: tuple[str, ...],
    draws: int,
    random_state: int,
    refit_rows: int,
) -> list[Probe]:
    """Refit `model`, simpler and richer, on train and measure each on validation.

    Of a table with more rows than `refit_rows` both learn from so many and are measured on so
    many, and so does the model as it is: what more rows give it would pass for its merit.

    Args:
        model: fitted on train; its clones are changed and refitted, features and all. One
            without a parameter of `LEVERS` has no probes.
        train: what it was fitted on.
        validation: what it was not fitted on.
        error: the model's on validation.
        metric: of scores; by it the error is measured.
        task: binary, multiclass or regression.
        classes: of a multiclass task, the labels.
        draws: the number of bootstrap draws.
        random_state: of a probe that draws lots, and of the rows.
        refit_rows: no refit learns from more rows, and none is measured on more.
    """
    changed = variants(model, task, random_state)
    whole = len(train) + len(validation)
    train, validation = (at_most(rows, refit_rows, random_state) for rows in (train, validation))
    capped = len(train) + len(validation) < whole
    on_train, told = [], []
    if changed and capped:
        base = fit(clone(model), train.frame, train.y, train.weight)
        told.append(said(base, validation.frame, task, classes))
    with progress(len(changed)) as step:
        for direction, parameter, value, unfitted in changed:
            step(f"{direction}: {parameter} {value}")
            fitted = fit(unfitted, train.frame, train.y, train.weight)
            seen = said(fitted, train.frame, task, classes)
            on_train.append(error_once(seen, train, metric, task, classes))
            told.append(said(fitted, validation.frame, task, classes))
    if not changed:
        return []
    errors = errors_of(told, validation, metric, task, classes, draws)
    found = []
    for change, of_train, unseen in zip(changed, on_train, errors[capped:], strict=True):
        direction, parameter, value, _ = change
        gain = (errors[0] if capped else error) - unseen
        found.append(
            Probe(
                direction,
                parameter,
                value,
                of_train,
                error - gain if capped else unseen,
                gain,
                len(train) if capped else None,
            )
        )
    return found


def variants(
    model: Any, task: Task, random_state: int
) -> list[tuple[Direction, str, Any, BaseEstimator]]:
    """Return what `probe` fits: direction, parameter, value and the estimator, not fitted."""
    parameters = model.get_params()
    # The parameters of the features are no levers, whatever their names.
    first = f"{model.steps[0][0]}__" if isinstance(model, Pipeline) else "features__"
    lever, key = next(
        (
            (lever, key)
            for lever in LEVERS
            for key in sorted(parameters)
            if key.rpartition("__")[2] == lever.parameter and not key.startswith(first)
        ),
        (None, ""),
    )
    if lever is None:
        return []
    now = parameters[key]
    sides: list[tuple[Direction, Any]] = [
        ("simpler", lever.simpler(now)),
        ("richer", lever.richer(now)),
    ]
    found: list[tuple[Direction, str, Any, BaseEstimator]] = [
        (direction, lever.parameter, value, clone(model).set_params(**{key: value}))
        for direction, value in sides
        if value != now and value is not None
    ]
    if isinstance(model, Pipeline):
        found.append(_other_family(model, lever.parameter in LINEAR, task, random_state))
    return found


def _other_family(
    model: Pipeline, linear: bool, task: Task, random_state: int
) -> tuple[Direction, str, Any, BaseEstimator]:
    """Return boosted trees on the features of a linear model, and the other way round."""
    name, fitted = model.steps[0]
    features = (name, clone(fitted))
    if linear:
        kind = (
            HistGradientBoostingRegressor
            if task == "regression"
            else HistGradientBoostingClassifier
        )
        trees = kind(
            learning_rate=0.1,
            max_iter=80,
            max_leaf_nodes=16,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=random_state,
        )
        steps = [features, ("estimator", trees)]
        return "richer", "estimator", "hist_gradient_boosting", Pipeline(steps)
    line = Ridge() if task == "regression" else LogisticRegression(C=0.3, max_iter=200, tol=1e-3)
    called = "ridge" if task == "regression" else "logistic_regression"
    steps = [features, ("scale", StandardScaler()), ("estimator", line)]
    return "simpler", "estimator", called, Pipeline(steps)


def table(probes: Sequence[Probe]) -> pd.DataFrame:
    """Return a row a probe: what was changed, its errors, and its gain with the interval."""
    rows = []
    for one in probes:
        low, high = one.clear_gain(len(probes))["interval"] or (np.nan, np.nan)
        rows.append(
            {
                "direction": one.direction,
                "parameter": one.parameter,
                "value": f"{one.value:.3g}" if isinstance(one.value, float) else str(one.value),
                "train": one.train,
                "validation": one.validation.value,
                "gain": one.gain.value,
                "gain_low": low,
                "gain_high": high,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)
