"""Of several classes: what deciding for each is counted as bringing more or less, by group.

The decision is for the class that is expected to bring most. An amount added to what a class
brings in one group moves the shares in which its classes are decided, and of all ways to meet
given shares this one costs least (the dual of the transport problem: Xian, Yin and Zhao, Fair
and Optimal Classification via Post-Processing, ICML 2023). Nothing is drawn by lot.
"""

import numpy as np
import numpy.typing as npt

from stages.audit.fairness.thresholds import Aim
from stages.core.metrics import ClassPredictions, class_values
from stages.core.statistics import Floats, ratio

# The amounts tried for a class, how often all classes are gone through, and the parts of
# the way towards equal rates among which the one that brings most is chosen.
CANDIDATES, SWEEPS, PARTS = 101, 8, 21

Codes = npt.NDArray[np.intp]


def fit_offsets(
    p: ClassPredictions, codes: Codes, groups: Codes, aim: Aim, most: float, min_outcomes: int
) -> Floats:
    """Return the amount for each of `groups` and each class, (groups, classes).

    Each group is brought towards the rates that all have together now; of the parts of that
    way the one is taken that brings most while the worst class is alike in all groups.

    Args:
        p: the rows to fit on, with costs.
        codes: the group of each row, (n,).
        groups: the groups that are to be alike.
        aim: demographic parity makes the shares alike in which classes are decided; equalized
            odds of each class the rates of true and of false positives.
        most: the disparity up to which groups count as alike; where no part of the way keeps
            it, the least disparity is taken.
        min_outcomes: of a class, fewer rows of it or of the others tell no rate of errors.
    """
    inside = np.isin(codes, groups)
    worth = expected_values(p)
    weight = np.ones(len(p)) if p.sample_weight is None else p.sample_weight
    k = len(p.classes)
    target = _rates(_table(p.y_true, worth.argmax(axis=1), weight * inside, k)[..., None], aim)
    known = np.array([_known(p.y_true[codes == group], k, aim, min_outcomes) for group in groups])
    furthest = np.array(
        [
            _met(worth[codes == g], p.y_true[codes == g], weight[codes == g], target, told, aim)
            for g, told in zip(groups, known, strict=True)
        ]
    )
    parts = np.linspace(0, 1, PARTS)
    disparity, value = np.array(
        [_outcome(p, worth, weight, codes, groups, part * furthest, known, aim) for part in parts]
    ).T
    alike = disparity <= max(most, float(disparity.min()))
    return np.asarray(parts[np.where(alike, value, -np.inf).argmax()] * furthest)


def by_offsets(
    p: ClassPredictions, codes: Codes, groups: Codes, offsets: Floats
) -> npt.NDArray[np.int64]:
    """Return the place of the class decided for, (n,); other groups keep their decisions."""
    worth, decisions = expected_values(p), p.y_pred.copy()
    for group, added in zip(groups, offsets, strict=True):
        decisions[codes == group] = (worth[codes == group] + added).argmax(axis=1)
    return decisions


def expected_values(p: ClassPredictions) -> Floats:
    """Return what deciding for each class is expected to bring, (n, classes)."""
    if p.costs is None:
        raise ValueError("an expected value needs costs")
    return np.asarray(p.y_prob @ class_values(p.costs, p.classes)[:-1, :-1])


def _table(truth: Codes, decided: Codes, weight: Floats, k: int) -> Floats:
    """Return the weight of rows by true and decided class, (k + 1, k); the last is unknown."""
    cells = (truth % (k + 1)) * k + decided
    table = np.bincount(cells, weight, minlength=(k + 1) * k)
    return np.asarray(table.reshape(k + 1, k), dtype=np.float64)


def _rates(tables: Floats, aim: Aim) -> Floats:
    """Return the rates that are to be alike from tables (k + 1, k, c): (rates, c)."""
    decided = tables.sum(axis=0)
    total = decided.sum(axis=0)
    if aim == "demographic_parity":
        return np.nan_to_num(ratio(decided, total[None]))
    k = tables.shape[1]
    hits, actual = tables[np.arange(k), np.arange(k)], tables[:k].sum(axis=1)
    rates = (ratio(hits, actual), ratio(decided - hits, total - actual))
    return np.nan_to_num(np.concatenate(rates))


def _known(truth: Codes, k: int, aim: Aim, min_outcomes: int) -> npt.NDArray[np.bool_]:
    """Return which rates of a group its rows tell, (rates,)."""
    if aim == "demographic_parity":
        return np.ones(k, dtype=np.bool_)
    counts = np.bincount(truth[truth >= 0], minlength=k)
    return np.tile(np.minimum(counts, len(truth) - counts) >= min_outcomes, 2)


def _met(
    worth: Floats, truth: Codes, weight: Floats, target: Floats, known: Codes, aim: Aim
) -> Floats:
    """Return the amounts by which one group comes nearest to `target`, (classes,).

    One class after the other takes the amount with the least sum of squared distances.
    """
    k = worth.shape[1]
    offsets = np.zeros(k)
    for _ in range(SWEEPS):
        before = offsets.copy()
        for place in range(k):
            others = worth + offsets
            others[:, place] = -np.inf
            rival = others.argmax(axis=1)
            margin = others.max(axis=1) - worth[:, place]
            tried = np.append(offsets[place], np.quantile(margin, np.linspace(0, 1, CANDIDATES)))
            chosen = (margin[:, None] < tried).astype(np.float64)
            cells = np.eye((k + 1) * k)[(truth % (k + 1)) * k + rival] * weight[:, None]
            tables = (cells.T @ (1 - chosen)).reshape(k + 1, k, -1)
            won = np.eye(k + 1)[truth % (k + 1)] * weight[:, None]
            tables[:, place] += won.T @ chosen
            off = ((_rates(tables, aim) - target)[known] ** 2).sum(axis=0)
            offsets[place] = tried[off.argmin()]
        if (offsets == before).all():
            break
    # What is added to all classes alike decides nothing.
    return np.asarray(offsets - offsets.mean())


def _outcome(
    p: ClassPredictions,
    worth: Floats,
    weight: Floats,
    codes: Codes,
    groups: Codes,
    offsets: Floats,
    known: npt.NDArray[np.bool_],
    aim: Aim,
) -> tuple[float, float]:
    """Return the disparity of the worst class, and what all decisions bring."""
    decisions = by_offsets(p, codes, groups, offsets)
    k = worth.shape[1]
    rates = np.stack(
        [
            _rates(
                _table(p.y_true[codes == g], decisions[codes == g], weight[codes == g], k)[
                    ..., None
                ],
                aim,
            )[:, 0]
            for g in groups
        ]
    )
    judged = known.sum(axis=0) > 1
    high = np.where(known, rates, -np.inf).max(axis=0)
    low = np.where(known, rates, np.inf).min(axis=0)
    disparity = float((high - low)[judged].max()) if judged.any() else 0.0
    return disparity, float(p.row_values(decisions) @ weight)
