"""A threshold for each group, so that groups are treated more alike: fitted, not applied.

Hardt, Price and Srebro (NeurIPS 2016) choose thresholds by group after training, with draws
of lots between two of them. Here each group has one threshold and nothing is drawn: a
decision must be the same when it is contested.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from stages.core.metrics import Predictions
from stages.core.statistics import Floats

Aim = Literal["demographic_parity", "equalized_odds"]
Mask = npt.NDArray[np.bool_]

# The thresholds tried in a group, and the rates that all groups are asked to meet.
CANDIDATES, RATES, ERROR_RATES = 201, 101, 41


@dataclass(frozen=True)
class Choices:
    """What each threshold of one group would do.

    Attributes:
        thresholds: act from this probability on; infinite: never, (c,).
        points: the rates that are to be alike in all groups, (c, 1) or (c, 2).
        value: what acting brings more than never to act, (c,).
    """

    thresholds: Floats
    points: Floats
    value: Floats


def fit_thresholds(
    p: Predictions, codes: npt.NDArray[np.intp], groups: npt.NDArray[np.intp], aim: Aim, most: float
) -> Floats:
    """Return the threshold of each of `groups` that brings most while they are alike.

    Args:
        p: the rows to fit on, with costs.
        codes: the group of each row, (n,).
        groups: the groups that are to be alike.
        aim: demographic parity makes selection rates alike; equalized odds the rates of true
            and of false positives.
        most: the disparity up to which groups count as alike; where no choice keeps it, the
            least disparity is taken.
    """
    choices = [_choices(p, codes == group, aim) for group in groups]
    if aim == "demographic_parity":
        wanted = np.linspace(0, 1, RATES)[:, None]
    else:
        axis = np.linspace(0, 1, ERROR_RATES)
        wanted = np.array([(true, false) for true in axis for false in axis if true >= false])
    # Of each group the choice that comes nearest to each wanted point, (points, groups).
    nearest = np.stack(
        [np.abs(wanted[:, None] - c.points).max(axis=2).argmin(axis=1) for c in choices], axis=1
    )
    met = np.stack([c.points[nearest[:, g]] for g, c in enumerate(choices)], axis=1)
    disparity = np.ptp(met, axis=1).max(axis=1)
    value = sum(c.value[nearest[:, g]] for g, c in enumerate(choices))
    alike = disparity <= max(most, float(disparity.min()))
    best = int(np.where(alike, value, -np.inf).argmax())
    return np.array([c.thresholds[nearest[best, g]] for g, c in enumerate(choices)])


def _choices(p: Predictions, inside: Mask, aim: Aim) -> Choices:
    order = np.flatnonzero(inside)[np.argsort(-p.y_prob[inside], kind="stable")]
    scores, actual = p.y_prob[order], p.y_true[order]
    weight = np.ones(len(order)) if p.sample_weight is None else p.sample_weight[order]
    act, rest = (p.row_values(np.full(len(p), yes)) for yes in (1, 0))
    ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    kept = ends[np.unique(np.linspace(0, len(ends) - 1, CANDIDATES).astype(np.intp))]

    def summed(values: Floats) -> Floats:
        return np.append(0.0, np.cumsum(values * weight)[kept])

    def share(of: npt.NDArray[np.bool_]) -> Floats:
        found = summed(of.astype(np.float64))
        total = float(weight[of].sum())
        return found / total if total else np.zeros_like(found)

    everyone = np.ones(len(order), dtype=bool)
    masks = [everyone] if aim == "demographic_parity" else [actual == 1, actual == 0]
    return Choices(
        np.append(np.inf, scores[kept]),
        np.stack([share(mask) for mask in masks], axis=1),
        summed((act - rest)[order]),
    )


def by_thresholds(
    p: Predictions,
    codes: npt.NDArray[np.intp],
    groups: npt.NDArray[np.intp],
    thresholds: Floats,
) -> npt.NDArray[np.int64]:
    """Return decisions by the thresholds of groups, (n,).

    Groups that are not among `groups` keep the decisions that they have.
    """
    decisions = p.y_pred.copy()
    for group, threshold in zip(groups, thresholds, strict=True):
        decisions[codes == group] = p.y_prob[codes == group] >= threshold
    return decisions
