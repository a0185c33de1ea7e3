"""Of a number: what each group is predicted too much or too little, taken off again.

The mean residual of a group on validation is subtracted from its predictions: afterwards no
group is predicted too high or too low on average. It is the calibration of means by group of
Hebert-Johnson and others (Multicalibration, ICML 2018) for groups that do not overlap.
"""

import numpy as np
import numpy.typing as npt

from stages.core.metrics import NumberPredictions
from stages.core.statistics import Drawn, Floats, Seed, bootstrap, weighted_mean

Codes = npt.NDArray[np.intp]


def fit_shifts(
    p: NumberPredictions,
    codes: Codes,
    groups: Codes,
    draws: int,
    random_state: Seed,
    entities: npt.ArrayLike | None,
) -> list[Drawn]:
    """Return the mean residual of each of `groups`, with its bootstrap draws.

    Args:
        p: the rows to fit on.
        codes: the group of each row, (n,).
        groups: those that have the rows for it.
        draws: the number of bootstrap draws.
        random_state: their seed.
        entities: the entity of each row where entities repeat, (n,), else None.
    """
    own = np.ones(len(p)) if p.sample_weight is None else p.sample_weight
    inside = (codes[:, None] == groups) * own[:, None]

    def means(weights: npt.NDArray[np.float64]) -> Floats:
        found = [weighted_mean(p.residuals, weights * inside[:, at]) for at in range(len(groups))]
        return np.stack(found, axis=1)

    once = means(np.ones((1, len(p))))[0]
    drawn = bootstrap(means, len(p), draws, random_state, entities)
    return [Drawn(float(value), drawn[:, at]) for at, value in enumerate(once)]


def by_shifts(p: NumberPredictions, codes: Codes, groups: Codes, shifts: Floats) -> Floats:
    """Return the predictions less the shift of their group, (n,); other groups keep theirs."""
    shifted = p.y_pred.copy()
    for group, shift in zip(groups, shifts, strict=True):
        shifted[codes == group] -= shift
    return shifted
