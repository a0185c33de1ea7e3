"""The mean of parts of a table and how sure it is, where rows of one entity may repeat."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from stages.core.statistics import Floats, entity_codes, ratio


@dataclass(frozen=True, eq=False)
class PartMeans:
    """The means of k parts.

    Attributes:
        mean: shape (k,); NaN for a part without rows.
        pulls: by how much each row, or each entity, pulls each mean, (units, k).
        units: how many rows, or entities, each part has, (k,).
    """

    mean: Floats
    pulls: Floats
    units: Floats

    @property
    def variance(self) -> Floats:
        """The variance of each mean, (k,); NaN for fewer than two units.

        The deviations of one entity are summed first, so that it counts once: the
        cluster-robust variance of Liang and Zeger (Biometrika 73, 1986).
        """
        squares: Floats = (self.pulls**2).sum(axis=0)
        return squares * ratio(self.units, self.units - 1)

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Return the ends of the normal interval of each mean, both (k,)."""
        reach = NormalDist().inv_cdf((1 + level) / 2) * np.sqrt(self.variance)
        return self.mean - reach, self.mean + reach


def part_means(values: Floats, own: Floats, groups: npt.ArrayLike | None = None) -> PartMeans:
    """Return the means of `values` over parts.

    Args:
        values: shape (n,).
        own: how much each row counts in each part, 0 outside it, (n, k).
        groups: the entity of each row.
    """
    size = own.sum(axis=0)
    mean = ratio(values @ own, size)
    pulls = ratio(own * (values[:, None] - mean), np.broadcast_to(size, own.shape))
    weight = own
    if groups is not None:
        pulls, weight = entity_sums(pulls, groups), entity_sums(own, groups)
    return PartMeans(mean, pulls, (weight > 0).sum(axis=0).astype(np.float64))


def entity_sums(columns: Floats, groups: npt.ArrayLike) -> Floats:
    """Return the sums of `columns` (n, k) by entity, (entities, k), by first appearance."""
    codes = entity_codes(groups)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return np.asarray(np.add.reduceat(columns[order], starts, axis=0))
