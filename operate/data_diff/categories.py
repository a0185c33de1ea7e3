"""Categories that came, went, or were merged into another."""

from dataclasses import dataclass

import numpy as np

from operate.data_diff.changes import CategoryChange, Level, Merge
from operate.data_diff.pairs import Ints, Mask, Pair
from operate.data_diff.units import NEARLY_ALL
from stages.core.associations import MIN_ROWS

# More different values than that are texts and no categories.
MAX_LEVELS = 100


@dataclass(frozen=True, eq=False)
class Recoded:
    """A change of categories, and what it explains.

    Attributes:
        change: what a person is told.
        explains: the matched rows whose cell moved by a merge, shape (matched rows,).
        moved: the code of base that each merged code became.
    """

    change: CategoryChange
    explains: Mask
    moved: dict[int, int]


def recoded(pair: Pair, of_base: Ints, of_head: Ints, keyed: bool) -> Recoded | None:
    """Find the categories that only one table has, and where those that are gone went.

    Args:
        pair: a column of categories.
        of_base: the matched rows in base.
        of_head: the same rows in head.
        keyed: whether rows were matched by a key; else only counts can tell.
    """
    before, after = pair.counts
    gone = [int(code) for code in np.flatnonzero((before > 0) & (after == 0))]
    came = [int(code) for code in np.flatnonzero((before == 0) & (after > 0))]
    explains = np.zeros(len(of_base), dtype=bool)
    if not (gone or came) or len(pair.distinct) > MAX_LEVELS:
        return None
    if not (before.any() and after.any()):  # no value at all is told as missing
        return None
    moved: dict[int, tuple[int, int]] = {}
    codes = pair.codes[0][of_base], pair.codes[1][of_head]
    for code in gone:
        of_code = codes[0] == code
        found = _destination(codes[1][of_code]) if keyed else _by_counts(code, before, after)
        if found is not None:
            moved[code] = found
            explains |= of_code & (codes[1] == found[0])
    targets = [to for to, _ in moved.values()]
    merged = tuple(
        Merge(pair.spelt(code), pair.spelt(to), rows, _is_new(to, before, targets))
        for code, (to, rows) in moved.items()
    )
    change = CategoryChange(
        pair.name,
        tuple(Level(pair.spelt(c), int(after[c])) for c in came if c not in targets),
        tuple(Level(pair.spelt(c), int(before[c])) for c in gone if c not in moved),
        merged,
    )
    return Recoded(change, explains, {code: to for code, (to, _) in moved.items()})


def _is_new(to: int, before: Ints, targets: list[int]) -> bool:
    """Whether one category alone became a category that base has not: a new name for it."""
    return bool(before[to] == 0) and targets.count(to) == 1


def _destination(codes: Ints) -> tuple[int, int] | None:
    """Return the one category that nearly all rows moved to, and how many did."""
    known = codes[codes >= 0]
    if len(codes) < MIN_ROWS or not len(known):
        return None
    counts = np.bincount(known)
    to = int(np.argmax(counts))
    return (to, int(counts[to])) if counts[to] >= NEARLY_ALL * len(codes) else None


def _by_counts(code: int, before: Ints, after: Ints) -> tuple[int, int] | None:
    """Return the only category that grew by as many rows as stood in `code`."""
    rows = int(before[code])
    grown = np.flatnonzero(np.abs(after - before - rows) <= (1 - NEARLY_ALL) * rows)
    return (int(grown[0]), rows) if rows >= MIN_ROWS and len(grown) == 1 else None
