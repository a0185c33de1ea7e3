"""How much of the target one column alone explains, in rows that it was not learned from."""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from stages.core.statistics import UNDEFINED, Estimate, Floats

Ints = npt.NDArray[np.int64]

MIN_ROWS = 20  # fewer say nothing once they are halved


def explained(codes: Ints, truth: Floats, random_state: int) -> Estimate:
    """Return the share of the squared differences of `truth` that a grouping takes away.

    Of a number it is the squared correlation ratio (Pearson 1905), of classes as columns of
    0 and 1 Goodman and Kruskal's tau (1954). A mean that a row itself is part of knows that
    row, and with many groups all would look telling: so the rows are dealt to two halves and
    the means of one half are held against the rows of the other. The interval is that of a
    ratio of two means by linearisation (Cochran, Sampling Techniques, 1977, section 6.4),
    for rows that are independent.

    Args:
        codes: shape (rows,), the group of each row from 0 up.
        truth: shape (rows, columns), the number, or 1 in the column of the row's class.
        random_state: deals the halves.

    Returns:
        A share from 0 to 1, none where there are fewer than `MIN_ROWS` rows or `truth`
        does not vary.
    """
    rows = len(codes)
    if rows < MIN_ROWS:
        return UNDEFINED
    half = np.zeros(rows, dtype=bool)
    half[np.random.default_rng(random_state).permutation(rows)[::2]] = True
    left, before = np.empty(rows), np.empty(rows)
    for asked in (half, ~half):
        mean, overall = _means(codes[~asked], truth[~asked], int(codes.max()) + 1)
        left[asked] = ((truth[asked] - mean[codes[asked]]) ** 2).sum(axis=1)
        before[asked] = ((truth[asked] - overall) ** 2).sum(axis=1)
    if not before.sum() > 0:
        return UNDEFINED
    remaining = float(left.sum() / before.sum())
    pulls = (left - remaining * before) / before.mean()
    reach = NormalDist().inv_cdf(0.975) * float(pulls.std(ddof=1)) / np.sqrt(rows)
    value, low, high = np.clip(1 - remaining + np.array([0.0, -reach, reach]), 0.0, 1.0)
    return {"value": float(value), "interval": (float(low), float(high))}


def _means(codes: Ints, truth: Floats, size: int) -> tuple[Floats, Floats]:
    """Return the mean of each group, (size, columns), and of all rows, (columns,)."""
    overall = truth.mean(axis=0)
    count = np.bincount(codes, minlength=size)
    sums = [np.bincount(codes, weights=column, minlength=size) for column in truth.T]
    # One row's worth of the overall mean: a group not seen there gets it.
    return (np.column_stack(sums) + overall) / (count + 1)[:, None], overall
