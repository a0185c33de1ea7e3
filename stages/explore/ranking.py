"""The picture of how strongly each column goes with the target, the strongest first."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from stages.core.figures import BLUE, MUTED, SMALL, elide, notice, panels
from stages.core.numbers import number
from stages.explore.histograms import strongest
from stages.explore.outcomes import Number
from stages.explore.panels import rate_ticks
from stages.explore.view import View


def draw_ranking(seen: View) -> Figure:
    """Draw the share of the target that each column explains alone, with its interval."""
    titles = {variable.name: variable.column.title for variable in seen.variables}
    shown = [one for one in seen.associations if one["column"] in titles]
    if not shown:
        return notice("No column to rank", "The table has no feature.")
    number_asked = isinstance(seen.outcome, Number)
    beside = "spearman" if number_asked else "cramers_v"
    what = "Spearman's correlation" if number_asked else "Cramér's V"
    fig, (ax,) = panels(
        1,
        1,
        (4.6, max(0.27 * len(shown), 0.6)),
        strongest(seen),
        "Share of the target that one column explains alone, by its categories or quantile bins "
        "as learned on the other half of the rows, with its 95 % interval. At the right: "
        f"{what}, a dash where there is none.{seen.not_drawn}",
        margin=(2.6, 0.6),
    )
    place = np.arange(len(shown))
    found = [_ends(one["explained"]) for one in shown]
    value, low, high = np.array(found).T
    top = max(float(high.max()), 0.01)
    ax.hlines(place, low, high, color=BLUE, linewidth=1.6, alpha=0.6)
    ax.plot(value, place, "o", color=BLUE, markersize=5)
    for row, one in enumerate(shown):
        measured, at = one[beside], ax.get_yaxis_transform()
        text = number(measured["value"] if measured else None, 2)
        written = ax.text(1, row, text, transform=at, color=MUTED, fontsize=SMALL)
        # No line of the grid runs through a number.
        written.set(ha="right", va="center", backgroundcolor="white")
    ax.set_yticks(place, [elide(titles[one["column"]], 36) for one in shown])
    ax.set(xlim=(0, top * 1.25), ylim=(len(shown) - 0.4, -0.6))
    rate_ticks(ax, top, "x", 5)
    ax.set_xlabel("explained", fontsize=SMALL)
    return fig


def _ends(found: Mapping[str, Any] | None) -> tuple[float, float, float]:
    """Return a share and the ends of its interval; zeros where it is not known."""
    return (found["value"], *found["interval"]) if found else (0.0, 0.0, 0.0)
