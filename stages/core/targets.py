"""The target of a table: what was true in each row, as the task takes it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.params import BinaryTarget, RegressionTarget, Target

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# A number has no classes to deal in proportion: its quantiles stand in for them.
STRATA = 10

# Of many classes, only the most frequent are told from the rest one by one.
MAX_QUESTIONS = 12


def truth(frame: pd.DataFrame, target: Target) -> npt.NDArray[Any]:
    """Return what was true in each row, shape (rows,).

    Binary: int64, 1 where the target has its positive value and 0 elsewhere. Multiclass:
    the label of each row's class, a text. Regression: float64.

    Raises:
        LoopwrightError: the target's column is not in `frame`, a label is missing (it would
            be taken for a negative one), or a number is expected and there is none.
    """
    labels = _labels(frame, target)
    if isinstance(target, BinaryTarget):
        return np.asarray(labels == target.positive, dtype=np.int64)
    if isinstance(target, RegressionTarget):
        if not pd.api.types.is_numeric_dtype(labels) or pd.api.types.is_bool_dtype(labels):
            raise LoopwrightError(
                f"charter.target.column: '{target.column}' is {labels.dtype}, and a regression "
                "predicts a number; see charter.task in params.yaml and dtype in schema.yaml"
            )
        return labels.to_numpy(dtype=np.float64)
    return np.array([class_label(label) for label in labels], dtype=object)


def class_label(value: Any) -> str:
    """Return the text by which a class is called: a whole number without its decimals."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
    return str(value)


def strata(frame: pd.DataFrame, target: Target) -> Ints:
    """Return a number for each row, equal where rows are alike in their target, shape (rows,).

    A class is a stratum (binary: 1 is the positive one), of a number each tenth of its values.

    Raises:
        LoopwrightError: as `truth`.
    """
    y = truth(frame, target)
    if isinstance(target, BinaryTarget):
        return y
    if isinstance(target, RegressionTarget):
        inner = np.quantile(y, np.linspace(0, 1, STRATA + 1)[1:-1]) if len(y) else []
        codes = np.searchsorted(np.unique(inner), y, side="left")
        return np.unique(codes, return_inverse=True)[1].astype(np.int64)
    return np.unique(y, return_inverse=True)[1].astype(np.int64)


def questions(frame: pd.DataFrame, target: Target) -> list[tuple[str, Ints]]:
    """Return the yes-or-no questions that the target answers, each with 1 for yes, (rows,).

    Binary: whether it is the positive value. Multiclass: whether it is this class, for the
    most frequent `MAX_QUESTIONS`, the most frequent first. Regression: whether the number
    is above the median; where nothing is, whether it is the median. So what can be asked of
    two classes can be asked of every target.

    Raises:
        LoopwrightError: as `truth`.
    """
    y = truth(frame, target)
    if isinstance(target, BinaryTarget):
        return [(class_label(target.positive), y)]
    if isinstance(target, RegressionTarget):
        middle = float(np.median(y)) if len(y) else 0.0
        above = y > middle
        if above.any() or not len(y):
            return [(f"above {middle:g}", above.astype(np.int64))]
        return [(f"{middle:g} or more", (y >= middle).astype(np.int64))]
    labels, counts = np.unique(y, return_counts=True)
    frequent = np.argsort(-counts, kind="stable")[:MAX_QUESTIONS]
    return [(str(labels[i]), (y == labels[i]).astype(np.int64)) for i in frequent]


def described(frame: pd.DataFrame, target: Target) -> dict[str, Any]:
    """Return the target in a few numbers, for a JSON document, to 6 decimals.

    Binary: ``positive_share``. Multiclass: ``classes``, the rows of each by label, the most
    frequent first. Regression: ``mean``, ``std``, ``min``, ``median`` and ``max``.

    Raises:
        LoopwrightError: as `truth`.
    """
    y = truth(frame, target)
    if isinstance(target, BinaryTarget):
        return {"positive_share": round(float(y.mean()), 6)}
    if isinstance(target, RegressionTarget):
        measures = (np.mean, np.std, np.min, np.median, np.max)
        return {measure.__name__: round(float(measure(y)), 6) for measure in measures}
    labels, counts = np.unique(y, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {"classes": {str(labels[i]): int(counts[i]) for i in order}}


def weights_of(frame: pd.DataFrame, sample_weight: str | None) -> Floats | None:
    """Return how much each row counts, shape (rows,); None where all count alike.

    Raises:
        LoopwrightError: the column is not in `frame`, or holds something that is no weight:
            missing, negative, infinite, or 0 in every row.
    """
    if sample_weight is None:
        return None
    where = "charter.sample_weight"
    if sample_weight not in frame.columns:
        hint = did_you_mean(sample_weight, [str(name) for name in frame.columns])
        raise LoopwrightError(f"{where}: the table has no column '{sample_weight}'{hint}")
    weights = pd.to_numeric(frame[sample_weight], errors="coerce").to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    if (wrong := ~(np.isfinite(weights) & (weights >= 0))).any():
        row = int(wrong.argmax())
        raise LoopwrightError(
            f"{where}: column '{sample_weight}', row {row}: {frame[sample_weight].iloc[row]!r} is "
            "no weight; a number of 0 or more was expected"
        )
    if not weights.sum() > 0:
        raise LoopwrightError(f"{where}: column '{sample_weight}' is 0 in every row")
    return weights


def _labels(frame: pd.DataFrame, target: Target) -> "pd.Series[Any]":
    if target.column not in frame.columns:
        hint = did_you_mean(target.column, [str(name) for name in frame.columns])
        raise LoopwrightError(
            f"charter.target.column: the table has no column '{target.column}'{hint}"
        )
    labels = frame[target.column]
    missing = int(labels.isna().sum())
    if missing:
        raise LoopwrightError(
            f"charter.target.column: '{target.column}' is missing in {missing:,} rows"
        )
    return labels
