"""How good predictions are: the scores that choose among models.

They are points, without intervals: enough to choose by, and not to judge by. What the
chosen model is worth is measured in evaluate.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    log_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from stages.core.errors import LoopwrightError
from stages.core.params import Task

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[Any]
# From the truth, the predictions, the labels of the classes and the weights of the rows.
Score = Callable[[Truth, Floats, Sequence[str] | None, Floats | None], float]


def _plain(function: Callable[..., float]) -> Score:
    """Return a score that needs no labels."""
    return lambda y, predicted, _, weight: function(y, predicted, sample_weight=weight)


def _with_labels(function: Callable[..., float]) -> Score:
    """Return a score of probabilities by class."""
    return lambda y, predicted, labels, weight: function(
        y, predicted, labels=labels, sample_weight=weight
    )


def _accuracy(y: Truth, predicted: Floats, labels: Sequence[str] | None, weight: Any) -> float:
    decided = np.asarray(labels, dtype=object)[predicted.argmax(axis=1)]
    return float(accuracy_score(y, decided, sample_weight=weight))


def _roc_auc_ovr(y: Truth, predicted: Floats, labels: Sequence[str] | None, weight: Any) -> float:
    # Class by class, over those that occur: scikit-learn's own refuses where one does not.
    areas = [
        roc_auc_score(y == label, predicted[:, place], sample_weight=weight)
        for place, label in enumerate(labels or ())
        if 0 < (y == label).sum() < len(y)
    ]
    return float(np.mean(areas))


# By task and name, which direction is better (1 higher, -1 lower) and scikit-learn's function.
SCORES: dict[Task, dict[str, tuple[int, Score]]] = {
    "binary": {
        "log_loss": (-1, _plain(log_loss)),
        "brier_score": (-1, _plain(brier_score_loss)),
        "roc_auc": (1, _plain(roc_auc_score)),
        "average_precision": (1, _plain(average_precision_score)),
    },
    "multiclass": {
        "log_loss": (-1, _with_labels(log_loss)),
        "brier_score": (-1, _with_labels(partial(brier_score_loss, scale_by_half=True))),
        "roc_auc_ovr": (1, _roc_auc_ovr),
        "accuracy": (1, _accuracy),
    },
    "regression": {
        "root_mean_squared_error": (-1, _plain(root_mean_squared_error)),
        "mean_absolute_error": (-1, _plain(mean_absolute_error)),
        "r2": (1, _plain(r2_score)),
    },
}

_DIRECTIONS = {name: way for by_name in SCORES.values() for name, (way, _) in by_name.items()}


def predicted(model: Any, frame: Any, task: Task) -> Floats:
    """Return what `model` says of each row of `frame`.

    Returns:
        Binary: the probability of the positive class, shape (rows,). Multiclass: that of
        each class in the order of ``model.classes_``, shape (rows, classes). Regression:
        the number, shape (rows,).
    """
    if task == "regression":
        return np.asarray(model.predict(frame), dtype=np.float64)
    y_prob = np.asarray(model.predict_proba(frame), dtype=np.float64)
    return y_prob[:, 1] if task == "binary" else y_prob


def scores(
    task: Task,
    y_true: Truth,
    predicted: Floats,
    names: Iterable[str] | None = None,
    classes: Sequence[str] | None = None,
    sample_weight: Floats | None = None,
) -> dict[str, float]:
    """Return each score, to 6 decimals.

    Args:
        task: which `SCORES`.
        y_true: what `stages.core.targets.truth` gives, shape (rows,); of a binary task both
            outcomes must be there.
        predicted: what the function of that name gives for the same rows.
        names: which scores; all of the task, unless given.
        classes: of a multiclass task the label of each column of `predicted`.
        sample_weight: how much each row counts, shape (rows,).
    """
    table = SCORES[task]
    # Rounded, so that the last bits, which differ between processors, choose nothing.
    return {
        name: round(float(table[name][1](y_true, predicted, classes, sample_weight)), 6)
        for name in (table if names is None else names)
    }


def goodness(name: str, score: float) -> float:
    """Return `score` turned so that higher is better, whatever its direction."""
    return _DIRECTIONS[name] * score


def check_truth(task: Task, y_true: Truth, where: str | Path) -> None:
    """Check that there is something to tell apart: two outcomes, classes or numbers.

    Raises:
        LoopwrightError: there is not; `where` names the rows.
    """
    if len(np.unique(y_true)) > 1:
        return
    fix = "see charter.target and the section split in params.yaml"
    if task == "binary":
        what = "every row is" if len(y_true) and y_true[0] == 1 else "no row is"
        raise LoopwrightError(
            f"{where}: {what} positive among {len(y_true)}; a model needs both outcomes: see "
            "charter.target.positive and the section split in params.yaml"
        )
    noun = "class" if task == "multiclass" else "number"
    raise LoopwrightError(
        f"{where}: one {noun} only among {len(y_true)} rows; there is nothing to learn: {fix}"
    )
