"""How sure is it: the bootstrap, intervals and rank correlation.

The bootstrap here never copies rows. A draw of n rows with replacement is the vector of
how often each row was drawn, so a thousand draws are a matrix of weights (draws, n), and a
statistic that takes weights is computed for all draws in one step (Efron and Tibshirani,
An Introduction to the Bootstrap, 1993, chapters 6 and 13).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Weights = npt.NDArray[Any]  # whole numbers from the bootstrap; any numbers are taken
Seed = int | tuple[int, ...]
Statistic = Callable[[Weights], Floats]

# Cells of weights in memory at once: they stay in the processor's cache.
CHUNK_CELLS = 250_000

# With more than this share of undefined draws, an interval would hide them.
MAX_UNDEFINED = 0.05


class Estimate(TypedDict):
    """A value and its interval, ready for JSON; None where the data cannot answer."""

    value: float | None
    interval: tuple[float, float] | None


UNDEFINED: Estimate = {"value": None, "interval": None}


@dataclass(frozen=True)
class Drawn:
    """A number as measured, and as measured on every bootstrap draw.

    Attributes:
        value: on the rows as they are; NaN where undefined.
        samples: on every draw, shape (draws,).
    """

    value: float
    samples: Floats

    def __sub__(self, other: "Drawn") -> "Drawn":
        """Return the difference: paired where both saw the same draws of the same rows."""
        return Drawn(self.value - other.value, self.samples - other.samples)

    def __add__(self, other: "Drawn") -> "Drawn":
        """Return the sum, paired as a difference is."""
        return Drawn(self.value + other.value, self.samples + other.samples)

    def estimate(self) -> Estimate:
        """Return the value with its 95 % interval."""
        return estimate(self.value, self.samples)


def bootstrap_weights(
    n: int, draws: int, rng: np.random.Generator, groups: npt.ArrayLike | None = None
) -> Iterator[Weights]:
    """Yield how often each row is drawn, in chunks of shape (some draws, n).

    Args:
        n: the number of rows.
        draws: the number of draws, summed over all chunks.
        rng: the source of chance; the same state gives the same weights.
        groups: the entity of each row, shape (n,). Entities are drawn instead of rows,
            with all their rows (the cluster bootstrap: Davison and Hinkley, Bootstrap
            Methods and their Application, 1997, section 3.8). Missing values are
            entities of their own.

    Raises:
        ValueError: there are no rows, or `groups` has another length.
    """
    if n < 1:
        raise ValueError("a bootstrap needs at least one row")
    codes = None if groups is None else entity_codes(groups)
    if codes is not None and len(codes) != n:
        raise ValueError(f"groups has {len(codes)} rows, not {n}")
    units = n if codes is None else int(codes.max()) + 1
    for rows in chunks(draws, n):
        drawn = rng.integers(0, units, size=(rows, units))
        drawn += units * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units)
        yield counts if codes is None else np.take(counts, codes, axis=1)


def chunks(draws: int, n: int) -> Iterator[int]:
    """Yield how many draws of n rows to hold at once, until all are done."""
    size = max(1, CHUNK_CELLS // n)
    for start in range(0, draws, size):
        yield min(size, draws - start)


def entity_codes(groups: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Return 0, 1, ... for the entities of `groups`, by first appearance, shape (n,).

    Missing values are entities of their own.
    """
    codes, found = pd.factorize(pd.Series(groups))
    missing = codes < 0
    codes[missing] = len(found) + np.arange(missing.sum())
    return codes


def bootstrap(
    statistic: Statistic,
    n: int,
    draws: int,
    random_state: Seed,
    groups: npt.ArrayLike | None = None,
) -> Floats:
    """Return `statistic` for each draw, shape (draws, ...).

    Args:
        statistic: takes weights (d, n) and returns an array (d, ...), NaN where a draw
            leaves it undefined.
        n: the number of rows.
        draws: the number of draws.
        random_state: the seed: a number, or several. Two statistics with the same `n`,
            `draws`, `random_state` and `groups` see the same draws, so their difference
            is paired.
        groups: as in `bootstrap_weights`.
    """
    rng = np.random.default_rng(random_state)
    return np.concatenate([statistic(w) for w in bootstrap_weights(n, draws, rng, groups)])


def interval(samples: Floats, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of `samples`, shape (draws,).

    Undefined draws (NaN) are left out while they are few; with more than one in twenty
    the interval is (NaN, NaN).
    """
    defined = samples[~np.isnan(samples)]
    if len(samples) - len(defined) > MAX_UNDEFINED * len(samples) or not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def intervals(samples: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the ends of the percentile interval of each column, (draws, k) to two (k,)."""
    low, high = np.array([interval(column, level) for column in samples.T]).T
    return low, high


def estimate(value: float, samples: Floats, level: float = 0.95) -> Estimate:
    """Return a value with the percentile interval of its `samples`, shape (draws,).

    Both are None where the value or the interval is undefined: half an answer is none.
    """
    low, high = interval(samples, level)
    if np.isnan(value) or np.isnan(low):
        return UNDEFINED
    return {"value": float(value), "interval": (low, high)}


def weighted_mean(values: Floats, weights: Weights) -> Floats:
    """Return the mean of `values` (n,) or (n, k) for each row of `weights`, (d,) or (d, k).

    NaN where the weights of a draw sum to 0.
    """
    total = weights.sum(axis=1)
    return ratio(weights @ values, total if values.ndim == 1 else total[:, None])


def ratio(numerator: Weights, denominator: Weights) -> Floats:
    """Return numerator / denominator, NaN where the denominator is 0."""
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    undefined: Floats = np.full(shape, np.nan)
    return np.divide(numerator, denominator, out=undefined, where=denominator != 0)


def paired_difference(
    first: Floats,
    second: Floats,
    draws: int,
    random_state: Seed,
    groups: npt.ArrayLike | None = None,
) -> Estimate:
    """Return the mean of first - second with its interval.

    Both are one number a row (a loss, a gain) of the same rows, shape (n,). Rows are drawn
    together, so what makes a row hard for both cancels out.

    Raises:
        ValueError: the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"a paired difference needs the same rows: {first.shape}, {second.shape}")
    difference = first - second
    samples = bootstrap(
        lambda weights: weighted_mean(difference, weights),
        len(difference),
        draws,
        random_state,
        groups,
    )
    return estimate(float(difference.mean()), samples)


def wilson_interval(
    successes: npt.ArrayLike, trials: npt.ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Return the low and the high end of the score interval of a share (Wilson, 1927).

    It stays inside [0, 1] and is not empty at 0 or at all successes. NaN for 0 trials.
    """
    n = np.asarray(trials, dtype=np.float64)
    share = ratio(np.asarray(successes, dtype=np.float64), n)
    z = NormalDist().inv_cdf((1 + level) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    # At 0 and at all successes rounding may step over the share itself.
    low, high = np.minimum(centre - half, share), np.maximum(centre + half, share)
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def rank_correlation(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Return Spearman's correlation, ties at their mean rank; NaN where one is constant."""
    ranks = [pd.Series(np.asarray(column)).rank().to_numpy() for column in (first, second)]
    a, b = (rank - rank.mean() for rank in ranks)
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread else float("nan")
