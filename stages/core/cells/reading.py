"""A column of a source, of one type or of several, read by its declared type."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from stages.core.cells.text import Cells, Spelling
from stages.core.cells.typed import read_typed
from stages.core.schema import Column

Ints = npt.NDArray[np.int64]

# What no column can be declared as: it is shown, and refused.
_OTHER = pa.binary()


@dataclass(frozen=True, eq=False)
class Piece:
    """Values of one type.

    Attributes:
        values: shape (values,).
        rows: which rows of the source they are, ascending; None for all of them.
    """

    values: pa.ChunkedArray
    rows: Ints | None = None


Pieces = tuple[Piece, ...]


def read_cells(pieces: Pieces, column: Column, spelling: Spelling) -> Cells:
    """Read one column by the dtype that schema.yaml declares for it.

    Args:
        pieces: its values; together each row once.
        column: its line in schema.yaml.
        spelling: what texts mean.

    Raises:
        LoopwrightError: as `read_texts`.
    """
    read = [read_typed(piece.values, column, spelling) for piece in pieces]
    if len(read) == 1:
        return read[0]
    rows = [piece.rows for piece in pieces if piece.rows is not None]
    order = np.argsort(np.concatenate(rows), kind="stable")
    refused = np.concatenate([cells.refused for cells in read])[order]
    if refused.any():  # then the values have no meaning
        values = read[0].values.iloc[:0].reindex(range(len(order)))
    else:
        values = pd.concat([cells.values for cells in read]).iloc[order].reset_index(drop=True)
    worst = next((cells for cells in read if cells.refused.any()), read[0])
    return Cells(values, refused, worst.expected)


def shown(pieces: Pieces, row: int) -> Any:
    """Return what stands in one row, for a message."""
    for piece in pieces:
        place = row if piece.rows is None else int(np.searchsorted(piece.rows, row))
        if piece.rows is None or (place < len(piece.rows) and piece.rows[place] == row):
            value = piece.values[place].as_py()
            return _Shown(value.decode(errors="replace")) if isinstance(value, bytes) else value
    raise IndexError(row)


class _Shown(str):
    """What a value of no declarable type looks like."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Gathered:
    """Values of Python, taken up in bundles so that they need little memory."""

    def __init__(self) -> None:
        self._values: dict[pa.DataType, list[pa.Array]] = {}
        self._rows: dict[pa.DataType, list[Ints]] = {}
        self._count = 0

    def add(self, values: Sequence[Any]) -> None:
        """Take up the values of the rows that follow."""
        spelled = [_spelled(value) for value in values]
        types = {kind for kind, _ in spelled}
        for kind in sorted(types, key=str):
            rows = [place for place, (of, _) in enumerate(spelled) if of == kind]
            array = pa.array([spelled[place][1] for place in rows], kind)
            self._values.setdefault(kind, []).append(array)
            self._rows.setdefault(kind, []).append(np.array(rows, dtype=np.int64) + self._count)
        self._count += len(values)

    def pieces(self) -> Pieces:
        """Return all values."""
        return merged(
            Piece(pa.chunked_array(arrays, kind), np.concatenate(self._rows[kind]))
            for kind, arrays in self._values.items()
        )


def merged(pieces: Iterable[Piece]) -> Pieces:
    """Return one piece of each type, given pieces with their rows; nulls go to the first type."""
    by_type: dict[pa.DataType, list[Piece]] = {}
    for piece in pieces:
        by_type.setdefault(piece.values.type, []).append(piece)
    nulls = by_type.pop(pa.null(), [])
    if nulls:
        kind = next(iter(by_type), pa.null())
        by_type.setdefault(kind, []).extend(Piece(p.values.cast(kind), p.rows) for p in nulls)
    found = []
    for kind, same in by_type.items():
        values = pa.chunked_array([c for p in same for c in p.values.chunks], kind)
        every = np.concatenate([piece.rows for piece in same if piece.rows is not None])
        order = np.argsort(every, kind="stable")
        ordered = np.array_equal(order, np.arange(len(order)))
        found.append(Piece(values if ordered else values.take(pa.array(order)), every[order]))
    return tuple(found)


def _spelled(value: Any) -> tuple[pa.DataType, Any]:
    """Return the Arrow type of a value, and the value as that type holds it."""
    if value is None:
        return pa.null(), None
    if isinstance(value, bool):
        return pa.bool_(), value
    if isinstance(value, int):
        return (pa.int64(), value) if -(2**63) <= value < 2**63 else (pa.string(), str(value))
    if isinstance(value, float):
        return pa.float64(), value
    if isinstance(value, str) and _is_text(value):
        return pa.string(), value
    if isinstance(value, Decimal):
        return _of_decimal(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return pa.timestamp("us"), value
        # Arrow takes the hands of the clock for UTC as soon as some packages are imported.
        return pa.timestamp("us", "UTC"), value.astimezone(UTC)
    if isinstance(value, date):
        return pa.date32(), value
    if isinstance(value, UUID):
        return pa.string(), str(value)
    return _OTHER, repr(value).encode(errors="replace")


def _is_text(value: str) -> bool:
    """Return whether `value` can be written down: half a surrogate pair cannot."""
    return value.isascii() or value.encode(errors="ignore").decode() == value


def _of_decimal(value: Decimal) -> tuple[pa.DataType, Any]:
    if not value.is_finite():
        return pa.float64(), float(value)
    if value == value.to_integral_value():
        return _spelled(int(value))
    return pa.string(), format(value, "f")
