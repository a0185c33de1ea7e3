"""What features are worth, in folds of train: each alone, and each created one beside the inputs.

In every fold the pipeline up to its transforms is fitted on the rows of the fit, and a small
probe with it; the rows held out are scored. Nothing is selected, so that a feature is
measured even where selection would drop it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stages.core.metrics.predictions import surprise
from stages.core.params import Task
from stages.core.progress import progress
from stages.core.transformers import coded, is_of, probe, row_losses

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Fold = tuple[Ints, Ints]

# Parts of a column's range in which the target is told apart, and the fewest rows of one.
LEAVES, MIN_LEAF = 16, 10


@dataclass(frozen=True)
class Rows:
    """Raw rows to measure on.

    Attributes:
        frame: the raw rows.
        y: what was true, shape (rows,).
        weight: how much each counts, shape (rows,); None where all count alike.
        groups: the entity of each where entities repeat, else None.
    """

    frame: pd.DataFrame
    y: npt.NDArray[Any]
    weight: Floats | None = None
    groups: npt.NDArray[Any] | None = None

    def part(self, places: Ints) -> "Rows":
        """Return the rows at `places`."""
        weight = None if self.weight is None else self.weight[places]
        groups = None if self.groups is None else self.groups[places]
        return Rows(self.frame.iloc[places], self.y[places], weight, groups)


@dataclass(frozen=True)
class Measured:
    """The losses of the rows held out, and the skills of columns.

    Attributes:
        held: the places of the rows that were scored.
        without: the loss of each with the inputs alone, shape (held,).
        with_each: with each created feature beside them, shape (held, features).
        with_all: with all of them, shape (held,).
        skill: by transformed column the share of the target's loss that it alone explains
            on the rows held out of the first fold, from 1 (all of it) over 0 (nothing) to
            below.
    """

    held: Ints
    without: Floats
    with_each: Floats
    with_all: Floats
    skill: dict[str, float]


def sampled(rows: int, most: int, random_state: int) -> Ints:
    """Return the places of all rows, or of `most` of them drawn by the seed, ascending."""
    if rows <= most:
        return np.arange(rows)
    drawn = np.random.default_rng(random_state).choice(rows, most, replace=False)
    return np.sort(drawn).astype(np.int64)


def measure(
    features: Pipeline, created: Sequence[str], rows: Rows, dealt: Sequence[Fold], task: Task
) -> Measured:
    """Measure the features in the folds `dealt` of `rows`.

    Args:
        features: the pipeline, fitted or not; it is not changed.
        created: the names of the created features.
        rows: of train.
        dealt: by fold the places of the rows to fit on, and of those to score.
        task: of the target.
    """
    held, losses = [], []
    alone: dict[str, float] = {}
    with progress(len(dealt)) as step:
        for number, (fitting, scored) in enumerate(dealt, start=1):
            step(f"features in fold {number} of {len(dealt)}")
            fit, new = rows.part(fitting), rows.part(scored)
            made = clone(features[:3])
            X_fit, X_new = made.fit_transform(fit.frame, fit.y), made.transform(new.frame)
            losses.append(_losses(X_fit, X_new, fit, new, created, task))
            alone = alone or skill(X_fit, X_new, fit.y, new.y, task)
            held.append(scored)
    loss = np.concatenate(losses)
    return Measured(np.concatenate(held), loss[:, 0], loss[:, 1:-1], loss[:, -1], alone)


def _losses(
    X_fit: pd.DataFrame,
    X_new: pd.DataFrame,
    fit: Rows,
    new: Rows,
    created: Sequence[str],
    task: Task,
) -> Floats:
    """Return the row losses with no created feature, with each, with all; (rows, features + 2)."""
    names = [str(column) for column in X_fit]
    of_created = np.array([[belongs(c, name) for c in names] for name in created], dtype=bool)
    inputs = ~of_created.reshape(-1, len(names)).any(axis=0)
    sets = [inputs, *(inputs | own for own in of_created), np.ones(len(names), dtype=bool)]
    codes, codes_new = coded(X_fit.to_numpy(), X_new.to_numpy())
    found = []
    for columns in sets:
        if not columns.any():  # created features alone: without them there is only the constant
            found.append(_constant_losses(fit.y, new.y, task))
            continue
        fitted = probe(task).fit(codes[:, columns], fit.y, sample_weight=fit.weight)
        found.append(row_losses(task, fitted, codes_new[:, columns], new.y))
    return np.column_stack(found)


def belongs(column: str, feature: str) -> bool:
    """Say whether the transformed `column` is of the created `feature`, its gaps included."""
    return is_of(column.removeprefix("missingindicator_"), feature)


def skill(
    X_fit: pd.DataFrame,
    X_new: pd.DataFrame,
    y_fit: npt.NDArray[Any],
    y_new: npt.NDArray[Any],
    task: Task,
) -> dict[str, float]:
    """Return the share of the target's loss that each column alone explains.

    A small tree cuts the column into at most `LEAVES` parts, and each says the mean outcome
    of its rows of the fit. 1 - its loss over that of the mean outcome of all is McFadden's
    R2 of classes, and the R2 of a number.

    Args:
        X_fit: columns to learn from, shape (rows, columns).
        X_new: the same columns, to score, shape (new rows, columns).
        y_fit: what was true, shape (rows,).
        y_new: shape (new rows,).
        task: of the target.
    """
    classes = None if task == "regression" else np.unique(np.concatenate([y_fit, y_new]))
    outcomes = _outcomes(y_fit, classes)
    prior = outcomes.mean(axis=0)
    worst = _loss(np.broadcast_to(prior, (len(y_new), len(prior))), y_new, classes).mean()
    kind = DecisionTreeRegressor if classes is None else DecisionTreeClassifier
    found = {}
    for name in X_fit:
        tree = kind(max_leaf_nodes=LEAVES, min_samples_leaf=MIN_LEAF, random_state=0)
        tree.fit(X_fit[[name]].to_numpy(), y_fit)
        leaves, new = (tree.apply(X[[name]].to_numpy()) for X in (X_fit, X_new))
        size = tree.tree_.node_count
        n = np.bincount(leaves, minlength=size)[:, None]
        total = np.column_stack([np.bincount(leaves, y, minlength=size) for y in outcomes.T])
        # One row of the whole beside each part's own: no outcome is impossible.
        told = (total + prior) / (n + 1)
        loss = _loss(told[new], y_new, classes).mean()
        found[str(name)] = float(1 - loss / worst) if worst > 0 else 0.0
    return found


def _outcomes(y: npt.NDArray[Any], classes: npt.NDArray[Any] | None) -> Floats:
    shaped = y[:, None] if classes is None else y[:, None] == classes[None, :]
    return np.asarray(shaped, dtype=np.float64)


def _loss(told: Floats, y: npt.NDArray[Any], classes: npt.NDArray[Any] | None) -> Floats:
    """Return the loss of each row, of means (rows, 1) or chances (rows, classes)."""
    if classes is None:
        return np.asarray((told[:, 0] - y) ** 2, dtype=np.float64)
    return surprise(told[np.arange(len(y)), np.searchsorted(classes, y)])


def _constant_losses(y_fit: npt.NDArray[Any], y_new: npt.NDArray[Any], task: Task) -> Floats:
    classes = None if task == "regression" else np.unique(np.concatenate([y_fit, y_new]))
    prior = _outcomes(y_fit, classes).mean(axis=0)
    return _loss(np.broadcast_to(prior, (len(y_new), len(prior))), y_new, classes)
