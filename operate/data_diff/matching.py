"""Which row of base is which row of head: by a key, or by whole rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from operate.data_diff.pairs import Ints, Mask, Pair

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Matching:
    """Rows found in both tables, and those of one alone.

    Attributes:
        base: positions of the matched rows in base.
        head: positions of the same rows in head, in the same order.
        removed: rows of base alone, how many.
        added: rows of head alone, how many.
        repeated: keys in more than one row, or missing, in base and in head.
    """

    base: Ints
    head: Ints
    removed: int
    added: int
    repeated: tuple[int, int] = (0, 0)


def by_rows(columns: Sequence[Pair], rows: tuple[int, int]) -> Matching:
    """Match rows that are equal in all `columns`, as often as both tables have them.

    A multiset knows no order, so neither does the result.

    Args:
        columns: what makes a row.
        rows: how many rows base and head have.
    """
    return _rest(*_equal(_hashes(columns, rows)), rows)


def by_key(key: Pair, columns: Sequence[Pair]) -> Matching:
    """Match rows by `key`; keys that repeat, by whole rows first.

    Of a key that stands in several rows, equal rows are matched with each other; if one
    is left on each side, those two are the same row, changed. What is left then is
    removed or added: nothing says which row became which. A missing key is one key.

    Args:
        key: its column.
        columns: what makes a row, for keys that repeat.
    """
    codes = tuple(np.where(side < 0, len(key.distinct), side) for side in key.codes)
    rows = len(codes[0]), len(codes[1])
    size = len(key.distinct) + 1
    counts = [np.bincount(side, minlength=size) for side in codes]
    once = (counts[0] == 1) & (counts[1] == 1)
    base, head = _aligned(codes, once)
    many = [np.flatnonzero((counts[0] + counts[1] > 2)[side]) for side in codes]
    if all(map(len, many)):
        hashes = _hashes([key, *columns], rows)
        equal = _equal((hashes[0][many[0]], hashes[1][many[1]]))
        base = np.concatenate([base, many[0][equal[0]]])
        head = np.concatenate([head, many[1][equal[1]]])
        left = [np.delete(side, found) for side, found in zip(many, equal, strict=True)]
        rest = codes[0][left[0]], codes[1][left[1]]
        single = np.logical_and(*(np.bincount(side, minlength=size) == 1 for side in rest))
        pair = _aligned(rest, single)
        base = np.concatenate([base, left[0][pair[0]]])
        head = np.concatenate([head, left[1][pair[1]]])
    repeated = [int(np.sum(side[:-1] > 1) + (side[-1] > 0)) for side in counts]
    return _rest(base, head, rows, (repeated[0], repeated[1]))


def _rest(
    base: Ints, head: Ints, rows: tuple[int, int], repeated: tuple[int, int] = (0, 0)
) -> Matching:
    return Matching(base, head, rows[0] - len(base), rows[1] - len(head), repeated)


def _aligned(codes: tuple[Ints, ...], chosen: Mask) -> tuple[Ints, Ints]:
    """Return the rows of base and of head with a `chosen` code, in the order of base.

    A chosen code stands once in each.
    """
    place = np.zeros(len(chosen), dtype=np.int64)
    place[codes[1]] = np.arange(len(codes[1]))
    base = np.flatnonzero(chosen[codes[0]])
    return base, place[codes[0][base]]


def _hashes(columns: Sequence[Pair], rows: tuple[int, int]) -> tuple[Hashes, Hashes]:
    """Return one number a row, equal where all columns are.

    Random odd multipliers mix the codes of the columns; of a million rows two that differ
    get the same number with a chance below 1e-7.
    """
    rng = np.random.default_rng(0)
    both = [np.zeros(count, dtype=np.uint64) for count in rows]
    for column in columns:
        table = rng.integers(1, 2**64 - 1, len(column.distinct) + 1, dtype=np.uint64)
        for side, codes in zip(both, column.codes, strict=True):
            side *= np.uint64(0x9E3779B97F4A7C15)
            side ^= table[codes]  # of -1, missing, the last
    return both[0], both[1]


def _equal(hashes: tuple[Hashes, Hashes]) -> tuple[Ints, Ints]:
    """Return positions of rows with equal hashes, each row at most once."""
    order = [np.argsort(side, kind="stable") for side in hashes]
    ranked = [side[places] for side, places in zip(hashes, order, strict=True)]
    # the how-manieth row with this hash it is: the third equals only a third
    nth = [np.arange(len(side)) - np.searchsorted(side, side, "left") for side in ranked]
    count = [
        np.searchsorted(ranked[1 - i], ranked[i], "right")
        - np.searchsorted(ranked[1 - i], ranked[i], "left")
        for i in (0, 1)
    ]
    base, head = (order[i][nth[i] < count[i]] for i in (0, 1))
    return base, head
