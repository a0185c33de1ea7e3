"""What decisions bring, by the charter's costs, and the decision that brings most."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.params import ClassCosts, Costs, NumberCosts
from stages.core.products import row_products
from stages.core.statistics import Floats

Ints = npt.NDArray[np.int64]

# The unit of every amount of money: what 1,000 decisions bring.
PER_DECISIONS = 1000


def row_value(y_true: Ints, decisions: Ints, costs: Costs) -> Floats:
    """Return what each yes-or-no decision brings, in the currency of `costs`, shape (n,)."""
    acted = np.where(y_true == 1, costs.true_positive, costs.false_positive)
    let_be = np.where(y_true == 1, costs.false_negative, costs.true_negative)
    return np.where(decisions == 1, acted, let_be)


def number_values(y_true: Floats, decisions: Floats, costs: NumberCosts) -> Floats:
    """Return what each prediction brings, by how far it is too high or too low, shape (n,)."""
    off = decisions - y_true
    return np.where(off > 0, off * costs.per_unit_over, -off * costs.per_unit_under)


def class_values(costs: ClassCosts, classes: Sequence[str]) -> Floats:
    """Return what it brings to decide for the class of a column where that of a row is true.

    Shape (classes + 1, classes + 1): the last row and column stand for a class that is none
    of them, so that -1 means it; to decide for it is wrong.

    Raises:
        LoopwrightError: an exception names a class that there is not.
    """
    values = np.full((len(classes) + 1, len(classes) + 1), costs.wrong)
    places = np.arange(len(classes))
    values[places, places] = costs.right
    for number, one in enumerate(costs.exceptions):
        for side, label in (("actual", one.actual), ("decided", one.decided)):
            if label not in classes:
                raise LoopwrightError(
                    f"charter.costs.exceptions.{number}.{side}: no class '{label}'"
                    f"{did_you_mean(label, classes)}; possible: {', '.join(classes)}"
                )
        values[classes.index(one.actual), classes.index(one.decided)] = one.value
    return values


def best_classes(y_prob: Floats, costs: ClassCosts, classes: Sequence[str]) -> Ints:
    """Return the place of the class whose decision is expected to bring most, shape (n,).

    The likeliest one where every mistake costs the same (Elkan, The Foundations of
    Cost-Sensitive Learning, IJCAI 2001, equation 1).

    Raises:
        LoopwrightError: as `class_values`.
    """
    # A decision must not hang on how many rows are decided at once.
    expected = row_products(y_prob, class_values(costs, classes)[:-1, :-1])
    return np.asarray(expected.argmax(axis=1), dtype=np.int64)


def cost_threshold(costs: Costs) -> float:
    """Return the probability from which on acting pays, for calibrated probabilities.

    Acting brings p * TP + (1 - p) * FP and not acting p * FN + (1 - p) * TN, so acting
    is the better from p = (TN - FP) / ((TN - FP) + (TP - FN)) on (Elkan, The Foundations
    of Cost-Sensitive Learning, IJCAI 2001, equation 2).

    Raises:
        LoopwrightError: a wrong decision brings as much as the right one, or more; then
            no probability decides.
    """
    saved = costs.true_positive - costs.false_negative
    wasted = costs.true_negative - costs.false_positive
    if saved <= 0 or wasted <= 0:
        better, worse = (
            ("true_positive", "false_negative")
            if saved <= 0
            else ("true_negative", "false_positive")
        )
        raise LoopwrightError(
            f"charter.costs: {better} ({getattr(costs, better):g}) was expected above {worse} "
            f"({getattr(costs, worse):g}): where a right decision brings no more than the wrong "
            "one, there is nothing to decide; a loss is written as a negative number"
        )
    return wasted / (wasted + saved)
