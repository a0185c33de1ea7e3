"""What predictions leave unexplained: how much of it each column would still explain."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.many_tests import ALPHA
from stages.core.part_means import entity_sums, part_means
from stages.core.parts import parts
from stages.core.statistics import Floats, Seed, chunks, ratio
from stages.core.variables import Variable

BINS = 10
# Of a column with more categories, the rarer ones are one bin together.
MAX_BINS = 20
# The mean of fewer outcomes of 0 or 1 is too skewed for signs turned at random to show it.
MIN_ROWS = 30
REST = "others"

# Cells of rows and bins that are held at once.
BLOCK_CELLS = 20_000_000

# The bins of a column: the label, the centre and the rows of each.
Cut = list[tuple[str, float, npt.NDArray[np.bool_]]]

STRUCTURE = ("column", "title", "explained", "p_adjusted", "flagged")
MEANS = ("column", "bin", "centre", "rows", "mean", "low", "high")


def residual_structure(
    residuals: Floats,
    variables: Sequence[Variable],
    draws: int,
    random_state: Seed,
    groups: npt.ArrayLike | None = None,
    sample_weight: Floats | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return how much of the residuals each column still explains, and their means by bin.

    What a column explains is the share of the variance of the residuals that lies between
    its bins (eta squared), less what chance alone puts there. Chance is seen by turning the
    signs of residuals at random (the wild bootstrap: Wu, Annals of Statistics 14, 1986,
    with the signs of Davidson and Flachaire, Journal of Econometrics 146, 2008), those of
    an entity together: unlike shuffling, it leaves each row its own spread, and the spread
    of an outcome of 0 or 1 differs from row to row. The p-value holds for all columns at
    once: the share of draws in which any column stands out as far (Westfall and Young,
    Resampling-Based Multiple Testing, 1993).

    Args:
        residuals: how much too high each prediction is
            (`stages.core.slices.prediction_gaps`), shape (n,). Their mean over all rows
            belongs to no column and is taken off before the shares are computed.
        variables: the columns of the same rows.
        draws: how often signs are turned.
        random_state: the seed.
        groups: the entity of each row, where rows of one repeat.
        sample_weight: how much each row counts, shape (n,).

    Returns:
        A row a column, that which explains most first: column, title, explained (below 0:
        less than chance does), p_adjusted, flagged (p_adjusted < `ALPHA`). And a row a
        bin, in the same order: column, bin, centre (the median of its values, NaN for a
        category), rows, the mean residual, and low and high of its 95 % interval (normal,
        by entity).
    """
    if not variables:
        return pd.DataFrame(columns=STRUCTURE), pd.DataFrame(columns=MEANS)
    cuts = [bins_of(variable) for variable in variables]
    weight = np.ones(len(residuals)) if sample_weight is None else sample_weight
    blocks = [
        _block(residuals, some, weight, draws, random_state, groups)
        for some in _together(cuts, len(residuals))
    ]
    once, chance, mean, low, high, rows = (
        np.concatenate(parts, axis=-1) for parts in zip(*blocks, strict=True)
    )
    starts = np.cumsum([0, *(len(cut) for cut in cuts)])
    shares, p_values = _beyond_chance(once, chance, residuals, weight)
    # Rounded: the last bits, which differ between processors, order nothing.
    order = np.argsort(-np.round(shares, 9), kind="stable")
    structure = [
        (v.name, v.column.title, float(shares[i]), float(p_values[i]), bool(p_values[i] < ALPHA))
        for i, v in ((i, variables[i]) for i in order)
    ]
    means = [
        (variables[i].name, label, centre, int(rows[j]), mean[j], low[j], high[j])
        for i in order
        for j, (label, centre, _) in enumerate(cuts[i], start=starts[i])
    ]
    return pd.DataFrame(structure, columns=STRUCTURE), pd.DataFrame(means, columns=MEANS)


def bins_of(variable: Variable) -> Cut:
    """Cut one column into bins: the label, the centre and the rows of each.

    Each of few values is a bin, of many values each tenth, and missing ones are one. Of
    more than `MAX_BINS` categories, and of those with fewer than `MIN_ROWS` rows, all that
    are rarer are one bin together.
    """
    cut = [(part.value, part.mask, part.among is None) for part in parts(variable, BINS)]
    rows = np.array([mask.sum() for _, mask, _ in cut])
    common = set(np.argsort(-rows, kind="stable")[:MAX_BINS].tolist())
    found, rest = [], np.ones(len(variable.values), dtype=bool)
    for place, (label, mask, of_range) in enumerate(cut):
        if place in common and rows[place] >= MIN_ROWS:
            as_number = of_range or (variable.ordered and not variable.levels)
            known = variable.values[mask & ~np.isnan(variable.values)]
            centre = float(np.median(known)) if as_number and len(known) else np.nan
            found.append((label, centre, mask))
            rest &= ~mask
    return [*found, (REST, np.nan, rest)] if rest.any() else found


def _together(cuts: Sequence[Cut], n: int) -> Iterator[list[Cut]]:
    """Yield the cuts in runs of which all bins fit into `BLOCK_CELLS`."""
    held: list[Cut] = []
    for cut in cuts:
        if held and n * sum(map(len, [*held, cut])) > BLOCK_CELLS:
            yield held
            held = []
        held.append(cut)
    yield held


def _block(
    residuals: Floats,
    cuts: Sequence[Cut],
    weight: Floats,
    draws: int,
    random_state: Seed,
    groups: Any,
) -> tuple[Floats, ...]:
    """Measure some columns.

    Returns:
        The squares between the bins of each column, (columns,), and those by chance, (draws,
        columns); the mean of each bin with its low and high end, and its rows, each (bins,).
    """
    inside = np.column_stack([mask for cut in cuts for _, _, mask in cut]).astype(np.float64)
    own = inside * weight[:, None]
    starts = np.cumsum([0, *(len(cut) for cut in cuts)])
    off = residuals - np.average(residuals, weights=weight)
    size = own.sum(axis=0)
    pulls = np.column_stack([own, weight]) * off[:, None]
    if groups is not None:
        pulls = entity_sums(pulls, groups)

    def between(sums: Floats) -> Floats:
        apart = sums[:, :-1] - size * sums[:, -1:] / weight.sum()
        squares = ratio(apart**2, np.broadcast_to(size, apart.shape))
        return np.asarray(np.add.reduceat(squares, starts[:-1], axis=1))

    # The same signs for every block: all columns are held against one chance.
    rng = np.random.default_rng(random_state)
    units = len(pulls)
    chance = np.concatenate(
        [
            between((2.0 * rng.integers(0, 2, size=(count, units)) - 1) @ pulls)
            for count in chunks(draws, units)
        ]
    )
    once = between(pulls.sum(axis=0)[None])[0]
    del pulls
    found = part_means(residuals, own, groups)
    return once, chance, found.mean, *found.interval(), inside.sum(axis=0)


def _beyond_chance(
    once: Floats, chance: Floats, residuals: Floats, weight: Floats
) -> tuple[Floats, Floats]:
    """Return the share that each column explains beyond chance, and its p-value."""
    off = residuals - np.average(residuals, weights=weight)
    total = float(weight @ off**2)
    mean, spread = chance.mean(axis=0), chance.std(axis=0)
    # A column in one bin explains nothing, and has no spread but that of the last bits.
    spread = np.where(spread > 1e-9 * total, spread, np.inf)
    furthest = ((chance - mean) / spread).max(axis=1)
    as_far = furthest[:, None] >= (once - mean) / spread
    p_values = (1 + as_far.sum(axis=0)) / (1 + len(chance))
    return np.asarray((once - mean) / total if total > 0 else 0 * mean), p_values
