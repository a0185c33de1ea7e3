"""The picture of which columns go together, and with the target."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.core.associations import cluster_order, spearman
from stages.core.figures import DIVERGING, INK, SMALL, dress, elide, notice, panels
from stages.core.numbers import number
from stages.explore.outcomes import Classes
from stages.explore.view import View

WRITTEN = 0.1  # a correlation below it is coloured only


def draw_correlation(seen: View) -> Figure:
    """Draw Spearman's correlation of each pair, columns that go together side by side."""
    shown = [v for v in seen.variables if v.ordered and v.distinct > 1]
    if len(shown) < 2:
        return notice("No correlation to draw", "Fewer than two ordered columns vary.")
    below, own = seen.outcome.ranked, len(seen.outcome.ranked)
    rank = spearman(np.column_stack([*(v.values for v in shown), *(found for _, found in below)]))
    order = cluster_order(rank[:-own, :-own])
    shown, count = [shown[i] for i in order], len(order)
    image = np.full((count + 1 + own, count), np.nan)
    image[:count] = np.where(np.tri(count, k=-1, dtype=bool), rank[np.ix_(order, order)], np.nan)
    strength = np.abs(np.nan_to_num(image[:count]))
    down, across = np.unravel_index(int(strength.argmax()), strength.shape)
    strong = int((strength >= seen.bounds.collinear).sum())
    image[-own:] = rank[-own:][:, order]
    # Wide enough for two digits in a cell, up to some 25 columns; below that, colour only.
    cell, names = float(np.clip(8.0 / count, 0.155, 0.5)), 2.7
    written = cell >= 0.3
    fig, (ax,) = panels(
        1,
        1,
        (cell * count + names, cell * (count + own + 0.5)),
        f"{strong:,} of {count * (count - 1) // 2:,} pairs have a correlation of "
        f"{seen.bounds.collinear:g} or more; strongest: {elide(shown[across].column.title, 30)} "
        f"and {elide(shown[down].column.title, 30)} ({_two_digits(image[down, across])})",
        "Spearman's rank correlation; columns that go together stand side by side"
        f"{f'; below {WRITTEN:g} it is not written' if written else ''}. {_lowest(seen)}. "
        "Columns without an order or that do not vary have none." + seen.not_drawn,
        margin=(0.2, 0.2),
    )
    # The target stands half a cell apart.
    rows = np.array([*range(count + 1), *(count + 0.5 + np.arange(own + 1))])
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
    for place, (title, _) in enumerate(below, count + 1):
        ax.text(count + 0.12, place, title, va="center", weight="bold", fontsize=SMALL)
    ax.set(xlim=(0, count + names / cell), ylim=(count + own + 0.5, 0))
    ax.set_axis_off()
    # The key of the colours stands in the corner that the triangle leaves empty.
    (width, height), box = fig.get_size_inches(), ax.get_position()
    bar = fig.add_axes((box.x1 - 2.0 / width, box.y1 - 0.2 / height, 1.9 / width, 0.13 / height))
    key = fig.colorbar(mesh, cax=bar, orientation="horizontal", ticks=[-1, -0.5, 0, 0.5, 1])
    key.outline.set_visible(False)
    dress(bar)
    return fig


def _lowest(seen: View) -> str:
    """Say what the rows below the columns are."""
    if isinstance(seen.outcome, Classes):
        return "Lowest rows: with being of a class"
    return "Lowest row: with the target"


def _centred(ax: Axes, x: float, y: float, text: str, **kw: Any) -> None:
    ax.text(x, y, text, ha="center", va="center", **kw)


def _two_digits(value: float) -> str:
    """Return a correlation as ``.91``: it needs no zero before the point."""
    return number(float(value), 2).replace("0.", ".")
