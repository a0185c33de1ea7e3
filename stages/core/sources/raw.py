"""A source as it was read: nothing in it has its declared type yet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stages.core.cells.reading import Pieces

# Gives the places of rows for a person to look them up: `line 5`, `row 7 of sheet 'May'`.
Places = Callable[[Sequence[int]], list[str]]


@dataclass(frozen=True, eq=False)
class Raw:
    """A source as it was read.

    Attributes:
        name: what an error calls it; it holds no credentials.
        columns: the values of each column, by the name that schema.yaml has for it.
        rows: how many there are.
        places: where rows stand, given their positions in ascending order.
        decimal: the sign before the fraction of a number that is written as text.
        notes: what a person should know of, though it is no fault.
    """

    name: str
    columns: Mapping[str, Pieces]
    rows: int
    places: Places
    decimal: str = "."
    notes: tuple[str, ...] = ()


def places_of_rows(what: str) -> Places:
    """Return the places of rows that have no lines: ``row 7``, then `what`."""
    return lambda rows: [f"row {row + 1:,}{what}" for row in rows]
