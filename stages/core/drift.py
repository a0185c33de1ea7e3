"""Do two tables come from one source? Column by column, with a bound on the false alarms."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.schema import Schema
from stages.core.shifts import Shift, corrected, of_counts, of_values
from stages.core.variables import Variable, read_variables

# A difference is held to be real where chance would show one like it in any column once in
# a hundred pairs of tables.
ALPHA = 0.01


def drift(first: pd.DataFrame, second: pd.DataFrame, schema: Schema) -> list[Shift]:
    """Compare the columns of two tables, the largest difference first.

    The rows of each are taken for independent: give one row an entity where rows of one
    belong together.

    Args:
        first: rows of one table.
        second: rows of another, with the same columns.
        schema: what the columns are; identifiers are left out.
    """
    both = read_variables(pd.concat([first, second]), schema, "", None)
    found = [shift for variable in both for shift in _compare(variable, len(first))]
    return sorted(corrected(found), key=lambda shift: (-shift.effect, shift.column))


def drifted(shift: Shift) -> bool:
    """Tell whether a shift is more than chance, and large enough to matter."""
    return shift.flagged and shift.p_adjusted < ALPHA


def _compare(variable: Variable, cut: int) -> list[Shift]:
    sides = variable.values[:cut], variable.values[cut:]
    missing = [np.isnan(side) for side in sides]
    known = (sides[0][~missing[0]], sides[1][~missing[1]])
    values, places = np.unique(variable.known, return_inverse=True)
    first, second = np.split(places, [len(known[0])])
    counts = (_counted(first, len(values)), _counted(second, len(values)))
    test = of_values(variable.name, known, counts)
    if not variable.ordered:
        test = of_counts(variable.name, counts)
    there = None
    if missing[0].any() or missing[1].any():
        absent = (_counted(missing[0] * 1, 2), _counted(missing[1] * 1, 2))
        there = of_counts(variable.name, absent, of_missing=True)
    return [shift for shift in (test, there) if shift is not None]


def _counted(codes: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    return np.bincount(codes, minlength=size).astype(np.int64)


def one_a_group(frame: pd.DataFrame, groups: npt.NDArray[Any] | None) -> pd.DataFrame:
    """Return the first row of each entity; all rows where entities do not repeat."""
    if groups is None:
        return frame
    return frame.loc[~pd.Series(groups, index=frame.index).duplicated()]
