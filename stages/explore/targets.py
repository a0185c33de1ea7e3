"""The picture of the target itself: how its numbers are spread, or how many rows a class has."""

import numpy as np
from matplotlib.figure import Figure

from stages.core.distributions import bin_edges, shares, skewness
from stages.core.figures import BLUE, INK, MUTED, SMALL, amount, elide, fit, panels
from stages.core.numbers import number, percent
from stages.explore.outcomes import OTHER, Classes, Number
from stages.explore.panels import rate_ticks
from stages.explore.view import View

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
CLASSES = 20  # rows of bars; the others share the last


def draw_number(seen: View, outcome: Number) -> Figure:
    """Draw the numbers of the target, with a few of their quantiles."""
    y, scale = outcome.y, seen.scales[outcome.name]
    marks = np.quantile(y, QUANTILES)
    _, first, median, third, _ = marks
    spread = float(y.std(ddof=1)) if len(y) > 1 else 0.0
    log = "; symmetric log scale" if scale.kind == "symlog" else ""
    fig, (ax,) = panels(
        1,
        1,
        (7.2, 2.6),
        f"Half of the rows have {elide(outcome.title, 30)} between {amount(first)} and "
        f"{amount(third)}; the median is {amount(median)}",
        f"{len(y):,} rows; mean {amount(float(y.mean()))}, standard deviation {amount(spread)}, "
        f"skewness {number(skewness(y), 2)}, from {amount(float(y.min()))} to "
        f"{amount(float(y.max()))}. Lines: quantiles{log}.",
        margin=(0.75, 0.6),
    )
    edges = bin_edges(y, scale, seen.bounds.bins)
    height = shares(scale.positions(y), edges)
    ax.stairs(height, edges, fill=True, color=BLUE, alpha=0.4, linewidth=0)
    ax.stairs(height, edges, color=BLUE, linewidth=1.1)
    top, room = float(height.max()), float(edges[-1] - edges[0])
    positions = scale.positions(marks)
    last = -np.inf
    level = 0
    for share, at, value in zip(QUANTILES, positions, marks, strict=True):
        bold = share == 0.5
        ax.vlines(at, 0, top * 1.06, color=INK, linewidth=1.5 if bold else 0.9, alpha=0.7)
        # Names of lines that are near to each other stand on two levels.
        level = 1 - level if at - last < 0.13 * room else 0
        last = at
        text = f"{percent(share, 0)}: {amount(float(value))}"
        up = top * (1.08 + 0.1 * level)
        # A name near an end of the axis stays inside.
        inside = (at - edges[0]) / room
        side = "left" if inside < 0.06 else "right" if inside > 0.94 else "center"
        ax.text(at, up, text, ha=side, color=INK if bold else MUTED, fontsize=SMALL)
    ax.set(xlim=(edges[0], edges[-1]), ylim=(0, top * 1.28))
    ax.set_xticks(*scale.ticks(y, 8))
    rate_ticks(ax, top, "y")
    ax.set_xlabel(fit(outcome.column.axis_title(), 7.0, 1), fontsize=SMALL)
    ax.set_ylabel("share of rows", fontsize=SMALL)
    return fig


def draw_classes(outcome: Classes) -> Figure:
    """Draw how many rows each class has."""
    rows = np.bincount(outcome.codes, minlength=len(outcome.names))
    count = len(rows)
    own = count if count <= CLASSES else CLASSES - 1
    shown = [(outcome.names[code], int(rows[code]), _colour(outcome, code)) for code in range(own)]
    if own < count:
        shown.append((f"{count - own:,} others", int(rows[own:].sum()), OTHER))
    fig, (ax,) = panels(
        1,
        1,
        (5.4, max(0.27 * len(shown), 0.6)),
        f"The most frequent of {count:,} classes, {elide(outcome.names[0])}, has "
        f"{percent(rows[0] / rows.sum())} of the rows; the least frequent, "
        f"{elide(outcome.names[-1])}, {percent(rows[-1] / rows.sum())}",
        f"Rows of each class of {elide(outcome.title, 44)}, and their share of "
        f"{int(rows.sum()):,}.",
        margin=(1.9, 0.6),
    )
    sizes, widest = [size for _, size, _ in shown], max(size for _, size, _ in shown)
    place = np.arange(len(shown))
    ax.barh(place, sizes, 0.74, color=[colour for *_, colour in shown], alpha=0.75, linewidth=0)
    for row, size in enumerate(sizes):
        text = f"{size:,} ({percent(size / rows.sum())})"
        ax.text(size + widest * 0.01, row, text, va="center", fontsize=SMALL)
    ax.set_yticks(place, [elide(name, 26) for name, *_ in shown])
    ax.set(xlim=(0, widest * 1.22), ylim=(len(shown) - 0.4, -0.6), xlabel="rows")
    ax.grid(axis="y", visible=False)
    return fig


def _colour(outcome: Classes, code: int) -> str:
    """Return the colour that a class has in all pictures."""
    own = dict(zip(outcome.drawn, outcome.groups, strict=False))
    return own[code].colour if code in own else OTHER
