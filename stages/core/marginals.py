"""Pictures of one column at a time: its values by class, its target rate, what is missing."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.core.distributions import (
    Rates,
    Scale,
    bin_edges,
    outlier_share,
    shares,
    target_rates,
    tukey_box,
    tukey_fences,
)
from stages.core.figures import (
    BLUE,
    MUTED,
    NEGATIVE,
    PALE,
    POSITIVE,
    SMALL,
    elide,
    fit,
    notice,
    panels,
    percents,
)
from stages.core.findings import quantities
from stages.core.numbers import percent
from stages.core.schema import Schema
from stages.core.statistics import Floats
from stages.core.variables import Variable
from stages.core.view import BARELY, View

LEVELS = 6  # rows of bars for the most frequent categories; the others share the last
TARGET_PANELS = 12
TARGET_BINS = 10
TARGET_VALUES = 20  # up to so many values each has a rate of its own
SURE_ROWS = 30  # a title names no rate of fewer rows
DRAWN_OUTLIERS = 150  # of each class; the outermost are always among them
PATTERNS = 10
BARS = "#BFBFBF"


def draw_histograms(seen: View) -> Figure:
    """Draw each column: of quantities the share of each class by bin, of categories bars."""
    if not seen.variables:
        return notice("No column to draw", "The table has no feature.")
    fig, axes = panels(
        len(seen.variables),
        4,
        (2.05, 1.05),
        _strongest(seen),
        "Quantities: share of each class in each bin. Categories: share of all rows, and the "
        f"percentage of them that is “{seen.positive}”.{seen.not_drawn}",
        seen.keys,
        gap=(0.5, 0.7),
    )
    for ax, variable in zip(axes, seen.variables, strict=True):
        ax.set_xlabel(fit(variable.column.axis_title(), 2.3, 2), fontsize=SMALL)
        if not len(variable.known):
            ax.set(xticks=[], yticks=[], facecolor=PALE)
            _write(ax, 0.5, 0.5, "no known value", ha="center", va="center")
        elif variable.levels:
            _level_bars(ax, variable, seen)
        else:
            draw_histogram(ax, variable, seen)
            unknown = 1 - len(variable.known) / len(variable.values)
            if unknown:
                _write(ax, 1, 1.03, f"{_share(unknown)} missing", ha="right")
    return fig


def _strongest(seen: View) -> str:
    """Return the title: how far one column alone tells the classes apart."""
    if not seen.telling:
        return "No column varies"
    best = seen.telling[0]
    value, title = seen.separations[best.name].roc_auc, elide(best.column.title, 44)
    if value < BARELY:
        return f"No column tells the classes apart alone; nearest: {title} (ROC AUC {value:.2f})"
    return f"{title} tells the classes apart best (ROC AUC {value:.2f} alone)"


def draw_histogram(ax: Axes, variable: Variable, seen: View) -> None:
    """Draw the share of each class in each bin. `variable` has a known value."""
    scale = seen.scales[variable.name]
    edges = bin_edges(variable.known, scale, seen.bounds.bins)
    top = 0.0
    for colour, rows in seen.rows_by_class:
        values = variable.values[rows]
        height = shares(scale.positions(values[~np.isnan(values)]), edges)
        ax.stairs(height, edges, fill=True, color=colour, alpha=0.22, linewidth=0)
        ax.stairs(height, edges, color=colour, linewidth=1.1)
        top = max(top, float(height.max()))
    ax.set(xlim=(edges[0], edges[-1]), ylim=(0, top * 1.08))
    ax.set_xticks(*scale.ticks(variable.known, 5))
    _rate_ticks(ax, top, "y")


def _level_bars(ax: Axes, variable: Variable, seen: View) -> None:
    """Draw a bar a category with its name in it: names beside it would need half the room."""
    count = len(variable.levels)
    codes = np.where(np.isnan(variable.values), count, variable.values).astype(np.int64)
    rows = np.bincount(codes, minlength=count + 1)
    hits = np.bincount(codes, weights=seen.y, minlength=count + 1)
    kept = _most_frequent(rows[:count])
    others = [code for code in range(count) if code not in kept and rows[code]]
    groups = [([code], variable.levels[code]) for code in kept]
    groups += [(others, f"{len(others):,} others")] if others else []
    groups += [([count], "(missing)")] if rows[count] else []
    share = np.array([rows[codes].sum() for codes, _ in groups]) / len(codes)
    hit = np.array([hits[codes].sum() for codes, _ in groups]) / len(codes)
    place, widest = np.arange(len(groups)), float(share.max())
    ax.barh(place, share - hit, 0.84, left=hit, color=NEGATIVE, alpha=0.3, linewidth=0)
    ax.barh(place, hit, 0.84, color=POSITIVE, alpha=0.45, linewidth=0)
    for row, (_, name) in enumerate(groups):
        rate = percent(hit[row] / share[row], 0)
        ax.text(widest * 0.02, row, fit(name, 1.5), va="center", fontsize=SMALL)
        ax.text(widest * 1.27, row, rate, va="center", ha="right", fontsize=SMALL)
    ax.set(xlim=(0, widest * 1.28), ylim=(len(groups) - 0.45, -0.55), yticks=[])
    _rate_ticks(ax, widest, "x", 3)
    ax.grid(visible=False)


def _most_frequent(rows: npt.NDArray[np.int64]) -> list[int]:
    """Return the levels that get a bar of their own, in their own order."""
    found = [code for code in range(len(rows)) if rows[code]]
    room = LEVELS if len(found) <= LEVELS else LEVELS - 1
    return sorted(sorted(found, key=lambda code: (-rows[code], code))[:room])


def draw_scatter_target(seen: View) -> Figure:
    """Draw the share of positives along each of the most telling columns."""
    shown = seen.telling[:TARGET_PANELS]
    if not shown:
        return notice("Nothing to hold against the target", "No column varies.")
    overall = float(seen.y.mean())
    found = [target_rates(v.values, seen.y, TARGET_BINS, _values_apart(v)) for v in shown]
    named = found[0].rate[found[0].rows >= min(SURE_ROWS, found[0].rows.max())]
    left_out = len(seen.variables) + seen.hidden - len(shown)
    fig, axes = panels(
        len(shown),
        3,
        (2.75, 1.5),
        f"The share of “{seen.positive}” runs from {percent(named.min(), 0)} to "
        f"{percent(named.max(), 0)} along {elide(shown[0].column.title, 44)}",
        f"Points: share of “{seen.positive}” at a value or in one of {TARGET_BINS} quantile bins, "
        f"with its 95 % interval (Wilson); hollow: fewer than {SURE_ROWS} rows. Dashed: all rows, "
        f"{percent(overall)}. Grey: number of rows. The most telling columns first"
        + (f"; {left_out:,} more are not drawn." if left_out else "."),
        gap=(0.55, 0.88),
        margin=(0.75, 0.65),
    )
    for place, (ax, variable, rates) in enumerate(zip(axes, shown, found, strict=True)):
        if variable.levels:
            _level_rates(ax, variable, rates, overall)
        else:
            _rates(ax, variable, rates, seen.scales[variable.name], overall)
            if place % 3 == 0:
                ax.set_ylabel(f"share of “{fit(seen.positive, 0.9)}”", fontsize=SMALL)
                ax.yaxis.set_label_coords(-0.19, 0.5)
        best = seen.separations[variable.name]
        by = " by its gaps" if best.by == "missing" else ""
        _write(ax, 1, 1.04, f"ROC AUC {best.roc_auc:.2f}{by}", ha="right")
    return fig


def _values_apart(variable: Variable) -> int:
    return max(TARGET_VALUES, len(variable.levels))


def _rates(ax: Axes, variable: Variable, rates: Rates, scale: Scale, overall: float) -> None:
    x, top = scale.positions(rates.centres), float(rates.high.max())
    span = float(np.ptp(x)) or 1.0
    width = min(float(np.diff(x).min(initial=span)), span / 12) * 0.8
    # The rows stand in a strip of their own, below zero.
    height = 0.2 * top * rates.rows / rates.rows.max()
    ax.bar(x, height, width, bottom=-0.25 * top, color=BARS, linewidth=0)
    ax.axhline(overall, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    ax.vlines(x, rates.low, rates.high, color=POSITIVE, linewidth=1.4, alpha=0.6)
    sure = rates.rows >= SURE_ROWS
    ax.plot(x[sure], rates.rate[sure], "o-", color=POSITIVE, markersize=4, linewidth=1.1)
    ax.plot(x[~sure], rates.rate[~sure], "o", color=POSITIVE, markersize=4, markerfacecolor="white")
    ax.set(xlim=scale.limits(rates.centres, 0.06), ylim=(-0.27 * top, 1.05 * top))
    ax.set_xticks(*scale.ticks(rates.centres, 5))
    _rate_ticks(ax, top, "y")
    ax.set_xlabel(fit(variable.column.axis_title(), 3.0, 2), fontsize=SMALL)
    _write(ax, 0, 1.04, f"up to {rates.rows.max():,} rows")


def _level_rates(ax: Axes, variable: Variable, rates: Rates, overall: float) -> None:
    """Draw the rates of categories sideways: names stand at the left, unturned."""
    kept = _most_frequent(rates.rows)
    place, top = np.arange(len(kept)), float(rates.high[kept].max())
    ax.axvline(overall, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    ax.hlines(place, rates.low[kept], rates.high[kept], color=POSITIVE, linewidth=1.4, alpha=0.6)
    sure = rates.rows[kept] >= SURE_ROWS
    rate = rates.rate[kept]
    ax.plot(rate[sure], place[sure], "o", color=POSITIVE, markersize=4)
    ax.plot(rate[~sure], place[~sure], "o", color=POSITIVE, markersize=4, markerfacecolor="white")
    box = ax.get_position()
    ax.set_position((box.x0 + 0.42 * box.width, box.y0, 0.58 * box.width, box.height))
    codes = rates.centres[kept].astype(int)
    ax.set_yticks(place, [fit(variable.levels[code], 1.3) for code in codes])
    for row, count in enumerate(rates.rows[kept]):
        text, beside = f"{count:,}", ax.get_yaxis_transform()
        ax.text(1, row, text, transform=beside, ha="right", va="center", color=MUTED, size=SMALL)
    _rate_ticks(ax, top, "x", 2)
    ax.set(xlim=(0, top * 1.35), ylim=(len(kept) - 0.5, -0.6))
    ax.set_xlabel(fit(variable.column.axis_title(), 2.0, 2), fontsize=SMALL)


def draw_box(seen: View) -> Figure:
    """Draw each quantity as a box a class."""
    shown = [v for v in quantities(seen.variables) if len(v.known)]
    if not shown:
        return notice("No box to draw", "No column of kind numeric has a known value.")
    limit = seen.bounds.outlier_share
    many = sum(outlier_share(v.known) > limit for v in shown)
    fig, axes = panels(
        len(shown),
        4,
        (2.2, 0.8),
        f"{many:,} of {len(shown):,} quantities have more than {percent(limit, 0)} "
        "of their values beyond the whiskers",
        "Box: the middle half, and the median. Whiskers: the outermost values within 1.5 "
        f"interquartile ranges. Strokes: up to {DRAWN_OUTLIERS} of those beyond, the farthest "
        f"among them. Long tails stand on a symmetric log scale.{seen.not_drawn}",
        seen.keys,
        gap=(0.3, 0.65),
        margin=(0.25, 0.6),
    )
    for ax, variable in zip(axes, shown, strict=True):
        scale = seen.scales[variable.name]
        for row, (colour, rows) in enumerate(seen.rows_by_class):
            values = variable.values[rows]
            _box(ax, values[~np.isnan(values)], scale, row, colour)
        ax.set(xlim=scale.limits(variable.known, 0.04), ylim=(1.6, -0.6), yticks=[])
        ax.set_xticks(*scale.ticks(variable.known, 4))
        ax.set_xlabel(fit(variable.column.axis_title(), 2.4, 2), fontsize=SMALL)
        ax.spines["left"].set_visible(False)
    return fig


def _box(ax: Axes, values: Floats, scale: Scale, row: int, colour: str) -> None:
    if not len(values):
        return
    start, first, median, third, end = scale.positions(tukey_box(values))
    ax.hlines([row, row], [start, third], [first, end], color=colour, linewidth=1.2)
    ax.barh(row, third - first, 0.55, left=first, color=colour, alpha=0.35, linewidth=0)
    ax.vlines(
        [median, start, end],
        [row - 0.275, row - 0.15, row - 0.15],
        [row + 0.275, row + 0.15, row + 0.15],
        color=colour,
        linewidth=[2.2, 1.2, 1.2],
    )
    low, high = tukey_fences(values)
    beyond = np.sort(values[(values < low) | (values > high)])
    # Evenly from the sorted ones: both ends and the density between them are kept.
    place = np.linspace(0, len(beyond) - 1, min(len(beyond), DRAWN_OUTLIERS)).round().astype(int)
    spots = scale.positions(beyond[place])
    ax.plot(spots, np.full(len(spots), row), "|", color=colour, alpha=0.35, markersize=6)


def draw_missing(frame: pd.DataFrame, schema: Schema, max_columns: int) -> Figure:
    """Draw what is missing: the share of each column, and which are missing together."""
    unknown = frame.isna().to_numpy()
    counts, (rows, columns) = unknown.sum(axis=0), unknown.shape
    if not counts.any():
        whole = f"All {rows:,} rows of all {columns:,} columns are complete."
        return notice("No value is missing", whole)
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda c: (-int(counts[c]), c))
    shown = order[:max_columns]
    titles = [schema.column(str(frame.columns[c]), "table").title for c in shown]
    patterns, sizes = _patterns(unknown[:, shown])
    complete = int((~unknown.any(axis=1)).sum())
    left_out = len(order) - len(shown)
    fig, (bars, grid) = panels(
        2,
        2,
        (3.1, max(0.27 * len(shown), 0.54)),
        f"{len(order):,} of {columns:,} columns have missing values, "
        f"{elide(titles[0], 44)} most ({_share(counts[order[0]] / rows)})",
        f"Left: share of the {rows:,} rows. Right: which are missing together; the most frequent "
        f"patterns with their share of the rows. {complete:,} rows are complete."
        + (f" {left_out:,} more columns are not drawn." if left_out else ""),
        gap=(0.3, 0.5),
        margin=(2.5, 0.65),
    )
    share, place = counts[shown] / rows, np.arange(len(shown))
    widest = float(share.max())
    bars.barh(place, share, 0.7, color=BLUE, linewidth=0)
    for row, value in enumerate(share):
        bars.text(value + 0.015 * widest, row, _share(value), va="center", fontsize=SMALL)
    _rate_ticks(bars, widest, "x")
    bars.set(xlim=(0, widest * 1.25), ylim=(len(shown) - 0.4, -0.6))
    bars.set_xlabel("share missing", fontsize=SMALL)
    bars.set_yticks(place, [elide(title, 34) for title in titles])
    bars.grid(axis="y", visible=False)
    for cells, colour in ((np.ones_like(patterns), PALE), (patterns, BLUE)):
        across, down = np.nonzero(cells)
        grid.scatter(across, down, s=70, marker="s", color=colour, linewidth=0)
    names = [_share(size / rows) for size in sizes]
    grid.set_xticks(np.arange(len(sizes)), names, rotation=45, ha="right", rotation_mode="anchor")
    grid.set(xlim=(-0.6, PATTERNS - 0.4), ylim=(len(shown) - 0.4, -0.6), yticks=[])
    grid.grid(visible=False)
    grid.spines[:].set_visible(False)
    grid.tick_params(length=0)
    return fig


def _patterns(
    unknown: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return the most frequent sets of columns that are missing together, and their rows."""
    patterns, sizes = np.unique(unknown, axis=0, return_counts=True)
    some = patterns.any(axis=1)
    patterns, sizes = patterns[some], sizes[some]
    order = np.lexsort([*patterns.T, -sizes])[:PATTERNS]
    return patterns[order], sizes[order]


def _rate_ticks(ax: Axes, top: float, along: str, count: int = 4) -> None:
    """Set ticks of a share from 0 to `top`."""
    marks, _ = Scale("linear").ticks(np.array([0.0, top]), count)
    axis = ax.xaxis if along == "x" else ax.yaxis
    axis.set_ticks(marks, percents(marks))


def _share(value: float) -> str:
    """Return a share with the digits that it needs not to read as 0 or all."""
    some = min(value, 1 - value) or 1.0
    return percent(value, 0 if some >= 0.1 else 1 if some >= 0.001 else 3)


def _write(ax: Axes, x: float, y: float, text: str, **kw: Any) -> None:
    ax.text(x, y, text, transform=ax.transAxes, color=MUTED, fontsize=SMALL, **kw)
