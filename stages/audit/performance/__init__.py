"""Audit of performance: is the model as good as promised, on rows that nobody has seen?"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import hypot
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.audit.evidence import Check, Evidence, Findings, bounded, conduct, plain
from stages.audit.performance import champion
from stages.audit.performance.gains import better
from stages.core.criteria import judge
from stages.core.figures import BLUE, FAINT, INK, MUTED, amount, figure, wrap
from stages.core.metrics import (
    METRICS,
    PER_DECISIONS,
    AnyPredictions,
    ClassPredictions,
    Metric,
    NumberPredictions,
    Predictions,
    calibration_by_chance,
    find_metric,
    measure_all,
)
from stages.core.params import AuditPerformance, Criterion, Task, read_params
from stages.core.statistics import Estimate, Floats, paired_difference
from stages.core.targets import truth
from stages.core.verdicts import Status, Verdict

CHECKS = (
    Check(
        "performance.test_size",
        "Are there enough test rows of each outcome for an answer?",
        "the rows of the rarest outcome; of a number, all rows",
        "audit.performance.min_events",
        "100 of each outcome is the least for validating a model: Collins, Ogundimu and "
        "Altman, Statistics in Medicine 35 (2016)",
    ),
    Check(
        "performance.criterion",
        "Does the model keep each promise of the charter?",
        "each metric of the success criteria, with its interval",
        "charter.success_criteria",
        "the charter",
    ),
    Check(
        "performance.calibration",
        "Can its answers be taken at their word?",
        "expected calibration error; of a number, how far the mean prediction is from the mean "
        "truth, in standard deviations of the target",
        "audit.performance.max_calibration_error",
        "the decision is a price of the answer; the team's choice",
    ),
    Check(
        "performance.better_than_rule",
        "Is it worth more than the rule in use today?",
        "value over the rule per 1,000 decisions, paired on the same rows",
        "> 0",
        "the charter's rule is what would be done without the model",
    ),
    Check(
        "performance.better_than_dummy",
        "Does it know more than the target's distribution in train?",
        "loss saved over predicting the share of each outcome, or the mean, of train, paired; "
        "the log loss, of a number the squared error",
        "> 0",
        "the least that any model must do",
    ),
    Check(
        "performance.gap",
        "Is it worse on test than on validation, where it was chosen?",
        "how much the metric worsens from validation to test; of one in the target's unit, as a "
        "share of its value on validation",
        "audit.performance.max_gap",
        "what the team takes for the optimism of choosing on validation",
    ),
    *champion.CHECKS,
)


# The metric that tells how well a model tells rows apart, beside the one that chose it.
RANKED_BY: dict[Task, str] = {
    "binary": "roc_auc",
    "multiclass": "roc_auc_ovr",
    "regression": "r2",
}

# How likely chance may at most be where probabilities are said to be off: a fail stops a release.
MISSED = 0.01

# --- statistics ---------------------------------------------------------------------------


def worsening(metric: Metric, before: Estimate, after: Estimate) -> Estimate:
    """Return how much worse `metric` is after than before, on independent rows.

    The interval of the difference comes from the two intervals by the method of variance
    estimates recovery (Zou and Donner, Statistics in Medicine 27, 2008).
    """
    first, second = before["interval"], after["interval"]
    if before["value"] is None or after["value"] is None or first is None or second is None:
        return {"value": None, "interval": None}
    if metric.direction == "higher":
        better, worse, (b_low, b_high), (w_low, w_high) = (
            before["value"],
            after["value"],
            first,
            second,
        )
    else:
        better, worse, (b_low, b_high), (w_low, w_high) = (
            after["value"],
            before["value"],
            second,
            first,
        )
    difference = better - worse
    # A percentile interval need not hold its value: a negative side counts as none.
    low = difference - hypot(max(better - b_low, 0), max(w_high - worse, 0))
    high = difference + hypot(max(b_high - better, 0), max(worse - w_low, 0))
    return {"value": difference, "interval": (low, high)}


def reflected(error: Estimate) -> Estimate:
    """Return an estimate that chance alone makes positive, with its interval reflected at it.

    Draws of the rows add chance to the chance that is in the rows: their quantiles lie too
    high by as much as the value does already, and reflecting them takes that off (the basic
    bootstrap interval: Davison and Hinkley, Bootstrap Methods and their Application, 1997,
    section 5.2).
    """
    value, interval = error["value"], error["interval"]
    if value is None or interval is None:
        return error
    low, high = max(2 * value - interval[1], 0.0), max(2 * value - interval[0], value)
    return {"value": value, "interval": (min(low, value), high)}


# --- verdicts -----------------------------------------------------------------------------


def enough_rows(p: AnyPredictions, min_events: int, evidence: tuple[str, ...]) -> Verdict:
    """Hold the rarest outcome's rows against the least for an answer."""
    if isinstance(p, Predictions):
        positive = int(p.y_true.sum())
        rarest = min(positive, len(p) - positive)
        why = (
            f"the test split holds {positive:,} positives and {len(p) - positive:,} negatives; "
            "with too few of one, no interval can be trusted"
        )
    elif isinstance(p, ClassPredictions):
        rows = p.happened.sum(axis=0)
        rarest = int(rows.min())
        why = (
            f"of {len(rows)} classes '{p.classes[int(rows.argmin())]}' has the fewest test rows; "
            "with too few of one, what is said of it cannot be trusted"
        )
    else:
        rarest = len(p)
        why = f"the test split holds {len(p):,} rows"
    status: Status = "pass" if rarest >= min_events else "insufficient"
    return Verdict("performance.test_size", status, rarest, None, f">= {min_events}", evidence, why)


def kept(
    criteria: Sequence[Criterion], test: dict[str, Estimate], evidence: tuple[str, ...]
) -> list[Verdict]:
    """Hold each criterion of the charter against the test split."""
    verdicts = []
    for criterion in criteria:
        name = criterion.metric
        if sum(other.metric == name for other in criteria) > 1:
            name += " at least" if criterion.at_least is not None else " at most"
        verdict = judge(
            criterion, test[criterion.metric], "performance", "test", [Path(p) for p in evidence]
        )
        verdicts.append(replace(verdict, id=f"performance.criterion:{name}"))
    return verdicts


def over_rule(e: Evidence, evidence: tuple[str, ...]) -> Verdict:
    """Compare the model's decisions with the rule's, in money, row by row."""
    p = e.predictions
    rule: Floats = p.row_values(p.rule_decisions)  # type: ignore[arg-type]  # of its own task
    gain = paired_difference(
        PER_DECISIONS * p.row_values(),
        PER_DECISIONS * rule,
        e.draws,
        e.random_state,
        e.entities,
    )
    why = (
        f"what 1,000 decisions bring more than those of the rule, in {e.costs.currency}, "
        "on the same rows"
    )
    verdict = better("performance.better_than_rule", gain, evidence, why)
    if e.rule_role == "start":
        return verdict
    return replace(
        verdict,
        status="not_applicable",
        threshold=None,
        why=f"the charter calls the rule an ideal, which a model may only come near; {why}",
    )


def over_dummy(e: Evidence, evidence: tuple[str, ...]) -> Verdict:
    """Compare the model with what train's target alone says, by its loss, row by row."""
    seen = truth(e.train, e.target)
    if e.task == "multiclass":
        shares = np.array([np.mean(seen == label) for label in e.classes])
        constant = np.tile(shares, (len(e.test), 1))
        why = "log loss saved over giving every row the shares of the classes in train"
    else:
        mean = float(np.mean(seen))
        constant = np.full(len(e.test), mean)
        why = f"log loss saved over giving every row the share of positives in train ({mean:.3f})"
        if e.task == "regression":
            why = f"squared error saved over giving every row the mean of train ({mean:.6g})"
    gain = paired_difference(
        e.measured(constant).row_loss,
        e.predictions.row_loss,
        e.draws,
        e.random_state,
        e.entities,
    )
    return better("performance.better_than_dummy", gain, evidence, why)


def gaps(
    names: Sequence[str],
    validation: dict[str, Estimate],
    test: dict[str, Estimate],
    max_gap: float,
    evidence: tuple[str, ...],
) -> list[Verdict]:
    """Hold the worsening of each metric from validation to test against its bound."""
    verdicts = []
    for name in names:
        metric, check = METRICS[name], f"performance.gap:{name}"
        if name not in validation:
            why = f"evaluation.json holds no {name} on validation to compare with"
            verdicts.append(
                Verdict(check, "fail", None, None, f"<= {plain(max_gap)}", evidence, why)
            )
            continue
        why = f"how much {metric.title} worsens from validation, which chose the model, to test"
        change = worsening(metric, validation[name], test[name])
        if metric.tasks == {"regression"} and not np.isfinite(metric.high):
            # In the target's unit no bound could hold for all: the share can be held.
            change, why = _over(change, validation[name]["value"]), f"{why}, as a share of it"
        verdicts.append(bounded(check, change, "at_most", max_gap, evidence, why))
    return verdicts


def _over(change: Estimate, base: float | None) -> Estimate:
    """Return `change` as a share of `base`."""
    value, between = change["value"], change["interval"]
    if not base or value is None or between is None:
        return {"value": None, "interval": None}
    return {"value": value / base, "interval": (between[0] / base, between[1] / base)}


def calibrated(
    e: Evidence, test: dict[str, Estimate], bound: float, evidence: tuple[str, ...]
) -> Verdict:
    """Hold how far the answers are off on the whole against its bound.

    Beyond the bound, but not beyond what chance makes of a perfect model, it warns: so few
    rows cannot tell the two apart.
    """
    p, check = e.predictions, "performance.calibration"
    if isinstance(p, NumberPredictions):
        why = (
            "how far the mean prediction is from the mean truth, in standard deviations of the "
            f"target ({e.spread_of_target:.6g})"
        )
        off = _over(test["mean_error"], e.spread_of_target)
        return bounded(check, off, "at_most", bound, evidence, why)
    chance = calibration_by_chance(p, e.draws, e.random_state)
    why = (
        "the mean distance of the probability given from the share that came true; of a "
        f"perfect model, chance would make it {np.mean(chance):.3f} on as many rows"
    )
    error = reflected(test["expected_calibration_error"])
    verdict = bounded(check, error, "at_most", bound, evidence, why)
    if verdict.status == "fail" and (error["value"] or 0.0) <= np.quantile(chance, 1 - MISSED):
        why = f"{why}: chance explains what is beyond the bound; more rows would tell"
        return replace(verdict, status="warn", why=why)
    return verdict


# --- figures ------------------------------------------------------------------------------


def draw_criteria(
    criteria: Sequence[Criterion],
    validation: dict[str, Estimate],
    test: dict[str, Estimate],
    currency: str,
) -> Figure:
    """Draw each criterion on its own scale: validation, test, and where it is missed."""
    fig, axes = figure(7.2, 0.7 + 1.15 * len(criteria), nrows=len(criteria), squeeze=False)
    for ax, criterion in zip(axes[:, 0], criteria, strict=True):
        metric = METRICS[criterion.metric]
        lower = criterion.at_least is not None
        bound = criterion.at_least if criterion.at_least is not None else criterion.at_most
        assert bound is not None  # noqa: S101 - the section holds exactly one of them
        shown = [bound]
        for place, rows, name in ((1, validation, "validation"), (0, test, "test")):
            found = rows.get(metric.name, {"value": None, "interval": None})
            value, interval = found["value"], found["interval"]
            if value is None or interval is None:
                continue
            shown += [value, *interval]
            colour, face = (BLUE, BLUE) if name == "test" else (MUTED, "white")
            ax.plot(interval, (place, place), color=colour, linewidth=2.2)
            ax.plot(value, place, "o", color=colour, markerfacecolor=face, markersize=7)
        reach = max(shown) - min(shown) or abs(bound) or 1.0
        left, right = min(shown) - 0.12 * reach, max(shown) + 0.12 * reach
        ax.axvspan(left if lower else bound, bound if lower else right, color=FAINT)
        ax.axvline(bound, color=INK, linewidth=1.2)
        ax.set(xlim=(left, right), ylim=(-0.6, 1.6), yticks=(0, 1))
        ax.set_yticklabels(["test", "validation"])
        ax.grid(axis="y", visible=False)
        side = "at least" if lower else "at most"
        unit = f" {currency}" if metric.needs in ("value", "rule") else ""
        ax.set_title(f"{metric.title}: {side} {amount(bound)}{unit} promised")
    fig.suptitle("Are the charter's promises kept? Grey: promise missed; bars: 95 % intervals")
    return fig


def draw_calibration(points: pd.DataFrame, positive: str) -> Figure:
    """Draw the mean probability of each bin against the share that came true."""
    fig, ax = figure(6.0, 4.8)
    top = min(1.0, 1.08 * float(points[["prob_pred", "high"]].max().max()))
    ax.plot((0, top), (0, top), color=MUTED, linewidth=1.0, linestyle="--", label="as it should be")
    ax.vlines(points["prob_pred"], points["low"], points["high"], color=BLUE, linewidth=2.2)
    ax.plot(
        points["prob_pred"],
        points["prob_true"],
        "o",
        color=BLUE,
        label=f"{points['count'].iloc[0]:,} test rows each, with 95 % interval",
    )
    ax.set(
        title="Of those given 30 %, does it come true for 30 %?",
        xlabel=wrap(f"probability that the model gives to: {positive}", 5.2),
        ylabel="share for whom it came true",
        xlim=(0, top),
        ylim=(0, top),
    )
    ax.legend(loc="upper left")
    return fig


# --- the pillar ---------------------------------------------------------------------------


def examine(e: Evidence, bounds: AuditPerformance) -> Findings:
    """Answer every check of the pillar.

    Raises:
        LoopwrightError: `train.scoring` names no metric.
    """
    measured = measure_all(e.predictions, e.draws, e.random_state, e.entities)
    test = {name: drawn.estimate() for name, drawn in measured.items()}
    validation: dict[str, Estimate] = e.evaluation.get("metrics", {}).get("validation", {})
    scoring = str(e.manifest.get("scoring", "log_loss"))
    find_metric(scoring, "train.scoring", e.task)
    points = e.calibration
    found = Findings()
    found.verdicts = [
        enough_rows(e.predictions, bounds.min_events, e.paths()),
        *kept(e.criteria, test, e.paths("criteria")),
        calibrated(
            e,
            test,
            bounds.max_calibration_error,
            e.paths() if points is None else e.paths("calibration"),
        ),
        over_rule(e, e.paths()),
        over_dummy(e, e.paths()),
        *gaps(
            list(dict.fromkeys([scoring, RANKED_BY[e.task]])),
            validation,
            test,
            bounds.max_gap,
            e.paths(),
        ),
        *champion.examine(e, bounds).verdicts,
    ]
    found.tables = {
        "Metrics": [
            {
                "Metric": METRICS[name].title,
                "Validation": validation[name]["value"] if name in validation else None,
                "Test": estimate["value"],
                "Test, low": estimate["interval"][0] if estimate["interval"] else None,
                "Test, high": estimate["interval"][1] if estimate["interval"] else None,
            }
            for name, estimate in test.items()
        ],
    }
    if points is not None:
        found.tables["Calibration"] = [
            {
                "Rows": row["count"],
                "Mean probability": row["prob_pred"],
                "Came true": row["prob_true"],
                "Came true, low": row["low"],
                "Came true, high": row["high"],
            }
            for row in points.to_dict("records")
        ]
        found.figures["calibration"] = draw_calibration(points, e.target.meaning)
    if e.criteria:
        found.figures["criteria"] = draw_criteria(e.criteria, validation, test, e.costs.currency)
    return found


def main(
    *,
    params: Path,
    schema: Path,
    lock: Path,
    train: Path,
    validation: Path,
    test: Path,
    model: Path,
    model_manifest: Path,
    evaluation: Path,
    verdicts: Path,
    figures: Path,
    files: Path,
) -> None:
    """Audit the performance of `model` on `test`; write `verdicts`, `figures` and `files`."""
    chosen = read_params(params)
    conduct(
        CHECKS,
        partial(examine, bounds=chosen.audit.performance),
        params=params,
        schema=schema,
        lock=lock,
        train=train,
        validation=validation,
        test=test,
        model=model,
        model_manifest=model_manifest,
        evaluation=evaluation,
        verdicts=verdicts,
        figures=figures,
        files=files,
    )
