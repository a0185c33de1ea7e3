"""Numbers multiplied by a constant: another unit, or another sign."""

from dataclasses import dataclass

import numpy as np

from operate.data_diff.changes import UnitChange
from operate.data_diff.pairs import Ints, Mask, Pair
from stages.core.associations import MIN_ROWS
from stages.core.statistics import Floats

# So many of the changed cells follow the factor; the others were edited besides.
NEARLY_ALL = 0.95
# Nearer to 1 it is no unit but a correction.
MIN_CHANGE = 0.01
# Fewer different values follow a factor by chance.
MIN_DISTINCT = 3
# How far quantiles of two samples stray from a factor that holds.
QUANTILE_SLACK = 0.02

# Head is base times this: what base was in, and what head is in.
_UNITS = (
    (10.0, "tens", "units"),
    (100.0, "shares or whole money", "percent, or cents"),
    (1000.0, "thousands", "units"),
    (1e6, "millions", "units"),
    (1e9, "billions", "units"),
    (1024.0, "kibibytes", "bytes"),
    (12.0, "years", "months"),
    (7.0, "weeks", "days"),
    (24.0, "days", "hours"),
    (60.0, "minutes", "seconds"),
    (3600.0, "hours", "seconds"),
    (86400.0, "days", "seconds"),
    (365.25, "years", "days"),
    (2.54, "inches", "centimetres"),
    (25.4, "inches", "millimetres"),
    (0.3048, "feet", "metres"),
    (0.9144, "yards", "metres"),
    (1.609344, "miles", "kilometres"),
    (0.45359237, "pounds", "kilograms"),
    (28.349523125, "ounces", "grams"),
    (3.785411784, "gallons", "litres"),
    (3.6, "metres a second", "kilometres an hour"),
    (4.184, "calories", "joules"),
)
FACTORS: dict[float, str] = {
    -1.0: "the sign is turned",
    **{factor: f"from {before} to {after}" for factor, before, after in _UNITS},
    **{1 / factor: f"from {after} to {before}" for factor, before, after in _UNITS},
}


@dataclass(frozen=True, eq=False)
class Multiplied:
    """A unit change, and the matched rows that it explains; shape (matched rows,)."""

    change: UnitChange
    explains: Mask


def by_key(pair: Pair, of_base: Ints, of_head: Ints) -> Multiplied | None:
    """Find the constant that the changed cells of matched rows were multiplied by.

    Head may be rounded to whole numbers. Of a column changed in part, such as the rows of
    one source, the part is found too.

    Args:
        pair: a column of numbers.
        of_base: the matched rows in base.
        of_head: the same rows in head.
    """
    base = pair.base[of_base].astype(np.float64)
    head = pair.head[of_head].astype(np.float64)
    usable = (
        pair.base_known[of_base]
        & pair.head_known[of_head]
        & (base != 0)
        & np.isfinite(base)
        & np.isfinite(head)
    )
    changed = usable & (base != head)
    if changed.sum() < MIN_ROWS:
        return None
    b, h = base[changed], head[changed]
    slack = 0.5 if np.all(h == np.round(h)) else 0.0
    # the largest values know the factor best where head was rounded
    large = np.argsort(-np.abs(b), kind="stable")[: max(len(b) // 10, MIN_ROWS)]
    factor = _known(float(np.median(h[large] / b[large])), 1e-3)
    if factor == 0 or not np.isfinite(factor) or abs(factor - 1) < MIN_CHANGE:
        return None
    follows = np.abs(h - factor * b) <= np.maximum(slack, 1e-6 * np.abs(h))
    telling = follows & (np.abs(h) >= 50 * slack)
    if (
        follows.mean() < NEARLY_ALL
        or telling.sum() < MIN_ROWS
        or len(np.unique(b[telling])) < MIN_DISTINCT
    ):
        return None
    explains = np.zeros(len(base), dtype=bool)
    explains[np.flatnonzero(changed)[follows]] = True
    whole = bool(changed.sum() >= NEARLY_ALL * usable.sum())
    change = UnitChange(pair.name, factor, _meaning(factor), int(follows.sum()), whole)
    return Multiplied(change, explains)


def by_quantiles(name: str, base: Floats, head: Floats) -> UnitChange | None:
    """Find the constant by the quantiles of two samples whose rows cannot be matched.

    Only a factor that some unit stands for counts: prices that rose by a tenth look
    the same.

    Args:
        name: of the column.
        base: its known, finite values.
        head: the same.
    """
    if min(len(base), len(head)) < MIN_ROWS:
        return None
    at = np.arange(1, 20) / 20
    b, h = np.quantile(base, at), np.quantile(head, at)
    if np.sign(np.median(b)) * np.sign(np.median(h)) < 0:
        h = h[::-1]  # a turned sign turns the order
    known = (b != 0) & (h != 0)
    if len(np.unique(b[known])) < 2 * MIN_DISTINCT or not np.array_equal(b == 0, h == 0):
        return None
    ratio = h[known] / b[known]
    factor = _known(float(np.median(ratio)), QUANTILE_SLACK)
    strays = np.abs(ratio / factor - 1) > QUANTILE_SLACK
    if factor not in FACTORS or strays.any():
        return None
    return UnitChange(name, factor, _meaning(factor), None, True)


def _known(factor: float, slack: float) -> float:
    """Return the factor of a unit that is as near as `slack`, else `factor` itself."""
    near = min(FACTORS, key=lambda known: abs(factor / known - 1))
    return near if abs(factor / near - 1) <= slack else factor


def _meaning(factor: float) -> str:
    return FACTORS.get(factor, "")
