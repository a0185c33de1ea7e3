"""Rows dealt to parts so that nothing of one part is known to another.

Rows that must stay together form a unit: rows with equal features, and rows of one group.
Units are dealt whole, each class in proportion; of a number, each tenth of its values. Where
a unit goes depends on the content of the rows and the seed, never on the order of the rows.
Units of one row are drawn in the order of a hash of each, so that a table that grows leaves
nearly all of them where they were.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.params import Split, Target
from stages.core.targets import strata, truth
from stages.core.twins import features_of, twins

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]

PARTS = ("train", "validation", "test")

# From this many equal units a part on, units are dealt in bulk and not one by one.
_BULK = 32


def deal_rows(frame: pd.DataFrame, split: Split, target: Target, key: str | None) -> Ints:
    """Deal the rows to train, validation and test as `split` says.

    Args:
        frame: the table, without missing labels.
        split: strategy, fractions and seed.
        target: the column to predict.
        key: the column that names a row, if there is one.

    Returns:
        Shape (rows,): the place of each row's part in `PARTS`.

    Raises:
        LoopwrightError: a column is missing or holds missing values, or no dealing gives
            every part two values of the target.
    """
    fractions = split.fractions
    shares = np.array([fractions.train, fractions.validation, fractions.test])
    return _deal_rows(frame, split, target, key, shares, PARTS, split.random_state)


def folds(
    frame: pd.DataFrame,
    split: Split,
    target: Target,
    key: str | None,
    n_folds: int,
    random_state: int,
) -> list[tuple[Ints, Ints]]:
    """Deal the rows to folds for cross-validation, under the same promises as `deal_rows`.

    With the strategy ``time`` each fold validates on the block of time that follows its
    training rows, as `sklearn.model_selection.TimeSeriesSplit` does; otherwise the folds
    are a partition, as of `sklearn.model_selection.StratifiedGroupKFold`.

    Args:
        frame: the training rows, without missing labels.
        split: its strategy and its group or time; its fractions and seed play no part.
        target: the column to predict.
        key: the column that names a row, if there is one.
        n_folds: how many, 2 or more.
        random_state: the seed.

    Returns:
        For each fold the positions of its training rows and of its validation rows, in
        ascending order.

    Raises:
        LoopwrightError: as `deal_rows`.
    """
    count = n_folds + 1 if split.strategy == "time" else n_folds
    names = [f"fold {number + 1} of {count}" for number in range(count)]
    shares = np.full(count, 1 / count)
    parts = _deal_rows(frame, split, target, key, shares, names, random_state)
    if split.strategy == "time":
        return [
            (np.flatnonzero(parts < fold), np.flatnonzero(parts == fold))
            for fold in range(1, count)
        ]
    return [(np.flatnonzero(parts != fold), np.flatnonzero(parts == fold)) for fold in range(count)]


def _deal_rows(
    frame: pd.DataFrame,
    split: Split,
    target: Target,
    key: str | None,
    shares: Floats,
    names: Sequence[str],
    random_state: int,
) -> Ints:
    """Deal the rows to parts of these shares; each gets two values of the target or more."""
    classes = strata(frame, target)
    if split.strategy == "time":
        times = times_of(frame, split)
        parts = cut(times, shares)
        cause = f"column '{split.time}' has {len(np.unique(times)):,} different moments"
    else:
        units = units_of(frame, split, target.column, key)
        draw = _draw(frame, units, split, target.column, key, random_state)
        parts = deal(_class_counts(units, classes), shares, draw)[units]
        cause = _largest_unit(units, split)
    y = truth(frame, target)
    needed = {"binary": "both classes", "multiclass": "two classes", "regression": "two numbers"}
    noun = "number" if target.task == "regression" else "class"
    for number, name in enumerate(names):
        rows = y[parts == number]
        if len(np.unique(rows)) < 2:
            found = f"{len(rows):,} rows of one {noun}" if len(rows) else "no rows"
            raise LoopwrightError(
                f"split: {name} gets {found}, and each part needs {needed[target.task]}; {cause}: "
                "get more rows, take other fractions, or another split.group or split.time"
            )
    return parts


def units_of(frame: pd.DataFrame, split: Split, target: str, key: str | None) -> Ints:
    """Number the rows so that rows which must stay together have equal numbers.

    Rows with equal features (all columns but target and key) stay together and, where
    `split` names a group, so do the rows of each group; and what is joined by either is
    joined.

    Returns:
        Shape (rows,), from 0 without gaps.

    Raises:
        LoopwrightError: the group is no column, or has missing values.
    """
    alike = twins(frame, features_of(frame, target, key))
    if split.group is None:
        return alike
    group, _ = pd.factorize(_column(frame, split.group, "split.group"))
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # A row joins its set of equal rows (a node) to its group (another).
    n = alike.max(initial=-1) + 1
    size = n + group.max(initial=-1) + 1
    links = coo_array((np.ones(len(frame)), (alike, group + n)), shape=(size, size))
    _, component = connected_components(links, directed=False)
    return np.asarray(component[alike], dtype=np.int64)


def times_of(frame: pd.DataFrame, split: Split) -> npt.NDArray[Any]:
    """Return the times that `split` names, shape (rows,): dates or numbers.

    Raises:
        LoopwrightError: it is no column, has missing values, or is neither date nor number.
    """
    column = _column(frame, split.time or "", "split.time")
    numbers = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if not (numbers or pd.api.types.is_datetime64_any_dtype(column)):
        raise LoopwrightError(
            f"split.time: column '{split.time}' is {column.dtype}, which has no order in time; "
            "declare it datetime64[ns] with its format in schema.yaml"
        )
    return column.to_numpy(dtype="int64" if str(column.dtype) == "Int64" else None)


def _column(frame: pd.DataFrame, name: str, where: str) -> pd.Series:
    if name not in frame.columns:
        possible = [str(column) for column in frame.columns]
        raise LoopwrightError(
            f"{where}: the table has no column '{name}'{did_you_mean(name, possible)}; "
            f"possible: {', '.join(possible)}"
        )
    missing = int(frame[name].isna().sum())
    if missing:
        raise LoopwrightError(
            f"{where}: column '{name}' is missing in {missing:,} rows; a row without it cannot "
            "be placed: complete it or drop these rows"
        )
    return frame[name]


def _class_counts(units: Ints, classes: Ints) -> Ints:
    """Return how many rows of each class each unit holds, shape (units, classes)."""
    size, kinds = int(units.max(initial=-1)) + 1, int(classes.max(initial=1)) + 1
    cells = np.bincount(units * kinds + classes, minlength=size * kinds)
    return cells.reshape(size, kinds)


def _draw(
    frame: pd.DataFrame,
    units: Ints,
    split: Split,
    target: str,
    key: str | None,
    random_state: int,
) -> Ints:
    """Return the order in which the units are drawn: a permutation, shape (units,).

    A unit's place is a hash of the seed and of its own rows: of their group or their key
    if there is one, so that a new column moves no row, else of their features.
    """
    features = _hash(frame[features_of(frame, target, key)], random_state)
    name = split.group or key
    named = features if name is None else _hash(frame[[name]], random_state)
    size = int(units.max(initial=-1)) + 1
    by_name, by_features = (np.full(size, np.iinfo(np.uint64).max) for _ in range(2))
    np.minimum.at(by_name, units, named)
    np.minimum.at(by_features, units, features)
    return np.asarray(np.lexsort((by_features, by_name)), dtype=np.int64)


def _hash(frame: pd.DataFrame, random_state: int) -> Hashes:
    """Hash each row of `frame` with the seed, shape (rows,)."""
    rows = pd.util.hash_pandas_object(frame, index=False).to_numpy(dtype=np.uint64)
    seed = pd.util.hash_array(np.array([random_state + 1], dtype=np.uint64))
    return np.asarray(pd.util.hash_array(rows ^ seed), dtype=np.uint64)


def deal(counts: Ints, shares: Floats, draw: Ints) -> Ints:
    """Deal whole units to parts so that each part gets its share of each class.

    Units are dealt by size, the large first and the single rows last, within a size in
    the order of `draw`; equal ones in bulk, in proportion to what the parts still lack,
    the others one by one, each to the part where it brings the table nearest to its
    targets in chi-squared distance. A part that would stay without rows, or without a
    class, has the right to the last units that could give it some.

    Args:
        counts: rows of each class in each unit, shape (units, classes).
        shares: of each part, summing to 1, shape (parts,).
        draw: a permutation of the units.

    Returns:
        The part of each unit, shape (units,).
    """
    counts = counts[:, counts.sum(axis=0) > 0]
    classes = counts.shape[1]
    # All rows count as one class more: where the classes leave a choice, sizes decide.
    counts = np.column_stack([counts, counts.sum(axis=1)])
    total = counts.sum(axis=0).astype(np.float64)
    lack = shares[:, None] * total
    # Units of like size: within a factor of two.
    size = np.frexp(counts[:, -1].astype(np.float64))[1]
    parts = np.full(len(counts), -1, dtype=np.int64)
    got = np.zeros(lack.shape, dtype=np.int64)
    left = (counts > 0).sum(axis=0)

    def place(units: Ints, part: int) -> None:
        parts[units] = part
        given = counts[units].sum(axis=0)
        got[part] += given
        lack[part] -= given
        left[:] -= (counts[units] > 0).sum(axis=0)

    for magnitude in np.unique(size)[::-1]:
        units = draw[size[draw] == magnitude]
        kinds, kind = np.unique(counts[units], axis=0, return_inverse=True)
        for number, rows in enumerate(kinds):
            alike = units[kind == number]
            wanted = (np.maximum(lack, 0) * (rows / total))[:, :classes].sum(axis=1)
            if len(alike) < _BULK * len(shares) or wanted.sum() == 0:
                continue
            quota = np.floor(len(alike) * wanted / wanted.sum()).astype(np.int64)
            ends = np.cumsum(quota)
            for part, end in enumerate(ends):
                place(alike[end - quota[part] : end], part)
        for unit in units[parts[units] < 0]:
            place(np.array([unit]), _best_part(counts[unit], total, lack, shares, got, left))
    return parts


def _best_part(
    rows: Ints, total: Floats, lack: Floats, shares: Floats, got: Ints, left: Ints
) -> int:
    """Return the part that one unit goes to.

    Args:
        rows: of each class in the unit, shape (classes,).
        total: rows of each class in the table, shape (classes,).
        lack: rows of each class that each part is short of, shape (parts, classes).
        shares: of each part, shape (parts,).
        got: rows of each class that each part has, shape (parts, classes).
        left: units not yet dealt that hold each class, shape (classes,).
    """
    # What the squared distance to the targets grows by, over the targets.
    cost = (rows * (rows - 2 * lack) / (shares[:, None] * total)).sum(axis=1)
    without = (got == 0) & (rows > 0)
    urgent = without & (left <= without.sum(axis=0))
    if urgent.any():
        cost = np.where(urgent.any(axis=1), cost, np.inf)
    return int(np.argmin(np.round(cost, 9)))


def cut(times: npt.NDArray[Any], shares: Floats) -> Ints:
    """Cut the rows at moments in time, so that each part lies strictly after the one before.

    Args:
        times: shape (rows,), without missing values.
        shares: of the parts in their order, summing to 1, shape (parts,).

    Returns:
        The part of each row, shape (rows,); the cuts lie where the shares are met best
        with rows of one moment kept together and no part empty.

    Raises:
        LoopwrightError: there are fewer moments than parts.
    """
    moments, place, counts = np.unique(times, return_inverse=True, return_counts=True)
    spare = len(moments) - len(shares)
    if spare < 0:
        raise LoopwrightError(
            f"split.time: {len(moments)} different moments cannot be cut into {len(shares)} parts"
        )
    until = np.cumsum(counts)
    first = 0
    part = np.zeros(len(moments), dtype=np.int64)
    for number, goal in enumerate(np.cumsum(shares)[:-1] * len(times)):
        # The last moment of this part: every later part keeps one at least.
        last = first + int(np.argmin(np.abs(until[first : spare + number + 1] - goal)))
        first = last + 1
        part[first:] = number + 1
    return np.asarray(part[place], dtype=np.int64)


def _largest_unit(units: Ints, split: Split) -> str:
    sizes = np.bincount(units, minlength=1)
    joined = "equal features" if split.group is None else f"equal features or '{split.group}'"
    return (
        f"{len(units):,} rows form {len(sizes):,} units that may not be divided (rows with "
        f"{joined}), and the largest holds {sizes.max() / max(len(units), 1):.0%} of the rows"
    )
