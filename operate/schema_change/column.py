"""One column held against its line in schema.yaml, and the line that would fit.

A proposal loosens no more than the values ask for, and it shows no value that may be one
person's: of numbers rounded bounds, of texts those that stand in several rows.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from operate.inference import infer_column, texts_of
from stages.core.cells.reading import Pieces, read_cells
from stages.core.cells.text import Cells, Spelling
from stages.core.checks import find_failures
from stages.core.personal_data import personal_data
from stages.core.schema import Checks, Column, Schema

# A text in fewer rows than this may be one person's, or a misprint: it is neither shown nor
# proposed. The same number as `audit.privacy_security.min_k` of the default project.
SHOWN_FROM = 5
MOST_SHOWN = 5
# Below this share of the rows, texts among numbers are misprints and make no text of a number.
MISPRINTS = 0.05
# A numeric bound is proposed with so many digits, rounded outwards.
DIGITS = 2


@dataclass(frozen=True)
class Fault:
    """A check that a column fails.

    Attributes:
        check: pandera's name of it.
        rows: how many rows fail.
        seen: what was found there, without personal data; empty where nothing can be shown.
        left: what no line of schema.yaml can make right, for a person to do.
    """

    check: str
    rows: int
    seen: str = ""
    left: str = ""

    def __str__(self) -> str:
        """Return it on one line."""
        noun = "row fails" if self.rows == 1 else "rows fail"
        parts = [f"{self.rows:,} {noun} {self.check}", self.seen, self.left]
        return "; ".join(part for part in parts if part)


def propose(
    name: str, column: Column, pieces: Pieces, rows: int, spelling: Spelling
) -> tuple[Column, tuple[Fault, ...]]:
    """Return the line that the values of a column ask for, and why; the same line for none.

    Faults whose policy is ``warn`` are known and kept: they change nothing.

    Args:
        name: of the column.
        column: its line in schema.yaml.
        pieces: its values, as they were read.
        rows: how many there are.
        spelling: what texts mean.
    """
    faults: list[Fault] = []
    cells = read_cells(pieces, column, spelling)
    if cells.refused.any():
        column, cells, fault = _another_type(name, column, cells, pieces, rows, spelling)
        faults.append(fault)
        if cells.refused.any():
            return column, tuple(faults)
    frame = pd.DataFrame({name: cells.values})
    failures = find_failures(frame, Schema(columns={name: column}))
    failures = failures[failures["policy"] != "warn"]
    for check, cases in failures.groupby("check", sort=False):
        column, fault = _loosened(column, str(check), cases["value"])
        faults.append(fault)
    return column, tuple(faults)


def guessed_line(name: str, pieces: Pieces, rows: int, spelling: Spelling) -> tuple[Column, str]:
    """Return the line that a column of that name seems to ask for, and what that rests on."""
    guess = infer_column(name, pieces, spelling.missing_values, rows, spelling.decimal)
    line, told = guess.column, [guess.why]
    if line.kind in ("numeric", "datetime"):  # the doubts of others quote values
        told += guess.doubts
    if line.dtype == "str" and line.checks is not None:
        counts = texts_of(pieces, spelling.missing_values, rows).counts
        if not all(_may_be_shown(text, count) for text, count in counts.items()):
            line = changed(line, checks=None)
            told.append("some are rare or may name a person: none is listed")
    return line, "; ".join(told)


def _another_type(
    name: str, column: Column, cells: Cells, pieces: Pieces, rows: int, spelling: Spelling
) -> tuple[Column, Cells, Fault]:
    """Return the line with a type that reads all values: the declared or missing, else a guess."""
    count, check = int(cells.refused.sum()), f"dtype {column.dtype}"
    if column.dtype == "int64":
        or_missing = changed(column, dtype="Int64", nullable=True)
        read = read_cells(pieces, or_missing, spelling)
        if not read.refused.any():
            return or_missing, read, Fault("not_nullable", count, "the value is missing")
    if column.dtype == "category" or column.kind == "identifier":
        left = "its values are yours to say: correct the source, or the line by hand"
        return column, cells, Fault(check, count, left=left)
    likely, why = guessed_line(name, pieces, rows, spelling)
    still_numbers = likely.kind == "numeric"
    if not still_numbers and count < MISPRINTS * rows:
        left = f"{count:,} of {rows:,} rows are misprints rather than another type, or mean "
        left += "missing: correct the source, or its missing_values"
        return column, cells, Fault(check, count, left=left)
    guessed = changed(
        likely,
        title=column.title,
        unit=column.unit if still_numbers else None,
        nullable=column.nullable or likely.nullable,
        dtype="Int64" if column.nullable and likely.dtype == "int64" else likely.dtype,
        kind=column.kind if still_numbers else likely.kind,
        checks=column.checks if still_numbers else likely.checks,
    )
    read = read_cells(pieces, guessed, spelling)
    if read.refused.any():
        left = "no type reads them all: correct the source"
        return column, cells, Fault(check, count, left=left)
    return guessed, read, Fault(check, count, why)


def _loosened(column: Column, check: str, values: "pd.Series[Any]") -> tuple[Column, Fault]:
    """Return the line that `values` pass, with the fault that they are."""
    count, checks = len(values), column.checks
    if check == "not_nullable":
        return changed(column, nullable=True), Fault(check, count, "the value is missing")
    if check == "field_uniqueness":
        return changed(column, unique=False), Fault(check, count)
    if checks is not None and check.startswith("in_range(") and checks.in_range is not None:
        low, high = checks.in_range
        found = np.asarray(values, dtype=np.float64)
        least, most = outwards(found.min(), ROUND_FLOOR), outwards(found.max(), ROUND_CEILING)
        bounds = (min(low, least), max(high, most))
        wider = changed(checks, in_range=bounds)
        told = _beyond(bounds, (low, high))
        return changed(column, checks=wider), Fault(f"in_range [{low:g}, {high:g}]", count, told)
    if checks is not None and check.startswith("in_range(") and checks.between is not None:
        first, last = (pd.Timestamp(moment) for moment in checks.moments())
        moments = [pd.Timestamp(value) for value in values]
        earliest, latest = min(moments), max(moments)
        between = (
            checks.between[0] if first <= earliest else f"{earliest.year}-01-01",
            checks.between[1] if last >= latest else f"{latest.year + 1}-01-01",
        )
        wider = changed(checks, between=between)
        told = f"from {earliest.year} to {latest.year}"
        return changed(column, checks=wider), Fault("between", count, told)
    if checks is not None and check.startswith("isin(") and checks.isin is not None:
        new, hidden = _showable(values)
        left = f"{hidden:,} rows hold rare texts, not shown: correct the source" if hidden else ""
        told = f"new: {_listed(new)}" if new else ""
        more = changed(checks, isin=(*checks.isin, *new))
        return changed(column, checks=more), Fault("isin", count, told, left)
    return column, Fault(check, count, left="correct the source, or the check by hand")


def _beyond(new: Sequence[float], old: Sequence[float]) -> str:
    below = f"down to about {new[0]:,.10g}" if new[0] < old[0] else ""
    above = f"up to about {new[1]:,.10g}" if new[1] > old[1] else ""
    return " and ".join(part for part in (below, above) if part)


def _showable(values: "pd.Series[Any]") -> tuple[list[Any], int]:
    """Return the values that may be shown, in order, and how many rows hold others."""
    counts = Counter(_plain(value) for value in values)
    new = [value for value, rows in counts.items() if _may_be_shown(value, rows)]
    hidden = len(values) - sum(counts[value] for value in new)
    return sorted(new), hidden


def _may_be_shown(value: Any, rows: int) -> bool:
    """A code may; a text that stands often and looks like nobody's."""
    if not isinstance(value, str):
        return True
    return rows >= SHOWN_FROM and not personal_data([value])


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _listed(values: Iterable[Any]) -> str:
    texts = [repr(value) for value in values]
    rest = len(texts) - MOST_SHOWN
    return ", ".join(texts[:MOST_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")


def outwards(value: float, rounding: str) -> float:
    """Return `value` with two digits, rounded up or down by `rounding` of decimal."""
    number = Decimal(repr(float(value)))
    if not number:
        return 0.0
    step = Decimal(1).scaleb(number.adjusted() - DIGITS + 1)
    return float((number / step).to_integral_value(rounding) * step)


S = TypeVar("S", Column, Checks)


def changed(section: S, **fields: Any) -> S:
    """Return `section` with other values, held against its rules."""
    return type(section).model_validate({**dict(section), **fields})
