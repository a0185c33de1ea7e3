"""The pictures of spread: each quantity by class, and a numeric target by category."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.core.associations import quantile_codes
from stages.core.distributions import Scale, outlier_share, tukey_box, tukey_fences
from stages.core.figures import BLUE, SMALL, amount, elide, fit, notice, panels
from stages.core.numbers import percent
from stages.core.statistics import Floats
from stages.core.variables import Variable
from stages.explore.findings import quantities
from stages.explore.outcomes import Number
from stages.explore.panels import most_frequent, write
from stages.explore.rates import FIRST, left_out, nothing_varies
from stages.explore.view import View

DRAWN_OUTLIERS = 150  # of each box; the outermost are always among them
QUARTERS = 4
TARGET_PANELS = 12
READING = (
    "Box: the middle half, and the median. Whiskers: the outermost values within 1.5 "
    f"interquartile ranges. Strokes: up to {DRAWN_OUTLIERS} of those beyond, the farthest "
    "among them."
)


def draw_box(seen: View) -> Figure:
    """Draw each quantity as a box a class, or as one box where the target has no classes."""
    shown = [v for v in quantities(seen.variables) if len(v.known)]
    if not shown:
        return notice("No box to draw", "No column of kind numeric has a known value.")
    limit, groups = seen.bounds.outlier_share, seen.outcome.groups
    many = sum(outlier_share(v.known) > limit for v in shown)
    fig, axes = panels(
        len(shown),
        4,
        (2.2, 0.4 * max(len(groups), 1.25)),
        f"{many:,} of {len(shown):,} quantities have more than {percent(limit, 0)} "
        "of their values beyond the whiskers",
        f"{READING} Long tails stand on a symmetric log scale.{seen.not_drawn}",
        seen.outcome.keys if len(groups) > 1 else (),
        gap=(0.3, 0.65),
        margin=(0.25, 0.6),
    )
    for ax, variable in zip(axes, shown, strict=True):
        scale = seen.scales[variable.name]
        for row, group in enumerate(groups):
            values = variable.values[group.rows]
            _box(ax, values[~np.isnan(values)], scale, row, group.colour)
        ax.set(xlim=scale.limits(variable.known, 0.04), ylim=(len(groups) - 0.4, -0.6), yticks=[])
        ax.set_xticks(*scale.ticks(variable.known, 4))
        ax.set_xlabel(fit(variable.column.axis_title(), 2.4, 2), fontsize=SMALL)
        ax.spines["left"].set_visible(False)
    return fig


def draw_box_target(seen: View, outcome: Number) -> Figure:
    """Draw the target as a box a category, or a quarter, of the most telling columns."""
    shown = seen.telling[:TARGET_PANELS]
    if not shown:
        return nothing_varies()
    scale, target = seen.scales[outcome.name], outcome.variable
    parts = [_parts(variable) for variable in shown]
    codes, named, kind = parts[0]
    middles = [float(np.median(outcome.y[codes == code])) for code, _ in named]
    fig, axes = panels(
        len(shown),
        3,
        (2.6, 1.5),
        f"The median of {elide(outcome.title, 30)} runs from {amount(min(middles))} to "
        f"{amount(max(middles))} over the {kind} of {elide(shown[0].column.title, 44)}",
        f"Across: {elide(outcome.column.axis_title(), 44)}. A box a category, or a quarter of the "
        f"rows by a quantity, named by its range. {READING} {FIRST}{left_out(seen, shown)}",
        gap=(1.25, 0.75),
        margin=(1.25, 0.65),
    )
    for ax, variable, (codes, named, _) in zip(axes, shown, parts, strict=True):
        for row, (code, _) in enumerate(named):
            _box(ax, outcome.y[codes == code], scale, row, BLUE)
        ax.set_yticks(np.arange(len(named)), [fit(name, 1.2) for _, name in named])
        ax.set(xlim=scale.limits(target.known, 0.03), ylim=(len(named) - 0.4, -0.6))
        ax.set_xticks(*scale.ticks(target.known, 4))
        ax.set_xlabel(fit(variable.column.axis_title(), 2.6, 2), fontsize=SMALL)
        write(ax, 1, 1.03, seen.strengths[variable.name].text, ha="right")
    return fig


def _parts(variable: Variable) -> tuple[Floats, list[tuple[int, str]], str]:
    """Return the part of each row, the parts that are drawn with their names, and their kind."""
    if variable.levels:
        rows = np.bincount(variable.known.astype(np.int64))
        return variable.values, [(c, variable.levels[c]) for c in most_frequent(rows)], "categories"
    codes = quantile_codes(variable, QUARTERS).astype(np.float64)
    named = []
    for code in np.unique(codes[codes < QUARTERS]):
        own = variable.values[codes == code]
        named.append((int(code), _range(variable, float(own.min()), float(own.max()))))
    return codes, named, "quarters"


def _range(variable: Variable, low: float, high: float) -> str:
    if variable.column.kind == "datetime":
        return f"from {np.datetime64(int(low), 'D')}"
    return amount(low) if low == high else f"{amount(low)} to {amount(high)}"


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
