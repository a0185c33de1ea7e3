"""How the values of one column are spread: along which scale, in which bins, with which rate."""

from dataclasses import dataclass
from math import ceil
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt
from matplotlib.ticker import MaxNLocator

from stages.core.figures import amounts
from stages.core.statistics import Floats, wilson_interval
from stages.core.variables import Variable


@dataclass(frozen=True)
class Scale:
    """How values become positions along an axis.

    Attributes:
        kind: ``linear``; ``dates``, days since 1970; or ``symlog``: linear from
            -`threshold` to `threshold`, where it takes half a decade each side, and
            logarithmic beyond, so that it takes zero and negative values too.
        threshold: of ``symlog``, in the unit of the values.
    """

    kind: Literal["linear", "symlog", "dates"]
    threshold: float = 1.0

    def positions(self, values: npt.ArrayLike) -> Floats:
        """Return where `values` stand along the axis, in its own unit."""
        array = np.asarray(values, dtype=np.float64)
        if self.kind != "symlog":
            return array
        size = np.abs(array) / self.threshold
        with np.errstate(divide="ignore"):
            return np.sign(array) * np.where(size <= 1, size / 2, 0.5 + np.log10(size))

    def limits(self, values: Floats, slack: float = 0.0) -> tuple[float, float]:
        """Return the ends of an axis that holds `values`, as positions.

        Args:
            values: at least one, finite.
            slack: by which share of its range the axis is wider, at each end; a single
                value gets room in any case.
        """
        low, high = self.positions(np.array([values.min(), values.max()]))
        room = slack * (high - low)
        if not low - room < high + room:
            room = max(0.5, abs(low) * 0.01)
        return float(low - room), float(high + room)

    def ticks(self, values: Floats, count: int) -> tuple[Floats, list[str]]:
        """Return about `count` ticks inside the range of `values`: positions and labels.

        Dates need more room: they get three by the month, else two.
        """
        if not len(values):
            return np.array([]), []
        low, high = float(values.min()), float(values.max())
        if self.kind == "dates":
            return self._dates(low, high)
        if self.kind == "linear":
            whole = bool(np.all(values == np.round(values)))
            locator = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10], integer=whole)
            marks = np.asarray(locator.tick_values(low, high))
            slack = (high - low) * 1e-9
            marks = marks[(marks >= low - slack) & (marks <= high + slack)]
        else:
            marks = self._powers(low, high, count)
        if not len(marks):
            marks = np.array([low])
        return self.positions(marks), amounts(marks)

    def _dates(self, low: float, high: float) -> tuple[Floats, list[str]]:
        """Return few ticks, away from the ends: a date is wide and would stand out there."""
        days = low + (high - low) * np.array([1, 3, 5]) / 6
        unit: Literal["M", "D", "m"] = "M" if high - low > 180 else "D" if high - low > 3 else "m"
        if unit != "M":
            days = low + (high - low) * np.array([1, 3]) / 4
        times = (days * 86_400e9).astype("int64").astype("datetime64[ns]")
        texts = [str(time) for time in times.astype(f"datetime64[{unit}]")]
        # Of an hour the year is not asked.
        return days, [text[5:].replace("T", " ") if unit == "m" else text for text in texts]

    def _powers(self, low: float, high: float, count: int) -> Floats:
        """Return zero and powers of ten, far enough from each other to be read."""
        decades = 10.0 ** np.arange(round(np.log10(self.threshold)), 309)
        both = np.concatenate([-decades[decades <= -low], [0.0], decades[decades <= high]])
        marks = np.unique(both[(both >= low) & (both <= high)])
        room = (self.positions(high) - self.positions(low)) / (count + 0.5)
        kept: list[float] = []
        # Zero first, then the outermost: those say how far the values reach.
        for mark in sorted(marks, key=lambda m: (m != 0, -abs(m), m)):
            if all(abs(self.positions(mark) - self.positions(k)) >= room for k in kept):
                kept.append(float(mark))
        return np.sort(np.array(kept))


def scale_of(variable: Variable, skew: float) -> Scale:
    """Choose the scale on which `variable` is drawn.

    Symmetric-logarithmic where a quantity has an absolute skewness above `skew` or a
    range of more than 50 interquartile ranges; a power of ten at or below the lower
    quartile of its absolute values other than 0 is the threshold.
    """
    if variable.column.kind == "datetime":
        return Scale("dates")
    known = variable.known
    if variable.column.kind != "numeric" or variable.distinct < 3:
        return Scale("linear")
    low, high = np.quantile(known, [0.25, 0.75])
    wide = high > low and np.ptp(known / 50) > high - low
    if abs(skewness(known)) <= skew and not wide:
        return Scale("linear")
    quartile = np.quantile(np.abs(known[known != 0]), 0.25)
    return Scale("symlog", float(10.0 ** np.floor(np.log10(quartile))))


def bin_edges(values: Floats, scale: Scale, bins: int) -> Floats:
    """Return the edges of at most `bins` equal bins of `values`, as positions on `scale`.

    On a linear scale whole numbers get bins that all hold equally many of the values
    possible (the step is their greatest common divisor): no bin stands out only because
    one more number falls into it.

    Args:
        values: shape (values,), at least one, finite.
        scale: on which the bins are equal.
        bins: how many at most.
    """
    distinct = np.unique(values)
    whole = np.all(distinct == np.round(distinct)) and np.max(np.abs(distinct)) < 2**52
    if scale.kind == "linear" and whole:
        step = int(np.gcd.reduce(np.diff(distinct).astype(np.int64), initial=0)) or 1
        steps = round(np.ptp(distinct) / step) + 1
        width = step * ceil(steps / bins)
        count = ceil(steps * step / width)
        return np.asarray(distinct[0] - step / 2 + width * np.arange(count + 1))
    low, high = scale.limits(distinct)
    edges = np.linspace(low, high, bins + 1)
    # Values that are nearer to each other than numbers of their size can tell share one bin.
    return edges if np.all(np.diff(edges) > 0) else np.array([low, high])


def shares(values: Floats, edges: Floats) -> Floats:
    """Return the share of `values` (positions) in each bin; zeros where there are none."""
    counts, _ = np.histogram(values, edges)
    return counts / max(len(values), 1)


@dataclass(frozen=True, eq=False)
class Rates:
    """How the target goes along a column.

    Attributes:
        centres: shape (bins,), the median of each bin, or the position of each level.
        rows: shape (bins,), how many rows each holds, 1 or more.
        rate: shape (bins,), the share of positives, or the mean of a number.
        low: shape (bins,), the lower end of its 95 % interval.
        high: the upper end.
    """

    centres: Floats
    rows: npt.NDArray[np.int64]
    rate: Floats
    low: Floats
    high: Floats


def target_rates(values: Floats, y: npt.NDArray[np.int64], bins: int, apart: int) -> Rates:
    """Return the share of positives along `values`, with the intervals of Wilson (1927).

    Args:
        values: shape (rows,), NaN where missing: those rows are left out.
        y: shape (rows,), 0 or 1.
        bins: as in `bins_along`.
        apart: the same.
    """
    known = ~np.isnan(values)
    codes, centres = bins_along(values[known], bins, apart)
    rows, hits = np.bincount(codes), np.bincount(codes, weights=y[known])
    low, high = wilson_interval(hits, rows)
    return Rates(centres, rows, hits / rows, low, high)


def target_means(values: Floats, y: Floats, bins: int, apart: int) -> Rates:
    """Return the mean of a number along `values`, with its normal interval.

    Args:
        values: shape (rows,), NaN where missing: those rows are left out.
        y: shape (rows,), finite.
        bins: as in `bins_along`.
        apart: the same.

    Returns:
        The interval of a single row is the row itself.
    """
    known = ~np.isnan(values)
    codes, centres = bins_along(values[known], bins, apart)
    rows = np.bincount(codes)
    mean = np.bincount(codes, weights=y[known]) / rows
    squares = np.bincount(codes, weights=(y[known] - mean[codes]) ** 2)
    error = np.sqrt(squares / np.maximum(rows - 1, 1) / rows)
    reach = NormalDist().inv_cdf(0.975) * error
    return Rates(centres, rows, mean, mean - reach, mean + reach)


def bins_along(values: Floats, bins: int, apart: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the bin of each of `values`, and the centre of each bin.

    Args:
        values: shape (rows,), finite.
        bins: how many quantile bins, at most.
        apart: up to so many different values each is a bin of its own.

    Returns:
        Numbers from 0 up, shape (rows,), none of them unused; and the lower median of each
        bin, shape (bins,): a value that is there.
    """
    distinct, codes = np.unique(values, return_inverse=True)
    if len(distinct) > apart:
        inner = np.unique(np.quantile(values, np.arange(1, bins) / bins))
        codes = np.searchsorted(inner, values, side="left")
        codes = np.unique(codes, return_inverse=True)[1]
    rows = np.bincount(codes)
    order = np.lexsort((values, codes))
    centres = values[order][np.cumsum(rows) - rows + (rows - 1) // 2] if len(values) else values
    return codes, centres


def tukey_box(values: Floats) -> tuple[float, float, float, float, float]:
    """Return the lower whisker, the quartiles and the upper whisker of `values`.

    Whiskers end at the outermost values within Tukey's fences.

    Args:
        values: shape (values,), at least one, finite.
    """
    low, high = tukey_fences(values)
    inside = values[(values >= low) & (values <= high)]
    first, median, third = np.quantile(values, [0.25, 0.5, 0.75])
    return float(inside.min()), float(first), float(median), float(third), float(inside.max())


def tukey_fences(values: Floats) -> tuple[float, float]:
    """Return the quartiles moved outwards by 1.5 interquartile ranges (Tukey 1977)."""
    low, high = np.quantile(values, [0.25, 0.75])
    return float(low - 1.5 * (high - low)), float(high + 1.5 * (high - low))


def outlier_share(values: Floats) -> float:
    """Return the share of `values` beyond Tukey's fences; 0 where there are none."""
    if not len(values):
        return 0.0
    low, high = tukey_fences(values)
    return float(np.mean((values < low) | (values > high)))


def skewness(values: Floats) -> float:
    """Return the adjusted Fisher-Pearson skewness, as pandas does; 0 where nothing varies.

    Args:
        values: shape (values,), finite.
    """
    n = len(values)
    peak = np.max(np.abs(values), initial=0.0)
    if n < 3 or peak == 0:
        return 0.0
    scaled = values / peak
    centred = scaled - scaled.mean()
    second = float(np.mean(centred**2))
    if second < 1e-24:
        return 0.0
    biased = float(np.mean(centred**3)) / second**1.5
    return float(biased * np.sqrt(n * (n - 1)) / (n - 2))
