"""What is measured of a group, and how far groups are apart: fairlearn's definitions.

All follow from a few sums by group, so that a thousand bootstrap draws are one product of
matrices. On the rows as they are, the numbers equal fairlearn's.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.core.fairness.groups import Grouping
from stages.core.metrics import Predictions
from stages.core.statistics import Floats, ratio

# The sums from which every measure of a group follows.
TP, FP, TN, FN, SCORE, DOUBT = range(6)

MEASURES = (
    "Selection rate",
    "True positive rate",
    "False positive rate",
    "Precision",
    "Error rate",
    "Calibration",
)


def sums(grouping: Grouping, p: Predictions, weights: npt.NDArray[Any]) -> Floats:
    """Return the sums of each group for each draw, (d, k, 6).

    They are TP, FP, TN, FN, the probability, and its variance if it is true: p (1 - p).
    Weights are the draw's alone: what a row counts in the charter is for the caller.
    """
    k = len(grouping.labels)
    doubt = p.y_prob * (1 - p.y_prob)
    cells = np.hstack([p.outcomes, p.y_prob[:, None], doubt[:, None]])
    one_hot = np.eye(k)[grouping.codes]
    spread = (one_hot[:, :, None] * cells[:, None, :]).reshape(len(p), -1)
    return np.asarray(weights @ spread).reshape(len(weights), k, cells.shape[1])


def measures(found: Floats) -> dict[str, Floats]:
    """Return each measure from `sums`, (d, k); NaN where a group leaves it undefined.

    Calibration is the mean probability less the share of positives: above 0, the model
    overstates the group's risk.
    """
    tp, fp, tn, fn, score, _ = np.moveaxis(found, -1, 0)
    rows = tp + fp + tn + fn
    rates = (
        ratio(tp + fp, rows),
        ratio(tp, tp + fn),
        ratio(fp, fp + tn),
        ratio(tp, tp + fp),
        ratio(fp + fn, rows),
        ratio(score - tp - fn, rows),
    )
    return dict(zip(MEASURES, rates, strict=True))


def demographic_parity_difference(rates: Mapping[str, Floats]) -> Floats:
    """Return the greatest less the smallest selection rate of each draw, (d,)."""
    return _range(rates["Selection rate"])


def demographic_parity_ratio(rates: Mapping[str, Floats]) -> Floats:
    """Return the smallest by the greatest selection rate, (d,); NaN where nobody is selected."""
    return _ratio(rates["Selection rate"])


def equalized_odds_difference(rates: Mapping[str, Floats]) -> Floats:
    """Return the greater of the ranges of true and of false positive rates, (d,)."""
    return np.maximum(_range(rates["True positive rate"]), _range(rates["False positive rate"]))


def equalized_odds_ratio(rates: Mapping[str, Floats]) -> Floats:
    """Return the smaller of the ratios of true and of false positive rates, (d,)."""
    return np.minimum(_ratio(rates["True positive rate"]), _ratio(rates["False positive rate"]))


def error_rate_difference(rates: Mapping[str, Floats]) -> Floats:
    """Return the greatest less the smallest share of wrong decisions, (d,)."""
    return _range(rates["Error rate"])


def calibration_error(rates: Mapping[str, Floats]) -> Floats:
    """Return the largest distance of mean probability from share of positives, (d,)."""
    furthest: Floats = np.abs(rates["Calibration"]).max(axis=1)
    return furthest


def contrasts(name: str, rates: Mapping[str, Floats]) -> Floats:
    """Return all single comparisons of groups that a disparity is the worst of, (d, m).

    The disparity is their greatest, of `RATIOS` their smallest.
    """
    if name == "calibration_error":
        return np.hstack([rates["Calibration"], -rates["Calibration"]])
    compared = _ratios if name in RATIOS else _differences
    return np.hstack([compared(rates[title]) for title in COMPARED[name]])


def _differences(rates: Floats) -> Floats:
    each: Floats = rates[:, :, None] - rates[:, None, :]
    return each.reshape(len(rates), -1)


def _ratios(rates: Floats) -> Floats:
    one, other = rates[:, :, None], rates[:, None, :]
    # By a rate of 0 nothing is divided: the pair the other way round tells it.
    each = np.where(other == 0, 1.0, ratio(one, other)).reshape(len(rates), -1)
    return np.where(rates.max(axis=1, keepdims=True) == 0, np.nan, each)


def _range(rates: Floats) -> Floats:
    widest: Floats = rates.max(axis=1) - rates.min(axis=1)
    return widest


def _ratio(rates: Floats) -> Floats:
    return ratio(rates.min(axis=1), rates.max(axis=1))


DISPARITIES = {
    "demographic_parity_difference": demographic_parity_difference,
    "demographic_parity_ratio": demographic_parity_ratio,
    "equalized_odds_difference": equalized_odds_difference,
    "equalized_odds_ratio": equalized_odds_ratio,
    "error_rate_difference": error_rate_difference,
    "calibration_error": calibration_error,
}
# The measures that a disparity compares group by group.
COMPARED = {
    "demographic_parity_difference": ("Selection rate",),
    "demographic_parity_ratio": ("Selection rate",),
    "equalized_odds_difference": ("True positive rate", "False positive rate"),
    "equalized_odds_ratio": ("True positive rate", "False positive rate"),
    "error_rate_difference": ("Error rate",),
}
# Of these 1 is best, of the others 0.
RATIOS = frozenset({"demographic_parity_ratio", "equalized_odds_ratio"})
# These need both outcomes in a group.
OF_ERRORS = frozenset({"equalized_odds_difference", "equalized_odds_ratio"})
