"""What the pictures of a table are drawn from: its most telling columns, by class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.associations import Ints, Separation
from stages.core.distributions import Scale, scale_of
from stages.core.figures import NEGATIVE, POSITIVE, elide
from stages.core.params import BinaryTarget, Explore, Target
from stages.core.schema import Schema
from stages.core.targets import questions
from stages.core.variables import Variable

BARELY = 0.55  # a title does not call a column with a lower ROC AUC telling


@dataclass(frozen=True, eq=False)
class View:
    """A table as it is drawn.

    Attributes:
        variables: the columns to draw, in the order of the table.
        telling: those of them that vary, the most telling first.
        separations: of each of `variables`, by name.
        scales: on which each of them is drawn, by name.
        hidden: how many features are not drawn.
        y: shape (rows,), 1 where the target is positive.
        target: the title of the target.
        classes: the names of class 0 and class 1.
        bounds: the section of params.yaml.
    """

    variables: tuple[Variable, ...]
    telling: tuple[Variable, ...]
    separations: dict[str, Separation]
    scales: dict[str, Scale]
    hidden: int
    y: Ints
    target: str
    classes: tuple[str, str]
    bounds: Explore

    @property
    def positive(self) -> str:
        """The name of class 1, short enough for a title."""
        return elide(self.classes[1])

    @property
    def rows_by_class(self) -> tuple[tuple[str, npt.NDArray[np.bool_]], ...]:
        """Colour and rows of each class."""
        return (NEGATIVE, self.y == 0), (POSITIVE, self.y == 1)

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Name, with the number of its rows, and colour of each class."""
        return [
            (f"{elide(name)} ({int(rows.sum()):,} rows)", colour)
            for name, (colour, rows) in zip(self.classes, self.rows_by_class, strict=True)
        ]

    @property
    def not_drawn(self) -> str:
        """A sentence on the columns that are left out; empty where there are none."""
        if not self.hidden:
            return ""
        count = len(self.variables)
        return f" {self.hidden:,} more columns are not drawn; these {count} are the most telling."

    @property
    def chosen_among(self) -> str:
        """A sentence on the columns that were not looked at; empty where there are none."""
        if not self.hidden:
            return ""
        count = len(self.variables)
        return f" Chosen among the {count} most telling of {count + self.hidden:,} columns."

    def sample(self) -> Ints:
        """Return the positions of at most `scatter_points` rows, in random order."""
        order = np.random.default_rng(self.bounds.random_state).permutation(len(self.y))
        return np.asarray(order[: self.bounds.scatter_points], dtype=np.int64)


def view(
    variables: Sequence[Variable],
    separations: Sequence[Separation],
    y: Ints,
    target: str,
    classes: tuple[str, str],
    bounds: Explore,
) -> View:
    """Choose what is drawn: of more features than `max_columns`, the most telling.

    Args:
        variables: all features, in the order of the table.
        separations: of each of them.
        y: shape (rows,), 1 where the target is positive.
        target: the title of the target.
        classes: the names of class 0 and class 1.
        bounds: the section of params.yaml.
    """
    # Rounded: the last bits of a sum must not decide on an order.
    order = sorted(range(len(variables)), key=lambda i: (-round(separations[i].roc_auc, 9), i))
    drawn = order[: bounds.max_columns]
    in_place = [variables[i] for i in sorted(drawn)]
    return View(
        variables=tuple(in_place),
        telling=tuple(variables[i] for i in drawn if variables[i].distinct > 1),
        separations={variables[i].name: separations[i] for i in drawn},
        scales={variable.name: scale_of(variable, bounds.skew) for variable in in_place},
        hidden=len(variables) - len(drawn),
        y=y,
        target=target,
        classes=classes,
        bounds=bounds,
    )


def class_names(frame: pd.DataFrame, schema: Schema, target: Target) -> tuple[str, str]:
    """Return what the two sides of the target are called: see `targets.questions`.

    Of more than two sides it is the first question: the most frequent class and the rest.
    """
    column = schema.column(target.column, "charter.target.column")
    if not isinstance(target, BinaryTarget):
        name = questions(frame, target)[0][0]
        positive = column.label(name)
        return f"not {positive}", positive
    positive = column.label(target.positive)
    values = frame[target.column]
    others = values[values != target.positive].dropna().unique()
    return column.label(others[0]) if len(others) == 1 else f"not {positive}", positive
