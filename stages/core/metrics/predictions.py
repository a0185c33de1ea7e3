"""What was true, what was predicted and what was decided, row by row, for each task.

The three kinds have the same words for what one row says: its loss, whether its decision
was right, what it brings. A metric that is a mean over rows is one function for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from stages.core.metrics.calibration import quantile_bins
from stages.core.metrics.money import class_values, number_values, row_value
from stages.core.metrics.ranking import Ranking
from stages.core.params import ClassCosts, Costs, NumberCosts, Task
from stages.core.statistics import Floats

Ints = npt.NDArray[np.int64]


def row_log_loss(y_true: Ints, y_prob: Floats) -> Floats:
    """Return minus the log of the probability given to what happened, shape (n,)."""
    return surprise(np.where(y_true == 1, y_prob, 1 - y_prob))


def surprise(given: Floats) -> Floats:
    """Return minus the log of the probabilities `given` to what happened.

    They are kept off 0 and 1 by the resolution of a float, as scikit-learn does.
    """
    eps = float(np.finfo(np.float64).eps)
    loss: Floats = -np.log(np.clip(given, eps, 1 - eps))
    return loss


def _check_rows(*columns: Any) -> None:
    given = [column for column in columns if column is not None]
    if len({len(column) for column in given}) > 1 or given[0].ndim != 1:
        raise ValueError(f"one row each was expected: {[column.shape for column in given]}")
    if not len(given[0]):
        raise ValueError("there are no rows to measure")


def _check_probabilities(y_prob: Floats) -> None:
    if not ((y_prob >= 0) & (y_prob <= 1)).all():
        raise ValueError("y_prob holds values outside 0 to 1")


class _Valued:
    """Decisions that bring something, held against those of the rule."""

    rule_decisions: Any

    def row_values(self, decisions: Any = None) -> Floats:
        """Return what `decisions`, or those made, bring row by row, (n,)."""
        raise NotImplementedError

    @cached_property
    def brought(self) -> Floats:
        """What the decisions that were made bring, (n,)."""
        return self.row_values()

    @cached_property
    def brought_by_rule(self) -> Floats:
        """What those of the rule bring, (n,)."""
        return self.row_values(self.rule_decisions)


class _OfClasses(_Valued):
    """Probabilities of classes, and decisions for them, held against what happened."""

    calibration_bins: int
    confidence: Floats
    hit: Floats
    y_true: Ints
    y_prob: Floats
    y_pred: Ints

    @cached_property
    def row_right(self) -> Floats:
        """1 where the decision was right, (n,)."""
        return np.asarray(self.y_true == self.y_pred, dtype=np.float64)

    @cached_property
    def by_class(self) -> Floats:
        """1 in the column of each row's true class, else 0, (n, classes)."""
        size = 2 if self.y_prob.ndim == 1 else self.y_prob.shape[1]
        inside: Floats = np.eye(size)[self.y_true] * (self.y_true >= 0)[:, None]
        return inside

    @cached_property
    def right_by_class(self) -> Floats:
        """1 there where the decision was right, else 0, (n, classes)."""
        return self.by_class * self.row_right[:, None]

    @cached_property
    def calibration_bin(self) -> Floats:
        """1 in the column of each row's bin of probability, else 0, (n, bins)."""
        bins = quantile_bins(self.confidence, self.calibration_bins)
        inside: Floats = np.eye(int(bins.max()) + 1)[bins]
        return inside

    @cached_property
    def calibration_gaps(self) -> Floats:
        """Probability minus outcome of each row in the column of its bin, (n, bins)."""
        return self.calibration_bin * (self.confidence - self.hit)[:, None]


@dataclass(frozen=True)
class Predictions(_OfClasses):
    """What was true, what was predicted and whether to act was decided, row by row.

    Attributes:
        y_true: 1 for positive, 0 for negative, shape (n,).
        y_prob: the predicted probability of the positive class, shape (n,).
        y_pred: the decision, 1 to act and 0 not to, shape (n,).
        costs: what one decision brings in each outcome; None without money.
        rule_decisions: what the charter's rule decides on the same rows, shape (n,).
        calibration_bins: the number of bins of equal size for the calibration error.
        sample_weight: how much each row counts, shape (n,); None where all count alike.
    """

    task: ClassVar[Task] = "binary"
    y_true: Ints
    y_prob: Floats
    y_pred: Ints
    costs: Costs | None = None
    rule_decisions: Ints | None = None
    calibration_bins: int = 10
    sample_weight: Floats | None = None

    def __post_init__(self) -> None:
        _check_rows(self.y_true, self.y_prob, self.y_pred, self.rule_decisions, self.sample_weight)
        if not np.isin(self.y_true, (0, 1)).all():
            raise ValueError("y_true holds other values than 0 and 1")
        _check_probabilities(self.y_prob)

    def __len__(self) -> int:
        return len(self.y_true)

    @cached_property
    def ranking(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """The rows from the highest score down, and the last place of each tied score."""
        order = np.argsort(-self.y_prob, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(self.y_prob[order])), len(order) - 1)
        return order, ends

    @cached_property
    def by_score(self) -> Ranking:
        """Which rows stand where, by the scores of positives."""
        return Ranking.of(self.y_true, self.y_prob)

    @cached_property
    def outcomes(self) -> Floats:
        """Whether a row is a true positive, false positive, true or false negative, (n, 4)."""
        actual, decided = self.y_true == 1, self.y_pred == 1
        cells = (actual & decided, ~actual & decided, ~actual & ~decided, actual & ~decided)
        return np.stack(cells, axis=1).astype(np.float64)

    @property
    def confidence(self) -> Floats:  # type: ignore[override]  # read only here
        """The probability of the positive class, (n,)."""
        return self.y_prob

    @property
    def hit(self) -> Floats:  # type: ignore[override]  # read only here
        """1 where the positive class happened, (n,)."""
        return self.y_true.astype(np.float64)

    @cached_property
    def row_loss(self) -> Floats:
        """The log loss of each row, (n,)."""
        return row_log_loss(self.y_true, self.y_prob)

    @cached_property
    def row_brier(self) -> Floats:
        """The squared difference of probability and outcome, (n,)."""
        return np.asarray((self.y_prob - self.y_true) ** 2)

    def row_values(self, decisions: Ints | None = None) -> Floats:
        """Return what `decisions`, or those made, bring row by row, (n,)."""
        if self.costs is None:
            raise ValueError("a value needs costs")
        return row_value(self.y_true, self.y_pred if decisions is None else decisions, self.costs)


@dataclass(frozen=True)
class ClassPredictions(_OfClasses):
    """What was true, what was predicted and which class was decided for, row by row.

    Attributes:
        y_true: the place of the true class in `classes`, -1 for one that is not there, (n,).
        y_prob: the predicted probability of each class, shape (n, classes).
        y_pred: the place of the class that was decided for, -1 for none, shape (n,).
        classes: the labels, in the order of the columns of `y_prob`.
        costs: what one decision brings; None without money.
        rule_decisions: the place of the class that the charter's rule decides for, (n,).
        calibration_bins: the number of bins of equal size for the calibration error.
        sample_weight: how much each row counts, shape (n,); None where all count alike.
    """

    task: ClassVar[Task] = "multiclass"
    y_true: Ints
    y_prob: Floats
    y_pred: Ints
    classes: tuple[str, ...]
    costs: ClassCosts | None = None
    rule_decisions: Ints | None = None
    calibration_bins: int = 10
    sample_weight: Floats | None = None

    def __post_init__(self) -> None:
        _check_rows(self.y_true, self.y_pred, self.y_prob, self.rule_decisions, self.sample_weight)
        if self.y_prob.shape != (len(self), len(self.classes)):
            raise ValueError(
                f"a column a class was expected: {self.y_prob.shape}, {len(self.classes)} classes"
            )
        _check_probabilities(self.y_prob)

    def __len__(self) -> int:
        return len(self.y_true)

    def one_class(self, place: int) -> Predictions:
        """Return the predictions as those of one class against the rest."""
        return Predictions(
            (self.y_true == place).astype(np.int64),
            self.y_prob[:, place],
            (self.y_pred == place).astype(np.int64),
            calibration_bins=self.calibration_bins,
            sample_weight=self.sample_weight,
        )

    @cached_property
    def happened(self) -> Floats:
        """1 in the column of each row's true class, else 0, (n, classes)."""
        happened: Floats = (self.y_true[:, None] == np.arange(len(self.classes))).astype(float)
        return happened

    @cached_property
    def confidence(self) -> Floats:  # type: ignore[override]  # read only here
        """The probability of the likeliest class, (n,)."""
        return np.asarray(self.y_prob.max(axis=1))

    @cached_property
    def hit(self) -> Floats:  # type: ignore[override]  # read only here
        """1 where the likeliest class happened, (n,)."""
        return np.asarray(self.y_prob.argmax(axis=1) == self.y_true, dtype=np.float64)

    @cached_property
    def row_loss(self) -> Floats:
        """The log loss of each row, (n,)."""
        return surprise((self.y_prob * self.happened).sum(axis=1))

    @cached_property
    def row_brier(self) -> Floats:
        """Half the squared differences of probability and outcome over all classes, (n,)."""
        return np.asarray(((self.y_prob - self.happened) ** 2).sum(axis=1) / 2)

    def row_values(self, decisions: Ints | None = None) -> Floats:
        """Return what `decisions`, or those made, bring row by row, (n,)."""
        if self.costs is None:
            raise ValueError("a value needs costs")
        values = class_values(self.costs, self.classes)
        return np.asarray(values[self.y_true, self.y_pred if decisions is None else decisions])


@dataclass(frozen=True)
class NumberPredictions(_Valued):
    """What was true and what was predicted, row by row.

    Attributes:
        y_true: the number, shape (n,).
        y_pred: the number that was predicted, shape (n,).
        costs: what a unit too much or too little brings; None without money.
        rule_decisions: the number that the charter's rule gives, shape (n,).
        sample_weight: how much each row counts, shape (n,); None where all count alike.
    """

    task: ClassVar[Task] = "regression"
    y_true: Floats
    y_pred: Floats
    costs: NumberCosts | None = None
    rule_decisions: Floats | None = None
    sample_weight: Floats | None = None

    def __post_init__(self) -> None:
        _check_rows(self.y_true, self.y_pred, self.rule_decisions, self.sample_weight)
        if not (np.isfinite(self.y_true) & np.isfinite(self.y_pred)).all():
            raise ValueError("y_true and y_pred hold values that are no finite numbers")

    def __len__(self) -> int:
        return len(self.y_true)

    @cached_property
    def residuals(self) -> Floats:
        """What was predicted less what was true, (n,): above 0, too much."""
        return self.y_pred - self.y_true

    @cached_property
    def row_loss(self) -> Floats:
        """The squared error of each row, (n,)."""
        return np.asarray(self.residuals**2)

    def row_values(self, decisions: Floats | None = None) -> Floats:
        """Return what `decisions`, or the predictions, bring row by row, (n,)."""
        if self.costs is None:
            raise ValueError("a value needs costs")
        return number_values(
            self.y_true, self.y_pred if decisions is None else decisions, self.costs
        )


AnyPredictions = Predictions | ClassPredictions | NumberPredictions


def codes_of(labels: npt.NDArray[Any], classes: Sequence[str]) -> Ints:
    """Return the place of each label in `classes`, -1 where it is none of them, shape (n,)."""
    place = {label: code for code, label in enumerate(classes)}
    return np.array([place.get(label, -1) for label in labels], dtype=np.int64)
