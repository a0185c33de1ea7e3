"""How the answer moves with an input: of each row (ICE), and in the mean (PDP)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.audit.evidence import Evidence, spread
from stages.audit.transparency.words import points
from stages.core.figures import BLUE, INK, elide, fit, panels
from stages.core.statistics import Floats

CURVE_ROWS, CURVE_POINTS = 300, 12
# Rows that are drawn one by one: more are a smear.
LINES = 40


@dataclass(frozen=True)
class Curves:
    """What the model says of the same rows along the values of one input.

    Attributes:
        name: the input.
        grid: its values, g.
        answers: one number of each answer, (g, rows).
    """

    name: str
    grid: list[Any]
    answers: Floats

    @property
    def mean(self) -> Floats:
        """The mean answer if all rows had each value (Friedman, 2001), (g,)."""
        mean: Floats = self.answers.mean(axis=1)
        return mean

    @property
    def centred(self) -> "Curves":
        """Each row's answer less that at the first value: rows that turn elsewhere cross.

        Goldstein and others, Journal of Computational and Graphical Statistics 24, 2015.
        """
        return Curves(self.name, self.grid, self.answers - self.answers[:1])


def curves(e: Evidence, name: str) -> Curves:
    """Ask the model about the same rows with each value of an input in turn.

    Numbers are taken at their quantiles in train from 2 % to 98 %; of codes, the most
    frequent ones.
    """
    column, spec = e.train[name].dropna(), e.schema.columns.get(name)
    grid: list[Any]
    if spec is not None and spec.kind == "numeric":
        quantiles = np.linspace(0.02, 0.98, CURVE_POINTS)
        grid = list(np.unique(column.quantile(quantiles, interpolation="nearest")))
    else:
        grid = sorted(column.value_counts().index[:CURVE_POINTS])
    rows = e.rows.iloc[spread(len(e.rows), CURVE_ROWS)]
    frames = [
        rows.assign(**{name: pd.Series([value] * len(rows), index=rows.index, dtype=column.dtype)})
        for value in grid
    ]
    told = e.shown(e.ask(pd.concat(frames, ignore_index=True)))
    return Curves(name, grid, told.reshape(len(grid), len(rows)))


def draw_curves(e: Evidence, found: Sequence[Curves], centred: bool) -> Figure:
    """Draw the mean answer along each input, and that of some rows in faint lines."""
    size, unit = points(e)
    what = f"mean {e.subject}"
    if e.task != "regression" and not centred:
        unit = "%"
    if centred:
        what = f"{e.subject}, less that at the first value"
    fig, axes = panels(
        len(found),
        3,
        (2.3, 1.7),
        f"Does the {e.subject} change alike for all?"
        if centred
        else f"How does the {e.subject} change with the most important inputs?",
        # The empty line is the room of a title of two lines.
        f"{what} ({unit})\nof {found[0].answers.shape[1]} test rows, were the input as shown; "
        "faint: single rows\n",
        gap=(0.5, 0.95),
        margin=(0.55, 0.7),
    )
    low, top = np.inf, -np.inf
    for ax, one in zip(axes, found, strict=True):
        one = one.centred if centred else one
        means = size * one.mean
        single = size * one.answers[:, spread(one.answers.shape[1], LINES)]
        low, top = min(low, float(single.min())), max(top, float(single.max()))
        spec = e.schema.columns.get(one.name)
        numeric = all(isinstance(value, (int, float, np.number)) for value in one.grid)
        if numeric and not (spec and spec.labels):
            ax.plot(one.grid, single, color=INK, alpha=0.12, linewidth=0.7)
            ax.plot(one.grid, means, "o-", color=BLUE, markersize=3.5)
        else:
            labels = [spec.label(value) if spec else str(value) for value in one.grid]
            ax.plot(range(len(labels)), single, color=INK, alpha=0.12, linewidth=0.7)
            ax.plot(range(len(labels)), means, "o", color=BLUE, markersize=5)
            ax.set_xticks(range(len(labels)), [elide(label, 12) for label in labels], rotation=45)
        ax.set_title(fit(e.title(one.name), 2.3, lines=2))
        ax.set_xlabel(spec.unit if spec and spec.unit else "")
    for ax in axes:
        room = 0.05 * (top - low or abs(top) or 1.0)
        ax.set_ylim(low - room, top + room)
    return fig
