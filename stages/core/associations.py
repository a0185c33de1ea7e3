"""How strongly columns go together, and how well one alone tells the classes apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.statistics import UNDEFINED, Estimate, Floats
from stages.core.variables import Variable

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[Any]  # whole numbers, as floats where they were summed as weights

# Fewer rows of a class, or of a pair, agree perfectly by chance too often to be told of.
MIN_ROWS = 10

# Bins of a quantity that is to tell several classes, or numbers, apart.
CELLS = 20


@dataclass(frozen=True)
class Separation:
    """How well one column alone ranks the target.

    Attributes:
        roc_auc: from 0.5 (not at all) to 1 (perfectly), whatever the direction.
        by: what ranks: the column's ``value``, its ``category``, or its being ``missing``.
    """

    roc_auc: float
    by: Literal["value", "category", "missing"]


def correlations(matrix: Floats) -> Floats:
    """Return Pearson's correlation of each pair of columns over the rows that know both.

    Args:
        matrix: shape (rows, columns), NaN where missing.

    Returns:
        Shape (columns, columns), symmetric; NaN where a column does not vary or fewer
        than `MIN_ROWS` rows know both.
    """
    known = ~np.isnan(matrix)
    count = np.maximum(known.sum(axis=0), 1)
    # Centred and scaled first: amounts of 1e9 and shares of 1e-9 keep their digits.
    peak = np.max(np.abs(np.where(known, matrix, 0.0)), axis=0, initial=0.0)
    scaled = np.where(known, matrix, 0.0) / np.where(peak > 0, peak, 1.0)
    centred = np.where(known, scaled - scaled.sum(axis=0) / count, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / count)
    varies = spread > 1e-12
    z = centred / np.where(varies, spread, 1.0)
    mask = known.astype(np.float64)
    both = mask.T @ mask
    n = np.maximum(both, 1.0)
    total = z.T @ mask
    covariance = z.T @ z - total * total.T / n
    variance = (z**2).T @ mask - total**2 / n
    product = variance * variance.T
    usable = (both >= MIN_ROWS) & (product > 1e-18) & varies & varies[:, None]
    result = np.divide(
        covariance, np.sqrt(np.maximum(product, 0)), where=usable, out=np.full_like(both, np.nan)
    )
    np.fill_diagonal(result, np.where(varies, 1.0, np.nan))
    return np.clip(result, -1.0, 1.0)


def spearman(matrix: Floats) -> Floats:
    """Return Spearman's rank correlation of each pair of columns.

    Each column is ranked once, among all of its own known values, and pairs are taken
    over the rows that know both. Without missing values that is Spearman's definition;
    with them it spares a new ranking for each pair.

    Args and returns: as `correlations`.
    """
    return correlations(pd.DataFrame(matrix).rank().to_numpy())


def spearman_estimate(first: Floats, second: Floats) -> Estimate:
    """Return Spearman's correlation of two columns with its interval.

    The interval is Fisher's, with the variance of Bonett and Wright (2000),
    doi 10.1007/BF02294183: (1 + r^2 / 2) / (n - 3).

    Args:
        first: shape (rows,), NaN where missing.
        second: the same.

    Returns:
        None where a column does not vary or fewer than `MIN_ROWS` rows know both.
    """
    both = ~np.isnan(first) & ~np.isnan(second)
    value = float(spearman(np.column_stack([first[both], second[both]]))[0, 1])
    if np.isnan(value):
        return UNDEFINED
    inside = min(max(value, -1 + 1e-12), 1 - 1e-12)
    reach = NormalDist().inv_cdf(0.975) * np.sqrt((1 + value**2 / 2) / (both.sum() - 3))
    low, high = np.tanh(np.arctanh(inside) + np.array([-reach, reach]))
    return {"value": value, "interval": (float(low), float(high))}


def roc_auc(scores: Floats, y: Ints) -> float | None:
    """Return the chance that a positive scores above a negative, ties counting half.

    Args:
        scores: shape (rows,), without NaN.
        y: shape (rows,), 0 or 1.

    Returns:
        From 0 to 1; None where a class has fewer than `MIN_ROWS` rows.
    """
    if min(np.sum(y), len(y) - np.sum(y)) < MIN_ROWS:
        return None
    _, place = np.unique(scores, return_inverse=True)
    positive = np.bincount(place, weights=y)
    return _roc_auc_of_counts(positive, np.bincount(place, weights=1 - y))


def _roc_auc_of_counts(positive: Counts, negative: Counts) -> float:
    """As `roc_auc`, of the counts of both classes at each score, from the lowest up."""
    below = np.cumsum(negative) - negative
    return float(positive @ (below + negative / 2) / (positive.sum() * negative.sum()))


def roc_auc_of_categories(codes: Ints, y: Ints, random_state: int) -> float | None:
    """Return how well the target rate of a row's category ranks the target.

    A rate that a row itself is part of knows that row, and with many categories all
    would look telling. So the rows of each class are dealt to two halves, each half is
    ranked by the rates of the other, and the two results are averaged by size.

    Args:
        codes: shape (rows,), the category of each row from 0 up.
        y: shape (rows,), 0 or 1.
        random_state: deals the halves.

    Returns:
        As `roc_auc`.
    """
    if min(np.sum(y), len(y) - np.sum(y)) < MIN_ROWS:
        return None
    order = np.random.default_rng(random_state).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    size = int(codes.max()) + 1
    halves = [
        (
            np.bincount(codes[part], minlength=size),
            np.bincount(codes[part], weights=y[part], minlength=size),
        )
        for part in (order[::2], order[1::2])
    ]
    total = 0.0
    for (rows, hits), (other_rows, other_hits) in (halves, halves[::-1]):
        overall = other_hits.sum() / other_rows.sum()
        # One row's worth of the overall rate: a category not seen there gets it.
        rate = (other_hits + overall) / (other_rows + 1)
        _, place = np.unique(rate, return_inverse=True)
        positive = np.bincount(place, weights=hits)
        negative = np.bincount(place, weights=rows - hits)
        total += _roc_auc_of_counts(positive, negative) * rows.sum() / len(y)
    return float(total)


def separation(variable: Variable, y: Ints, random_state: int) -> Separation:
    """Return how well `variable` alone tells the classes apart, in whatever way it does so best.

    Args:
        variable: of the same rows as `y`.
        y: shape (rows,), 0 or 1.
        random_state: for `roc_auc_of_categories`.
    """
    known = ~np.isnan(variable.values)
    if variable.ordered:
        own = roc_auc(variable.values[known], y[known])
        best = Separation(_direction_free(own), "value")
    else:
        codes = variable.values[known].astype(np.int64)
        own = roc_auc_of_categories(codes, y[known], random_state)
        best = Separation(max(own or 0.5, 0.5), "category")
    missing = Separation(_direction_free(roc_auc((~known).astype(float), y)), "missing")
    return missing if missing.roc_auc > best.roc_auc else best


def mean_separation(variable: Variable, answers: Sequence[Ints], random_state: int) -> Separation:
    """Return how well `variable` alone answers several yes-or-no questions, on average.

    Of one question it is `separation`. Of more, a quantity is taken by its values or by its
    quantile bins, whichever answers the better: a class in the middle has no direction.

    Args:
        variable: of the same rows as the answers.
        answers: each of shape (rows,), 0 or 1; one or more.
        random_state: for `roc_auc_of_categories`.
    """
    found = [separation(variable, y, random_state) for y in answers]
    if len(found) == 1:
        return found[0]
    whole = float(np.mean([each.roc_auc for each in found]))
    by = max((each.by for each in found), key=[each.by for each in found].count)
    if variable.ordered:
        codes = quantile_codes(variable, CELLS)
        binned = [roc_auc_of_categories(codes, y, random_state) or 0.5 for y in answers]
        whole = max(whole, float(np.mean(binned)))
    return Separation(max(whole, 0.5), by)


def _direction_free(value: float | None) -> float:
    return 0.5 if value is None else max(value, 1 - value)


def pair_separation(
    first: Variable, second: Variable, y: Ints, cells: int, random_state: int
) -> float:
    """Return the ROC AUC of two columns together: of a grid of `cells` x `cells` quantiles."""
    codes = quantile_codes(first, cells) * (cells + 1) + quantile_codes(second, cells)
    return max(roc_auc_of_categories(codes, y, random_state) or 0.5, 0.5)


def quantile_codes(variable: Variable, cells: int) -> Ints:
    """Return the quantile bin of each row, from 0 up; `cells` where the value is missing."""
    known = ~np.isnan(variable.values)
    codes = np.full(len(known), cells, dtype=np.int64)
    if known.any():
        edges = np.unique(np.quantile(variable.values[known], np.arange(1, cells) / cells))
        codes[known] = np.searchsorted(edges, variable.values[known], side="left")
    return codes


def telling_and_unlike(relevance: Sequence[float], correlation: Floats, count: int) -> list[int]:
    """Choose up to `count` columns that tell much of the target and are unlike one another.

    Greedy: the most telling first, then each time the largest relevance x
    (1 - the largest absolute correlation with those chosen), the earlier on a tie. After
    the minimum-redundancy-maximum-relevance criterion of Ding and Peng (2005),
    doi 10.1142/S0219720005001004.

    Args:
        relevance: how telling each column is, 0 to 1.
        correlation: shape (columns, columns); NaN counts as 0.
        count: how many at most.

    Returns:
        Positions of the columns, in the order of the choice.
    """
    telling = np.round(np.asarray(relevance, dtype=float), 9)
    likeness = np.round(np.abs(np.nan_to_num(correlation)), 9)
    chosen: list[int] = []
    while len(chosen) < min(count, len(telling)):
        redundancy = likeness[:, chosen].max(axis=1, initial=0.0)
        score = telling * (1 - redundancy)
        score[chosen] = -np.inf
        chosen.append(int(np.argmax(score)))
    return chosen


def cluster_order(correlation: Floats) -> list[int]:
    """Order columns so that those that go together stand together.

    Average linkage on 1 - |correlation|, with optimal leaf ordering (Bar-Joseph 2001).

    Args:
        correlation: shape (columns, columns); NaN counts as 0.
    """
    if len(correlation) < 3:
        return list(range(len(correlation)))
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    # Rounded: the last bits of a sum differ between processors and must not turn a branch.
    distance = np.round(1 - np.abs(np.nan_to_num(correlation)), 6)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="average", optimal_ordering=True)
    return [int(leaf) for leaf in leaves_list(tree)]
