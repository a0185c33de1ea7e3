"""All that is measured, of the model on train and on validation, and of who stands beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.core.criteria import status_of
from stages.core.diagnosis import Diagnosis, diagnose
from stages.core.domains import Domains, domains
from stages.core.drift import drift, one_a_group
from stages.core.extrapolation import Extrapolation, extrapolate
from stages.core.learning_curve import LearningCurve, learning_curve
from stages.core.lone_columns import Lone, lone_columns, skill
from stages.core.metrics import (
    METRICS,
    AnyPredictions,
    NumberPredictions,
    Predictions,
    calibration_by_chance,
    measure_all,
)
from stages.core.params import Baseline, Criterion, Evaluate, Rule
from stages.core.probes import Probe, probe
from stages.core.sample import Sample
from stages.core.schema import Schema
from stages.core.shifts import Shift
from stages.core.statistics import Drawn, Estimate, Floats, bootstrap, weighted_mean
from stages.core.variables import read_variables
from stages.core.worth import compare_decisions, search_threshold
from stages.evaluate.subjects import (
    Standard,
    Terms,
    constants,
    fitted_rule,
    predict,
    prior,
    standard,
)


@dataclass(frozen=True)
class Measurement:
    """All that was measured.

    Attributes:
        terms: the terms on which it was.
        subjects: who predicts on validation: dummy, rule and model.
        metrics: dummy, rule, train and validation (the model on each), by metric.
        decisions: what 1,000 decisions bring, by who decides.
        constant: the better decision for all by what train knows: its name.
        constant_words: what it does.
        searched: of a binary task, the threshold that brings most on validation.
        by_chance: the calibration errors that chance alone gives; None for numbers.
        bias: the mean residual of predicted numbers; None for probabilities.
        standard: whose error the model's is held against.
        diagnosis: bias or variance.
        curve: the learning curve.
        more_rows: what twice the rows would give.
        expected: the error expected from them, on the draws of validation.
        probes: the model made simpler and richer.
        lone: what each column alone explains.
        skill: what the model explains, in the same measure.
        shifts: the columns, by how far validation is from train.
        apart: whether a model can tell train and validation apart.
    """

    terms: Terms
    subjects: Mapping[str, AnyPredictions]
    metrics: Mapping[str, Mapping[str, Drawn]]
    decisions: Mapping[str, Drawn]
    constant: str
    constant_words: str
    searched: Mapping[str, Estimate] | None
    by_chance: Floats | None
    bias: Drawn | None
    standard: Standard
    diagnosis: Diagnosis
    curve: LearningCurve
    more_rows: Extrapolation
    expected: Drawn
    probes: Sequence[Probe]
    lone: Sequence[Lone]
    skill: float
    shifts: Sequence[Shift]
    apart: Domains

    @property
    def model(self) -> AnyPredictions:
        """What the model predicts on validation."""
        return self.subjects["model"]

    def gain_over(self, other: str) -> Estimate:
        """Return what the model's decisions bring more than those of `other`."""
        return (self.decisions["model"] - self.decisions[other]).estimate()

    def error(self, subject: str) -> Drawn:
        """Return the error of a subject of `metrics` by the metric of train.scoring."""
        return self.terms.scoring.error(self.metrics[subject][self.terms.scoring.name])


def measure_model(
    model: Any,
    train: Sample,
    validation: Sample,
    *,
    terms: Terms,
    rule: Rule,
    baseline: Baseline,
    criteria: Sequence[Criterion],
    evaluate: Evaluate,
    schema: Schema,
    target: str,
    inputs: Sequence[str],
) -> Measurement:
    """Measure `model` on what it was fitted on and on what it was not.

    Args:
        model: takes rows of the raw table; it is not changed.
        train: the rows that the model was fitted on.
        validation: other rows.
        terms: the terms on which everything is measured.
        rule: the charter's.
        baseline: the charter's: whose error the model's is held against.
        criteria: the charter's.
        evaluate: the section of params.yaml.
        schema: what the columns are.
        target: the column to predict.
        inputs: the columns that the model reads.

    Raises:
        LoopwrightError: the baseline cannot be measured, or the model cannot be fitted on
            the smallest part of the learning curve.
    """
    draws, seed, scoring = terms.draws, terms.random_state, terms.scoring
    known = prior(train, terms)
    fitted = fitted_rule(rule.expression, train, terms.task)
    on_train = predict(model, fitted, known, train, terms)
    subjects = predict(model, fitted, known, validation, terms)
    p = subjects["model"]
    metrics = {
        name: measure_all(subject, draws, rows.seed, rows.groups)
        for name, subject, rows in (
            ("dummy", subjects["dummy"], validation),
            ("rule", subjects["rule"], validation),
            ("train", on_train["model"], train),
            ("validation", p, validation),
        )
    }
    dummy = measure_all(on_train["dummy"], draws, train.seed, train.groups, [scoring])
    against = standard(baseline, rule, metrics, train, validation, known, terms)
    error = scoring.error(metrics["validation"][scoring.name])
    of_dummy = scoring.error(metrics["dummy"][scoring.name])
    relevant = evaluate.min_gain * of_dummy.value
    where = (scoring, terms.task, terms.classes, draws)
    curve = learning_curve(
        model,
        train,
        validation,
        evaluate.learning_curve,
        evaluate.learning_repeats,
        *where,
        seed,
        evaluate.refit_rows,
        _answers(on_train["model"]),
    )
    more_rows, expected = extrapolate(curve, relevant, (seed, 2))
    if len(validation) > evaluate.refit_rows and len(curve.errors):
        # What was found on some rows of validation, held against the error on all.
        expected = error + (expected - curve.errors[-1])
    probes = (
        probe(model, train, validation, error, *where, seed, evaluate.refit_rows)
        if evaluate.probes
        else []
    )
    others, constant, words = constants(known, train, validation, terms)
    decisions: dict[str, Any] = {"rule": p.rule_decisions, **others}
    columns = tuple(name for name in inputs if name in train.frame)
    seen, unseen = (_one_each(rows, columns, target) for rows in (train, validation))
    return Measurement(
        terms=terms,
        subjects=subjects,
        metrics=metrics,
        decisions=compare_decisions(p, decisions, draws, validation),
        constant=constant,
        constant_words=words,
        searched=(
            search_threshold(p, p.costs, draws, validation)
            if isinstance(p, Predictions) and p.costs is not None
            else None
        ),
        by_chance=(
            None if isinstance(p, NumberPredictions) else calibration_by_chance(p, draws, seed)
        ),
        bias=_bias(p, validation, draws) if isinstance(p, NumberPredictions) else None,
        standard=against,
        diagnosis=diagnose(
            scoring,
            train=metrics["train"][scoring.name],
            validation=metrics["validation"][scoring.name],
            baseline=against.measured,
            dummy=dummy[scoring.name],
            missed=missed_criteria(criteria, metrics["train"], metrics["validation"]),
            role=against.role,
        ),
        curve=curve,
        more_rows=more_rows,
        expected=expected,
        probes=probes,
        lone=lone_columns(train, validation, columns, schema, terms.task, terms.classes),
        skill=skill(p.row_loss, subjects["dummy"].row_loss, validation.weight),
        shifts=drift(seen, unseen, schema),
        apart=domains(
            read_variables(pd.concat([seen, unseen]), schema, "", None),
            np.arange(len(seen) + len(unseen)) >= len(seen),
            evaluate.random_state,
        ),
    )


def _one_each(rows: Sample, columns: tuple[str, ...], target: str) -> pd.DataFrame:
    return one_a_group(rows.frame[list(columns)].assign(**{target: rows.y}), rows.groups)


def _answers(p: AnyPredictions) -> Floats:
    return p.y_pred if isinstance(p, NumberPredictions) else p.y_prob


def _bias(p: NumberPredictions, rows: Sample, draws: int) -> Drawn:
    """Return the mean residual: above 0, the predictions are too high."""
    own = np.ones(len(p)) if rows.weight is None else rows.weight

    def mean(weights: Any) -> Floats:
        return weighted_mean(p.residuals, weights * own)

    drawn = bootstrap(mean, len(p), draws, rows.seed, rows.groups)
    return Drawn(float(np.average(p.residuals, weights=own)), drawn)


def missed_criteria(
    criteria: Sequence[Criterion], train: Mapping[str, Drawn], validation: Mapping[str, Drawn]
) -> dict[str, bool]:
    """Return each criterion on scores that validation misses, and whether train does too."""
    return {
        c.metric: status_of(c, train[c.metric].estimate()) == "fail"
        for c in criteria
        if METRICS[c.metric].needs == "score"
        and status_of(c, validation[c.metric].estimate()) == "fail"
    }
