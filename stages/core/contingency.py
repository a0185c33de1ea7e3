"""How far two groupings of the same rows depend on each other, from the counts of their cells."""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from stages.core.statistics import UNDEFINED, Estimate, Floats

Ints = npt.NDArray[np.int64]


def cross_table(first: Ints, second: Ints) -> Ints:
    """Return the rows of each pair of groups, without groups that no row is in.

    Args:
        first: shape (rows,), the group of each row from 0 up.
        second: the same rows by another grouping.
    """
    down = np.unique(first, return_inverse=True)[1]
    across = np.unique(second, return_inverse=True)[1]
    shape = (int(down.max(initial=-1)) + 1, int(across.max(initial=-1)) + 1)
    cells = np.bincount(down * shape[1] + across, minlength=shape[0] * shape[1])
    return np.asarray(cells.reshape(shape), dtype=np.int64)


def mutual_information(counts: Ints) -> Estimate:
    """Return what one grouping tells of the other, in nats (Shannon 1948).

    Chance alone makes the plain estimate too large: Miller's correction (1955),
    (rows - 1)(columns - 1) / 2n, is taken away. The interval is the normal one with the
    variance of the plain estimate (delta method), from 0 up.

    Args:
        counts: shape (groups, groups), see `cross_table`.
    """
    n = int(counts.sum())
    if min(counts.shape) < 2:
        return UNDEFINED
    p, some = counts / n, counts > 0
    expected = np.outer(p.sum(axis=1), p.sum(axis=0))
    pull = np.log(np.divide(p, expected, where=some, out=np.ones_like(p)))
    plain = float((p * pull).sum())
    return _estimate(_between(plain - _freedom(counts) / (2 * n), pull, p, n, np.inf))


def cramers_v(counts: Ints) -> Estimate:
    """Return Cramér's V (1946) with the correction of Bergsma (2013) for chance.

    The interval is the normal one of phi squared (delta method), turned to V.

    Args:
        counts: shape (groups, groups), see `cross_table`.
    """
    n, (rows, columns) = int(counts.sum()), counts.shape
    if min(rows, columns) < 2 or n < 3:
        return UNDEFINED
    p = counts / n
    down, across = p.sum(axis=1)[:, None], p.sum(axis=0)[None, :]
    phi = p / (down * across)
    pull = 2 * phi - (phi * p).sum(axis=1)[:, None] / down - (phi * p).sum(axis=0) / across
    square = float((phi * p).sum()) - 1 - _freedom(counts) / (n - 1)
    largest = min(side - (side - 1) ** 2 / (n - 1) for side in (rows, columns)) - 1
    if largest <= 0:
        return UNDEFINED
    return _estimate(np.sqrt(_between(square, pull, p, n, largest) / largest))


def _freedom(counts: Ints) -> int:
    rows, columns = counts.shape
    return (int(rows) - 1) * (int(columns) - 1)


def _between(value: float, pull: Floats, p: Floats, n: int, top: float) -> Floats:
    """Return `value` and its interval, from 0 to `top`; a row of a cell pulls by its `pull`."""
    variance = max(float((p * pull**2).sum() - (p * pull).sum() ** 2), 0.0)
    reach = NormalDist().inv_cdf(0.975) * np.sqrt(variance / n)
    return np.clip(value + np.array([0.0, -reach, reach]), 0.0, top)


def _estimate(found: Floats) -> Estimate:
    value, low, high = found.tolist()
    return {"value": value, "interval": (low, high)}
