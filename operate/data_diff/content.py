"""What became of one column: its unit, its categories, its cells, its distribution."""

from dataclasses import dataclass

import numpy as np

from operate.data_diff import units
from operate.data_diff.categories import Recoded, recoded
from operate.data_diff.changes import MissingChange
from operate.data_diff.matching import Matching
from operate.data_diff.pairs import Ints, Mask, Pair
from operate.data_diff.units import Multiplied
from stages.core.schema import Kind
from stages.core.shifts import Shift, of_counts, of_values
from stages.core.statistics import Floats


@dataclass(frozen=True, eq=False)
class Content:
    """The findings of one column; masks have shape (matched rows,).

    Attributes:
        pair: the column.
        multiplied: the change of its unit.
        recoded: the change of its categories.
        changed: matched rows whose cell changed.
        edited: of those, the cells that nothing else explains.
        missing: its missing values, where there are any.
        shifts: the tests of its distribution, not corrected.
    """

    pair: Pair
    multiplied: Multiplied | None
    recoded: Recoded | None
    changed: Mask
    edited: Mask
    missing: MissingChange | None
    shifts: tuple[Shift, ...]


def multiplied(pair: Pair, kind: Kind, matching: Matching | None) -> Multiplied | None:
    """Find a change of unit.

    Args:
        pair: the column.
        kind: only numbers have a unit.
        matching: the rows that a key found in both; None where there are too few.
    """
    if kind != "numeric" or pair.levels is not None:
        return None
    if matching is not None:
        return units.by_key(pair, matching.base, matching.head)
    change = units.by_quantiles(pair.name, *_finite(pair))
    return Multiplied(change, np.zeros(0, dtype=bool)) if change else None


def content(
    pair: Pair, kind: Kind, is_target: bool, unit: Multiplied | None, rows: Matching, keyed: bool
) -> Content:
    """Ask one column what became of it.

    Args:
        pair: the column.
        kind: as the schema says.
        is_target: whether it is the label: its flips are told elsewhere.
        unit: what `multiplied` found.
        rows: the rows of both tables.
        keyed: whether a key found them; else matched rows are equal, and say nothing.
    """
    of_base, of_head = (rows.base, rows.head) if keyed else (rows.base[:0], rows.head[:0])
    known = pair.base_known[of_base], pair.head_known[of_head]
    changed = ~pair.equal(of_base, of_head)
    edited = changed & known[0] & known[1]
    if is_target:
        edited[:] = False
    elif unit is not None and keyed and len(unit.explains):
        edited &= ~unit.explains
    codes = None
    if kind == "categorical" or (kind == "ordinal") or is_target or pair.levels is not None:
        codes = None if kind == "identifier" else recoded(pair, of_base, of_head, keyed)
    if codes is not None:
        edited &= ~codes.explains
    return Content(
        pair,
        unit,
        codes,
        changed,
        edited,
        _missing(pair, (known[0] & ~known[1], ~known[0] & known[1]) if keyed else None),
        tuple(_shifts(pair, kind, is_target, unit, codes)),
    )


def _missing(pair: Pair, moved: tuple[Mask, Mask] | None) -> MissingChange | None:
    if pair.base_known.all() and pair.head_known.all():
        return None
    emptied, filled = (int(m.sum()) for m in moved) if moved else (None, None)
    return MissingChange(
        pair.name,
        _share(~pair.base_known),
        _share(~pair.head_known),
        emptied,
        filled,
    )


def _share(mask: Mask) -> float:
    return float(mask.mean()) if len(mask) else 0.0


def _shifts(
    pair: Pair, kind: Kind, is_target: bool, unit: Multiplied | None, codes: Recoded | None
) -> list[Shift]:
    """Test the distribution, as it is beside the changes that were found already."""
    found: list[Shift | None] = []
    if kind == "identifier":
        return []
    if is_target or kind == "categorical" or pair.levels is not None:
        before, after = (side.copy() for side in pair.counts)
        for code, to in (codes.moved if codes else {}).items():
            before[to] += before[code]
            before[code] = 0
        found.append(of_counts(pair.name, (before, after)))
    elif unit is None:
        found.append(of_values(pair.name, _finite(pair), pair.counts))
    if not (pair.base_known.all() and pair.head_known.all()):
        found.append(of_counts(pair.name, _known_counts(pair), of_missing=True))
    return [shift for shift in found if shift is not None]


def _known_counts(pair: Pair) -> tuple[Ints, Ints]:
    first, second = (
        np.array([known.sum(), (~known).sum()], dtype=np.int64)
        for known in (pair.base_known, pair.head_known)
    )
    return first, second


def _finite(pair: Pair) -> tuple[Floats, Floats]:
    """Return the known values of base and of head, without infinities."""
    sides = ((pair.base, pair.base_known), (pair.head, pair.head_known))
    first, second = (values[known].astype(np.float64) for values, known in sides)
    return first[np.isfinite(first)], second[np.isfinite(second)]
