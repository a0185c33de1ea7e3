"""Artefacts as rows of tables, in the words of the report."""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.numbers import NOTHING, measured, money, number
from stages.core.params import Costs
from stages.report.artefacts import (
    Evaluation,
    Features,
    Finding,
    Findings,
    Manifest,
    Quality,
    Splits,
)
from stages.report.evidence import answer_to
from stages.report.grid import parsed
from stages.report.words import in_words, metric_words

Rows = list[dict[str, Any]]

# The stages of the loop by the section of the report that shows them.
SECTIONS = {
    "define": "define",
    "ingest": "data",
    "validate": "data",
    "split": "data",
    "explore": "explore",
    "featurize": "features",
    "tune": "train",
    "train": "train",
    "evaluate": "evaluate",
    "audit": "audit",
}


def of_columns(manifest: Manifest) -> Rows:
    """One row a column of the table as it was read."""
    return [{"Column": name, **facts} for name, facts in manifest.columns.items()]


def of_quality(quality: Quality) -> Rows:
    """One row a check that values failed; the values' own rows stay in failure_cases.csv."""
    return [{in_words(name): fact for name, fact in check.items()} for check in quality.checks]


def of_splits(splits: Splits) -> Rows:
    """One row a split: its rows and its share of positives."""
    return [
        {"Split": in_words(name), "Rows": rows, "Positive share": splits.positive_share.get(name)}
        for name, rows in splits.rows.items()
    ]


def of_findings(findings: Findings, answers: dict[str, str]) -> tuple[Rows, Rows]:
    """The findings without an answer, and those with one."""
    unanswered, answered = [], []
    for finding in findings.findings:
        found = answer_to(finding, answers)
        if found is None:
            unanswered.append(_of_finding(finding))
        else:
            answered.append(_of_finding(finding) | {"Answer": found})
    return unanswered, answered


def _of_finding(finding: Finding) -> dict[str, Any]:
    return {
        "Finding": in_words(finding.kind),
        "Columns": ", ".join(finding.columns),
        "Why": finding.why,
        "Value": finding.value,
        "Bound": finding.threshold,
    }


def of_created(features: Features) -> Rows:
    """One row a created feature: how it is made, why, and whether selection kept it."""
    kept = set(features.features)
    rows = []
    for name, created in features.created.items():
        reason = features.dropped.get(name)
        fate = f"dropped: {reason}" if reason else "kept" if name in kept else "transformed"
        best = created.best_source
        rows.append(
            {
                "Feature": name,
                "How": f"{in_words(created.kind).lower()} of {', '.join(created.columns)}",
                "Hypothesis": created.hypothesis,
                "ROC AUC alone": created.roc_auc,
                "Best source alone": f"{best.column}: {number(best.roc_auc)}" if best else None,
                "Selection": fate,
            }
        )
    return rows


def of_dropped(features: Features) -> Rows:
    """One row a feature that selection left out."""
    return [{"Feature": name, "Why": reason} for name, reason in features.dropped.items()]


def of_metrics(evaluation: Evaluation, currency: str) -> Rows:
    """One row a metric, one column a subject: the model on both splits, and the baselines."""
    first = [name for name in evaluation.metrics if name == "validation"]
    subjects = first + [name for name in evaluation.metrics if name not in first]
    names = dict.fromkeys(name for found in evaluation.metrics.values() for name in found)
    titles = {"validation": "Model on validation", "train": "Model on train"}
    rows = []
    for name in names:
        row: dict[str, Any] = {"Metric": metric_words(name, currency)}
        for subject in subjects:
            found = evaluation.metrics[subject].get(name)
            shown = measured(found.value, found.interval) if found else NOTHING
            row[titles.get(subject, f"{in_words(subject)} on validation")] = shown
        rows.append(row)
    return rows


def of_leaderboard(leaderboard: Sequence[Mapping[str, str]]) -> Rows:
    """One row a candidate, the winner marked: scores on validation, the first on train too."""
    rows = []
    scores = [name for name in leaderboard[0] if name.startswith("validation_")]
    for entry in leaderboard:
        won = ", the winner" if entry.get("winner") == "True" else ""
        row: dict[str, Any] = {"Candidate": entry["candidate"] + won}
        row |= {in_words(n): parsed(entry[n]) for n in ("estimator", "features") if n in entry}
        for name in scores:
            metric = name.removeprefix("validation_")
            row[metric_words(metric)] = parsed(entry[name])
            if name == scores[0]:
                row[f"{metric_words(metric)} on train"] = parsed(entry.get(f"train_{metric}"))
        rows.append(row)
    return rows


# What evaluation.json calls who decides, and what comes of it, in the order of the page.
_DECIDERS = {
    "never": "Never act",
    "always": "Always act",
    "rule": "The rule",
    "model": "The model",
    "over_rule": "The model, more than the rule",
    "over_constant": "The model, more than the better of never and always",
}
_INVESTMENT = {
    "value_per_year": "Gain in a year",
    "net_per_year": "Gain in a year after running costs",
    "return": "Return over the horizon, as a share of all costs",
    "payback_years": "Years until the cost of building is earned",
}


def of_decisions(value: Mapping[str, Any], currency: str) -> Rows:
    """What 1,000 decisions bring, by who decides."""
    return [
        {"Who decides": title, f"1,000 decisions bring, {currency}": value[name]}
        for name, title in _DECIDERS.items()
        if name in value
    ]


def of_investment(value: Mapping[str, Any], currency: str) -> Rows:
    """What the model earns against what it costs."""
    found = value.get("return_on_investment")
    if not isinstance(found, Mapping):
        return []
    units = {"value_per_year": f", {currency}", "net_per_year": f", {currency}"}
    return [
        {"Return on investment": title + units.get(name, ""), "Value": found[name]}
        for name, title in _INVESTMENT.items()
        if name in found
    ]


_DIAGNOSIS = {
    "verdict": "The picture",
    "why": "Why",
    "metric": "Measured by",
    "baseline": "Error of the rule on validation",
    "train": "Error of the model on train",
    "validation": "Error of the model on validation",
    "gap": "Gap from train to validation",
    "gain": "Gain over the rule on validation",
    "lost_share": "Share of what was learned that does not hold",
}


def of_diagnosis(diagnosis: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the facts of the diagnosis as (name, value)."""
    facts = {name: diagnosis[name] for name in _DIAGNOSIS if name in diagnosis}
    if isinstance(facts.get("verdict"), str):
        facts["verdict"] = in_words(facts["verdict"]).lower()
    return [(_DIAGNOSIS[name], value) for name, value in facts.items()]


def of_costs(costs: Costs) -> Rows:
    """What one decision brings, by decision and outcome."""
    shown = {
        name: money(getattr(costs, name), costs.currency)
        for name in ("true_positive", "false_positive", "false_negative", "true_negative")
    }
    return [
        {
            "Decision": "We act",
            "It happens": shown["true_positive"],
            "It does not": shown["false_positive"],
        },
        {
            "Decision": "We do not",
            "It happens": shown["false_negative"],
            "It does not": shown["true_negative"],
        },
    ]
