"""The picture of a few columns, each against each."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.core.associations import spearman, telling_and_unlike
from stages.core.figures import INK, PALE, SMALL, fit, notice, panels
from stages.core.numbers import number
from stages.core.variables import Variable
from stages.explore.histograms import draw_histogram
from stages.explore.outcomes import Number, Outcome
from stages.explore.points import points, sampled, ticks, width
from stages.explore.view import View


def draw_pair(seen: View) -> Figure:
    """Draw the few columns that tell most and are least alike, each against each."""
    candidates = [v for v in seen.telling if v.ordered]
    if len(candidates) < 2:
        return notice("No pair to draw", "Fewer than two ordered columns vary.")
    chosen = telling_and_unlike(
        [seen.outcome.relevance(seen.strengths[v.name].value) for v in candidates],
        spearman(np.column_stack([v.values for v in candidates])),
        seen.bounds.pair_columns,
    )
    outcome, rows = seen.outcome, seen.sample()
    own = [outcome.variable] if isinstance(outcome, Number) else []
    shown = [*(candidates[i] for i in chosen), *own]
    count = len(shown)
    side = float(np.clip(9.0 / count, 1.2, 2.2))
    beside = width([ticks(variable, seen, 4)[1] for variable in shown[1:]])
    fig, axes = panels(
        count**2,
        count,
        (side, side * 0.85),
        outcome.unlike(len(chosen)),
        f"Diagonal: {_diagonal(outcome)}. Above it: Spearman correlation, of all rows"
        f"{' and by class' if len(outcome.groups) > 1 else ''}. "
        f"Below: {sampled(rows, seen)}.{seen.chosen_among}{outcome.colour_note}",
        outcome.keys,
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
            points(ax, x, y, rows, seen, 6)
            ax.set_yticks(*ticks(y, seen, 4))
        ax.set_xticks(*ticks(x, seen, 3))
        ax.tick_params(labelbottom=down == count - 1, labelleft=across == 0)
        # All names at one distance, however wide the numbers.
        if down == count - 1:
            ax.set_xlabel(fit(x.column.axis_title(), side, 3), fontsize=SMALL)
            ax.xaxis.set_label_coords(0.5, -0.3 / (side * 0.85))
        if across == 0:
            ax.set_ylabel(fit(y.column.axis_title(), side * 0.85, 3), fontsize=SMALL)
            ax.yaxis.set_label_coords(-beside / side, 0.5)
    return fig


def _diagonal(outcome: Outcome) -> str:
    if isinstance(outcome, Number):
        return "share of the rows in each bin"
    return "share of each class in each bin"


def _agreement(ax: Axes, x: Variable, y: Variable, seen: View) -> None:
    """Write the correlation of two columns, of all rows and of each class."""
    ax.set(xticks=[], yticks=[], facecolor=PALE)
    ax.spines[:].set_visible(False)
    both = np.column_stack([x.values, y.values])
    everyone = INK, np.ones(len(both), dtype=bool)
    classes = [(group.colour, group.rows) for group in seen.outcome.groups]
    groups = [everyone, *classes] if len(classes) > 1 else [everyone]
    for (height, size), (colour, rows) in zip(_places(len(groups)), groups, strict=True):
        value = spearman(both[rows])[0, 1]
        text = number(None if np.isnan(value) else float(value), 2)
        middle = ax.text(0.5, height, text, color=colour, fontsize=size, transform=ax.transAxes)
        middle.set(ha="center", va="center")


def _places(count: int) -> list[tuple[float, float]]:
    """Return where `count` numbers stand in a panel, from its top: height and size of font."""
    if count == 1:
        return [(0.5, 15.0)]
    if count == 3:
        return [(0.68, 15.0), (0.4, 10.0), (0.2, 10.0)]
    return [(0.86, 12.0), *((float(at), SMALL) for at in np.linspace(0.7, 0.08, count - 1))]
