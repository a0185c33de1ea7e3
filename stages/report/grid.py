"""Rows of a JSON or CSV file as a table of text: numbers for people, intervals in brackets."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core.metrics import METRICS
from stages.core.numbers import MINUS, NOTHING, SPACE, interval, measured, number, percent
from stages.report.words import in_words

# More rows than this stay in the file: a browser sorts so many in a blink.
MOST = 5000
# A longer text is a sentence.
SENTENCE = 30

# Columns that hold shares of 1, by the last word of their name.
_SHARE = re.compile(r"(?:^|[\s_])(?:share|rate)$", re.IGNORECASE)
# "Test, low" and "Test, high", or "test_low" and "test_high", are the interval of "test".
_ENDS = ((", low", ", high"), ("_low", "_high"))
# A number with its interval or its percent sign, as `stages.core.numbers` writes them.
_QUANTITY = re.compile(rf"[-{MINUS}]?[\d.,∞]+(?:{SPACE}%)?(?: \[.*\])?")
_NUMERIC = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Table:
    """Cells as text.

    Attributes:
        head: the names of the columns.
        numeric: which columns stand to the right.
        rows: the cells.
        keys: the number that each cell is sorted by, where it is not the text itself.
        left_out: how many more rows there are.
    """

    head: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    keys: tuple[tuple[str, ...], ...]
    left_out: int

    @property
    def prose(self) -> tuple[bool, ...]:
        """Which columns hold sentences: these need room."""
        return tuple(
            any(len(cells[place]) > SENTENCE for cells in self.rows[:50])
            for place in range(len(self.head))
        )

    @property
    def stacked(self) -> bool:
        """Whether so many columns hold intervals that these go below their values."""
        cells = self.rows[0] if self.rows else ()
        return sum("[" in cell for cell in cells) > 2

    def __len__(self) -> int:
        return len(self.rows)


def table(rows: Sequence[Mapping[str, Any]], most: int = MOST) -> Table:
    """Return the first `most` of `rows`, with all columns that any row has."""
    rows = [with_intervals(row) for row in rows]
    names = list(dict.fromkeys(name for row in rows for name in row))
    ends = {name: found for name in names if (found := _interval_of(name, names))}
    bounds = {end for found in ends.values() for end in found}
    head = [name for name in names if name not in bounds]
    shown = [[_shown(row, name, ends.get(name)) for name in head] for row in rows[:most]]
    numeric = [_is_numeric([cells[place] for cells in shown]) for place in range(len(head))]
    return Table(
        head=tuple(in_words(name) for name in head),
        numeric=tuple(numeric),
        rows=tuple(tuple(cells) for cells in shown),
        keys=tuple(
            tuple(_key(row.get(name), text) for name, text in zip(head, cells, strict=True))
            for row, cells in zip(rows, shown, strict=False)
        ),
        left_out=max(len(rows) - most, 0),
    )


def with_intervals(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return `row` with an ``interval`` joined to the number that stands before it."""
    if is_estimate(row):
        return dict(row)
    joined: dict[str, Any] = {}
    before = ""
    for name, value in row.items():
        estimate = {"value": joined.get(before), "interval": value}
        if name == "interval" and is_estimate(estimate):
            joined[before] = estimate
        elif name != "interval" or before not in joined or joined[before] is not None:
            joined[name] = value
        before = name
    return joined


def _interval_of(name: str, names: Sequence[str]) -> tuple[str, str] | None:
    """Return the two columns that hold the interval of column `name`, if there are any."""
    found = [(f"{name}{low}", f"{name}{high}") for low, high in _ENDS]
    after = tuple(names[names.index(name) + 1 :][:2])
    if after == ("Low", "High"):
        found.append(("Low", "High"))
    return next(((low, high) for low, high in found if low in names and high in names), None)


def _shown(row: Mapping[str, Any], name: str, ends: tuple[str, str] | None) -> str:
    value = parsed(row.get(name))
    bounds = [parsed(row.get(end)) for end in ends] if ends else None
    if not _is_estimate(value, bounds):
        return cell(value)
    if _SHARE.search(name) and 0 <= value <= 1:
        hundreds = [100 * bound for bound in bounds or ()]
        return f"{percent(value)} {interval(hundreds, 1)}" if bounds else percent(value)
    return measured(value, bounds)


def _key(value: Any, shown: str) -> str:
    """Return the number behind a cell, where its text is not that number already."""
    value = parsed(value["value"] if is_estimate(value) else value)
    exact = f"{value:.10g}" if isinstance(value, (int, float)) else shown
    return "" if exact == shown else exact


# A moment at midnight is its day; of others, seconds without a fraction lose their zeros.
_MOMENT = re.compile(r"^(\d{4}-\d\d-\d\d)(?:T00:00:00|(T\d\d:\d\d:\d\d))(?:\.0+)?$")


def cell(value: Any) -> str:
    """Return one value of any kind as text."""
    if is_estimate(value):
        return measured(value["value"], value["interval"])
    if isinstance(value, dict):
        if set(value) == {"value", "interval"} and value["value"] is None:
            return NOTHING
        return "; ".join(f"{name}: {cell(inner)}" for name, inner in value.items()) or NOTHING
    if isinstance(value, (list, tuple)):
        return ", ".join(cell(inner) for inner in value) or NOTHING
    if isinstance(value, str):
        return METRICS[value].title if value in METRICS else _MOMENT.sub(r"\1\2", value)
    return number(value)


def is_estimate(value: Any) -> bool:
    """Return whether this is ``{"value": number, "interval": [low, high] or None}``."""
    named = isinstance(value, dict) and set(value) == {"value", "interval"}
    return named and _is_estimate(value["value"], value["interval"])


def _is_estimate(value: Any, interval: Any) -> bool:
    """Return whether these are a number and None or two numbers."""
    if interval is not None and not (isinstance(interval, (list, tuple)) and len(interval) == 2):
        return False
    return all(isinstance(n, (int, float)) for n in (value, *(interval or ())))


def parsed(value: Any) -> Any:
    """Return a text of a CSV file as the number that it spells, and nothing for no text."""
    if not isinstance(value, str):
        return value
    if _NUMERIC.fullmatch(value):
        return float(value) if any(c in value for c in ".eE") else int(value)
    return None if value == "" else value


def _is_numeric(cells: Sequence[str]) -> bool:
    known = [cell for cell in cells if cell != NOTHING]
    return bool(known) and all(_QUANTITY.fullmatch(cell) for cell in known)
