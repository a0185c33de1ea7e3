"""The picture of each column by itself: its bins or bars, in the colours of the target."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.core.distributions import bin_edges, shares
from stages.core.figures import PALE, SMALL, amount, elide, fit, notice, panels
from stages.core.numbers import percent
from stages.core.statistics import Floats
from stages.core.variables import Variable
from stages.explore.outcomes import Number, Outcome, YesNo
from stages.explore.panels import most_frequent, rate_ticks, share, write
from stages.explore.view import View


def draw_histograms(seen: View) -> Figure:
    """Draw each column: of quantities the share of rows by bin, of categories bars."""
    if not seen.variables:
        return notice("No column to draw", "The table has no feature.")
    fig, axes = panels(
        len(seen.variables),
        4,
        (2.05, 1.05),
        strongest(seen),
        _note(seen.outcome) + seen.not_drawn,
        seen.outcome.keys,
        gap=(0.5, 0.7),
    )
    for ax, variable in zip(axes, seen.variables, strict=True):
        ax.set_xlabel(fit(variable.column.axis_title(), 2.3, 2), fontsize=SMALL)
        if not len(variable.known):
            ax.set(xticks=[], yticks=[], facecolor=PALE)
            write(ax, 0.5, 0.5, "no known value", ha="center", va="center")
        elif variable.levels:
            _level_bars(ax, variable, seen.outcome)
        else:
            draw_histogram(ax, variable, seen)
            unknown = 1 - len(variable.known) / len(variable.values)
            if unknown:
                write(ax, 1, 1.03, f"{share(unknown)} missing", ha="right")
    return fig


def _note(outcome: Outcome) -> str:
    """Return what is drawn, as it depends on the target."""
    if isinstance(outcome, YesNo):
        return (
            "Quantities: share of each class in each bin. Categories: share of all rows, and the "
            f"percentage of them that is “{outcome.positive}”."
        )
    if isinstance(outcome, Number):
        return (
            "Share of the rows in each bin or category. Colour: the median of "
            f"{elide(outcome.column.axis_title(), 44)} there; beside categories its mean."
        )
    return (
        "Quantities: share of each class in each bin. Categories: share of all rows, by class."
        f"{outcome.colour_note}"
    )


def strongest(seen: View) -> str:
    """Return the title: how much one column alone tells of the target."""
    if not seen.telling:
        return "No column varies"
    best = seen.telling[0]
    return seen.outcome.best_alone(elide(best.column.title, 44), seen.strengths[best.name].value)


def draw_histogram(ax: Axes, variable: Variable, seen: View) -> None:
    """Draw the share of each group in each bin. `variable` has a known value."""
    scale, outcome = seen.scales[variable.name], seen.outcome
    edges = bin_edges(variable.known, scale, seen.bounds.bins)
    top = 0.0
    for group in outcome.groups:
        values = variable.values[group.rows]
        height = shares(scale.positions(values[~np.isnan(values)]), edges)
        if isinstance(outcome, Number):
            _shaded(ax, scale.positions(variable.values), height, edges, outcome)
        else:
            faint = 0.22 if len(outcome.groups) == 2 else 0.1
            ax.stairs(height, edges, fill=True, color=group.colour, alpha=faint, linewidth=0)
            ax.stairs(height, edges, color=group.colour, linewidth=1.1)
        top = max(top, float(height.max()))
    ax.set(xlim=(edges[0], edges[-1]), ylim=(0, top * 1.08))
    ax.set_xticks(*scale.ticks(variable.known, 5))
    rate_ticks(ax, top, "y")


def _shaded(ax: Axes, positions: Floats, height: Floats, edges: Floats, outcome: Number) -> None:
    """Draw a bar a bin in the colour of the median number of its rows."""
    known = ~np.isnan(positions)
    place = np.searchsorted(edges, positions[known], side="right") - 1
    # The last bin holds its upper edge too.
    middle = pd.Series(outcome.y[known]).groupby(np.minimum(place, len(height) - 1)).median()
    filled = middle.index.to_numpy()
    colours = [outcome.shade(float(value)) for value in middle]
    width = np.diff(edges)[filled]
    ax.bar(edges[filled], height[filled], width, align="edge", color=colours, linewidth=0)


def _level_bars(ax: Axes, variable: Variable, outcome: Outcome) -> None:
    """Draw a bar a category with its name in it: names beside it would need half the room."""
    count = len(variable.levels)
    codes = np.where(np.isnan(variable.values), count, variable.values).astype(np.int64)
    rows = np.bincount(codes, minlength=count + 1)
    kept = most_frequent(rows[:count])
    others = [code for code in range(count) if code not in kept and rows[code]]
    groups = [([code], variable.levels[code]) for code in kept]
    groups += [(others, f"{len(others):,} others")] if others else []
    groups += [([count], "(missing)")] if rows[count] else []
    inside = [np.isin(codes, those) for those, _ in groups]
    whole = np.array([own.mean() for own in inside])
    place, widest = np.arange(len(groups)), float(whole.max())
    for left, width, colours, alpha in _segments(inside, outcome):
        ax.barh(place, width, 0.84, left=left, color=colours, alpha=alpha, linewidth=0)
    for row, (own, (_, name)) in enumerate(zip(inside, groups, strict=True)):
        ax.text(widest * 0.02, row, fit(name, 1.5), va="center", fontsize=SMALL)
        beside = _beside(own, outcome)
        ax.text(widest * 1.27, row, beside, va="center", ha="right", fontsize=SMALL)
    ax.set(xlim=(0, widest * 1.28), ylim=(len(groups) - 0.45, -0.55), yticks=[])
    rate_ticks(ax, widest, "x", 3)
    ax.grid(visible=False)


def _segments(
    inside: list[npt.NDArray[np.bool_]], outcome: Outcome
) -> list[tuple[Floats, Floats, str | list[str], float]]:
    """Return the pieces of the bars: where they begin, how long they are, colours, alpha."""
    if isinstance(outcome, Number):
        whole = np.array([own.mean() for own in inside])
        colours = [outcome.shade(float(np.median(outcome.y[own]))) for own in inside]
        return [(np.zeros_like(whole), whole, colours, 0.6)]
    own = [np.array([np.mean(rows & each) for rows in inside]) for each in _rows(outcome)]
    if isinstance(outcome, YesNo):
        # The positive class stands at the zero line, where its share can be compared.
        negative, positive = own
        low, high = (group.colour for group in outcome.groups)
        return [(positive, negative, low, 0.3), (np.zeros_like(positive), positive, high, 0.45)]
    ends = np.cumsum(own, axis=0)
    return [
        (end - width, width, group.colour, 0.45)
        for end, width, group in zip(ends, own, outcome.groups, strict=True)
    ]


def _rows(outcome: Outcome) -> list[npt.NDArray[np.bool_]]:
    return [group.rows for group in outcome.groups]


def _beside(own: npt.NDArray[np.bool_], outcome: Outcome) -> str:
    """Return what stands beside a bar: the share of positives, the mean, or the share of rows."""
    if isinstance(outcome, YesNo):
        return percent(float(outcome.y[own].mean()), 0)
    if isinstance(outcome, Number):
        return amount(float(outcome.y[own].mean()))
    return percent(float(own.mean()), 0)
