"""The curves behind the figures, as small tables.

Each is a frame that a plot can be drawn from as it is, with a few hundred points however
many rows there are. Where the rows leave a curve undefined, the frame is empty.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.metrics import (
    PER_DECISIONS,
    AnyPredictions,
    ClassPredictions,
    NumberPredictions,
    Predictions,
    cumulated,
    quantile_bins,
)
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


def _once(p: AnyPredictions) -> Weights:
    """Return the weights of the rows as they are, (1, n)."""
    once: Weights = np.ones((1, len(p)), dtype=np.int64)
    return once if p.sample_weight is None else p.sample_weight[None, :]


def _thinned(along: Floats) -> npt.NDArray[np.intp]:
    """Return at most `POINTS` places, evenly along a growing column, with both ends."""
    steps = np.linspace(along[0], along[-1], POINTS - 1)
    return np.unique(np.append(np.searchsorted(along, steps), len(along) - 1))


def decision_point(p: Predictions) -> dict[str, float]:
    """Return fpr, recall and precision of the decisions; NaN where undefined."""
    tp, fp, tn, fn = p.outcomes.sum(axis=0)
    found = ratio(np.array([fp, tp, tp]), np.array([fp + tn, tp + fn, tp + fp]))
    return dict(zip(("fpr", "recall", "precision"), found.tolist(), strict=True))


def confusion_cases(p: Predictions | ClassPredictions, names: Sequence[str]) -> pd.DataFrame:
    """Return one row a case, actual and predicted, by name; sorted, so order tells nothing.

    Args:
        p: the decisions.
        names: of the classes; a binary task has the negative one first.
    """
    order = np.lexsort((p.y_pred, p.y_true))
    # The last stands for a class that train does not know.
    labels = np.array([*names, "another"], dtype=object)
    return pd.DataFrame({"actual": labels[p.y_true[order]], "predicted": labels[p.y_pred[order]]})


def calibration_points(p: Predictions | ClassPredictions) -> pd.DataFrame:
    """Return the bins of `expected_calibration_error`, by rising probability.

    Columns: prob_pred, the mean probability (of several classes that of the likeliest);
    prob_true, the share of rows where it happened, with its 95 % interval low to high
    (Wilson: a bin where it never did has an interval too); count, of rows.
    """
    bins = quantile_bins(p.confidence, p.calibration_bins)
    counts = np.bincount(bins)
    found = np.flatnonzero(counts)
    weight = _once(p)[0].astype(np.float64)
    total = np.bincount(bins, weight)[found]
    told = np.bincount(bins, weight * p.confidence)[found] / total
    share = np.bincount(bins, weight * p.hit)[found] / total
    # Rows of unequal weight say as much as this many equal ones (Kish, Survey Sampling, 1965).
    rows = total**2 / np.bincount(bins, weight**2)[found]
    low, high = wilson_interval(share * rows, rows)
    return pd.DataFrame(
        {"prob_pred": told, "prob_true": share, "low": low, "high": high, "count": counts[found]}
    )


def number_points(p: NumberPredictions, bins: int) -> pd.DataFrame:
    """Return what is true by what is predicted, in `bins` of equal size, by rising prediction.

    Columns: predicted and true, the means; low and high, the 95 % interval of the latter by
    the normal distribution; off, the mean absolute error; count, of rows.
    """
    places = quantile_bins(p.y_pred, bins)
    weight = _once(p)[0].astype(np.float64)
    rows = []
    for place in np.unique(places):
        inside = places == place
        y, told, w = p.y_true[inside], p.y_pred[inside], weight[inside]
        mean = float(np.average(y, weights=w))
        spread = float(np.average((y - mean) ** 2, weights=w))
        half = 1.96 * np.sqrt(spread / max(w.sum() ** 2 / (w**2).sum() - 1, 1))
        off = float(np.average(np.abs(told - y), weights=w))
        told_mean = float(np.average(told, weights=w))
        rows.append((told_mean, mean, mean - half, mean + half, off, int(inside.sum())))
    return pd.DataFrame(rows, columns=["predicted", "true", "low", "high", "off", "count"])


def leading_classes(p: ClassPredictions, most: int) -> list[int]:
    """Return the places of the most frequent classes, at most so many, the first leading."""
    counts = p.happened.sum(axis=0)
    order = np.argsort(-counts, kind="stable")[:most]
    return [int(place) for place in order if counts[place]]


def roc_points_by_class(p: ClassPredictions, names: Sequence[str], most: int) -> pd.DataFrame:
    """Return the ROC curve of each of the `most` frequent classes against the rest.

    Columns: class, fpr, tpr.
    """
    found = [
        roc_points(p.one_class(place)).assign(**{"class": names[place]})
        for place in leading_classes(p, most)
    ]
    return pd.concat(found, ignore_index=True)[["class", "fpr", "tpr"]]


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
    own = _once(p)
    drawn = bootstrap(lambda w: weighted_mean(gains, w * own), len(p), draws, random_state, groups)
    low, high = intervals(drawn)
    value = weighted_mean(gains, own)[0]
    return pd.DataFrame({"threshold": THRESHOLDS, "value": value, "low": low, "high": high})
