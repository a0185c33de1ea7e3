"""Labels to look at: rows whose given label a model that never saw them finds unlikely."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.metrics import AnyPredictions, ClassPredictions, NumberPredictions, Predictions
from stages.core.numbers import number
from stages.core.statistics import Floats

COLUMNS = ("rank", "key", "given", "suggested", "doubt")

# Neighbours in prediction from which the spread around a number is taken.
NEIGHBOURS = 50
# The median of |z| of a normal distribution.
MEDIAN_Z = 0.6744897501960817


def doubtful_labels(
    p: AnyPredictions,
    keys: npt.NDArray[np.generic],
    count: int,
    labels: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Return the rows whose label is to be looked at first. It is a ranking, never a count.

    Classes: after confident learning (Northcutt, Jiang and Chuang, JAIR 70, 2021, sections
    3.1 and 3.2): a row is listed where some other class has at least the probability that
    rows of that class get in the mean; doubt is the probability of the likeliest such class
    - that of the given one, from -1 to 1. Numbers: doubt is how many standard deviations the
    truth is from the prediction, by the spread of the rows that are predicted alike (the
    median absolute residual of the `NEIGHBOURS` or 5 % nearest: it is blind to a few wrong
    labels).

    Args:
        p: n rows that the model was not fitted on; else it has learned the wrong labels.
        keys: what finds each row again, (n,).
        count: how many rows at most.
        labels: what the classes are called, in the order of their codes or columns.

    Returns:
        rank (1 is the most doubtful), key, given, suggested, doubt.
    """
    if isinstance(p, NumberPredictions):
        doubt, given, suggested = _of_numbers(p), p.y_true, p.y_pred
        listed = np.arange(len(p))
    else:
        doubt, other, listed = _of_classes(p)
        classes = p.classes if isinstance(p, ClassPredictions) else ("0", "1")
        names = np.array([*(labels or classes), "unknown"], dtype=object)
        given, suggested = names[p.y_true], names[other]
    # Rounded: the last bits, which differ between processors, order nothing.
    order = listed[np.argsort(-np.round(doubt[listed], 9), kind="stable")][:count]
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(order) + 1),
            "key": keys[order],
            "given": given[order],
            "suggested": suggested[order],
            "doubt": doubt[order],
        },
        columns=COLUMNS,
    )


def _of_classes(
    p: Predictions | ClassPredictions,
) -> tuple[Floats, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return doubt, the other class, and the rows that are listed."""
    if isinstance(p, ClassPredictions):
        y_prob, happened = p.y_prob, p.happened
    else:
        y_prob = np.column_stack([1 - p.y_prob, p.y_prob])
        happened = np.eye(2)[p.y_true]
    rows = happened.sum(axis=0)
    expected = (y_prob * happened).sum(axis=0) / np.maximum(rows, 1)
    # A class that no row has cannot be expected.
    confident = (y_prob >= expected) & (rows > 0) & (happened == 0)
    others = np.where(confident, y_prob, -np.inf)
    other = others.argmax(axis=1)
    listed = np.flatnonzero(confident.any(axis=1))
    doubt = y_prob[np.arange(len(other)), other] - (y_prob * happened).sum(axis=1)
    return doubt, other, listed


def _of_numbers(p: NumberPredictions) -> Floats:
    """Return how many standard deviations each truth is from its prediction, (n,)."""
    off = np.abs(p.residuals)
    order = np.argsort(p.y_pred, kind="stable")
    window = min(max(NEIGHBOURS, len(p) // 20), len(p))
    near = pd.Series(off[order]).rolling(window, center=True, min_periods=1).median()
    spread = np.empty(len(p))
    spread[order] = near.to_numpy() / MEDIAN_Z
    # Where most are hit exactly there is no spread: that of all rows stands in.
    floor = max(float(off.mean()) * 1e-3, np.finfo(np.float64).tiny)
    return np.asarray(off / np.maximum(spread, floor))


def reading(found: pd.DataFrame, rows: int) -> str:
    """Return what the list is, in words."""
    if not len(found):
        return "No label stands out: for no row is the model confident of something else."
    return (
        f"The {number(len(found))} of {number(rows)} rows whose label the model doubts most. It is "
        "an order in which to look, not a count of wrong labels: a rare case that is right looks "
        "the same to a model. Look from the top, and stop where nothing is found any more."
    )
