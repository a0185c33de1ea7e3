"""Which column of head is which of base, and what schema.yaml says otherwise of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from operate.data_diff.changes import Renamed, SchemaChange
from operate.data_diff.pairs import Ints, Pair, pair, texts
from stages.core.associations import MIN_ROWS
from stages.core.schema import Column, Schema
from stages.core.statistics import Floats

# The share of rows in which a column under another name holds the same.
SAME_CONTENT = 0.95
# Two columns of mostly zeros agree in most rows by chance. Agreement beyond chance (Cohen's
# kappa) above 0.81 is "almost perfect": Landis and Koch (1977), Biometrics 33, p. 165.
MIN_KAPPA = 0.81
# Bins of a sketch: two columns whose sketches differ are not looked at more closely.
_BINS = 256

Likeness = Callable[[Pair], float]


def renamed(
    removed: Mapping[str, pd.Series],
    added: Mapping[str, pd.Series],
    rows: tuple[Ints, Ints] | None,
) -> tuple[Renamed, ...]:
    """Return the columns that are gone and came back under another name, the likest first.

    Args:
        removed: columns of base alone, by name.
        added: columns of head alone.
        rows: the rows of base and of head that a key found; None where it found too few.
    """
    likeness = likeness_by_counts if rows is None else likeness_by_key(*rows)
    of_base, of_head = (slice(None), slice(None)) if rows is None else rows
    sketches = (
        {name: _sketch(each.iloc[of_base]) for name, each in removed.items()},
        {name: _sketch(each.iloc[of_head]) for name, each in added.items()},
    )
    alike = [
        (likeness(pair(after, removed[before], added[after])), before, after)
        for before, first in sketches[0].items()
        for after, second in sketches[1].items()
        if np.minimum(first, second).sum() >= SAME_CONTENT**2
    ]
    found: list[Renamed] = []
    for share, before, after in sorted(alike, key=lambda each: -each[0]):
        taken = {name for each in found for name in (each.before, each.after)}
        if share >= SAME_CONTENT and before not in taken and after not in taken:
            found.append(Renamed(before, after, share))
    order = list(removed)
    return tuple(sorted(found, key=lambda each: order.index(each.before)))


def _sketch(column: pd.Series) -> Floats:
    """Return which share of values falls into each of `_BINS` bins, by their hash as text.

    With hundreds of columns it spares comparing each with each.
    """
    if not len(column):
        return np.zeros(_BINS)
    hashes = pd.util.hash_pandas_object(texts(column), index=False).to_numpy()
    return np.bincount((hashes % _BINS).astype(np.int64), minlength=_BINS) / len(column)


def likeness_by_key(of_base: Ints, of_head: Ints) -> Likeness:
    """Return how two columns are compared in matched rows.

    Args:
        of_base: the matched rows in base.
        of_head: the same rows in head.
    """

    def likeness(pair: Pair) -> float:
        share = float(pair.equal(of_base, of_head).mean())
        first, second = pair.codes[0][of_base] + 1, pair.codes[1][of_head] + 1
        size = len(pair.distinct) + 1
        by_chance = float(
            (np.bincount(first, minlength=size) / len(first))
            @ (np.bincount(second, minlength=size) / len(second))
        )
        if by_chance > 1 - 1e-12:  # one constant: it is all there is
            return share
        kappa = (share - by_chance) / (1 - by_chance)
        return share if kappa >= MIN_KAPPA else 0.0

    return likeness


def likeness_by_counts(pair: Pair) -> float:
    """Return the share of values that two columns have in common, whatever their rows.

    Columns of few different values have the same counts too often: 0 below `MIN_ROWS`.
    """
    before, after = pair.counts
    rows = max(len(pair.base), len(pair.head))
    if min(np.sum(before > 0), np.sum(after > 0)) < MIN_ROWS:
        return 0.0
    missing = min(len(pair.base) - before.sum(), len(pair.head) - after.sum())
    return float((np.minimum(before, after).sum() + missing) / rows)


def schema_changes(
    base: Schema, head: Schema, old_names: Mapping[str, str], typed: Sequence[str]
) -> tuple[SchemaChange, ...]:
    """Return what the schemas say otherwise of the columns that both describe.

    Args:
        base: the schema of base.
        head: the schema of head.
        old_names: the name in base of a column that was renamed, by that in head.
        typed: columns whose type changed in the tables: told already.
    """
    changes = []
    for name, column in head.columns.items():
        old = base.columns.get(old_names.get(name, name))
        if old is None or old == column:
            continue
        before, after = _flat(old), _flat(column)
        for field in dict.fromkeys((*before, *after)):
            first, second = before.get(field), after.get(field)
            if first != second and not (field == "dtype" and name in typed):
                changes.append(SchemaChange(name, field, _spelt(first), _spelt(second)))
    return tuple(changes)


def _flat(column: Column) -> dict[str, Any]:
    """Return what is said of a column, one entry a check and a label."""
    said = column.model_dump()
    for field in ("checks", "labels"):
        said |= {f"{field}.{name}": value for name, value in (said.pop(field) or {}).items()}
    if column.checks is None:
        said["checks.on_failure"] = "fail"
    return said


def _spelt(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value)
    return str(value)
