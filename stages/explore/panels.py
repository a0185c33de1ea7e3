"""What the panels of several pictures share: ticks of shares, names of levels, small words."""

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from stages.core.distributions import Scale
from stages.core.figures import MUTED, SMALL, percents
from stages.core.numbers import percent

LEVELS = 6  # the most frequent categories have a place of their own; the others share the last


def most_frequent(rows: npt.NDArray[np.int64], places: int = LEVELS) -> list[int]:
    """Return the levels that get a place of their own, in their own order."""
    found = [code for code in range(len(rows)) if rows[code]]
    room = places if len(found) <= places else places - 1
    return sorted(sorted(found, key=lambda code: (-rows[code], code))[:room])


def rate_ticks(ax: Axes, top: float, along: str, count: int = 4) -> None:
    """Set ticks of a share from 0 to `top`."""
    marks, _ = Scale("linear").ticks(np.array([0.0, top]), count)
    axis = ax.xaxis if along == "x" else ax.yaxis
    axis.set_ticks(marks, percents(marks))


def share(value: float) -> str:
    """Return a share with the digits that it needs not to read as 0 or all."""
    some = min(value, 1 - value) or 1.0
    return percent(value, 0 if some >= 0.1 else 1 if some >= 0.001 else 3)


def write(ax: Axes, x: float, y: float, text: str, **kw: Any) -> None:
    """Write small words in a panel, placed by shares of its width and height."""
    ax.text(x, y, text, transform=ax.transAxes, color=MUTED, fontsize=SMALL, **kw)
