"""The target in two tables: its rate, and the labels that were flipped."""

from math import sqrt

import numpy as np
import pandas as pd

from operate.data_diff.changes import Label
from operate.data_diff.pairs import Ints, Mask
from stages.core.params import BinaryTarget
from stages.core.statistics import wilson_interval


def label(
    column: str,
    target: BinaryTarget,
    base: pd.Series | None,
    head: pd.Series | None,
    matched: tuple[Ints, Ints] | None,
) -> Label:
    """Compare the labels of two tables.

    Args:
        column: the target's name in head.
        target: which value is positive.
        base: the labels of base; None where it has no such column.
        head: the same of head.
        matched: the rows of base and of head that a key found; None without a key.
    """
    sides = [None if side is None else _read(side, target) for side in (base, head)]
    first, second = (None if side is None else _counts(*side) for side in sides)
    rates = [None if side is None or not side[1] else side[0] / side[1] for side in (first, second)]
    difference = interval = flips = to_positive = to_negative = None
    both = 0
    if first and second and rates[0] is not None and rates[1] is not None:
        difference = rates[1] - rates[0]
        interval = difference_interval(first, second)
    if matched is not None and sides[0] is not None and sides[1] is not None:
        assert base is not None and head is not None  # noqa: S101 - both were read
        known = sides[0][1][matched[0]] & sides[1][1][matched[1]]
        was, now = sides[0][0][matched[0]][known], sides[1][0][matched[1]][known]
        to_positive, to_negative = int(np.sum(now & ~was)), int(np.sum(was & ~now))
        flips, both = to_positive + to_negative, int(known.sum())
    return Label(
        column,
        str(target.positive),
        rates[0],
        rates[1],
        difference,
        interval,
        flips,
        to_positive,
        to_negative,
        both,
    )


def _read(series: pd.Series, target: BinaryTarget) -> tuple[Mask, Mask]:
    """Return which rows are positive, and which have a label at all.

    1, 1.0 and the text 1 are one label: a change of type flips none.
    """
    known = series.notna()
    if pd.api.types.is_bool_dtype(series.dtype) or pd.api.types.is_numeric_dtype(series.dtype):
        wanted = pd.to_numeric(pd.Series([target.positive]), errors="coerce").iloc[0]
        positive = series == wanted
    else:
        positive = series.astype("str") == str(target.positive)
    return np.asarray(positive.fillna(False) & known, dtype=bool), np.asarray(known, dtype=bool)


def _counts(positive: Mask, known: Mask) -> tuple[int, int]:
    return int(positive.sum()), int(known.sum())


def difference_interval(base: tuple[int, int], head: tuple[int, int]) -> tuple[float, float]:
    """Return the 95 % interval of a difference of shares, head - base.

    Newcombe (1998), Statistics in Medicine 17, pp. 873-890, method 10: Wilson's score
    intervals of both shares, squared and added. It takes the tables for independent
    samples; where rows are the same it is wider than it need be.

    Args:
        base: positives and rows.
        head: the same.
    """
    (p, (p_low, p_high)), (q, (q_low, q_high)) = (
        (hits / rows, [float(end) for end in wilson_interval(hits, rows)])
        for hits, rows in (base, head)
    )
    low = (q - p) - sqrt((q - q_low) ** 2 + (p_high - p) ** 2)
    high = (q - p) + sqrt((q_high - q) ** 2 + (p - p_low) ** 2)
    return low, high
