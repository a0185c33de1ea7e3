"""Who is measured beside the model: the dummy, the charter's rule, and the baseline."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.core.baselines import RuleClassifier, RuleRegressor
from stages.core.errors import LoopwrightError
from stages.core.metrics import (
    AnyPredictions,
    Metric,
    best_classes,
    codes_of,
    decided,
    measure_all,
)
from stages.core.params import (
    AnyCosts,
    Baseline,
    BaselineElsewhere,
    ClassCosts,
    Costs,
    KnownError,
    NumberCosts,
    Role,
    Rule,
    Task,
)
from stages.core.sample import Sample, said, scored
from stages.core.statistics import Drawn, Floats

# A 95 % interval of a normal distribution is so many standard deviations wide.
WIDTH = 3.92


@dataclass(frozen=True)
class Terms:
    """The terms on which everything is measured.

    Attributes:
        task: binary, multiclass or regression.
        classes: of a multiclass task, the labels in the order of the model.
        costs: what decisions bring.
        threshold: of a binary task, act from this probability on; else None.
        scoring: the metric by which the winner was chosen.
        calibration_bins: of the calibration error.
        draws: the number of bootstrap draws.
        random_state: the seed of all that is drawn beside the rows.
    """

    task: Task
    classes: tuple[str, ...]
    costs: AnyCosts
    threshold: float | None
    scoring: Metric
    calibration_bins: int
    draws: int
    random_state: int


def prior(train: Sample, terms: Terms) -> Floats:
    """Return what the dummy says: the share of positives or of each class, or the mean."""
    if terms.task != "multiclass":
        return np.asarray(np.average(train.y.astype(np.float64), weights=train.weight))
    weight = np.ones(len(train)) if train.weight is None else train.weight
    codes = codes_of(train.y, terms.classes)
    counts = np.bincount(codes[codes >= 0], weight[codes >= 0], minlength=len(terms.classes))
    return np.asarray(counts / counts.sum())


def fitted_rule(expression: str, train: Sample, task: Task) -> RuleClassifier | RuleRegressor:
    """Return the rule, with the shares or the mean of train where it needs them."""
    rule: Any = (
        RuleRegressor(expression) if task == "regression" else RuleClassifier(expression, task)
    )
    fitted: RuleClassifier | RuleRegressor = rule.fit(train.frame, train.y, train.weight)
    return fitted


def predict(
    model: Any, rule: Any, known: Floats, rows: Sample, terms: Terms
) -> dict[str, AnyPredictions]:
    """Return what the dummy, the rule and the model predict for `rows`, and decide.

    The model and the dummy decide by the costs. The rule decides by itself; its
    probabilities are the shares that train has where it says so.

    Args:
        model: takes rows of the raw table.
        rule: the charter's, fitted.
        known: what `prior` gives.
        rows: what to predict.
        terms: the terms.
    """
    decisions = rule.predict(rows.frame)

    def with_decisions(predicted: Floats) -> AnyPredictions:
        return decided(
            rows.y,
            predicted,
            terms.costs,
            threshold=terms.threshold,
            classes=terms.classes,
            rule_decisions=decisions,
            calibration_bins=terms.calibration_bins,
            sample_weight=rows.weight,
        )

    of_rule = with_decisions(said(rule, rows.frame, terms.task, terms.classes))
    return {
        "dummy": with_decisions(np.repeat(np.asarray(known)[None], len(rows), axis=0)),
        "rule": replace(of_rule, y_pred=of_rule.rule_decisions),  # type: ignore[arg-type]
        "model": with_decisions(said(model, rows.frame, terms.task, terms.classes)),
    }


def constants(
    known: Floats, train: Sample, rows: Sample, terms: Terms
) -> tuple[dict[str, npt.NDArray[Any]], str, str]:
    """Return decisions that are alike for all rows, and the best of them by what train knows.

    Returns:
        The decisions by name: ``never`` and ``always`` to act, or ``one_for_all``; the name of
        the one that train holds for the better; and what it does, in words.
    """
    n = len(rows)
    if isinstance(terms.costs, Costs):
        assert terms.threshold is not None  # noqa: S101 - a binary task has one
        both = {"never": np.zeros(n, dtype=np.int64), "always": np.ones(n, dtype=np.int64)}
        best = "never" if float(known) < terms.threshold else "always"
        return both, best, f"{best} acting"
    if isinstance(terms.costs, ClassCosts):
        place = int(best_classes(known[None, :], terms.costs, terms.classes)[0])
        words = f"always deciding for {terms.classes[place]}"
        return {"one_for_all": np.full(n, place, dtype=np.int64)}, "one_for_all", words
    number = best_number(train, terms.costs)
    words = f"always predicting {number:.6g}"
    return {"one_for_all": np.full(n, number)}, "one_for_all", words


def best_number(train: Sample, costs: NumberCosts) -> float:
    """Return the number that brings most where it is predicted for all of train.

    It is the quantile at under / (over + under), what a unit too little and too much costs
    (Koenker and Bassett, Regression Quantiles, Econometrica 1978).
    """
    over, under = -costs.per_unit_over, -costs.per_unit_under
    if not over + under:
        return float(np.average(train.y, weights=train.weight))
    order = np.argsort(train.y, kind="stable")
    weight = np.ones(len(train)) if train.weight is None else train.weight[order]
    until = np.cumsum(weight) / weight.sum()
    place = int(np.searchsorted(until, under / (over + under), side="left"))
    return float(train.y[order][min(place, len(train) - 1)])


@dataclass(frozen=True)
class Standard:
    """Whose error the model's is held against.

    Attributes:
        title: who it is: ``the rule``, ``people``, ...
        role: whether it is a start, to be beaten, or an ideal, to come near.
        measured: the metric of train.scoring, on the draws of validation where it was
            measured there.
    """

    title: str
    role: Role
    measured: Drawn


def standard(
    baseline: Baseline,
    rule: Rule,
    measured: dict[str, dict[str, Drawn]],
    train: Sample,
    validation: Sample,
    known: Floats,
    terms: Terms,
) -> Standard:
    """Return the baseline of the charter, measured by the metric of train.scoring.

    Raises:
        LoopwrightError: the known error is by another metric, or the column is not there or
            holds something else than predictions.
    """
    name = terms.scoring.name
    if not isinstance(baseline, BaselineElsewhere):
        title = "the rule" if baseline.kind == "rule" else "one answer for all"
        role = rule.role if baseline.kind == "rule" else "start"
        return Standard(title, role, measured[baseline.kind][name])
    title = "people" if baseline.kind == "human" else "the external model"
    if baseline.error is not None:
        return Standard(title, baseline.role, _of_study(baseline.error, terms))
    told = _of_column(str(baseline.column), train, validation, known, terms)
    p = scored(validation, told, terms.task, terms.classes)
    found = measure_all(p, terms.draws, validation.seed, validation.groups, [terms.scoring])
    return Standard(title, baseline.role, found[name])


def _of_study(known: KnownError, terms: Terms) -> Drawn:
    """Return the error of a study with draws that are as uncertain as its interval says."""
    if known.metric != terms.scoring.name:
        raise LoopwrightError(
            f"charter.baseline.error.metric: '{known.metric}' is not train.scoring, which is "
            f"'{terms.scoring.name}': errors by two metrics cannot be compared; change either"
        )
    # Another stream than that of the rows: what a study found does not hang on them.
    rng = np.random.default_rng((terms.random_state, 7))
    spread = (known.high - known.low) / WIDTH
    return Drawn(known.value, known.value + spread * rng.normal(size=terms.draws))


def _of_column(
    column: str, train: Sample, validation: Sample, known: Floats, terms: Terms
) -> Floats:
    """Return what a column says as predictions; where it says nothing, what the dummy does."""
    where = "charter.baseline.column"
    if column not in validation.frame:
        raise LoopwrightError(f"{where}: the table has no column '{column}'")
    if terms.task != "binary":
        rule = fitted_rule(f"`{column}`", train, terms.task)
        return said(rule, validation.frame, terms.task, terms.classes)
    values = validation.frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    there = values[~np.isnan(values)]
    if not ((there >= 0) & (there <= 1)).all():
        raise LoopwrightError(f"{where}: '{column}' holds values that are no probability, 0 to 1")
    if not np.isin(there, (0, 1)).all():
        return np.where(np.isnan(values), float(known), values)
    # A yes or no: its probability is the share of positives in train where it says so.
    rule = fitted_rule(f"`{column}` == 1", train, terms.task)
    return said(rule, validation.frame, terms.task, terms.classes)
