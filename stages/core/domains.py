"""Can a model tell two tables apart? Then they do not come from one source."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

from stages.core.part_means import entity_sums
from stages.core.shifts import SMALL_D
from stages.core.statistics import Estimate, Floats, Seed, entity_codes
from stages.core.variables import Variable

Ints = npt.NDArray[np.int64]

FOLDS = 3
# Fewer rows of a table outside a fold teach nothing.
MIN_ROWS = 20
# More rows make it slower, and no surer than the bound below asks for.
MAX_ROWS = 5000
# The ROC AUC of two normal distributions that lie Cohen's "small" d = 0.2 apart: 0.556.
SMALL_AUC = float(norm.cdf(SMALL_D / np.sqrt(2)))


@dataclass(frozen=True)
class Domains:
    """How well two tables can be told apart.

    Attributes:
        roc_auc: of a model that was to tell them apart, on rows that it did not see: 0.5
            where it cannot.
        alarm: whether it can, beyond chance and by more than a small difference.
        why: in one sentence.
    """

    roc_auc: Estimate
    alarm: bool
    why: str


def domains(
    variables: Sequence[Variable],
    second: npt.NDArray[np.bool_],
    random_state: Seed,
    groups: npt.ArrayLike | None = None,
) -> Domains:
    """Train a small model to tell two tables apart, column by column and jointly.

    A classifier two-sample test (Lopez-Paz and Oquab, ICLR 2017): it sees differences that
    no column shows by itself.

    Args:
        variables: the columns of both tables, one below the other.
        second: whether a row is of the second table, (n,).
        random_state: of the rows that are looked at, and the folds.
        groups: the entity of each row; those of one stay in one fold.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(random_state)
    codes = np.arange(len(second)) if groups is None else entity_codes(groups)
    rows = np.sort(
        np.concatenate(
            [rng.permutation(np.flatnonzero(second == side))[:MAX_ROWS] for side in (False, True)]
        )
    )
    y, entities = second[rows].astype(np.int64), codes[rows]
    folds = rng.permutation(int(codes.max()) + 1)[entities] % FOLDS
    sides = np.array([np.bincount(folds[y == side], minlength=FOLDS) for side in (0, 1)])
    if not variables or (sides.sum(axis=1, keepdims=True) - sides).min() < MIN_ROWS:
        return Domains({"value": None, "interval": None}, False, "too few rows to tell them apart")
    matrix = np.column_stack([variable.values[rows] for variable in variables])
    score = np.zeros(len(y))
    for fold in range(FOLDS):
        own = folds == fold
        model = HistGradientBoostingClassifier(
            max_iter=30,
            max_leaf_nodes=8,
            min_samples_leaf=50,
            early_stopping=False,
            max_bins=63,
            random_state=0,
        )
        model.fit(matrix[~own], y[~own])
        # Ranked within the fold: another fold's model has another scale.
        score[own] = rankdata(model.predict_proba(matrix[own])[:, 1]) / own.sum()
    area, error = delong(score, y, None if groups is None else entities)
    low, high = (float(np.clip(area + side * 1.96 * error, 0, 1)) for side in (-1, 1))
    alarm = low > 0.5 and area >= SMALL_AUC
    why = "a model can tell them apart" if alarm else "a model can hardly tell them apart"
    if not alarm and low <= 0.5:
        why = "a model cannot tell them apart"
    return Domains({"value": area, "interval": (low, high)}, alarm, why)


def delong(score: Floats, y: Ints, groups: npt.ArrayLike | None = None) -> tuple[float, float]:
    """Return the ROC AUC and its standard error.

    DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988), by ranks; where rows of an
    entity repeat, by entity (Obuchowski, Biometrics 53, 1997).

    Args:
        score: (n,).
        y: 1 or 0; both occur, (n,).
        groups: the entity of each row.
    """
    positive = y == 1
    n, m = int(positive.sum()), int((~positive).sum())
    everywhere = rankdata(score)
    # The share of the other class that each row ranks above.
    above = np.empty(len(y))
    above[positive] = (everywhere[positive] - rankdata(score[positive])) / m
    above[~positive] = 1 - (everywhere[~positive] - rankdata(score[~positive])) / n
    area = float(above[positive].mean())
    pulls = np.column_stack(
        [np.where(positive, above - area, 0) / n, np.where(positive, 0, above - area) / m]
    )
    units = np.array([n, m])
    if groups is not None:
        sides = np.column_stack([positive, ~positive]).astype(np.float64)
        units = (entity_sums(sides, groups) > 0).sum(axis=0)
        pulls = entity_sums(pulls, groups)
    own = (pulls**2).sum(axis=0) * units / np.maximum(units - 1, 1)
    return area, float(np.sqrt(max(own.sum() + 2 * (pulls[:, 0] @ pulls[:, 1]), 0.0)))
