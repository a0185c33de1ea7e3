"""The worst predictions with their rows: what a person reads to see how a model errs."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stages.core.metrics import AnyPredictions, ClassPredictions, Predictions
from stages.core.personal_data import personal_data
from stages.core.residuals import bins_of
from stages.core.statistics import Floats
from stages.core.targets import class_label
from stages.core.variables import Variable


def worst_predictions(
    frame: pd.DataFrame,
    p: AnyPredictions,
    variables: Sequence[Variable],
    count: int,
    *,
    key: str | None,
    labels: Sequence[str] = (),
    columns: int = 8,
    leave_out: Collection[str] = (),
) -> pd.DataFrame:
    """Return the rows with the largest loss, the worst first.

    Args:
        frame: the rows of `p`.
        p: n rows.
        variables: the columns of `frame` that may be shown.
        count: how many rows at most.
        key: the column by which a row is found again; without one its place stands in.
        labels: what the classes are called: negative and positive, or in the order of
            ``p.classes``.
        columns: how many columns are shown: those with which predictions vary most.
        leave_out: columns that nobody reads here: sensitive ones. A column of texts that
            look like personal data is left out by itself.

    Returns:
        rank, key, what was true, predicted and how far off that was (`facts`), loss, and
        the columns, codes by their labels.
    """
    # Rounded: the last bits, which differ between processors, order nothing.
    worst = np.argsort(-np.round(p.row_loss, 9), kind="stable")[:count]
    allowed = [v for v in variables if v.name not in leave_out and v.name != key]
    shown = [v for v in by_influence(allowed, score_of(p)) if not _personal(frame, v)][:columns]
    values = {v.name: _labelled(frame[v.name].iloc[worst], v) for v in shown}
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(worst) + 1),
            "key": keys_of(frame, key)[worst],
            **{name: column[worst] for name, column in facts(p, labels).items()},
            "loss": p.row_loss[worst],
            **{name if name not in RESERVED else f"{name}_": v for name, v in values.items()},
        }
    )


# What `worst_predictions` says itself; a column of the table with such a name gets a dash.
RESERVED = ("rank", "key", "actual", "decided", "probability", "predicted", "residual", "loss")


def keys_of(frame: pd.DataFrame, key: str | None) -> np.ndarray:
    """Return what finds each row again: its key, or its place."""
    return np.arange(len(frame)) if key is None else frame[key].to_numpy()


def facts(p: AnyPredictions, labels: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Return what was true and predicted, row by row.

    Binary: actual, decided, and the probability of the positive class. Multiclass: actual,
    decided, and the probability of what was actual. Regression: actual, predicted, and the
    residual, predicted - actual.
    """
    if isinstance(p, Predictions):
        names = np.array(labels or ("0", "1"), dtype=object)
        return {
            "actual": names[p.y_true],
            "decided": names[p.y_pred],
            "probability": p.y_prob,
        }
    if isinstance(p, ClassPredictions):
        # The last stands for a class that the model does not know, whose place is -1.
        names = np.array([*(labels or p.classes), "unknown"], dtype=object)
        given = (p.y_prob * p.happened).sum(axis=1)
        return {"actual": names[p.y_true], "decided": names[p.y_pred], "probability": given}
    return {"actual": p.y_true, "predicted": p.y_pred, "residual": p.residuals}


def score_of(p: AnyPredictions) -> Floats:
    """Return what was predicted, a column a class or one number, (n, k)."""
    if isinstance(p, Predictions):
        return p.y_prob[:, None]
    return p.y_prob if isinstance(p, ClassPredictions) else p.y_pred[:, None]


def by_influence(variables: Sequence[Variable], predicted: Floats) -> list[Variable]:
    """Return the columns, those first between whose bins predictions vary most.

    It is the share of the variance of `predicted`, (n, k), that lies between the bins.
    """
    off = predicted - predicted.mean(axis=0)

    def between(variable: Variable) -> float:
        masks = np.column_stack([mask for _, _, mask in bins_of(variable)]).astype(np.float64)
        sums = masks.T @ off
        return float((sums**2 / masks.sum(axis=0)[:, None]).sum())

    total = float((off**2).sum()) or 1.0
    shares = [round(between(variable) / total, 9) for variable in variables]
    order = sorted(range(len(variables)), key=lambda i: (-shares[i], i))
    return [variables[i] for i in order]


def _labelled(values: "pd.Series[Any]", variable: Variable) -> np.ndarray:
    """Return values as a person reads them: codes by their labels."""
    if variable.column.labels:
        said = [None if pd.isna(v) else variable.column.label(class_label(v)) for v in values]
    elif variable.column.kind == "datetime":
        said = [None if pd.isna(v) else str(v) for v in values]
    else:
        return np.asarray(values.to_numpy())
    return np.array(said, dtype=object)


def _personal(frame: pd.DataFrame, variable: Variable) -> bool:
    values = frame[variable.name]
    if variable.ordered or pd.api.types.is_numeric_dtype(values):
        return False
    return bool(personal_data(str(value) for value in values.dropna().unique()))
