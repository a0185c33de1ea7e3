"""What a reviewer would rather see than read: the difference, and the slices it is in."""

import tempfile
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from operate.review.review import Review
from stages.core.figures import BLUE, GREEN, INK, MUTED, VERMILION, elide, figure, house_style, save
from stages.core.metrics import METRICS
from stages.core.numbers import MINUS

COLOURS = {"better": GREEN, "worse": VERMILION}
SLICES = 12


def verdict_picture(review: Review) -> Figure | None:
    """Return the difference of the main metric with both intervals; None without one."""
    found, decisive = review.decision.difference, review.decision.decisive
    if found is None or found["interval"] is None or decisive is None or decisive[0] == decisive[1]:
        return None
    metric = METRICS[review.metric]
    colour = COLOURS.get(review.decision.judgement, BLUE)
    fig, ax = figure(7.2, 2.1)
    with house_style():
        _zero(ax)
        ax.plot(decisive, (0, 0), color=colour, lw=2, solid_capstyle="butt", label="decides")
        ax.plot(found["interval"], (0, 0), color=colour, lw=8, alpha=0.45, label="rows alone, 95 %")
        ax.plot(found["value"], 0, "o", color=INK, ms=7)
        ax.set(
            title=f"{metric.title}: {review.decision.judgement}",
            xlabel=f"new {MINUS} old ({metric.direction} is better)",
            yticks=[],
            ylim=(-0.6, 1.1),
        )
        reach = 1.15 * max(abs(decisive[0]), abs(decisive[1]))
        ax.set_xlim(-reach, reach)
        ax.legend(loc="upper left", ncols=2)
    return fig


def slices_picture(review: Review) -> Figure | None:
    """Return the clearest slices with their intervals; None where there are none."""
    rows = review.slices[:SLICES]
    if not rows or all(row.base == row.head for row in rows):
        return None
    fig, ax = figure(7.2, 1.3 + 0.28 * len(rows))
    with house_style():
        _zero(ax)
        for place, row in enumerate(rows):
            colour = COLOURS.get(row.reading, MUTED)
            ax.plot(row.interval, (place, place), color=colour, lw=3, solid_capstyle="butt")
            ax.plot(row.head - row.base, place, "o", color=colour, ms=5)
        names = [f"{elide(row.column, 22)} = {elide(row.value, 18)}" for row in rows]
        ax.set_yticks(range(len(rows)), names)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set(
            title="Slices with the clearest differences",
            xlabel=f"log loss, new {MINUS} old (lower is better); 95 % of each alone",
        )
    return fig


def _zero(ax: Any) -> None:
    ax.axvline(0, color=MUTED, lw=1.2)


def png(fig: Figure) -> bytes:
    """Return a figure as PNG."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "figure.png")
        save(fig, file)
        return file.read_bytes()
