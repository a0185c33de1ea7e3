"""Pictures of two columns at a time: which pairs tell the classes apart, which are alike."""

from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.core.associations import (
    Ints,
    cluster_order,
    pair_separation,
    spearman,
    telling_and_unlike,
)
from stages.core.figures import (
    DIVERGING,
    INK,
    MUTED,
    NEGATIVE,
    PALE,
    POSITIVE,
    SMALL,
    dress,
    elide,
    fit,
    notice,
    panels,
)
from stages.core.marginals import draw_histogram
from stages.core.numbers import number
from stages.core.statistics import Floats
from stages.core.variables import Variable
from stages.core.view import BARELY, View

SCATTER_PANELS = 6
PAIR_CANDIDATES = 12  # of these every pair is tried
PAIR_CELLS = 6  # on a grid of so many quantiles a side
FEW = 20  # values: their points are spread, for they would hide each other
WRITTEN = 0.1  # a correlation below it is coloured only


def draw_scatter(seen: View) -> Figure:
    """Draw the pairs of columns that together rank the target best."""
    pairs = telling_pairs(seen)
    if not pairs:
        return notice("No pair to draw", "Fewer than two ordered columns vary.")
    rows = seen.sample()
    beside = _width([_ticks(y, seen, 5)[1] for _, _, y in pairs]) + 0.4
    fig, axes = panels(
        len(pairs),
        3,
        (2.6, 2.1),
        _best_pair(*pairs[0]),
        f"Points: {_sampled(rows, seen)}; spread a little where a column has few values. Each "
        f"column stands in two pairs at most.{seen.chosen_among}",
        seen.keys,
        gap=(beside, 0.8),
        margin=(beside, 0.6),
    )
    for ax, (value, x, y) in zip(axes, pairs, strict=True):
        _points(ax, x, y, rows, seen, 9)
        for axis, variable, room in ((ax.xaxis, x, 2.8), (ax.yaxis, y, 2.3)):
            axis.set_ticks(*_ticks(variable, seen, 5))
            axis.set_label_text(fit(variable.column.axis_title(), room, 2), fontsize=SMALL)
        text = f"ROC AUC {value:.2f}"
        ax.text(1, 1.02, text, transform=ax.transAxes, ha="right", color=MUTED, fontsize=SMALL)
    return fig


def _best_pair(value: float, x: Variable, y: Variable) -> str:
    names = f"{elide(x.column.title, 36)} and {elide(y.column.title, 36)}"
    if value < BARELY:
        return f"No pair tells the classes apart; nearest: {names} (ROC AUC {value:.2f})"
    return f"{names} tell the classes apart best as a pair (ROC AUC {value:.2f})"


def telling_pairs(seen: View) -> list[tuple[float, Variable, Variable]]:
    """Return the pairs to draw, the best first: ROC AUC, column along x, column along y.

    Of the most telling ordered columns every pair is tried (`pair_separation`). Each column
    is taken at most twice, so that one strong column does not fill the figure.
    """
    candidates = [v for v in seen.telling if v.ordered][:PAIR_CANDIDATES]
    tried = [
        (pair_separation(a, b, seen.y, PAIR_CELLS, seen.bounds.random_state), a, b)
        for a, b in combinations(candidates, 2)
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


def draw_pair(seen: View) -> Figure:
    """Draw the few columns that tell most and are least alike, each against each."""
    candidates = [v for v in seen.telling if v.ordered]
    if len(candidates) < 2:
        return notice("No pair to draw", "Fewer than two ordered columns vary.")
    chosen = telling_and_unlike(
        [seen.separations[v.name].roc_auc for v in candidates],
        spearman(np.column_stack([v.values for v in candidates])),
        seen.bounds.pair_columns,
    )
    shown, count, rows = [candidates[i] for i in chosen], len(chosen), seen.sample()
    side = float(np.clip(9.0 / count, 1.2, 2.2))
    beside = _width([_ticks(variable, seen, 4)[1] for variable in shown[1:]])
    fig, axes = panels(
        count**2,
        count,
        (side, side * 0.85),
        f"{count} columns that tell the classes apart and are least alike",
        "Diagonal: share of each class in each bin. Above it: Spearman correlation, of all rows "
        f"and by class. Below: {_sampled(rows, seen)}.{seen.chosen_among}",
        seen.keys,
        gap=(0.12, 0.12),
        margin=(beside + 0.52, 0.75),
    )
    for place, ax in enumerate(axes):
        down, across = divmod(place, count)
        x, y = shown[across], shown[down]
        if across > down:
            _agreement(ax, x, y, seen)
            continue
        if across == down:
            draw_histogram(ax, x, seen)
            ax.set_yticks([])
        else:
            _points(ax, x, y, rows, seen, 6)
            ax.set_yticks(*_ticks(y, seen, 4))
        ax.set_xticks(*_ticks(x, seen, 3))
        ax.tick_params(labelbottom=down == count - 1, labelleft=across == 0)
        # All names at one distance, however wide the numbers.
        if down == count - 1:
            ax.set_xlabel(fit(x.column.axis_title(), side, 3), fontsize=SMALL)
            ax.xaxis.set_label_coords(0.5, -0.3 / (side * 0.85))
        if across == 0:
            ax.set_ylabel(fit(y.column.axis_title(), side * 0.85, 3), fontsize=SMALL)
            ax.yaxis.set_label_coords(-beside / side, 0.5)
    return fig


def _sampled(rows: Ints, seen: View) -> str:
    if len(rows) == len(seen.y):
        return f"all {len(rows):,} rows"
    return f"{len(rows):,} of {len(seen.y):,} rows, drawn at random"


def _points(ax: Axes, x: Variable, y: Variable, rows: Ints, seen: View, size: float) -> None:
    """Draw rows as points coloured by class, in their random order: no class lies on top."""
    colours = np.array([NEGATIVE, POSITIVE])[seen.y[rows]]
    across, down = _spread(x, rows, seen, 0), _spread(y, rows, seen, 1)
    ax.scatter(across, down, s=size, c=colours, alpha=0.5, linewidth=0)


def _spread(variable: Variable, rows: Ints, seen: View, stream: int) -> Floats:
    """Return positions; of a column with few values moved by up to 0.3 of its smallest step."""
    scale = seen.scales[variable.name]
    positions = scale.positions(variable.values[rows])
    if variable.distinct > FEW:
        return positions
    step = np.diff(np.unique(scale.positions(variable.known))).min()
    rng = np.random.default_rng([seen.bounds.random_state, stream])
    return np.asarray(positions + rng.uniform(-0.3, 0.3, len(rows)) * step)


def _ticks(variable: Variable, seen: View, count: int) -> tuple[Floats, list[str]]:
    if not variable.levels:
        return seen.scales[variable.name].ticks(variable.known, count)
    some = np.unique(np.linspace(0, len(variable.levels) - 1, count).round())
    return some, [elide(variable.levels[int(code)], 10) for code in some]


def _width(labels: list[list[str]]) -> float:
    """Return how many inches tick labels take beside their axes."""
    return 0.18 + 0.075 * max((len(text) for texts in labels for text in texts), default=0)


def _agreement(ax: Axes, x: Variable, y: Variable, seen: View) -> None:
    """Write the correlation of two columns, of all rows and of each class."""
    ax.set(xticks=[], yticks=[], facecolor=PALE)
    ax.spines[:].set_visible(False)
    both = np.column_stack([x.values, y.values])
    everyone = np.ones(len(both), dtype=bool)
    sizes = ((0.68, 15.0), (0.4, 10.0), (0.2, 10.0))
    groups = ((INK, everyone), *seen.rows_by_class)
    for (height, size), (colour, rows) in zip(sizes, groups, strict=True):
        value = spearman(both[rows])[0, 1]
        text = number(None if np.isnan(value) else float(value), 2)
        _centred(ax, 0.5, height, text, color=colour, fontsize=size, transform=ax.transAxes)


def draw_correlation(seen: View) -> Figure:
    """Draw Spearman's correlation of each pair, columns that go together side by side."""
    shown = [v for v in seen.variables if v.ordered and v.distinct > 1]
    if len(shown) < 2:
        return notice("No correlation to draw", "Fewer than two ordered columns vary.")
    rank = spearman(np.column_stack([*(v.values for v in shown), seen.y.astype(float)]))
    order = cluster_order(rank[:-1, :-1])
    shown, count = [shown[i] for i in order], len(order)
    image = np.full((count + 2, count), np.nan)
    image[:count] = np.where(np.tri(count, k=-1, dtype=bool), rank[np.ix_(order, order)], np.nan)
    strength = np.abs(np.nan_to_num(image[:count]))
    down, across = np.unravel_index(int(strength.argmax()), strength.shape)
    strong = int((strength >= seen.bounds.collinear).sum())
    image[-1] = rank[-1][order]
    # Wide enough for two digits in a cell, up to some 25 columns; below that, colour only.
    cell, names = float(np.clip(8.0 / count, 0.155, 0.5)), 2.7
    written = cell >= 0.3
    fig, (ax,) = panels(
        1,
        1,
        (cell * count + names, cell * (count + 1.5)),
        f"{strong:,} of {count * (count - 1) // 2:,} pairs have a correlation of "
        f"{seen.bounds.collinear:g} or more; strongest: {elide(shown[across].column.title, 30)} "
        f"and {elide(shown[down].column.title, 30)} ({_two_digits(image[down, across])})",
        "Spearman's rank correlation; columns that go together stand side by side"
        f"{f'; below {WRITTEN:g} it is not written' if written else ''}. Lowest row: with the "
        "target. Columns without an order or that do not vary have none." + seen.not_drawn,
        margin=(0.2, 0.2),
    )
    # The target stands half a cell apart.
    rows = np.array([*range(count + 1), count + 0.5, count + 1.5])
    mesh = ax.pcolormesh(
        np.arange(count + 1.0),
        rows,
        np.ma.masked_invalid(image),
        cmap=DIVERGING,
        vmin=-1,
        vmax=1,
        edgecolors="white",
        linewidth=0.6,
    )
    if written:
        for row, column in np.argwhere(np.abs(np.nan_to_num(image)) >= WRITTEN - 0.005):
            value = image[row, column]
            colour = "white" if abs(value) > 0.6 else INK
            middle = (rows[row] + rows[row + 1]) / 2
            text = _two_digits(value)
            _centred(ax, column + 0.5, middle, text, color=colour, fontsize=SMALL)
    for place, variable in enumerate(shown):
        title = elide(variable.column.title, 34)
        ax.text(place + 0.12, place + 0.5, title, va="center", fontsize=SMALL)
    title = elide(seen.target, 32)
    ax.text(count + 0.12, count + 1, title, va="center", weight="bold", fontsize=SMALL)
    ax.set(xlim=(0, count + names / cell), ylim=(count + 1.5, 0))
    ax.set_axis_off()
    # The key of the colours stands in the corner that the triangle leaves empty.
    (width, height), box = fig.get_size_inches(), ax.get_position()
    bar = fig.add_axes((box.x1 - 2.0 / width, box.y1 - 0.2 / height, 1.9 / width, 0.13 / height))
    key = fig.colorbar(mesh, cax=bar, orientation="horizontal", ticks=[-1, -0.5, 0, 0.5, 1])
    key.outline.set_visible(False)
    dress(bar)
    return fig


def _centred(ax: Axes, x: float, y: float, text: str, **kw: Any) -> None:
    ax.text(x, y, text, ha="center", va="center", **kw)


def _two_digits(value: float) -> str:
    """Return a correlation as ``.91``: it needs no zero before the point."""
    return number(float(value), 2).replace("0.", ".")
