"""The curves behind the figures of a classifier, as small tables.

Each is a frame that a plot can be drawn from as it is, with a few hundred points however
many rows there are. Where the rows leave a curve undefined, the frame is empty.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.metrics import PER_DECISIONS, Predictions, cumulated, quantile_bins
from stages.core.params import Costs
from stages.core.statistics import (
    Floats,
    Seed,
    Weights,
    bootstrap,
    intervals,
    ratio,
    weighted_mean,
    wilson_interval,
)

POINTS = 200
# Where the value of a threshold is drawn: every hundredth.
THRESHOLDS: Floats = np.linspace(0, 1, 101).round(2)


def roc_points(p: Predictions) -> pd.DataFrame:
    """Return the ROC curve: fpr, tpr, from (0, 0) to (1, 1). Empty with one class only."""
    true, false = (np.append(0, counts[0]) for counts in cumulated(p, _once(p)))
    if not true[-1] or not false[-1]:
        return pd.DataFrame({"fpr": [], "tpr": []}, dtype=np.float64)
    fpr, tpr = false / false[-1], true / true[-1]
    # Their sum only grows: even steps of it are even steps along the curve.
    keep = _thinned(fpr + tpr)
    return pd.DataFrame({"fpr": fpr[keep], "tpr": tpr[keep]})


def precision_recall_points(p: Predictions) -> pd.DataFrame:
    """Return recall and precision, from the highest score down. Empty without positives."""
    true, false = (counts[0] for counts in cumulated(p, _once(p)))
    if not true[-1]:
        return pd.DataFrame({"recall": [], "precision": []}, dtype=np.float64)
    recall, precision = true / true[-1], true / (true + false)
    keep = _thinned(recall)
    return pd.DataFrame({"recall": recall[keep], "precision": precision[keep]})


def _once(p: Predictions) -> Weights:
    return np.ones((1, len(p)), dtype=np.int64)


def _thinned(along: Floats) -> npt.NDArray[np.intp]:
    """Return at most `POINTS` places, evenly along a growing column, with both ends."""
    steps = np.linspace(along[0], along[-1], POINTS - 1)
    return np.unique(np.append(np.searchsorted(along, steps), len(along) - 1))


def decision_point(p: Predictions) -> dict[str, float]:
    """Return fpr, recall and precision of the decisions; NaN where undefined."""
    tp, fp, tn, fn = p.outcomes.sum(axis=0)
    found = ratio(np.array([fp, tp, tp]), np.array([fp + tn, tp + fn, tp + fp]))
    return dict(zip(("fpr", "recall", "precision"), found.tolist(), strict=True))


def confusion_cases(p: Predictions, negative: str, positive: str) -> pd.DataFrame:
    """Return one row a case, actual and predicted, by label; sorted, so order tells nothing."""
    order = np.lexsort((p.y_pred, p.y_true))
    labels = np.array([negative, positive], dtype=object)
    return pd.DataFrame({"actual": labels[p.y_true[order]], "predicted": labels[p.y_pred[order]]})


def calibration_points(p: Predictions) -> pd.DataFrame:
    """Return the bins of `expected_calibration_error`, by rising probability.

    Columns: prob_pred, the mean probability; prob_true, the share of positives, with its
    95 % interval low to high (Wilson: a bin without positives has an interval too); count.
    """
    bins = quantile_bins(p.y_prob, p.calibration_bins)
    counts = np.bincount(bins)
    found = np.flatnonzero(counts)
    positives = np.bincount(bins, p.y_true)[found]
    low, high = wilson_interval(positives, counts[found])
    return pd.DataFrame(
        {
            "prob_pred": np.bincount(bins, p.y_prob)[found] / counts[found],
            "prob_true": positives / counts[found],
            "low": low,
            "high": high,
            "count": counts[found],
        }
    )


def value_points(
    p: Predictions,
    costs: Costs,
    draws: int,
    random_state: Seed,
    groups: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Return what 1,000 decisions bring at each threshold, with the 95 % interval.

    Columns: threshold (0.00 to 1.00), value, low, high, in the currency of `costs`.
    """
    positive = p.y_true == 1
    act = np.where(positive, costs.true_positive, costs.false_positive)
    let_be = np.where(positive, costs.false_negative, costs.true_negative)
    decided = p.y_prob[:, None] >= THRESHOLDS
    gains = PER_DECISIONS * np.where(decided, act[:, None], let_be[:, None])
    drawn = bootstrap(lambda w: weighted_mean(gains, w), len(p), draws, random_state, groups)
    low, high = intervals(drawn)
    return pd.DataFrame(
        {"threshold": THRESHOLDS, "value": gains.mean(axis=0), "low": low, "high": high}
    )
