"""The picture of what is missing: how much of each column, and which together."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from stages.core.figures import BLUE, PALE, SMALL, elide, notice, panels
from stages.core.schema import Schema
from stages.explore.panels import rate_ticks, share

PATTERNS = 10


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
        f"{elide(titles[0], 44)} most ({share(counts[order[0]] / rows)})",
        f"Left: share of the {rows:,} rows. Right: which are missing together; the most frequent "
        f"patterns with their share of the rows. {complete:,} rows are complete."
        + (f" {left_out:,} more columns are not drawn." if left_out else ""),
        gap=(0.3, 0.5),
        margin=(2.5, 0.65),
    )
    gone, place = counts[shown] / rows, np.arange(len(shown))
    widest = float(gone.max())
    bars.barh(place, gone, 0.7, color=BLUE, linewidth=0)
    for row, value in enumerate(gone):
        bars.text(value + 0.015 * widest, row, share(value), va="center", fontsize=SMALL)
    rate_ticks(bars, widest, "x")
    bars.set(xlim=(0, widest * 1.25), ylim=(len(shown) - 0.4, -0.6))
    bars.set_xlabel("share missing", fontsize=SMALL)
    bars.set_yticks(place, [elide(title, 34) for title in titles])
    bars.grid(axis="y", visible=False)
    for cells, colour in ((np.ones_like(patterns), PALE), (patterns, BLUE)):
        across, down = np.nonzero(cells)
        grid.scatter(across, down, s=70, marker="s", color=colour, linewidth=0)
    names = [share(size / rows) for size in sizes]
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
