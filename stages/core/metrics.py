"""What is measured: every metric by name, with its direction, range and definition.

A metric is computed for many bootstrap draws at once: `compute` takes `Predictions` of n
rows and weights (draws, n), and gives one number a draw, NaN where it is undefined (one
class only, nothing predicted positive). No undefined value is ever replaced by a default.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Literal

import numpy as np
import numpy.typing as npt

from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.params import Costs
from stages.core.statistics import (
    Drawn,
    Estimate,
    Floats,
    Seed,
    Weights,
    bootstrap,
    chunks,
    ratio,
    weighted_mean,
)

# The unit of every amount of money: what 1,000 decisions bring.
PER_DECISIONS = 1000


@dataclass(frozen=True)
class Predictions:
    """What was true, what was predicted and what was decided, row by row.

    Attributes:
        y_true: 1 for positive, 0 for negative, shape (n,).
        y_prob: the predicted probability of the positive class, shape (n,).
        y_pred: the decision, 1 to act and 0 not to, shape (n,).
        costs: what one decision brings in each outcome; None without money.
        rule_decisions: what the charter's rule decides on the same rows, shape (n,).
        calibration_bins: the number of bins of equal size for the calibration error.
    """

    y_true: npt.NDArray[np.int64]
    y_prob: Floats
    y_pred: npt.NDArray[np.int64]
    costs: Costs | None = None
    rule_decisions: npt.NDArray[np.int64] | None = None
    calibration_bins: int = 10

    def __post_init__(self) -> None:
        columns = [self.y_true, self.y_prob, self.y_pred]
        columns += [] if self.rule_decisions is None else [self.rule_decisions]
        if len({column.shape for column in columns}) > 1 or self.y_true.ndim != 1:
            raise ValueError(f"one row each was expected: {[column.shape for column in columns]}")
        if not len(self.y_true):
            raise ValueError("there are no rows to measure")
        if not np.isin(self.y_true, (0, 1)).all():
            raise ValueError("y_true holds other values than 0 and 1")
        if not ((self.y_prob >= 0) & (self.y_prob <= 1)).all():
            raise ValueError("y_prob holds values outside 0 to 1")

    def __len__(self) -> int:
        return len(self.y_true)

    @cached_property
    def ranking(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """The rows from the highest score down, and the last place of each tied score."""
        order = np.argsort(-self.y_prob, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(self.y_prob[order])), len(order) - 1)
        return order, ends

    @cached_property
    def outcomes(self) -> Floats:
        """Whether a row is a true positive, false positive, true or false negative, (n, 4)."""
        actual, decided = self.y_true == 1, self.y_pred == 1
        cells = (actual & decided, ~actual & decided, ~actual & ~decided, actual & ~decided)
        return np.stack(cells, axis=1).astype(np.float64)

    @cached_property
    def calibration_bin(self) -> Floats:
        """1 in the column of each row's bin of probability, else 0, (n, bins)."""
        bins = quantile_bins(self.y_prob, self.calibration_bins)
        inside: Floats = np.eye(int(bins.max()) + 1)[bins]
        return inside

    @cached_property
    def calibration_gaps(self) -> Floats:
        """Probability minus outcome of each row in the column of its bin, (n, bins)."""
        return self.calibration_bin * (self.y_prob - self.y_true)[:, None]


Compute = Callable[[Predictions, Weights], Floats]
Direction = Literal["higher", "lower"]
Needs = Literal["score", "decision", "value", "rule"]


@dataclass(frozen=True)
class Metric:
    """One way to measure a model.

    Attributes:
        name: scikit-learn's name where scikit-learn has the metric.
        title: what a figure or a page calls it.
        direction: whether ``higher`` or ``lower`` is better.
        low: the least value that is possible.
        high: the greatest value that is possible.
        tasks: the tasks that it is for.
        needs: the least that it takes beside the truth: a ``score`` (probability), a
            ``decision``, a ``value`` (costs and decisions) or a ``rule`` (those, and the
            rule's decisions).
        compute: takes `Predictions` of n rows and weights (d, n), gives (d,).
    """

    name: str
    title: str
    direction: Direction
    low: float
    high: float
    tasks: frozenset[str]
    needs: Needs
    compute: Compute

    def error(self, drawn: Drawn) -> Drawn:
        """Turn a value into an error: lower is better, and 0 the best where there is one."""
        if self.direction == "lower":
            return drawn
        best = self.high if np.isfinite(self.high) else 0.0
        return Drawn(best - drawn.value, best - drawn.samples)


# --- scores -----------------------------------------------------------------------------


def cumulated(p: Predictions, weights: Weights) -> tuple[Weights, Weights]:
    """Return the true and the false positives of acting from each distinct score on.

    Both have shape (d, distinct scores), from the highest score down.
    """
    order, ends = p.ranking
    drawn = np.take(weights, order, axis=1)
    true = np.cumsum(drawn * p.y_true[order], axis=1)
    false = np.cumsum(drawn, axis=1) - true
    tied = len(ends) < len(order)
    return (true[:, ends], false[:, ends]) if tied else (true, false)


def _steps(cumulated: Weights) -> Weights:
    """Return by how much each column grew over the one before, the first over 0."""
    steps: Weights = np.diff(cumulated, axis=1, prepend=0)
    return steps


def roc_auc(p: Predictions, weights: Weights) -> Floats:
    """The chance that a positive ranks above a negative, ties counting half."""
    true, false = cumulated(p, weights)
    area = np.einsum("ij,ij->i", _steps(false), true - _steps(true) / 2)
    return ratio(area, true[:, -1] * false[:, -1])


def average_precision(p: Predictions, weights: Weights) -> Floats:
    """The mean precision over the positives, from the highest score down; no interpolation."""
    true, false = cumulated(p, weights)
    acted = true + false
    # Where nothing is drawn yet there is no step either: 0, not undefined.
    precision = np.divide(true, acted, out=np.zeros(acted.shape), where=acted > 0)
    return ratio(np.einsum("ij,ij->i", _steps(true), precision), true[:, -1])


def row_log_loss(y_true: npt.NDArray[np.int64], y_prob: Floats) -> Floats:
    """Return minus the log of the probability given to what happened, shape (n,).

    Probabilities are kept off 0 and 1 by the resolution of a float, as scikit-learn does.
    """
    eps = float(np.finfo(np.float64).eps)
    given = np.clip(np.where(y_true == 1, y_prob, 1 - y_prob), eps, 1 - eps)
    loss: Floats = -np.log(given)
    return loss


def log_loss(p: Predictions, weights: Weights) -> Floats:
    """The mean of minus the log of the probability given to what happened."""
    return weighted_mean(row_log_loss(p.y_true, p.y_prob), weights)


def brier_score(p: Predictions, weights: Weights) -> Floats:
    """The mean squared difference of probability and outcome (Brier, 1950)."""
    return weighted_mean((p.y_prob - p.y_true) ** 2, weights)


def quantile_bins(y_prob: Floats, bins: int) -> npt.NDArray[np.intp]:
    """Return the bin of each probability: `bins` of equal size, fewer where values tie."""
    edges = np.unique(np.quantile(y_prob, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, y_prob, side="left")


def expected_calibration_error(p: Predictions, weights: Weights) -> Floats:
    """The mean over bins of |mean probability - share of positives|, by the bins' weights.

    ECE of Naeini, Cooper and Hauskrecht (AAAI 2015), on bins of equal size instead of
    equal width: their bias is smaller (Roelofs and others, AISTATS 2022), and no bin is
    nearly empty where few probabilities are high. The bins are those of the whole sample
    and stay fixed over the draws. Chance alone makes the error positive, so it and the
    upper end of its interval lean to the high side, the more the fewer the rows.
    """
    off = np.abs(weights @ p.calibration_gaps).sum(axis=1)
    return ratio(off, weights.sum(axis=1))


def calibration_by_chance(p: Predictions, draws: int, random_state: Seed) -> Floats:
    """Return the calibration errors of perfectly calibrated probabilities, shape (draws,).

    The probabilities stay as they are; outcomes are drawn with them (Broecker and Smith,
    Increasing the Reliability of Reliability Diagrams, Weather and Forecasting, 2007).
    Only what a model shows beyond this is not chance.
    """
    rng = np.random.default_rng(random_state)
    expected = p.y_prob @ p.calibration_bin
    errors = []
    for rows in chunks(draws, len(p)):
        outcomes = (rng.random((rows, len(p))) < p.y_prob).astype(np.float64)
        errors.append(np.abs(outcomes @ p.calibration_bin - expected).sum(axis=1) / len(p))
    return np.concatenate(errors)


# --- decisions --------------------------------------------------------------------------


def _counts(p: Predictions, weights: Weights) -> tuple[Floats, Floats, Floats, Floats]:
    """Return true positives, false positives, true negatives, false negatives, each (d,)."""
    tp, fp, tn, fn = (weights @ p.outcomes).T
    return tp, fp, tn, fn


def accuracy(p: Predictions, weights: Weights) -> Floats:
    """The share of right decisions."""
    tp, fp, tn, fn = _counts(p, weights)
    return ratio(tp + tn, tp + fp + tn + fn)


def balanced_accuracy(p: Predictions, weights: Weights) -> Floats:
    """The mean of the shares of positives and of negatives that were decided rightly."""
    tp, fp, tn, fn = _counts(p, weights)
    return (ratio(tp, tp + fn) + ratio(tn, tn + fp)) / 2


def precision(p: Predictions, weights: Weights) -> Floats:
    """The share of positives among those acted on."""
    tp, fp, _, _ = _counts(p, weights)
    return ratio(tp, tp + fp)


def recall(p: Predictions, weights: Weights) -> Floats:
    """The share of the positives that were acted on."""
    tp, _, _, fn = _counts(p, weights)
    return ratio(tp, tp + fn)


def f1(p: Predictions, weights: Weights) -> Floats:
    """The harmonic mean of precision and recall."""
    tp, fp, _, fn = _counts(p, weights)
    return ratio(2 * tp, 2 * tp + fp + fn)


# --- money ------------------------------------------------------------------------------


def row_value(
    y_true: npt.NDArray[np.int64], decisions: npt.NDArray[np.int64], costs: Costs
) -> Floats:
    """Return what each decision brings, in the currency of `costs`, shape (n,)."""
    acted = np.where(y_true == 1, costs.true_positive, costs.false_positive)
    let_be = np.where(y_true == 1, costs.false_negative, costs.true_negative)
    return np.where(decisions == 1, acted, let_be)


def expected_value(p: Predictions, weights: Weights) -> Floats:
    """What 1,000 decisions bring on average, in the charter's currency."""
    if p.costs is None:
        raise ValueError("expected_value needs costs")
    return weighted_mean(PER_DECISIONS * row_value(p.y_true, p.y_pred, p.costs), weights)


def value_over_rule(p: Predictions, weights: Weights) -> Floats:
    """What 1,000 decisions bring more than those of the rule on the same rows."""
    if p.costs is None or p.rule_decisions is None:
        raise ValueError("value_over_rule needs costs and the rule's decisions")
    model = row_value(p.y_true, p.y_pred, p.costs)
    rule = row_value(p.y_true, p.rule_decisions, p.costs)
    return weighted_mean(PER_DECISIONS * (model - rule), weights)


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


def best_thresholds(p: Predictions, weights: Weights) -> Floats:
    """Return for each draw the threshold with the greatest value on it, shape (d,).

    The scores themselves are tried, and 1 for never to act. Chosen on the rows on which
    it is measured, its value is too good: hold it against rows that were not drawn.
    """
    if p.costs is None:
        raise ValueError("a threshold by value needs costs")
    true, false = cumulated(p, weights)
    saved = p.costs.true_positive - p.costs.false_negative
    wasted = p.costs.true_negative - p.costs.false_positive
    gain = true * saved - false * wasted
    order, ends = p.ranking
    best = gain.argmax(axis=1)
    pays = gain[np.arange(len(gain)), best] > 0
    return np.where(pays, p.y_prob[order][ends[best]], 1.0)


# --- the table --------------------------------------------------------------------------

_BINARY = frozenset({"binary"})
_SHARE = (0.0, 1.0)
_MONEY = (-inf, inf)

_TABLE: tuple[tuple[Compute, str, Direction, tuple[float, float], Needs], ...] = (
    (roc_auc, "ROC AUC", "higher", _SHARE, "score"),
    (average_precision, "Average precision", "higher", _SHARE, "score"),
    (log_loss, "Log loss", "lower", (0.0, inf), "score"),
    (brier_score, "Brier score", "lower", _SHARE, "score"),
    (expected_calibration_error, "Expected calibration error", "lower", _SHARE, "score"),
    (accuracy, "Accuracy", "higher", _SHARE, "decision"),
    (balanced_accuracy, "Balanced accuracy", "higher", _SHARE, "decision"),
    (precision, "Precision", "higher", _SHARE, "decision"),
    (recall, "Recall", "higher", _SHARE, "decision"),
    (f1, "F1", "higher", _SHARE, "decision"),
    (expected_value, "Value per 1,000 decisions", "higher", _MONEY, "value"),
    (value_over_rule, "Value over the rule per 1,000 decisions", "higher", _MONEY, "rule"),
)

METRICS: dict[str, Metric] = {
    compute.__name__: Metric(compute.__name__, title, direction, *bounds, _BINARY, needs, compute)
    for compute, title, direction, bounds, needs in _TABLE
}


def find_metric(name: str, where: str) -> Metric:
    """Return the metric called `name`.

    Raises:
        LoopwrightError: there is none; `where` is the key in params.yaml that asked for it.
    """
    if name not in METRICS:
        raise LoopwrightError(
            f"{where}: no metric '{name}'{did_you_mean(name, METRICS)}; "
            f"possible: {', '.join(METRICS)}"
        )
    return METRICS[name]


def computable(predictions: Predictions) -> list[Metric]:
    """Return the metrics for which `predictions` hold enough."""
    missing = set()
    if predictions.costs is None:
        missing = {"value", "rule"}
    elif predictions.rule_decisions is None:
        missing = {"rule"}
    return [metric for metric in METRICS.values() if metric.needs not in missing]


def measure_all(
    predictions: Predictions,
    draws: int,
    random_state: Seed,
    groups: npt.ArrayLike | None = None,
    metrics: Collection[Metric] | None = None,
) -> dict[str, Drawn]:
    """Return each metric by name, on the rows as they are and on every bootstrap draw.

    Predictions for the same rows, measured with the same draws, seed and groups, are
    paired: their difference is that on the same draws.

    Args:
        predictions: n rows.
        draws: the number of bootstrap draws.
        random_state: the seed of the draws.
        groups: the entity of each row, where rows of one entity repeat.
        metrics: what to measure; all that `predictions` hold enough for, unless given.
    """
    metrics = computable(predictions) if metrics is None else metrics

    def columns(weights: Weights) -> Floats:
        return np.stack([m.compute(predictions, weights) for m in metrics], axis=1)

    once = columns(np.ones((1, len(predictions)), dtype=np.int64))[0]
    drawn = bootstrap(columns, len(predictions), draws, random_state, groups)
    return {m.name: Drawn(float(once[i]), drawn[:, i]) for i, m in enumerate(metrics)}


def measure(
    y_true: npt.NDArray[np.int64],
    y_prob: Floats,
    threshold: float,
    costs: Costs | None,
    rule_decisions: npt.NDArray[np.int64] | None,
    draws: int,
    random_state: Seed,
    groups: npt.ArrayLike | None = None,
    calibration_bins: int = 10,
) -> dict[str, Estimate]:
    """Return every metric that can be computed, with its 95 % bootstrap interval.

    Args:
        y_true: 1 for positive, 0 for negative, shape (n,).
        y_prob: the predicted probability of the positive class, shape (n,).
        threshold: a row is acted on from this probability on.
        costs: what decisions bring; None leaves out the metrics of money.
        rule_decisions: the rule's decisions, shape (n,); None leaves out value_over_rule.
        draws: the number of bootstrap draws.
        random_state: the seed of the draws.
        groups: the entity of each row, where rows of one entity repeat.
        calibration_bins: the number of bins of the calibration error.

    Returns:
        By metric's name ``{"value": float, "interval": (low, high)}``, not rounded; both
        None where the rows leave the metric undefined.
    """
    predictions = Predictions(
        y_true=y_true,
        y_prob=y_prob,
        y_pred=(y_prob >= threshold).astype(np.int64),
        costs=costs,
        rule_decisions=None if rule_decisions is None else rule_decisions.astype(np.int64),
        calibration_bins=calibration_bins,
    )
    measured = measure_all(predictions, draws, random_state, groups)
    return {name: drawn.estimate() for name, drawn in measured.items()}
