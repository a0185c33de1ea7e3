"""A part of the table said in words: ``PAY_0 > 1 and LIMIT_BAL <= 50000``."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.schema import Schema
from stages.core.statistics import Floats
from stages.core.targets import class_label
from stages.core.variables import Variable, read_variables

Mask = npt.NDArray[np.bool_]

# A smaller part says little about itself.
MIN_ROWS = 100
# A number with no more values than this is cut by value: each of them means something.
FEW_VALUES = 12
# So many labels are listed; of more, those that are left out where they are fewer.
LISTED = 6


@dataclass(frozen=True, eq=False)
class Condition:
    """What a row must hold in one column.

    Attributes:
        variable: the column.
        above: a known value is greater than this.
        up_to: a known value is this or less.
        among: a known value is one of these; None where any is.
        missing: whether a row without a value belongs as well.
    """

    variable: Variable
    above: float = -inf
    up_to: float = inf
    among: tuple[float, ...] | None = None
    missing: bool = False

    @property
    def mask(self) -> Mask:
        """Which rows hold it, shape (rows,)."""
        values = self.variable.values
        inside = (values > self.above) & (values <= self.up_to)
        if self.among is not None:
            inside &= np.isin(values, self.among)
        return inside | (np.isnan(values) & self.missing)

    def meet(self, other: "Condition") -> "Condition":
        """Return the condition that both hold; they are of the same column."""
        among = self.among if other.among is None else other.among
        if self.among is not None and other.among is not None:
            among = tuple(value for value in self.among if value in other.among)
        return replace(
            self,
            above=max(self.above, other.above),
            up_to=min(self.up_to, other.up_to),
            among=among,
            missing=self.missing and other.missing,
        )

    @property
    def value(self) -> str:
        """What the column holds, without its name: ``university``, ``20 to 35``, ``missing``."""
        if self.among is not None:
            found = ", ".join(self._labels(self.among))
        else:
            low, high = self._ends
            both = f"{low} to {high}" if low and high else ""
            found = both or (f"up to {high}" if high else f"above {low}" if low else "")
        return _joined(found, self.missing)

    @property
    def words(self) -> str:
        """The condition as it stands in a definition: ``EDUCATION = university``."""
        name = self.variable.name
        if self.among is not None:
            return _joined(self._listed(self.among), self.missing, name)
        low, high = self._ends
        if low and high:
            return _joined(f"{low} < {name} <= {high}", self.missing, name)
        if not (low or high):
            return f"{name} is known"
        found = f"{name} <= {high}" if high else f"{name} > {low}"
        return _joined(found, self.missing, name)

    @property
    def _ends(self) -> tuple[str, str]:
        """The ends as text; ``""`` for one that is open."""
        ends = (self.above, self.up_to)
        low, high = ("" if abs(end) == inf else self._spelt(end) for end in ends)
        return low, high

    def _spelt(self, value: float) -> str:
        if self.variable.column.kind == "datetime":
            moment = pd.Timestamp(0) + pd.Timedelta(days=value)
            return str(moment.date() if moment == moment.normalize() else moment.round("s"))
        return f"{value:.12g}"

    def _labels(self, values: Iterable[float]) -> list[str]:
        variable = self.variable
        if variable.levels:
            return [variable.levels[int(value)] for value in values]
        return [variable.column.label(class_label(value)) for value in values]

    def _listed(self, values: tuple[float, ...]) -> str:
        name = self.variable.name
        if not values:
            return ""
        if len(values) == self.variable.distinct > 1:
            return f"{name} is known"
        others = tuple(v for v in np.unique(self.variable.known) if v not in values)
        outside = len(values) > LISTED and len(others) < len(values)
        labels = self._labels(others if outside else values)
        if len(labels) == 1:
            return f"{name} {'!=' if outside else '='} {labels[0]}"
        more = f", {len(labels) - LISTED:,} more" if len(labels) > LISTED else ""
        shown = ", ".join(labels[:LISTED]) + more
        return f"{name} {'not in' if outside else 'in'} ({shown})"


def _joined(known: str, missing: bool, name: str = "") -> str:
    """Return what is said of known values, and of missing ones where they belong."""
    if not missing:
        return known
    if not known:
        return f"{name} is missing" if name else "missing"
    return f"({known} or missing)" if name else f"{known} or missing"


def definition(conditions: Iterable[Condition]) -> str:
    """Return the words of all conditions together; a column stands once."""
    by_column: dict[str, Condition] = {}
    for each in conditions:
        name = each.variable.name
        by_column[name] = by_column[name].meet(each) if name in by_column else each
    return " and ".join(each.words for each in by_column.values())


def parts(variable: Variable, count: int = 4) -> list[Condition]:
    """Return the parts into which one column cuts the table: they hold every row once.

    Each category and each of few values is a part; more values are cut into `count` parts
    of equal size. Rows without a value are a part of their own.
    """
    values, rows = np.unique(variable.known, return_counts=True)
    few = len(values) <= (0 if variable.column.kind == "datetime" else FEW_VALUES)
    by_value = few or bool(variable.levels)
    if by_value:
        found = [Condition(variable, among=(float(value),)) for value in values]
    else:
        edges = _edges(values, rows, count)
        ends = [-inf, *edges, inf]
        found = [Condition(variable, above=low, up_to=high) for low, high in pairwise(ends)]
    if np.isnan(variable.values).any():
        found.append(Condition(variable, among=(), missing=True))
    return found


def _edges(values: Floats, rows: npt.NDArray[np.intp], count: int) -> list[float]:
    """Return the numbers that cut sorted `values` into up to `count` parts of equal size.

    Where a value repeats much, parts beside it would be small: they join their neighbour.
    """
    until = np.cumsum(rows)
    ideal = until[-1] / count
    places = np.unique(np.searchsorted(until, ideal * np.arange(1, count), side="left")) + 1
    edges, last = [], 0
    for place in places[places < len(values)]:
        if min(until[place - 1] - last, until[-1] - until[place - 1]) >= ideal / 2:
            edges.append(between(float(values[place - 1]), float(values[place])))
            last = int(until[place - 1])
    return edges


def between(low: float, high: float) -> float:
    """Return the shortest number from `low` up to below `high`: one that is easily said."""
    if low.is_integer():
        return low
    for digits in range(1, 17):
        found = float(f"{(low + high) / 2:.{digits}g}")
        if low <= found < high:
            return found
    return low


def parts_of(column: "pd.Series[Any]", schema: Schema, name: str) -> list[tuple[str, Mask]]:
    """Return the label and the rows of each part into which the column `name` cuts the table."""
    return [
        (part.value, part.mask)
        for variable in read_variables(pd.DataFrame({name: column}), schema, "", None)
        for part in parts(variable)
    ]
