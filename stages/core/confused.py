"""Which classes a model takes for which others."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.metrics import ClassPredictions, Predictions
from stages.core.part_means import part_means
from stages.core.statistics import Floats, ratio, wilson_interval

COLUMNS = ("actual", "decided", "rows", "share_of_actual", "low", "high", "share_of_errors")


def confusion(p: Predictions | ClassPredictions) -> npt.NDArray[np.int64]:
    """Return how many rows of each class are decided to be each class, (classes, classes).

    Rows are what was true, columns what was decided. Rows whose class, or decision, the
    model does not know are left out.
    """
    size = len(p.classes) if isinstance(p, ClassPredictions) else 2
    known = (p.y_true >= 0) & (p.y_pred >= 0)
    cells = size * p.y_true[known] + p.y_pred[known]
    return np.bincount(cells, minlength=size**2).reshape(size, size).astype(np.int64)


def confused_pairs(
    p: Predictions | ClassPredictions,
    labels: Sequence[str] = (),
    groups: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Return each class that was taken for another, the most frequent confusion first.

    Args:
        p: n rows.
        labels: what the classes are called: negative and positive, or in the order of
            ``p.classes``.
        groups: the entity of each row, where rows of one repeat.

    Returns:
        actual, decided, rows; share_of_actual, of the rows of that class, with low and
        high of its 95 % interval; share_of_errors, of all wrong decisions. The interval is
        Wilson's; where rows of an entity repeat, on as many rows as would be worth as much
        (the effective sample size: Korn and Graubard, Survey Methodology 24, 1998).
    """
    counts = confusion(p)
    names = list(labels or (p.classes if isinstance(p, ClassPredictions) else ("0", "1")))
    of_class = counts.sum(axis=1)
    wrong = counts.sum() - np.trace(counts)
    pairs = [(a, d) for a, d in np.argwhere(counts > 0).tolist() if a != d]
    pairs.sort(key=lambda pair: (-counts[pair], pair))
    if not pairs:
        return pd.DataFrame(columns=COLUMNS)
    actual, decided = np.array(pairs).T
    rows, size = counts[actual, decided], of_class[actual]
    share = rows / size
    worth = size.astype(np.float64)
    if groups is not None:
        worth = _effective(p, actual, decided, share, worth, groups)
    low, high = wilson_interval(share * worth, worth)
    return pd.DataFrame(
        {
            "actual": [names[a] for a in actual],
            "decided": [names[d] for d in decided],
            "rows": rows,
            "share_of_actual": share,
            "low": low,
            "high": high,
            "share_of_errors": rows / wrong,
        },
        columns=COLUMNS,
    )


def _effective(
    p: Predictions | ClassPredictions,
    actual: npt.NDArray[np.int64],
    decided: npt.NDArray[np.int64],
    share: Floats,
    size: Floats,
    groups: npt.ArrayLike,
) -> Floats:
    """Return on how many independent rows each share would be as sure as it is, (pairs,)."""
    worth = size.copy()
    for place, (a, d) in enumerate(zip(actual, decided, strict=True)):
        own = ((p.y_true == a) & (p.y_pred >= 0)).astype(np.float64)[:, None]
        means = part_means((p.y_pred == d).astype(np.float64), own, groups)
        found = ratio(np.array(share[place] * (1 - share[place])), means.variance)[0]
        # Never more than there are: an interval is not to shrink by chance. Where all rows
        # are decided alike there is no variance to go by, and an entity is worth one row.
        worth[place] = min(found, size[place]) if found > 0 else means.units[0]
    return worth
