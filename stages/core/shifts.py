"""Are two distributions apart, and far enough to matter? One answer a column.

A large table finds every difference significant and a small one finds none, so a column is
flagged only where both hold: p < `ALPHA` after correction for the number of tests, and an
effect that is at least small by Cohen's convention.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2_contingency, kstwo, norm

from stages.core.many_tests import ALPHA, holm
from stages.core.statistics import Floats

Ints = npt.NDArray[np.int64]

# Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, 2nd ed.: a "small"
# effect is d = 0.2 between means (p. 25) and w = 0.1 in a table of counts (p. 224), which
# is Cramér's V where one side is two.
SMALL_D = 0.2
SMALL_V = 0.1
# The distance of two normal distributions that lie d = 0.2 apart: 0.080.
SMALL_KS = float(2 * norm.cdf(SMALL_D / 2) - 1)
# A tenth of the rows in other categories: V of two tables of equal size at even odds.
SMALL_TV = 0.1
# Cochran (1954), Biometrics 10, p. 420: the chi-squared approximation needs expected counts
# of about 5; rarer categories are counted together.
MIN_EXPECTED = 5


@dataclass(frozen=True)
class Shift:
    """How far the distributions of a column, or of its being missing, are apart.

    Attributes:
        column: its name.
        of: ``values``, or ``missing``: whether a value is there.
        test: ``ks`` (ordered values) or ``chi2`` (categories).
        effect: Kolmogorov-Smirnov's distance, or the total variation; 0 to 1.
        second: the standardised mean difference, or Cramér's V; None where undefined.
        p_value: of the test, as it stands.
        p_adjusted: corrected for the number of tests (Holm).
        flagged: both significant and large enough to matter.
    """

    column: str
    of: Literal["values", "missing"]
    test: Literal["ks", "chi2"]
    effect: float
    second: float | None
    p_value: float
    p_adjusted: float
    flagged: bool


def of_values(
    column: str, values: tuple[Floats, Floats], counts: tuple[Ints, Ints]
) -> Shift | None:
    """Compare ordered values: Kolmogorov-Smirnov, and the standardised mean difference.

    Args:
        column: its name.
        values: the known values of base and of head.
        counts: how often each different value stands in base and in head, in order.

    Returns:
        The shift, its p-value not yet corrected; None where a table has no value.
    """
    if not (len(values[0]) and len(values[1])):
        return None
    share = [np.cumsum(side) / side.sum() for side in counts]
    distance = float(np.max(np.abs(share[0] - share[1]), initial=0.0))
    n, m = (int(side.sum()) for side in counts)
    # as scipy.stats.ks_2samp(method="asymp"); with ties it errs on the side of silence
    p_value = float(kstwo.sf(distance, max(round(n * m / (n + m)), 1)))
    return Shift(
        column, "values", "ks", distance, _mean_difference(*values), min(p_value, 1.0), 1.0, False
    )


def _mean_difference(base: Floats, head: Floats) -> float | None:
    """Return the difference of means in pooled standard deviations (Cohen's d)."""
    with np.errstate(over="ignore", invalid="ignore"):
        spread = sqrt((float(np.var(base)) + float(np.var(head))) / 2)
        difference = float(np.mean(head) - np.mean(base))
    if spread == 0 or not np.isfinite([spread, difference]).all():
        return None
    return difference / spread


def of_counts(column: str, counts: tuple[Ints, Ints], of_missing: bool = False) -> Shift | None:
    """Compare categories: total variation, Cramér's V and the chi-squared test.

    Args:
        column: its name.
        counts: rows of each category in base and in head, in the same order.
        of_missing: whether the categories are "missing" and "there".

    Returns:
        As `of_values`.
    """
    table = np.array(counts, dtype=np.float64)
    total = table.sum(axis=1)
    if not total.all():
        return None
    share = table / total[:, None]
    variation = float(np.abs(share[0] - share[1]).sum() / 2)
    p_value, v = 1.0, None
    pooled = _pooled(table)
    if pooled.shape[1] > 1:
        # Pearson's, without Yates' correction
        statistic, p_value, *_ = chi2_contingency(pooled, correction=False)
        v = sqrt(float(statistic) / pooled.sum())
    of: Literal["missing", "values"] = "missing" if of_missing else "values"
    return Shift(column, of, "chi2", variation, v, float(p_value), 1.0, False)


def _pooled(table: Floats) -> Floats:
    """Count together the categories whose expected count is below `MIN_EXPECTED`."""
    expected = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    rare = expected < MIN_EXPECTED
    kept, rest = table[:, ~rare], table[:, rare].sum(axis=1, keepdims=True)
    if expected[rare].sum() >= MIN_EXPECTED:
        return np.hstack([kept, rest])
    if rest.any() and kept.shape[1]:
        # too few even together: they go to the rarest that is kept
        kept[:, [np.argmin(kept.sum(axis=0))]] += rest
    return kept


def corrected(shifts: Sequence[Shift]) -> tuple[Shift, ...]:
    """Return `shifts` with p-values corrected by Holm, and flagged where they matter.

    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian
    Journal of Statistics 6: whatever hangs together with what, the chance of one false
    alarm or more among all of them stays below `ALPHA`.
    """
    adjusted = holm([shift.p_value for shift in shifts])
    return tuple(
        replace(shift, p_adjusted=float(p), flagged=bool(p < ALPHA) and _matters(shift))
        for shift, p in zip(shifts, adjusted, strict=True)
    )


def _matters(shift: Shift) -> bool:
    first, second = (SMALL_KS, SMALL_D) if shift.test == "ks" else (SMALL_TV, SMALL_V)
    return shift.effect >= first or abs(shift.second or 0.0) >= second
