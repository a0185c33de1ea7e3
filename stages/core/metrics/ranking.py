"""How the positives rank among the negatives, for all draws of rows at once.

Only where a positive stands does a ranking gain anything, so rows are summed up between one
score of a positive and the next: a sparse product over the draws, and no sorting of each.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from stages.core.statistics import Floats, Weights

# Arrays of this many columns or more are summed down faster a row at a time.
_WIDE = 200


@dataclass(frozen=True, eq=False)
class Ranking:
    """Which rows stand where, by the k distinct scores of positives from the lowest up.

    Attributes:
        positive: 1 for the positives with each of the scores, shape (k, n).
        negative: 1 for the negatives below the lowest, from each to the next, and from the
            highest up, shape (k + 1, n).
        tied: 1 for the negatives with each of the scores, shape (k, n); None for none.
    """

    positive: csr_array
    negative: csr_array
    tied: csr_array | None

    @classmethod
    def of(cls, y_true: npt.NDArray[np.int64], score: Floats) -> "Ranking":
        """Rank n rows; `y_true` is 1 for positive and 0 for negative."""
        (positive,), (negative,) = np.nonzero(y_true == 1), np.nonzero(y_true != 1)
        steps, place = np.unique(score[positive], return_inverse=True)
        low, high = (np.searchsorted(steps, score[negative], side) for side in ("left", "right"))
        tied = low < high
        k, n = len(steps), len(score)
        return cls(
            _inside(place, positive, (k, n)),
            _inside(high, negative, (k + 1, n)),
            _inside(low[tied], negative[tied], (k, n)) if tied.any() else None,
        )

    def counted(self, weights: Weights) -> tuple[Floats, Floats, Floats | None]:
        """Return by score, upward, what `weights` (d, n) make of it.

        Returns:
            The positives with each score, (k, d); the negatives from the lowest score up to
            each, cumulated, (k + 1, d): the last row is all; and the negatives with each
            score, (k, d), None for none.
        """
        drawn = np.ascontiguousarray(weights.T)
        below = cumulated_down(self.negative @ drawn)
        return self.positive @ drawn, below, None if self.tied is None else self.tied @ drawn


def _inside(
    place: npt.NDArray[np.intp], row: npt.NDArray[np.intp], shape: tuple[int, int]
) -> csr_array:
    return csr_array((np.ones(len(row)), (place, row)), shape=shape)


def cumulated_down(rows: Floats) -> Floats:
    """Turn `rows` (k, d) into the sums of each and all before it, in place."""
    if rows.shape[1] < _WIDE:
        return np.cumsum(rows, axis=0, out=rows)
    for before, row in pairwise(rows):
        row += before
    return rows
