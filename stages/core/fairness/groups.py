"""Who belongs to which group: codes by value, years by bands, other numbers by quarters."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.errors import LoopwrightError
from stages.core.figures import amounts
from stages.core.schema import Column

MISSING = "missing"


@dataclass(frozen=True)
class Grouping:
    """Rows by group.

    Attributes:
        name: the feature, or both of a pair.
        labels: the groups, in order, (k,).
        codes: the group of each row, 0 to k - 1, (n,).
    """

    name: str
    labels: tuple[str, ...]
    codes: npt.NDArray[np.intp]

    @property
    def sizes(self) -> npt.NDArray[np.intp]:
        """The number of rows of each group, (k,)."""
        return np.bincount(self.codes, minlength=len(self.labels))


def group(
    column: "pd.Series[Any]", spec: Column, known: "pd.Series[Any]", age_bands: Sequence[float]
) -> Grouping:
    """Group rows by a sensitive feature.

    Args:
        column: the feature, (n,).
        spec: what the schema says of it.
        known: the same column of the rows whose quarters cut a number that is no years.
        age_bands: lower ends of the bands of years, then the end of the last.

    Raises:
        LoopwrightError: a number of years lies outside of `age_bands`.
    """
    if spec.kind == "numeric":
        labels, codes = _banded(column, known, age_bands if spec.unit == "years" else None)
    else:
        values = sorted(column.dropna().unique())
        labels = [spec.label(value) for value in values]
        codes = pd.Categorical(column, categories=values).codes.astype(np.intp)
    if (codes < 0).any():
        labels = [*labels, MISSING]
        codes = np.where(codes < 0, len(labels) - 1, codes)
    return Grouping(str(column.name), tuple(labels), codes)


def _banded(
    column: "pd.Series[Any]", known: "pd.Series[Any]", bands: Sequence[float] | None
) -> tuple[list[str], npt.NDArray[np.intp]]:
    """Cut a number at `bands`, or at the quartiles of `known`; -1 where it is missing."""
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if bands is None:
        edges = np.unique(known.quantile([0.25, 0.5, 0.75]).dropna())
        shown = amounts([float(edge) for edge in edges])
        between = (f"{low} to {high}" for low, high in pairwise(shown))
        labels = [f"below {shown[0]}", *between, f"{shown[-1]} and above"]
        codes = np.searchsorted(edges, numbers, side="right")
    else:
        edges = np.array(bands)
        outside = numbers[(numbers < edges[0]) | (numbers >= edges[-1])]
        if len(outside):
            raise LoopwrightError(
                f"audit.fairness.age_bands: {column.name} = {outside[0]:g} lies outside of "
                f"{edges[0]:g} to {edges[-1]:g}; widen the first or the last band"
            )
        labels = [f"{a:g} to {b - 1:g}" for a, b in pairwise(edges)]
        codes = np.searchsorted(edges, numbers, side="right") - 1
    # Bands that nobody is in are no groups.
    codes = np.where(np.isnan(numbers), -1, codes)
    kept = [place for place in range(len(labels)) if (codes == place).any()]
    place_of = np.full(len(labels) + 1, -1)
    place_of[kept] = np.arange(len(kept))
    return [labels[place] for place in kept], place_of[codes]


def crossed(first: Grouping, second: Grouping) -> Grouping:
    """Return the groups that two groupings make together; empty ones are left out."""
    both = first.codes * len(second.labels) + second.codes
    found, codes = np.unique(both, return_inverse=True)
    labels = [
        f"{first.labels[cell // len(second.labels)]}, {second.labels[cell % len(second.labels)]}"
        for cell in found
    ]
    return Grouping(f"{first.name} x {second.name}", tuple(labels), codes.astype(np.intp))
