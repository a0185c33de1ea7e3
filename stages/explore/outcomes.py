"""The target as the pictures take it: two classes, several classes, or a number."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, to_hex

from stages.core.associations import (
    CELLS,
    Ints,
    pair_separation,
    quantile_codes,
    separation,
    spearman_estimate,
)
from stages.core.contingency import cramers_v, cross_table, mutual_information
from stages.core.explained import explained
from stages.core.figures import BLUE, COLOURS, NEGATIVE, POSITIVE, VERMILION, amounts, elide
from stages.core.numbers import percent
from stages.core.params import BinaryTarget, RegressionTarget, Target
from stages.core.schema import Column, Schema
from stages.core.statistics import Estimate, Floats
from stages.core.targets import strata, truth
from stages.core.variables import Variable

# Of more classes, all but the most frequent share the last colour.
MOST_CLASSES = 6
OTHER = "#8C8C8C"

# Of still more, all beyond these are one when it is asked what a column explains.
MOST_TOLD = 50

# A bin of a column that is to explain the target has so many rows, where there are enough.
BIN_ROWS = 20

# Low and high numbers: the colours of the two classes, and a grey that shows on white between.
LOW_HIGH = LinearSegmentedColormap.from_list("low_high", [BLUE, "#ABABAB", VERMILION])
KEYS = (0.1, 0.3, 0.5, 0.7, 0.9)  # shares of the rows below the numbers in the key of colours


@dataclass(frozen=True)
class Strength:
    """How much one column alone tells of the target.

    Attributes:
        value: in the unit of the outcome: a ROC AUC, or a share that is explained.
        text: the same in words, for the corner of a panel.
        by: what tells: the column's ``value``, its ``category``, or its being ``missing``.
        estimate: the value with its interval, where one is known.
    """

    value: float
    text: str
    by: str
    estimate: Estimate | None = None


@dataclass(frozen=True, eq=False)
class Group:
    """Rows that are drawn in one colour."""

    name: str
    colour: str
    rows: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Outcome(ABC):
    """The target of a table.

    Attributes:
        name: of its column.
        title: the same for people.
        random_state: deals the halves that columns are held against.
    """

    # A title does not call a column telling that is worth less.
    barely: ClassVar[float]

    name: str
    title: str
    random_state: int

    @property
    @abstractmethod
    def groups(self) -> tuple[Group, ...]:
        """The rows by class; all rows as one group where the target is a number."""

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        return len(self.groups[0].rows)

    @property
    def keys(self) -> list[tuple[str, str]]:
        """What the colours mean: (name, colour)."""
        return [
            (f"{elide(group.name)} ({int(group.rows.sum()):,} rows)", group.colour)
            for group in self.groups
        ]

    @property
    def colour_note(self) -> str:
        """A sentence on the colours where the key alone does not say enough."""
        return ""

    @property
    @abstractmethod
    def point_colours(self) -> npt.NDArray[Any]:
        """The colour of each row, shape (rows,)."""

    @property
    @abstractmethod
    def ranked(self) -> tuple[tuple[str, Floats], ...]:
        """What stands below the columns in the heatmap: titles, and numbers of each row."""

    @abstractmethod
    def strength(self, variable: Variable) -> Strength:
        """Return how much `variable` alone tells of the target."""

    @abstractmethod
    def together(self, first: Variable, second: Variable, cells: int) -> float:
        """Return how much two columns tell together: by a grid of `cells` x `cells` quantiles."""

    @abstractmethod
    def relevance(self, value: float) -> float:
        """Return the value of a `Strength` as a share from 0, nothing, to 1, everything."""

    @abstractmethod
    def shown(self, value: float) -> str:
        """Return the value of a `Strength` as a figure writes it."""

    def associations(
        self, variables: Sequence[Variable], strengths: Sequence[Strength]
    ) -> list[dict[str, Any]]:
        """Return several measures of how each column goes with the target, the strongest first."""
        return []

    @abstractmethod
    def leak_bound(self, roc_auc: float) -> float:
        """Return from which strength on a column is suspected to know the target."""

    @abstractmethod
    def leak(self, strength: Strength) -> str:
        """Return what a column that is suspected does."""

    def best_alone(self, name: str, value: float) -> str:
        """Return the sentence on the most telling column."""
        if value < self.barely:
            return f"No column tells the classes apart alone; nearest: {name} ({self.shown(value)})"
        return f"{name} tells the classes apart best ({self.shown(value)} alone)"

    def best_pair(self, names: str, value: float) -> str:
        """Return the sentence on the most telling pair."""
        if value < self.barely:
            return f"No pair tells the classes apart; nearest: {names} ({self.shown(value)})"
        return f"{names} tell the classes apart best as a pair ({self.shown(value)})"

    def unlike(self, count: int) -> str:
        """Return the title of the pair plot."""
        return f"{count} columns that tell the classes apart and are least alike"


@dataclass(frozen=True, eq=False)
class YesNo(Outcome):
    """Two classes, of which one is the positive one.

    Attributes:
        y: shape (rows,), 1 where the target is positive.
        classes: the names of class 0 and class 1.
    """

    barely: ClassVar[float] = 0.55

    y: Ints
    classes: tuple[str, str]

    @property
    def positive(self) -> str:
        """The name of class 1, short enough for a title."""
        return elide(self.classes[1])

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Both classes."""
        return (
            Group(self.classes[0], NEGATIVE, self.y == 0),
            Group(self.classes[1], POSITIVE, self.y == 1),
        )

    @property
    def point_colours(self) -> npt.NDArray[Any]:
        """The colour of each row, shape (rows,)."""
        return np.array([NEGATIVE, POSITIVE])[self.y]

    @property
    def ranked(self) -> tuple[tuple[str, Floats], ...]:
        """The target, 1 where it is positive."""
        return ((elide(self.title, 32), self.y.astype(float)),)

    def strength(self, variable: Variable) -> Strength:
        """Return the ROC AUC with which `variable` alone ranks the target."""
        found = separation(variable, self.y, self.random_state)
        by = " by its gaps" if found.by == "missing" else ""
        return Strength(found.roc_auc, f"{self.shown(found.roc_auc)}{by}", found.by)

    def together(self, first: Variable, second: Variable, cells: int) -> float:
        """Return the ROC AUC of a grid of quantiles."""
        return pair_separation(first, second, self.y, cells, self.random_state)

    def relevance(self, value: float) -> float:
        """Return 2 ROC AUC - 1."""
        return 2 * value - 1

    def shown(self, value: float) -> str:
        """Return the ROC AUC."""
        return f"ROC AUC {value:.2f}"

    def leak_bound(self, roc_auc: float) -> float:
        """Return the bound as it is."""
        return roc_auc

    def leak(self, strength: Strength) -> str:
        """Return what a column that is suspected does."""
        return f"ranks the target with ROC AUC {strength.value:.3f}"


@dataclass(frozen=True, eq=False)
class _Explained(Outcome):
    """A target of which a column explains a share: see `stages.core.explained`."""

    barely: ClassVar[float] = 0.01

    @property
    @abstractmethod
    def truth(self) -> Floats:
        """The target as columns of numbers, shape (rows, columns)."""

    @property
    @abstractmethod
    def bins(self) -> Ints:
        """The target as groups, from 0 up, shape (rows,)."""

    @abstractmethod
    def association(self, variable: Variable) -> dict[str, Any]:
        """Return the measures that only this kind of target has, by name."""

    def strength(self, variable: Variable) -> Strength:
        """Return the share that `variable` alone explains, its gaps as a group of their own."""
        found = explained(self._codes(variable), self.truth, self.random_state)
        value = found["value"] or 0.0
        by = "value" if variable.ordered else "category"
        return Strength(value, self.shown(value), by, found)

    def together(self, first: Variable, second: Variable, cells: int) -> float:
        """Return the share that a grid of quantiles explains."""
        codes = quantile_codes(first, cells) * (cells + 1) + quantile_codes(second, cells)
        return explained(codes, self.truth, self.random_state)["value"] or 0.0

    def relevance(self, value: float) -> float:
        """Return the share itself."""
        return value

    def shown(self, value: float) -> str:
        """Return the share in per cent."""
        return f"explains {percent(value, 0)}"

    def leak_bound(self, roc_auc: float) -> float:
        """Return 2 ROC AUC - 1: both run from 0, nothing, to 1, everything."""
        return 2 * roc_auc - 1

    def leak(self, strength: Strength) -> str:
        """Return what a column that is suspected does."""
        return f"explains {percent(strength.value)} of the target"

    def associations(
        self, variables: Sequence[Variable], strengths: Sequence[Strength]
    ) -> list[dict[str, Any]]:
        """Return the share, the measure of this kind of target, and the mutual information."""
        # Rounded: the last bits of a sum must not decide on an order.
        order = sorted(range(len(variables)), key=lambda i: (-round(strengths[i].value, 9), i))
        return [
            {
                "column": variables[i].name,
                "explained": _rounded(strengths[i].estimate),
                **{k: _rounded(found) for k, found in self.association(variables[i]).items()},
                "mutual_information": _rounded(
                    mutual_information(cross_table(self._codes(variables[i]), self.bins))
                ),
            }
            for i in order
        ]

    def _codes(self, variable: Variable) -> Ints:
        """Return the group of each row: its category, or its bin among quantiles."""
        if variable.levels:
            missing = np.isnan(variable.values)
            return np.where(missing, len(variable.levels), variable.values).astype(np.int64)
        return quantile_codes(variable, int(np.clip(self.rows // BIN_ROWS, 2, CELLS)))


@dataclass(frozen=True, eq=False)
class Classes(_Explained):
    """Several classes.

    Attributes:
        names: of all classes, as people call them, the most frequent first.
        codes: shape (rows,), the place of each row's class in `names`.
        drawn: the places of the classes with a colour of their own, in the order of drawing.
    """

    names: tuple[str, ...]
    codes: Ints
    drawn: tuple[int, ...]

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The most frequent classes, and all others as one."""
        own = [
            Group(self.names[code], colour, self.codes == code)
            for code, colour in zip(self.drawn, COLOURS, strict=False)
        ]
        rest = len(self.names) - len(own)
        if rest:
            own.append(Group(f"{rest:,} others", OTHER, ~np.isin(self.codes, self.drawn)))
        return tuple(own)

    @property
    def colour_note(self) -> str:
        """Say what the last colour holds."""
        rest = len(self.names) - len(self.drawn)
        return f" Grey: the {rest:,} less frequent of {len(self.names):,} classes." if rest else ""

    @cached_property
    def point_colours(self) -> npt.NDArray[Any]:
        """The colour of each row, shape (rows,)."""
        colours = np.full(self.rows, OTHER)
        for group in self.groups:
            colours[group.rows] = group.colour
        return colours

    @property
    def ranked(self) -> tuple[tuple[str, Floats], ...]:
        """Each class that has a colour: 1 in its rows."""
        return tuple(
            (elide(self.names[code], 32), (self.codes == code).astype(float)) for code in self.drawn
        )

    @cached_property
    def truth(self) -> Floats:
        """A column for each of the most frequent classes, and one for all others."""
        told = min(len(self.names), MOST_TOLD)
        return np.eye(told)[np.minimum(self.codes, told - 1)]

    @property
    def bins(self) -> Ints:
        """The classes themselves."""
        return self.codes

    def association(self, variable: Variable) -> dict[str, Any]:
        """Return Cramér's V of a column's categories or bins and the classes."""
        return {"cramers_v": cramers_v(cross_table(self._codes(variable), self.bins))}


@dataclass(frozen=True, eq=False)
class Number(_Explained):
    """A number.

    Attributes:
        column: what schema.yaml says about it.
        y: shape (rows,).
        tenths: shape (rows,), which tenth of the numbers each row's is in, from 0 up.
    """

    column: Column
    y: Floats
    tenths: Ints

    @property
    def variable(self) -> Variable:
        """The target as a column like others, for its own panels."""
        return Variable(self.name, self.column, self.y, (), ordered=True)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """All rows."""
        return (Group("all", BLUE, np.ones(len(self.y), dtype=bool)),)

    @cached_property
    def ranks(self) -> Floats:
        """The rank of each row's number, ties at their mean, as a share from 0 to 1."""
        return (pd.Series(self.y).rank().to_numpy() - 0.5) / len(self.y)

    @property
    def keys(self) -> list[tuple[str, str]]:
        """A few numbers from low to high, each with its colour."""
        numbers = np.unique(np.quantile(self.y, KEYS, method="lower"))
        return [
            (text, self.shade(float(value)))
            for value, text in zip(numbers, amounts(numbers), strict=True)
        ]

    @property
    def colour_note(self) -> str:
        """Say what the colours stand for."""
        return f" Colour: {elide(self.column.axis_title(), 44)}, by rank."

    def shade(self, value: float) -> str:
        """Return the colour of a number: of the share of rows below it, ties counting half."""
        ordered = self._sorted
        below, upto = (np.searchsorted(ordered, value, side=side) for side in ("left", "right"))
        return to_hex(LOW_HIGH(float(below + upto) / 2 / len(ordered)))

    @cached_property
    def _sorted(self) -> Floats:
        return np.sort(self.y)

    @cached_property
    def point_colours(self) -> npt.NDArray[Any]:
        """The colour of each row, shape (rows, 4)."""
        return np.asarray(LOW_HIGH(self.ranks))

    @property
    def ranked(self) -> tuple[tuple[str, Floats], ...]:
        """The target."""
        return ((elide(self.title, 32), self.y),)

    @cached_property
    def truth(self) -> Floats:
        """The ranks: a few huge numbers must not decide alone."""
        return self.ranks[:, None]

    @property
    def bins(self) -> Ints:
        """The tenths of the target."""
        return self.tenths

    def association(self, variable: Variable) -> dict[str, Any]:
        """Return Spearman's correlation, of columns that have an order."""
        found = spearman_estimate(variable.values, self.y) if variable.ordered else None
        return {"spearman": found}

    def best_alone(self, name: str, value: float) -> str:
        """Return the sentence on the most telling column."""
        if value < self.barely:
            return f"No column explains {elide(self.title, 30)} alone; nearest: {name}"
        return f"{name} alone explains {percent(value, 0)} of {self._differences}, the most"

    def best_pair(self, names: str, value: float) -> str:
        """Return the sentence on the most telling pair."""
        if value < self.barely:
            return f"No pair explains {elide(self.title, 30)}; nearest: {names}"
        return f"{names} together explain {percent(value, 0)} of {self._differences}, the most"

    @property
    def _differences(self) -> str:
        return f"the differences in {elide(self.title, 30)}"

    def unlike(self, count: int) -> str:
        """Return the title of the pair plot."""
        others = f"the {count} columns" if count > 1 else "the column"
        are = "are" if count > 1 else "is"
        return (
            f"{elide(self.title, 30)} and {others} that {'tell' if count > 1 else 'tells'} most of "
            f"it and {are} least alike"
        )


def outcome_of(frame: pd.DataFrame, schema: Schema, target: Target, random_state: int) -> Outcome:
    """Return the target of `frame` as the pictures take it.

    Raises:
        LoopwrightError: the target's column is not in both the table and the schema, or does
            not hold what its task needs.
    """
    y = truth(frame, target)
    column = schema.column(target.column, "charter.target.column")
    own = target.column, column.title, random_state
    if isinstance(target, BinaryTarget):
        return YesNo(*own, y, _two_names(frame[target.column], column, target.positive))
    if isinstance(target, RegressionTarget):
        return Number(*own, column, y, strata(frame, target))
    labels, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    names = [str(labels[i]) for i in order]
    room = len(names) if len(names) <= MOST_CLASSES else MOST_CLASSES - 1
    declared = {value: rank for rank, value in enumerate(column.categories())}
    drawn = sorted(range(room), key=lambda code: declared.get(names[code], len(declared)))
    return Classes(*own, tuple(column.label(name) for name in names), place[codes], tuple(drawn))


def _two_names(values: "pd.Series[Any]", column: Column, positive: object) -> tuple[str, str]:
    """Return what class 0 and class 1 are called."""
    named = column.label(positive)
    others = values[values != positive].dropna().unique()
    return column.label(others[0]) if len(others) == 1 else f"not {named}", named


def _rounded(found: Estimate | None) -> dict[str, Any] | None:
    if found is None or found["value"] is None or found["interval"] is None:
        return None
    return {
        "value": round(found["value"], 6),
        "interval": [round(end, 6) for end in found["interval"]],
    }
