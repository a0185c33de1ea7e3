"""Compare two tables: match their columns and rows, then ask each column what became of it."""

from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd

from operate.data_diff.changes import (
    Cells,
    Columns,
    DataDiff,
    Label,
    MissingChange,
    Renamed,
    Rows,
    TypeChange,
)
from operate.data_diff.columns import likeness_by_counts, renamed, schema_changes
from operate.data_diff.content import Content, content, multiplied
from operate.data_diff.labels import label
from operate.data_diff.matching import Matching, by_key, by_rows
from operate.data_diff.pairs import Mask, Pair, pair
from stages.core.associations import MIN_ROWS
from stages.core.params import BinaryTarget
from stages.core.schema import Kind, Schema
from stages.core.shifts import Shift, corrected

# A key under another name holds most of the same entities, though rows came and went.
SAME_KEYS = 0.5


def compare_tables(
    base: pd.DataFrame,
    head: pd.DataFrame,
    schema_base: Schema,
    schema_head: Schema,
    key: str | None,
    target: BinaryTarget | None,
) -> DataDiff:
    """Return all that differs between two tables. The order of rows and columns does not.

    Args:
        base: the table as it was.
        head: the table as it is.
        schema_base: what `base` was declared as; a column that it lacks goes by its type.
        schema_head: the same of `head`.
        key: the column that says which row is which, or None.
        target: the column to predict, or None.
    """
    columns = _columns(base, head, key)
    old = columns.old_names
    types = tuple(
        TypeChange(name, str(base[before].dtype), str(head[name].dtype))
        for name, before in old.items()
        if base[before].dtype != head[name].dtype
    )
    goal = _new_name(target, old, head)
    kinds = {
        name: _kind(each, schema_base, schema_head, old[name])
        for name, each in columns.pairs.items()
    }
    keyed = columns.matching
    enough = keyed if keyed is not None and len(keyed.base) >= MIN_ROWS else None
    rest = {name: each for name, each in columns.pairs.items() if name != columns.key}
    units = {
        name: multiplied(each, kinds[name], enough) for name, each in rest.items() if name != goal
    }
    # a column in another unit would make each row another
    rows = keyed or by_rows(
        [each for name, each in rest.items() if units.get(name) is None], (len(base), len(head))
    )
    contents = [
        content(each, kinds[name], name == goal, units.get(name), rows, keyed is not None)
        for name, each in rest.items()
    ]
    shifts = corrected([shift for column in contents for shift in column.shifts])
    return DataDiff(
        rows=_rows(base, head, columns, rows, contents),
        columns=columns.told,
        types=types,
        schema=schema_changes(schema_base, schema_head, old, [change.column for change in types]),
        cells=tuple(
            Cells(each.pair.name, int(each.changed.sum()), int(each.edited.sum()))
            for each in contents
            if each.changed.any()
        ),
        units=tuple(each.multiplied.change for each in contents if each.multiplied),
        categories=tuple(each.recoded.change for each in contents if each.recoded),
        missing=tuple(
            each.missing for each in contents if each.missing and _is_told(each.missing, shifts)
        ),
        shifts=shifts,
        label=_label(base, head, target, goal, old, keyed),
    )


@dataclass(frozen=True, eq=False)
class _Matched:
    """The columns of both tables, matched, and the rows where there is a key.

    Attributes:
        pairs: the columns of both, by their name in head.
        old_names: their names in base, by those in head.
        told: what a person is told of the columns.
        key: the key, as head calls it; None where rows cannot be matched by one.
        why_no_key: the reason.
        matching: the rows by that key.
    """

    pairs: dict[str, Pair]
    old_names: dict[str, str]
    told: Columns
    key: str | None
    why_no_key: str
    matching: Matching | None


def _columns(base: pd.DataFrame, head: pd.DataFrame, key: str | None) -> _Matched:
    old_names = {str(name): str(name) for name in head.columns if name in base.columns}
    key_column, why_no_key = _key(base, head, key)
    if key_column is not None:
        old_names[key_column.after] = key_column.before
    pairs = {name: pair(name, base[old], head[name]) for name, old in old_names.items()}
    matching: Matching | None = None
    rows = None
    if key_column is not None:
        others = [each for name, each in pairs.items() if name != key_column.after]
        matching = by_key(pairs[key_column.after], others)
        if len(matching.base) >= MIN_ROWS:
            rows = matching.base, matching.head
    found = renamed(
        {str(name): base[name] for name in base.columns if name not in old_names.values()},
        {str(name): head[name] for name in head.columns if name not in old_names},
        rows,
    )
    for each in found:
        old_names[each.after] = each.before
        pairs[each.after] = pair(each.after, base[each.before], head[each.after])
    if key_column is not None and key_column.before != key_column.after:
        found = (key_column, *found)
    told = Columns(
        base.shape[1],
        head.shape[1],
        tuple(str(name) for name in head.columns if name not in old_names),
        tuple(str(name) for name in base.columns if name not in old_names.values()),
        found,
    )
    after = key_column.after if key_column else None
    return _Matched(pairs, old_names, told, after, why_no_key, matching)


def _key(base: pd.DataFrame, head: pd.DataFrame, key: str | None) -> tuple[Renamed | None, str]:
    """Return the key's name in base and in head, or None and why there is none."""
    if key is None:
        return None, "no key is declared"
    if key in base and key in head:
        return Renamed(key, key, 1.0), ""
    if key not in base and key not in head:
        return None, f"neither table has the key '{key}'"
    having, other = (base, head) if key in base else (head, base)
    for name in other.columns:
        if name in having or not other[name].is_unique:
            continue
        both = pair(str(name), having[key], other[name])
        share = likeness_by_counts(both)
        if share >= SAME_KEYS:
            names = (key, str(name)) if having is base else (str(name), key)
            return Renamed(*names, share), ""
    return None, f"only the {'base' if having is base else 'head'} has the key '{key}'"


def _new_name(
    target: BinaryTarget | None, old_names: dict[str, str], head: pd.DataFrame
) -> str | None:
    """Return what head calls the target."""
    if target is None or target.column in head:
        return target.column if target else None
    return next((name for name, old in old_names.items() if old == target.column), None)


def _kind(column: Pair, base: Schema, head: Schema, old_name: str) -> Kind:
    """Return the kind that head's schema says, else base's, else that of its values."""
    declared = head.columns.get(column.name) or base.columns.get(old_name)
    if declared is not None:
        return declared.kind
    return "numeric" if column.levels is None else "categorical"


def _rows(
    base: pd.DataFrame,
    head: pd.DataFrame,
    columns: _Matched,
    rows: Matching,
    contents: list[Content],
) -> Rows:
    def any_of(masks: list[Mask]) -> int:
        return int(reduce(np.logical_or, masks, np.zeros(len(rows.base), dtype=bool)).sum())

    keyed = columns.key is not None
    return Rows(
        len(base),
        len(head),
        columns.key,
        columns.why_no_key,
        len(rows.base),
        rows.added,
        rows.removed,
        any_of([each.changed for each in contents]) if keyed else 0,
        any_of([each.edited for each in contents]) if keyed else 0,
        rows.repeated,
    )


def _is_told(missing: MissingChange, shifts: tuple[Shift, ...]) -> bool:
    """Whether cells went or came, missing values are new or gone, or their share moved."""
    moved = bool(missing.emptied or missing.filled)
    new = (missing.base == 0) != (missing.head == 0)
    name = missing.column
    return moved or new or any(s.flagged for s in shifts if (s.column, s.of) == (name, "missing"))


def _label(
    base: pd.DataFrame,
    head: pd.DataFrame,
    target: BinaryTarget | None,
    goal: str | None,
    old_names: dict[str, str],
    keyed: Matching | None,
) -> Label | None:
    if target is None:
        return None
    before = old_names.get(goal or "", target.column)
    return label(
        goal or target.column,
        target,
        base.get(before),
        head.get(goal) if goal else None,
        (keyed.base, keyed.head) if keyed else None,
    )
