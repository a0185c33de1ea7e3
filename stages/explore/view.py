"""What the pictures of a table are drawn from: its most telling columns, and the target."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.core.associations import Ints
from stages.core.distributions import Scale, scale_of
from stages.core.params import Explore
from stages.core.variables import Variable
from stages.explore.outcomes import Number, Outcome, Strength


@dataclass(frozen=True, eq=False)
class View:
    """A table as it is drawn.

    Attributes:
        variables: the columns to draw, in the order of the table.
        telling: those of them that vary, the most telling first.
        strengths: of each of `variables`, by name.
        scales: on which each of them is drawn, by name; that of a numeric target too.
        hidden: how many features are not drawn.
        outcome: the target.
        bounds: the section of params.yaml.
        associations: how strongly each feature, drawn or not, goes with the target, the
            strongest first; empty of two classes, which a ROC AUC ranks.
    """

    variables: tuple[Variable, ...]
    telling: tuple[Variable, ...]
    strengths: dict[str, Strength]
    scales: dict[str, Scale]
    hidden: int
    outcome: Outcome
    bounds: Explore
    associations: tuple[dict[str, Any], ...]

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
        order = np.random.default_rng(self.bounds.random_state).permutation(self.outcome.rows)
        return np.asarray(order[: self.bounds.scatter_points], dtype=np.int64)


def view(
    variables: Sequence[Variable], strengths: Sequence[Strength], outcome: Outcome, bounds: Explore
) -> View:
    """Choose what is drawn: of more features than `max_columns`, the most telling.

    Args:
        variables: all features, in the order of the table.
        strengths: of each of them.
        outcome: the target.
        bounds: the section of params.yaml.
    """
    # Rounded: the last bits of a sum must not decide on an order.
    order = sorted(range(len(variables)), key=lambda i: (-round(strengths[i].value, 9), i))
    drawn = order[: bounds.max_columns]
    in_place = [variables[i] for i in sorted(drawn)]
    own = [outcome.variable] if isinstance(outcome, Number) else []
    return View(
        variables=tuple(in_place),
        telling=tuple(variables[i] for i in drawn if variables[i].distinct > 1),
        strengths={variables[i].name: strengths[i] for i in drawn},
        scales={one.name: scale_of(one, bounds.skew) for one in (*in_place, *own)},
        hidden=len(variables) - len(drawn),
        outcome=outcome,
        bounds=bounds,
        associations=tuple(outcome.associations(variables, strengths)),
    )
