"""Rows as points: where they stand, in which colour, and how their axes are marked."""

import numpy as np
from matplotlib.axes import Axes

from stages.core.associations import Ints
from stages.core.figures import elide
from stages.core.statistics import Floats
from stages.core.variables import Variable
from stages.explore.view import View

FEW = 20  # values: their points are spread, for they would hide each other


def sampled(rows: Ints, seen: View) -> str:
    """Say which rows are drawn."""
    if len(rows) == seen.outcome.rows:
        return f"all {len(rows):,} rows"
    return f"{len(rows):,} of {seen.outcome.rows:,} rows, drawn at random"


def points(ax: Axes, x: Variable, y: Variable, rows: Ints, seen: View, size: float) -> None:
    """Draw rows as points in the colours of the target, in random order: none lies on top."""
    colours = seen.outcome.point_colours[rows]
    across, down = _spread(x, rows, seen, 0), _spread(y, rows, seen, 1)
    ax.scatter(across, down, s=size, c=colours, alpha=0.5, linewidth=0)


def _spread(variable: Variable, rows: Ints, seen: View, stream: int) -> Floats:
    """Return positions; of a column with few values moved by up to 0.3 of its smallest step."""
    scale = seen.scales[variable.name]
    positions = scale.positions(variable.values[rows])
    if variable.distinct > FEW:
        return positions
    steps = np.diff(np.unique(scale.positions(variable.known)))
    step = steps.min() if len(steps) else 1.0
    rng = np.random.default_rng([seen.bounds.random_state, stream])
    return np.asarray(positions + rng.uniform(-0.3, 0.3, len(rows)) * step)


def ticks(variable: Variable, seen: View, count: int) -> tuple[Floats, list[str]]:
    """Return about `count` ticks of a column: positions and labels."""
    if not variable.levels:
        marks, names = seen.scales[variable.name].ticks(variable.known, count)
        # Dates are wide: in a narrow panel the first and the last have room.
        few = (
            slice(None, None, 2)
            if variable.column.kind == "datetime" and count < 4
            else slice(None)
        )
        return marks[few], names[few]
    some = np.unique(np.linspace(0, len(variable.levels) - 1, count).round())
    return some, [elide(variable.levels[int(code)], 10) for code in some]


def width(labels: list[list[str]]) -> float:
    """Return how many inches tick labels take beside their axes."""
    return 0.18 + 0.075 * max((len(text) for texts in labels for text in texts), default=0)
