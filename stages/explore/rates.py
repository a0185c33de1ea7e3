"""The picture of the target along each column: how often, which class, how much on average."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.core.associations import Ints
from stages.core.distributions import Rates, Scale, bins_along, target_means, target_rates
from stages.core.figures import (
    BLUE,
    MUTED,
    POSITIVE,
    SMALL,
    amount,
    amounts,
    elide,
    fit,
    notice,
    panels,
)
from stages.core.numbers import percent
from stages.core.statistics import Floats
from stages.core.variables import Variable
from stages.explore.outcomes import Classes, Number, YesNo
from stages.explore.panels import most_frequent, rate_ticks, write
from stages.explore.view import View

TARGET_PANELS = 12
TARGET_BINS = 10
TARGET_VALUES = 20  # up to so many values each has a place of its own
SURE_ROWS = 30  # a title names no rate of fewer rows
BARS = "#BFBFBF"
SMALLER = f"hollow: fewer than {SURE_ROWS} rows"
FIRST = "The most telling columns first"


def draw_rates(seen: View, outcome: YesNo) -> Figure:
    """Draw the share of positives along each of the most telling columns."""
    shown = seen.telling[:TARGET_PANELS]
    if not shown:
        return nothing_varies()
    overall = float(outcome.y.mean())
    found = [target_rates(v.values, outcome.y, TARGET_BINS, _values_apart(v)) for v in shown]
    named = _sure(found[0])
    fig, axes = panels(
        len(shown),
        3,
        (2.75, 1.5),
        f"The share of “{outcome.positive}” runs from {percent(named.min(), 0)} to "
        f"{percent(named.max(), 0)} along {elide(shown[0].column.title, 44)}",
        f"Points: share of “{outcome.positive}” at a value or in one of {TARGET_BINS} quantile "
        f"bins, with its 95 % interval (Wilson); {SMALLER}. Dashed: all rows, "
        f"{percent(overall)}. Grey: number of rows. {FIRST}{left_out(seen, shown)}",
        gap=(0.55, 0.88),
        margin=(0.75, 0.65),
    )
    for place, (ax, variable, rates) in enumerate(zip(axes, shown, found, strict=True)):
        if variable.levels:
            high = float(rates.high[most_frequent(rates.rows)].max())
            _level_rates(ax, variable, rates, overall, (0.0, high), POSITIVE)
            rate_ticks(ax, high, "x", 2)
        else:
            high = float(rates.high.max())
            _rates(ax, variable, rates, seen.scales[variable.name], overall, (0.0, high), POSITIVE)
            rate_ticks(ax, high, "y")
            _left_label(ax, place, f"share of “{fit(outcome.positive, 0.9)}”")
        write(ax, 1, 1.04, seen.strengths[variable.name].text, ha="right")
    return fig


def draw_means(seen: View, outcome: Number) -> Figure:
    """Draw the mean of the target along each of the most telling columns."""
    shown = seen.telling[:TARGET_PANELS]
    if not shown:
        return nothing_varies()
    overall = float(outcome.y.mean())
    found = [target_means(v.values, outcome.y, TARGET_BINS, _values_apart(v)) for v in shown]
    named, title = _sure(found[0]), elide(outcome.title, 30)
    fig, axes = panels(
        len(shown),
        3,
        (2.75, 1.5),
        f"The mean of {title} runs from {amount(named.min())} to {amount(named.max())} along "
        f"{elide(shown[0].column.title, 44)}",
        f"Points: mean of {elide(outcome.column.axis_title(), 44)} at a value or in one of "
        f"{TARGET_BINS} quantile bins, with its 95 % interval; {SMALLER}. Dashed: all rows, "
        f"{amount(overall)}. Grey: number of rows. {FIRST}{left_out(seen, shown)}",
        gap=(0.62, 0.88),
        margin=(0.82, 0.65),
    )
    for place, (ax, variable, rates) in enumerate(zip(axes, shown, found, strict=True)):
        some = most_frequent(rates.rows) if variable.levels else list(range(len(rates.rows)))
        span = _room(rates, some, overall)
        marks, _ = Scale("linear").ticks(np.array(span), 2 if variable.levels else 4)
        if variable.levels:
            _level_rates(ax, variable, rates, overall, span, BLUE)
            ax.set_xticks(marks, amounts(marks))
        else:
            _rates(ax, variable, rates, seen.scales[variable.name], overall, span, BLUE)
            ax.set_yticks(marks, amounts(marks))
            _left_label(ax, place, f"mean {fit(outcome.title, 1.0)}")
        write(ax, 1, 1.04, seen.strengths[variable.name].text, ha="right")
    return fig


def draw_class_shares(seen: View, outcome: Classes) -> Figure:
    """Draw the shares of the classes along each of the most telling columns, stacked."""
    shown = seen.telling[:TARGET_PANELS]
    if not shown:
        return nothing_varies()
    best = seen.strengths[shown[0].name]
    fig, axes = panels(
        len(shown),
        3,
        (2.75, 1.5),
        outcome.best_alone(elide(shown[0].column.title, 44), best.value),
        f"Stacked: share of each class at a value, in one of {TARGET_BINS} quantile bins, or in a "
        f"category; the numbers below are the middles of the bins. {FIRST}"
        f"{left_out(seen, shown)}{outcome.colour_note}",
        outcome.keys,
        gap=(0.68, 0.88),
        margin=(0.75, 0.65),
    )
    for place, (ax, variable) in enumerate(zip(axes, shown, strict=True)):
        known = ~np.isnan(variable.values)
        codes, centres = bins_along(variable.values[known], TARGET_BINS, _values_apart(variable))
        rows = np.bincount(codes)
        found = [
            np.bincount(codes[group.rows[known]], minlength=len(rows)) / rows
            for group in outcome.groups
        ]
        if variable.levels:
            _stacked_levels(ax, variable, found, rows, outcome)
        else:
            _stacked_bins(ax, variable, found, centres, outcome)
            _left_label(ax, place, "share of rows")
        write(ax, 1, 1.04, seen.strengths[variable.name].text, ha="right")
    return fig


def nothing_varies() -> Figure:
    """Return the figure of a table in which no column can be held against the target."""
    return notice("Nothing to hold against the target", "No column varies.")


def left_out(seen: View, shown: Sequence[Variable]) -> str:
    """Return the end of a sentence: how many columns are not drawn."""
    rest = len(seen.variables) + seen.hidden - len(shown)
    return f"; {rest:,} more are not drawn." if rest else "."


def _sure(rates: Rates) -> Floats:
    """Return the rates of enough rows to be named."""
    sure: Floats = rates.rate[rates.rows >= min(SURE_ROWS, rates.rows.max())]
    return sure


def _values_apart(variable: Variable) -> int:
    return max(TARGET_VALUES, len(variable.levels))


def _room(rates: Rates, some: list[int], overall: float) -> tuple[float, float]:
    """Return the ends of the axis of the means: the intervals of enough rows, and all points."""
    sure = [i for i in some if rates.rows[i] >= min(SURE_ROWS, rates.rows.max())]
    low = min(float(rates.low[sure].min()), float(rates.rate[some].min()), overall)
    high = max(float(rates.high[sure].max()), float(rates.rate[some].max()), overall)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _left_label(ax: Axes, place: int, text: str) -> None:
    """Name the upright axis of the first panel of a row."""
    if place % 3 == 0:
        ax.set_ylabel(text, fontsize=SMALL)
        ax.yaxis.set_label_coords(-0.19, 0.5)


def _rates(
    ax: Axes,
    variable: Variable,
    rates: Rates,
    scale: Scale,
    overall: float,
    ends: tuple[float, float],
    colour: str,
) -> None:
    (base, top), x = ends, scale.positions(rates.centres)
    tall = top - base
    span = float(np.ptp(x)) or 1.0
    width = min(float(np.diff(x).min(initial=span)), span / 12) * 0.8
    # The rows stand in a strip of their own, below the lowest rate.
    height = 0.2 * tall * rates.rows / rates.rows.max()
    ax.bar(x, height, width, bottom=base - 0.25 * tall, color=BARS, linewidth=0)
    ax.axhline(overall, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    ax.vlines(x, rates.low, rates.high, color=colour, linewidth=1.4, alpha=0.6)
    sure = rates.rows >= SURE_ROWS
    ax.plot(x[sure], rates.rate[sure], "o-", color=colour, markersize=4, linewidth=1.1)
    ax.plot(x[~sure], rates.rate[~sure], "o", color=colour, markersize=4, markerfacecolor="white")
    ax.set(xlim=scale.limits(rates.centres, 0.06), ylim=(base - 0.27 * tall, base + 1.05 * tall))
    ax.set_xticks(*scale.ticks(rates.centres, 5))
    ax.set_xlabel(fit(variable.column.axis_title(), 3.0, 2), fontsize=SMALL)
    write(ax, 0, 1.04, f"up to {rates.rows.max():,} rows")


def _level_rates(
    ax: Axes,
    variable: Variable,
    rates: Rates,
    overall: float,
    ends: tuple[float, float],
    colour: str,
) -> None:
    """Draw the rates of categories sideways: names stand at the left, unturned."""
    kept = most_frequent(rates.rows)
    place, (base, top) = np.arange(len(kept)), ends
    ax.axvline(overall, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    ax.hlines(place, rates.low[kept], rates.high[kept], color=colour, linewidth=1.4, alpha=0.6)
    sure = rates.rows[kept] >= SURE_ROWS
    rate = rates.rate[kept]
    ax.plot(rate[sure], place[sure], "o", color=colour, markersize=4)
    ax.plot(rate[~sure], place[~sure], "o", color=colour, markersize=4, markerfacecolor="white")
    _named_levels(ax, variable, rates.centres[kept], rates.rows[kept])
    # Without a zero line, the lowest point keeps off the edge.
    ax.set(xlim=(base - (0.08 * (top - base) if base else 0.0), base + (top - base) * 1.35))


def _named_levels(ax: Axes, variable: Variable, centres: Floats, rows: Ints) -> None:
    """Name the categories at the left of a panel, and their rows at its right."""
    place = np.arange(len(rows))
    box = ax.get_position()
    ax.set_position((box.x0 + 0.42 * box.width, box.y0, 0.58 * box.width, box.height))
    ax.set_yticks(place, [fit(variable.levels[code], 1.3) for code in centres.astype(int)])
    for row, count in enumerate(rows):
        text, beside = f"{count:,}", ax.get_yaxis_transform()
        ax.text(1, row, text, transform=beside, ha="right", va="center", color=MUTED, size=SMALL)
    ax.set(ylim=(len(rows) - 0.5, -0.6))
    ax.set_xlabel(fit(variable.column.axis_title(), 2.0, 2), fontsize=SMALL)


def _stacked_bins(
    ax: Axes, variable: Variable, found: list[Floats], centres: Floats, outcome: Classes
) -> None:
    """Draw a column of shares a bin; bins of quantiles hold equally many rows."""
    place, base = np.arange(len(centres)), np.zeros(len(centres))
    for share, group in zip(found, outcome.groups, strict=True):
        ax.bar(place, share, 0.92, bottom=base, color=group.colour, alpha=0.75, linewidth=0)
        base = base + share
    some = np.unique(np.linspace(0, len(centres) - 1, 4).round().astype(int))
    # Dates have few ticks of their own: bins are named by their months.
    names = (
        [str(np.datetime64(int(day), "D"))[:7] for day in centres[some]]
        if variable.column.kind == "datetime"
        else amounts(centres[some])
    )
    ax.set_xticks(some, names)
    ax.set(xlim=(-0.6, len(centres) - 0.4), ylim=(0, 1))
    rate_ticks(ax, 1.0, "y")
    ax.grid(visible=False)
    ax.set_xlabel(fit(variable.column.axis_title(), 3.0, 2), fontsize=SMALL)


def _stacked_levels(
    ax: Axes, variable: Variable, found: list[Floats], rows: Ints, outcome: Classes
) -> None:
    """Draw a bar of shares a category, sideways."""
    kept = most_frequent(rows)
    place, left = np.arange(len(kept)), np.zeros(len(kept))
    for share, group in zip(found, outcome.groups, strict=True):
        ax.barh(place, share[kept], 0.8, left=left, color=group.colour, alpha=0.75, linewidth=0)
        left = left + share[kept]
    known = variable.values[~np.isnan(variable.values)]
    _named_levels(ax, variable, np.unique(known)[kept], rows[kept])
    ax.set(xlim=(0, 1.35))
    rate_ticks(ax, 1.0, "x", 2)
    ax.grid(visible=False)
