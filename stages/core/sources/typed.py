"""A source as it was read, turned into the types that schema.yaml declares."""

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from stages.core.cells.reading import read_cells, shown
from stages.core.cells.text import Cells, Spelling
from stages.core.errors import LoopwrightError
from stages.core.schema import Schema
from stages.core.sources.header import quoted
from stages.core.sources.raw import Raw

_LISTED = 5
# Words that stand for a missing value in so many files that they are worth a hint.
_MARKERS = {"", "-", "?", ".", "na", "n/a", "#n/a", "nan", "null", "none", "nat", "missing"}
_BASES = (datetime.datetime, datetime.date, bool, int, float)


def typed(raw: Raw, schema: Schema, missing_values: tuple[str, ...]) -> pd.DataFrame:
    """Read the columns of a source by their declared types.

    Args:
        raw: the source.
        schema: what its columns are.
        missing_values: the texts that mean missing.

    Returns:
        The columns in the order of `schema`, with its dtypes; an index from 0.

    Raises:
        LoopwrightError: a value is not what its column declares. The message gives the
            place, the column, what was found and what was expected, of the first few.
    """
    spelling = Spelling(missing_values, raw.decimal)
    cells = {
        name: read_cells(raw.columns[name], column, spelling)
        for name, column in schema.columns.items()
        if name in raw.columns
    }
    if any(column.refused.any() for column in cells.values()):
        raise _refusal(raw, cells, spelling)
    return pd.DataFrame({name: column.values for name, column in cells.items()})


def _refusal(raw: Raw, cells: Mapping[str, Cells], spelling: Spelling) -> LoopwrightError:
    """Return the error that lists the first refused cells by their place."""
    total = {name: int(column.refused.sum()) for name, column in cells.items()}
    found = sorted(
        (int(row), position)
        for position, column in enumerate(cells.values())
        for row in np.flatnonzero(column.refused)[:_LISTED]
    )[:_LISTED]
    names = list(cells)
    places = raw.places([row for row, _ in found])
    faults = []
    for place, (row, position) in zip(places, found, strict=True):
        name = names[position]
        value = shown(raw.columns[name], row)
        faults.append(
            f"{place}: column '{name}': found {_found(value)}; {cells[name].expected} was "
            f"expected{_hint(value, spelling)}"
        )
    count = sum(total.values())
    if count > len(faults):
        listed = ", ".join(f"{name}: {number:,}" for name, number in total.items() if number)
        faults.append(f"and {count - len(faults):,} more ({listed})")
    noun = "value is" if count == 1 else "values are"
    return LoopwrightError(
        "\n  ".join(
            [
                f"{raw.name}: {count:,} {noun} not what schema.yaml declares",
                *faults,
                "correct the source, or the dtype in schema.yaml",
            ]
        )
    )


def _found(value: Any) -> str:
    if value is None:
        return "nothing"
    if type(value) is str:
        return quoted(value)
    base = next((of.__name__ for of in _BASES if isinstance(value, of)), "")
    text = str(value) if base.startswith("date") else repr(value)
    return (text if len(text) <= 80 else f"{text[:77]}...") + (f" ({base})" if base else "")


def _hint(value: Any, spelling: Spelling) -> str:
    """Return what may help with a text of this look."""
    if type(value) is not str or value in spelling.missing_values:
        return ""
    bare = value.strip()
    if bare.lower() in _MARKERS:
        return " (if it means missing: missing_values of the source, and nullable: true)"
    if bare != value:
        return " (spaces stand around it: `strip: true` of a CSV format leaves them out)"
    other = "," if spelling.decimal == "." else "."
    if bare.count(other) == 1 and bare.lstrip("+-").replace(other, "", 1).isdigit():
        return f" (is the decimal sign '{other}'? It is declared as '{spelling.decimal}')"
    return ""
