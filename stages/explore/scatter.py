"""The pictures of rows as points: two columns together, and the target against one."""

from itertools import combinations

import numpy as np
from matplotlib.figure import Figure

from stages.core.associations import quantile_codes
from stages.core.figures import INK, MUTED, SMALL, elide, fit, notice, panels
from stages.core.variables import Variable
from stages.explore.outcomes import Number
from stages.explore.points import points, sampled, ticks, width
from stages.explore.rates import FIRST, left_out, nothing_varies
from stages.explore.view import View

SCATTER_PANELS = 6
PAIR_CANDIDATES = 12  # of these every pair is tried
PAIR_CELLS = 6  # on a grid of so many quantiles a side
TARGET_PANELS = 12
TARGET_BINS = 10
BAND = (0.25, 0.5, 0.75)


def draw_scatter(seen: View) -> Figure:
    """Draw the pairs of columns that together rank the target best."""
    pairs = telling_pairs(seen)
    if not pairs:
        return notice("No pair to draw", "Fewer than two ordered columns vary.")
    rows = seen.sample()
    beside = width([ticks(y, seen, 5)[1] for _, _, y in pairs]) + 0.4
    fig, axes = panels(
        len(pairs),
        3,
        (2.6, 2.1),
        _best(seen, *pairs[0]),
        f"Points: {sampled(rows, seen)}; spread a little where a column has few values. Each "
        f"column stands in two pairs at most.{seen.chosen_among}{seen.outcome.colour_note}",
        seen.outcome.keys,
        gap=(beside, 0.8),
        margin=(beside, 0.6),
    )
    for ax, (value, x, y) in zip(axes, pairs, strict=True):
        points(ax, x, y, rows, seen, 9)
        for axis, variable, room in ((ax.xaxis, x, 2.8), (ax.yaxis, y, 2.3)):
            axis.set_ticks(*ticks(variable, seen, 5))
            axis.set_label_text(fit(variable.column.axis_title(), room, 2), fontsize=SMALL)
        text = seen.outcome.shown(value)
        ax.text(1, 1.02, text, transform=ax.transAxes, ha="right", color=MUTED, fontsize=SMALL)
    return fig


def _best(seen: View, value: float, x: Variable, y: Variable) -> str:
    names = f"{elide(x.column.title, 36)} and {elide(y.column.title, 36)}"
    return seen.outcome.best_pair(names, value)


def telling_pairs(seen: View) -> list[tuple[float, Variable, Variable]]:
    """Return the pairs to draw, the best first: its worth, column along x, column along y.

    Of the most telling ordered columns every pair is tried (`Outcome.together`). Each column
    is taken at most twice, so that one strong column does not fill the figure.
    """
    candidates = [v for v in seen.telling if v.ordered][:PAIR_CANDIDATES]
    tried = [
        (seen.outcome.together(a, b, PAIR_CELLS), a, b) for a, b in combinations(candidates, 2)
    ]
    chosen: list[tuple[float, Variable, Variable]] = []
    for value, a, b in sorted(tried, key=lambda pair: -round(pair[0], 9)):
        used = [name for _, c, d in chosen for name in (c.name, d.name)]
        if max(used.count(a.name), used.count(b.name)) < 2 and len(chosen) < SCATTER_PANELS:
            y, x = sorted((a, b), key=_breadth)
            chosen.append((value, x, y))
    return chosen


def _breadth(variable: Variable) -> tuple[bool, int]:
    """Return a key: dates, then columns with more values, need the room that x has."""
    return variable.column.kind == "datetime", variable.distinct


def draw_scatter_target(seen: View, outcome: Number) -> Figure:
    """Draw the target of single rows against the most telling columns that have an order."""
    shown = [v for v in seen.telling if v.ordered][:TARGET_PANELS]
    if not shown:
        return nothing_varies()
    rows, target = seen.sample(), outcome.variable
    best, scale = shown[0], seen.scales[outcome.name]
    fig, axes = panels(
        len(shown),
        3,
        (2.6, 1.9),
        outcome.best_alone(elide(best.column.title, 44), seen.strengths[best.name].value),
        f"Points: {sampled(rows, seen)}; spread a little where a column has few values. Line and "
        f"band: the median and the middle half of all rows in {TARGET_BINS} quantile bins. {FIRST}"
        f"{left_out(seen, shown)}",
        gap=(0.6, 0.8),
        margin=(0.85, 0.65),
    )
    for place, (ax, variable) in enumerate(zip(axes, shown, strict=True)):
        points(ax, variable, target, rows, seen, 8)
        codes = quantile_codes(variable, TARGET_BINS)
        bins = np.unique(codes[codes < TARGET_BINS])
        middle = np.array([np.median(variable.values[codes == code]) for code in bins])
        band = np.array([np.quantile(outcome.y[codes == code], BAND) for code in bins])
        across = seen.scales[variable.name].positions(middle)
        low, half, high = scale.positions(band).T
        ax.fill_between(across, low, high, color=INK, alpha=0.16, linewidth=0)
        ax.plot(across, half, color=INK, linewidth=1.4)
        ax.set_xticks(*ticks(variable, seen, 5))
        ax.set_yticks(*scale.ticks(outcome.y, 5))
        ax.set_xlabel(fit(variable.column.axis_title(), 2.8, 2), fontsize=SMALL)
        if place % 3 == 0:
            ax.set_ylabel(fit(outcome.column.axis_title(), 2.0, 2), fontsize=SMALL)
            ax.yaxis.set_label_coords(-0.2, 0.5)
        text = seen.strengths[variable.name].text
        ax.text(1, 1.02, text, transform=ax.transAxes, ha="right", color=MUTED, fontsize=SMALL)
    return fig
