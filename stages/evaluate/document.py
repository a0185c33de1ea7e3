"""What the stage writes: evaluation.json, metrics.json and the predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.criteria import judge
from stages.core.error_analysis import ErrorAnalysis
from stages.core.metrics import (
    METRICS,
    PER_DECISIONS,
    AnyPredictions,
    ClassPredictions,
    NumberPredictions,
    Predictions,
)
from stages.core.params import Criterion, Role, Task
from stages.core.verdicts import Verdict, as_documents
from stages.evaluate import verdicts as checks
from stages.evaluate.measurement import Measurement

DECIMALS = 6
# So many columns are listed, of drift and of what each alone explains.
LISTED = 10

# The numbers of metrics.json, in this order.
HEADLINE: dict[Task, tuple[str, ...]] = {
    "binary": (
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier_score",
        "expected_calibration_error",
        "expected_value",
        "value_over_rule",
    ),
    "multiclass": (
        "log_loss",
        "roc_auc_ovr",
        "accuracy",
        "balanced_accuracy",
        "f1_macro",
        "expected_calibration_error",
        "expected_value",
        "value_over_rule",
    ),
    "regression": (
        "root_mean_squared_error",
        "mean_absolute_error",
        "r2",
        "mean_error",
        "expected_value",
        "value_over_rule",
    ),
}


def verdicts_of(
    m: Measurement,
    criteria: Sequence[Criterion],
    role: Role,
    max_lone_skill: float,
    investment: Mapping[str, Any],
    years: float,
    evaluation: Path,
    figures: Path,
) -> list[Verdict]:
    """Return every verdict of this stage; with one outcome only, all are ``insufficient``."""
    p, model = m.model, m.metrics["validation"]
    gain = m.error("dummy") - m.error("validation")

    def shown(*names: str) -> list[Path]:
        return [evaluation, *(figures / f"{name}.png" for name in names)]

    found = [
        *(
            judge(c, model[c.metric].estimate(), "evaluate", "validation", shown())
            for c in criteria
        ),
        checks.beats_dummy(gain.estimate(), m.terms.scoring.title, shown()),
        checks.beats_constant(m.gain_over(m.constant), m.constant_words, shown()),
        checks.beats_rule(m.gain_over("rule"), role, shown()),
    ]
    if isinstance(p, NumberPredictions) and m.bias is not None:
        found.append(checks.right_in_the_mean(m.bias, p, shown("by_prediction")))
    elif m.by_chance is not None:
        error = model["expected_calibration_error"].estimate()
        found.append(checks.calibrated(error, m.by_chance, shown("calibration")))
    if m.searched is not None:
        found.append(checks.threshold_holds(m.searched["gain"], shown("threshold")))
    found += [
        checks.overfitting(m.diagnosis, shown("learning_curve")),
        checks.no_leak(m.lone, m.skill, max_lone_skill, criteria, model, shown()),
        checks.same_source(m.shifts, m.apart, shown()),
        checks.pays_back(investment, years, shown()),
    ]
    if len(np.unique(p.y_true)) > 1:
        return found
    why = "every row of validation has one outcome, so no model can be told from another"
    return [Verdict(v.id, "insufficient", None, None, v.threshold, v.evidence, why) for v in found]


def document(
    m: Measurement,
    errors: ErrorAnalysis,
    currency: str,
    investment: Mapping[str, Any],
    verdicts: Sequence[Verdict],
    training: Mapping[str, Any] | None,
    step: Mapping[str, Any],
) -> dict[str, Any]:
    """Return evaluation.json; docs/evaluate.md says what each key is."""
    p = m.model
    rows = {"validation": len(p)}
    if isinstance(p, Predictions):
        rows["positives"] = int(p.y_true.sum())
    return {
        "task": m.terms.task,
        "threshold": m.terms.threshold,
        "rows": rows,
        "metrics": {
            subject: {name: drawn.estimate() for name, drawn in found.items()}
            for subject, found in m.metrics.items()
        },
        "thresholds": None
        if m.searched is None
        else {
            "by_costs": {
                "threshold": m.terms.threshold,
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
            "constant_words": m.constant_words,
            "return_on_investment": investment,
        },
        "baseline": {"title": m.standard.title, "role": m.standard.role},
        "diagnosis": asdict(m.diagnosis),
        "more_rows": asdict(m.more_rows),
        "probes": [
            {
                "direction": one.direction,
                "parameter": one.parameter,
                "value": one.value,
                **({} if one.rows is None else {"rows": one.rows}),
                "train": one.train,
                "validation": one.validation.estimate(),
                "gain": one.clear_gain(len(m.probes)),
            }
            for one in m.probes
        ],
        "training_curve": training,
        "skill": m.skill,
        "lone_columns": [asdict(lone) for lone in m.lone[:LISTED]],
        "drift": [asdict(shift) for shift in m.shifts[:LISTED]],
        "apart": asdict(m.apart),
        **errors.document(),
        "verdicts": as_documents(verdicts),
        "next_step": step,
    }


def headline(m: Measurement) -> dict[str, float | None]:
    """Return the few numbers of metrics.json: flat, so that `dvc metrics diff` compares them.

    Money is in whole units: nobody reads its hundredths.
    """

    def shown(name: str) -> float | None:
        value = m.metrics["validation"][name].estimate()["value"]
        money = METRICS[name].needs in ("value", "rule")
        return float(round(value)) if money and value is not None else value

    found = {name: shown(name) for name in HEADLINE[m.terms.task]}
    if m.terms.threshold is not None:
        found["threshold"] = m.terms.threshold
    return {**found, "gap": m.diagnosis.gap["value"]}


def predictions_of(frame: pd.DataFrame, key: str | None, p: AnyPredictions) -> pd.DataFrame:
    """Return what was true, predicted and decided, a row each, behind the key of the row.

    Two revisions are compared on the rows that both hold, so this is what a paired
    comparison needs: `loss` is that of the row, whatever the task. Without a key the place
    of the row stands in for it.
    """
    columns: dict[str, Any] = {
        "key": np.arange(len(frame)) if key is None else frame[key].to_numpy()
    }
    if isinstance(p, ClassPredictions):
        # The last is for a class that train does not know, or none.
        labels = np.array([*p.classes, None], dtype=object)
        columns |= {"y_true": labels[p.y_true], "y_pred": labels[p.y_pred]}
        columns |= {"rule": labels[p.rule_decisions]}
        columns |= {f"prob_{name}": p.y_prob[:, i] for i, name in enumerate(p.classes)}
    elif isinstance(p, Predictions):
        columns |= {"y_true": p.y_true, "y_prob": p.y_prob, "y_pred": p.y_pred}
        columns |= {"rule": p.rule_decisions}
    else:
        columns |= {"y_true": p.y_true, "y_pred": p.y_pred, "rule": p.rule_decisions}
    return pd.DataFrame({**columns, "loss": p.row_loss})


def rounded(value: Any) -> Any:
    """Return `value` for JSON, floats to six decimals."""
    if isinstance(value, Mapping):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(inner) for inner in value]
    return round(float(value), DECIMALS) if isinstance(value, float) else value
