"""Measure the model on the validation split, set its threshold, and say where to go next.

Every number that decides something carries a 95 % bootstrap interval, and a comparison is
paired on the same rows. The test split is not read here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.core import charts
from stages.core.criteria import judge, status_of, strictest, verdict
from stages.core.curves import (
    calibration_points,
    confusion_cases,
    decision_point,
    precision_recall_points,
    roc_points,
    value_points,
)
from stages.core.diagnosis import MAX_LOST_SHARE, Diagnosis, Role, diagnose
from stages.core.errors import LoopwrightError
from stages.core.estimators import RuleClassifier
from stages.core.figures import house_style, save
from stages.core.files import published, read_json, write_json, write_text
from stages.core.learning_curve import Rows, learning_points, positive_probability
from stages.core.metrics import (
    METRICS,
    PER_DECISIONS,
    Metric,
    Predictions,
    calibration_by_chance,
    cost_threshold,
    find_metric,
    measure_all,
)
from stages.core.models import load_model, recorded_sha256
from stages.core.numbers import number, percent
from stages.core.params import Costs, Criterion, Evaluate, Target, read_params
from stages.core.schema import Kind, Schema, read_schema
from stages.core.scoring import check_truth
from stages.core.slices import slices
from stages.core.statistics import Drawn, Estimate, Floats, Seed
from stages.core.tables import read_table, write_table
from stages.core.targets import truth
from stages.core.verdicts import Status, Verdict, as_documents, at_most
from stages.core.worth import compare_decisions, return_on_investment, search_threshold

# The numbers of metrics.json, in this order.
HEADLINE = (
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier_score",
    "expected_calibration_error",
    "expected_value",
    "value_over_rule",
)

# A probability off by more than this is not one to hold against a price, whatever chance
# explains. A choice of this project.
MAX_CALIBRATION_ERROR = 0.05

# Columns of these kinds have few values, each of which makes a slice.
SLICED: tuple[Kind, ...] = ("categorical", "ordinal")

DECIMALS = 6


@dataclass(frozen=True)
class Measurement:
    """All that was measured.

    Attributes:
        subjects: who predicts on validation: dummy, rule and model.
        metrics: dummy, rule, train and validation (the model on each), by metric.
        scoring: the metric by which the winner was chosen.
        threshold: the model acts from this probability on; it follows from the costs.
        decisions: what 1,000 decisions bring, by who decides.
        constant: the better decision for all by what train knows: never or always.
        searched: the threshold that brings most on validation.
        by_chance: the calibration errors that chance alone gives.
        diagnosis: bias or variance.
        more_rows: by how much the error fell over the last step of the learning curve.
        curves: the table behind each figure.
        slices: the parts of validation.
    """

    subjects: Mapping[str, Predictions]
    metrics: Mapping[str, Mapping[str, Drawn]]
    scoring: Metric
    threshold: float
    decisions: Mapping[str, Drawn]
    constant: str
    searched: Mapping[str, Estimate]
    by_chance: Floats
    diagnosis: Diagnosis
    more_rows: Estimate
    curves: Mapping[str, pd.DataFrame]
    slices: Sequence[Mapping[str, Any]]

    def gain_over(self, other: str) -> Estimate:
        """Return what the model's decisions bring more than those of `other`."""
        return (self.decisions["model"] - self.decisions[other]).estimate()


# --- rows -------------------------------------------------------------------------------


def rows_of(path: Path, target: Target, entity: str | None, seed: Seed) -> Rows:
    """Read a split: the rows without the target, the truth, entities where they repeat.

    Raises:
        LoopwrightError: there are no rows.
    """
    frame = read_table(path)
    if not len(frame):
        raise LoopwrightError(f"{path}: no rows; give this split a larger share in split.fractions")
    y = truth(frame, target)
    groups = None
    if entity is not None and frame[entity].duplicated().any():
        groups = frame[entity].to_numpy()
    return Rows(frame.drop(columns=target.column), y, groups, seed)


def labels_of(schema: Schema, target: Target) -> tuple[str, str]:
    """Return what the negative and the positive class are called."""
    column = schema.column(target.column, "charter.target.column")
    positive = column.label(target.positive)
    others = [label for label in (column.labels or {}).values() if label != positive]
    return others[0] if len(others) == 1 else f"not {positive}", positive


def slice_columns(schema: Schema, sensitive: Sequence[str], target: Target) -> list[str]:
    """Return the columns by which validation is cut: sensitive ones and those of few values."""
    few = [name for name, column in schema.columns.items() if column.kind in SLICED]
    return [name for name in dict.fromkeys([*sensitive, *few]) if name != target.column]


# --- measuring --------------------------------------------------------------------------


def predict(
    model: Any,
    rule: RuleClassifier,
    rows: Rows,
    share: float,
    threshold: float,
    evaluate: Evaluate,
    costs: Costs,
) -> dict[str, Predictions]:
    """Return what the model, the rule and the dummy predict for `rows`, and decide.

    The model acts from `threshold` on. The rule decides by itself, and its probability is
    the share of positives in train on its side. The dummy gives each row `share`.
    """
    decided = rule.predict(rows.frame)
    y_prob = positive_probability(model, rows.frame)
    p = Predictions(
        y_true=rows.y,
        y_prob=y_prob,
        y_pred=(y_prob >= threshold).astype(np.int64),
        costs=costs,
        rule_decisions=decided,
        calibration_bins=evaluate.calibration_bins,
    )
    constant = np.full(len(rows), share)
    return {
        "dummy": replace(p, y_prob=constant, y_pred=(constant >= threshold).astype(np.int64)),
        "rule": replace(p, y_prob=positive_probability(rule, rows.frame), y_pred=decided),
        "model": p,
    }


def measure_model(
    model: Any,
    rule: RuleClassifier,
    train: Rows,
    validation: Rows,
    *,
    scoring: Metric,
    costs: Costs,
    role: Role,
    criteria: Sequence[Criterion],
    evaluate: Evaluate,
    schema: Schema,
    sliced: Sequence[str],
    labels: tuple[str, str],
) -> Measurement:
    """Measure `model` on what it was fitted on and on what it was not.

    Args:
        model: takes rows of the raw table, gives probabilities; it is not changed.
        rule: the charter's rule, fitted on train.
        train: the rows that the model was fitted on.
        validation: other rows.
        scoring: the metric by which the model was chosen.
        costs: what decisions bring.
        role: what the rule is: the ``start`` or the ``ideal``.
        criteria: the charter's.
        evaluate: the section of params.yaml.
        schema: what the columns are.
        sliced: the columns by which validation is cut into slices.
        labels: what the negative and the positive class are called.

    Raises:
        LoopwrightError: the costs leave nothing to decide.
    """
    draws, seed = evaluate.bootstrap, evaluate.random_state
    threshold = round(cost_threshold(costs), DECIMALS)
    share = float(train.y.mean())
    on_train = predict(model, rule, train, share, threshold, evaluate, costs)
    subjects = predict(model, rule, validation, share, threshold, evaluate, costs)
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
    points, more_rows = learning_points(
        model, train, validation, evaluate.learning_curve, scoring, draws, seed
    )
    return Measurement(
        subjects=subjects,
        metrics=metrics,
        scoring=scoring,
        threshold=threshold,
        decisions=compare_decisions(p, costs, draws, validation),
        constant="never" if share < threshold else "always",
        searched=search_threshold(p, costs, draws, validation),
        by_chance=calibration_by_chance(p, draws, seed),
        diagnosis=diagnose(
            scoring,
            train=metrics["train"][scoring.name],
            validation=metrics["validation"][scoring.name],
            rule=metrics["rule"][scoring.name],
            dummy=dummy[scoring.name],
            missed=missed_criteria(criteria, metrics["train"], metrics["validation"]),
            role=role,
        ),
        more_rows=more_rows,
        curves={
            "roc": roc_points(p),
            "precision_recall": precision_recall_points(p),
            "confusion": confusion_cases(p, *labels),
            "calibration": calibration_points(p),
            "learning_curve": points,
            "threshold": value_points(p, costs, draws, validation.seed, validation.groups),
        },
        slices=slices(
            validation.frame,
            p.y_true,
            p.y_prob,
            schema,
            sliced,
            draws,
            validation.seed,
            validation.groups,
        ),
    )


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


# --- verdicts ---------------------------------------------------------------------------


def above_zero(difference: Estimate) -> Status:
    """Return whether a difference is above 0: with its interval, with its value, or not."""
    value, interval = difference["value"], difference["interval"]
    if value is None or interval is None:
        return "insufficient"
    if interval[0] > 0:
        return "pass"
    return "warn" if value > 0 else "fail"


_CLEARLY = {
    "pass": "clearly",
    "warn": "perhaps, chance may explain it,",
    "fail": "not",
    "insufficient": "for all that these rows can tell perhaps",
}


def beats_rule(gain: Estimate, role: Role, evidence: Sequence[Path]) -> Verdict:
    """Hold the value of the model's decisions against that of the rule's."""
    if role == "ideal":
        why = "the rule is the ideal that the model may come near, not one to beat"
        return verdict("evaluate.beats_rule", "not_applicable", gain, None, evidence, why)
    status = above_zero(gain)
    why = f"the model's decisions are {_CLEARLY[status]} worth more than the rule's"
    return verdict("evaluate.beats_rule", status, gain, "> 0", evidence, why)


def beats_constant(gain: Estimate, alternative: str, evidence: Sequence[Path]) -> Verdict:
    """Hold the value of the model's decisions against that of one decision for all."""
    status = above_zero(gain)
    why = f"the model's decisions are {_CLEARLY[status]} worth more than {alternative} acting"
    return verdict("evaluate.beats_constant", status, gain, "> 0", evidence, why)


def beats_dummy(gain: Estimate, title: str, evidence: Sequence[Path]) -> Verdict:
    """Hold the model's error against that of the share of positives."""
    status = above_zero(gain)
    why = (
        f"{title}: the error is {_CLEARLY[status]} smaller than that of one and the same "
        "probability for all"
    )
    return verdict("evaluate.beats_dummy", status, gain, "> 0", evidence, why)


def calibrated(error: Estimate, chance: Floats, evidence: Sequence[Path]) -> Verdict:
    """Hold the calibration error against that of perfect calibration on as many rows."""
    bound = float(np.quantile(chance, 0.95))
    value = error["value"]
    status: Status
    if value is None:
        status, why = "insufficient", "the calibration error is undefined"
    elif value <= bound and bound > MAX_CALIBRATION_ERROR:
        status = "insufficient"
        why = f"on so few rows, chance alone may show an error of {number(bound)}"
    elif value <= bound:
        status, why = "pass", "chance alone may show an error as large as this"
    else:
        status = "fail" if value > MAX_CALIBRATION_ERROR else "warn"
        why = "the probabilities are off by more than chance explains"
        why += "" if status == "fail" else ", though not by much"
    return verdict("evaluate.calibrated", status, error, f"<= {bound:.6f}", evidence, why)


def threshold_holds(gain: Estimate, evidence: Sequence[Path]) -> Verdict:
    """Ask whether another threshold than that of the costs would bring more."""
    status: Status = "insufficient"
    why = "the rows cannot tell whether another threshold would bring more"
    if gain["interval"] is not None:
        clear = gain["interval"][0] > 0
        status = "warn" if clear else "pass"
        why = (
            "a threshold searched on validation clearly brings more: calibrate the probabilities"
            if clear
            else "no other threshold clearly brings more than the one that the costs give"
        )
    return verdict("evaluate.threshold", status, gain, "<= 0", evidence, why)


def overfitting(diagnosis: Diagnosis, evidence: Sequence[Path]) -> Verdict:
    """Hold what is lost from train to validation against what was learned."""
    lost, gap = diagnosis.lost_share, diagnosis.gap
    threshold = f"<= {MAX_LOST_SHARE:g}"
    name = "evaluate.overfitting"
    if lost["value"] is None or lost["interval"] is None:
        if gap["interval"] is None:
            why = "the rows leave the error undefined"
            return verdict(name, "insufficient", lost, threshold, evidence, why)
        why = "nothing, or perhaps nothing, was learned on train that could be lost"
        return verdict(name, "not_applicable", lost, threshold, evidence, why)
    status = at_most(lost["value"], lost["interval"], MAX_LOST_SHARE)
    why = f"{percent(lost['value'])} of what was learned on train is missing on validation"
    return verdict(name, status, lost, threshold, evidence, why)


def pays_back(investment: Mapping[str, Any], years: float, evidence: Sequence[Path]) -> Verdict:
    """Hold the return on investment against 0."""
    share: Estimate = investment["return"]
    status = above_zero(share)
    name = "evaluate.return_on_investment"
    if share["value"] is None and investment["net_per_year"]["value"] is not None:
        why = "neither building nor running costs anything"
        return verdict(name, "not_applicable", share, "> 0", evidence, why)
    why = f"over {number(years)} years the model {_CLEARLY[status]} earns more than it costs"
    return verdict(name, status, share, "> 0", evidence, why)


# --- where to go ------------------------------------------------------------------------


def next_step(
    verdicts: Sequence[Verdict], diagnosis: Diagnosis, more_rows: Estimate, role: Role
) -> dict[str, str]:
    """Say in plain words which step to go on to, or back to, and why."""
    status = {found.id.removeprefix("evaluate."): found.status for found in verdicts}
    if diagnosis.verdict == "insufficient" or all(s == "insufficient" for s in status.values()):
        return _step("ingest", "the rows cannot answer: collect more, above all of the rarer class")
    if "fail" not in status.values() and diagnosis.verdict == "good_fit":
        open_ = [name for name, found in status.items() if found in ("warn", "insufficient")]
        doubt = f"; look at what is not settled: {', '.join(open_)}" if open_ else ""
        return _step("audit", f"the model does what the charter asks on validation{doubt}")
    if diagnosis.verdict == "high_variance":
        falls = more_rows["interval"] is not None and more_rows["interval"][0] > 0
        return _step(
            "ingest" if falls else "train",
            f"high variance, {diagnosis.why}: "
            + (
                "the error still falls with more rows, so collect more, or take a simpler model"
                if falls
                else "take a simpler or more strongly regularised model, or fewer features"
            ),
        )
    if status["beats_dummy"] != "pass":
        return _step(
            "define",
            "nothing is learned beyond the share of positives: ask whether these columns can "
            "know the target at all, before any other model is tried",
        )
    if role == "start" and status["beats_rule"] == "fail":
        return _step(
            "define",
            "the rule decides as well: keep the rule, or bring columns that know more than it",
        )
    if diagnosis.verdict == "high_bias":
        return _step(
            "featurize",
            f"high bias, {diagnosis.why}: create features that know more, or let the model "
            "be more flexible",
        )
    if status["calibrated"] == "fail":
        return _step("train", "the probabilities are off: choose by log_loss, or calibrate them")
    missed = [name for name, found in status.items() if found == "fail"]
    return _step(
        "define",
        f"the model ranks well and still misses {', '.join(missed)}: look at the costs, the "
        "threshold and the criteria again",
    )


def _step(stage: str, why: str) -> dict[str, str]:
    return {"step": stage, "why": why}


# --- results ----------------------------------------------------------------------------


def verdicts_of(
    m: Measurement,
    criteria: Sequence[Criterion],
    role: Role,
    investment: Mapping[str, Any],
    years: float,
    evaluation: Path,
    figures: Path,
) -> list[Verdict]:
    """Return every verdict of this stage; with one class only, all are ``insufficient``."""
    p, model = m.subjects["model"], m.metrics["validation"]
    errors = [m.scoring.error(found[m.scoring.name]) for found in (m.metrics["dummy"], model)]
    gain, error = errors[0] - errors[1], model["expected_calibration_error"]

    def shown(*names: str) -> list[Path]:
        return [evaluation, *(figures / f"{name}.png" for name in names)]

    found = [
        *(
            judge(c, model[c.metric].estimate(), "evaluate", "validation", shown())
            for c in criteria
        ),
        beats_dummy(gain.estimate(), m.scoring.title, shown("scores")),
        beats_constant(m.gain_over(m.constant), m.constant, shown("threshold")),
        beats_rule(m.gain_over("rule"), role, shown("threshold")),
        calibrated(error.estimate(), m.by_chance, shown("calibration")),
        threshold_holds(m.searched["gain"], shown("threshold")),
        overfitting(m.diagnosis, shown("learning_curve")),
        pays_back(investment, years, shown()),
    ]
    if len(np.unique(p.y_true)) > 1:
        return found
    why = "every row of validation is of one class, so no model can be told from another"
    return [
        replace(verdict, status="insufficient", value=None, interval=None, why=why)
        for verdict in found
    ]


def draw(m: Measurement, labels: tuple[str, str], currency: str) -> dict[str, Figure]:
    """Return the figures by name."""
    p, rule = m.subjects["model"], m.subjects["rule"]
    scores = {name: drawn.estimate() for name, drawn in m.metrics["validation"].items()}
    errors = {
        name: m.scoring.error(m.metrics[name][m.scoring.name]).value for name in ("dummy", "rule")
    }
    places = {"at the threshold": decision_point(p), "the rule": decision_point(rule)}
    others = {"the rule": m.decisions["rule"].value, "never to act": m.decisions["never"].value}
    return {
        "roc": charts.roc(
            m.curves["roc"],
            scores["roc_auc"],
            {label: (found["fpr"], found["recall"]) for label, found in places.items()},
        ),
        "precision_recall": charts.precision_recall(
            m.curves["precision_recall"],
            scores["average_precision"],
            float(p.y_true.mean()),
            {label: (found["recall"], found["precision"]) for label, found in places.items()},
        ),
        "confusion": charts.confusion(p, m.threshold, *labels),
        "calibration": charts.calibration(
            m.curves["calibration"], p, scores["expected_calibration_error"]
        ),
        "learning_curve": charts.learning_curve(m.curves["learning_curve"], m.scoring, errors),
        "threshold": charts.threshold(
            m.curves["threshold"],
            (m.threshold, m.decisions["model"].value),
            m.searched["threshold"]["interval"],
            others,
            currency,
        ),
        "scores": charts.scores(p, m.threshold, *labels),
    }


def document(
    m: Measurement,
    currency: str,
    investment: Mapping[str, Any],
    verdicts: Sequence[Verdict],
    role: Role,
) -> dict[str, Any]:
    """Return evaluation.json; docs/evaluate.md says what each key is."""
    p = m.subjects["model"]
    return {
        "threshold": m.threshold,
        "rows": {"validation": len(p), "positives": int(p.y_true.sum())},
        "metrics": {
            subject: {name: drawn.estimate() for name, drawn in found.items()}
            for subject, found in m.metrics.items()
        },
        "thresholds": {
            "by_costs": {
                "threshold": m.threshold,
                "expected_value": m.decisions["model"].estimate(),
            },
            "best_on_validation": m.searched,
        },
        "value": {
            "currency": currency,
            "decisions": PER_DECISIONS,
            **{name: drawn.estimate() for name, drawn in m.decisions.items()},
            "over_rule": m.gain_over("rule"),
            "over_constant": m.gain_over(m.constant),
            "constant": m.constant,
            "return_on_investment": investment,
        },
        "diagnosis": asdict(m.diagnosis),
        "more_rows": m.more_rows,
        "slices": m.slices,
        "verdicts": as_documents(verdicts),
        "next_step": next_step(verdicts, m.diagnosis, m.more_rows, role),
    }


def headline(m: Measurement) -> dict[str, float | None]:
    """Return the few numbers of metrics.json: flat, so that `dvc metrics diff` compares them.

    Money is in whole units: nobody reads its hundredths.
    """

    def shown(name: str) -> float | None:
        value = m.metrics["validation"][name].estimate()["value"]
        money = METRICS[name].needs in ("value", "rule")
        return float(round(value)) if money and value is not None else value

    return {
        **{name: shown(name) for name in HEADLINE},
        "threshold": m.threshold,
        "gap": m.diagnosis.gap["value"],
    }


def predictions_of(frame: pd.DataFrame, key: str | None, model: Predictions) -> pd.DataFrame:
    """Return what was true, predicted and decided, a row each, behind the key of the row.

    Two revisions are compared on the rows that both hold, so this is what a paired
    comparison needs. Without a key the place of the row stands in for it.
    """
    return pd.DataFrame(
        {
            "key": np.arange(len(frame)) if key is None else frame[key].to_numpy(),
            "y_true": model.y_true,
            "y_prob": model.y_prob,
            "y_pred": model.y_pred,
            "rule": model.rule_decisions,
        }
    )


def rounded(value: Any) -> Any:
    """Return `value` for JSON, floats to six decimals."""
    if isinstance(value, Mapping):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(inner) for inner in value]
    return round(float(value), DECIMALS) if isinstance(value, float) else value


def main(
    *,
    params: Path,
    schema: Path,
    train: Path,
    validation: Path,
    model: Path,
    model_manifest: Path,
    metrics: Path,
    evaluation: Path,
    predictions: Path,
    roc: Path,
    precision_recall: Path,
    confusion: Path,
    calibration: Path,
    learning_curve: Path,
    evaluate_figures: Path,
) -> None:
    """Read the model and its rows, measure, and write what was found."""
    chosen = read_params(params)
    described = read_schema(schema)
    target, role = chosen.charter.target, chosen.charter.rule.role
    currency, plan = chosen.charter.costs.currency, chosen.charter.return_on_investment
    criteria = strictest(chosen.charter.success_criteria)
    labels = labels_of(described, target)
    manifest = read_json(model_manifest)
    sha256 = recorded_sha256(model_manifest)
    fitted = load_model(model, sha256)

    seed = chosen.evaluate.random_state
    entity = chosen.split.group or chosen.charter.key
    # Draws of train and validation are independent, as the rows are.
    seen = rows_of(train, target, entity, (seed, 1))
    check_truth(chosen.charter.task, seen.y, train)
    unseen = rows_of(validation, target, entity, seed)
    m = measure_model(
        fitted,
        RuleClassifier(chosen.charter.rule.expression).fit(seen.frame, seen.y),
        seen,
        unseen,
        scoring=find_metric(str(manifest.get("scoring")), f"{model_manifest}: scoring"),
        costs=chosen.charter.costs,
        role=role,
        criteria=criteria,
        evaluate=chosen.evaluate,
        schema=described,
        sliced=slice_columns(described, chosen.charter.sensitive_features, target),
        labels=labels,
    )

    alternative = "rule" if role == "start" else m.constant
    investment = return_on_investment(m.gain_over(alternative), plan)
    verdicts = verdicts_of(
        m, criteria, role, investment, plan.horizon_years, evaluation, evaluate_figures
    )
    tables = {
        "roc": roc,
        "precision_recall": precision_recall,
        "confusion": confusion,
        "calibration": calibration,
        "learning_curve": learning_curve,
    }
    write_table(predictions, predictions_of(unseen.frame, chosen.charter.key, m.subjects["model"]))
    for name, path in tables.items():
        frame = m.curves[name].round(DECIMALS)
        write_text(path, frame.to_csv(index=False, lineterminator="\n"))
    with published(evaluate_figures) as folder, house_style():
        folder.mkdir()
        for name, figure in draw(m, labels, currency).items():
            save(figure, folder / f"{name}.png")
    write_json(metrics, rounded(headline(m)))
    found = document(m, currency, investment, verdicts, role)
    write_json(evaluation, {"model_sha256": sha256} | rounded(found))
