"""Artefacts as rows of tables, in the words of the report."""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.numbers import money
from stages.core.params import AnyCosts, Costs
from stages.report.artefacts import (
    Artefact,
    Evaluation,
    Features,
    Finding,
    Findings,
    Manifest,
    Quality,
    Splits,
)
from stages.report.evidence import answer_to
from stages.report.grid import is_estimate, parsed, with_intervals
from stages.report.words import in_words, metric_words, table_words

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
    """One row a split: its rows, and what else is said of each, such as its target."""
    said = {"target": splits.target} | (splits.model_extra or {})
    rows: Rows = [{"Split": in_words(name), "Rows": size} for name, size in splits.rows.items()]
    for fact, found in said.items():
        if not (isinstance(found, Mapping) and set(found) >= set(splits.rows)):
            continue
        for row, name in zip(rows, splits.rows, strict=True):
            row |= _flat(fact, found[name])
    return rows


def _flat(fact: str, found: Any) -> dict[str, Any]:
    """Return a fact, or the facts in it, by their titles."""
    if not isinstance(found, Mapping):
        return {in_words(fact): found}
    return {in_words(f"{fact} {name}"): value for name, value in found.items()}


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
    """One row a created feature: how it is made, why, its evidence, and its fate."""
    kept = set(features.features)
    rows = []
    for name, created in features.created.items():
        reason = features.dropped.get(name)
        fate = f"dropped: {reason}" if reason else "kept" if name in kept else "transformed"
        known = with_intervals(created.model_extra or {})
        rows.append(
            {
                "Feature": name,
                "How": f"{in_words(created.kind).lower()} of {', '.join(created.columns)}",
                "Hypothesis": created.hypothesis,
            }
            | {metric_words(key): _joined(fact) for key, fact in known.items() if key != "rows"}
            | {"Selection": fate}
        )
    return rows


def _joined(fact: Any) -> Any:
    """Return ``{"column": "AGE", "roc_auc": 0.6}`` as ``AGE: 0.600``, anything else as it is."""
    if isinstance(fact, Mapping) and len(fact) == 2:
        name, value = fact.values()
        if isinstance(name, str) and isinstance(value, (int, float)):
            return {name: value}
    return fact


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
            title = titles.get(subject, f"{in_words(subject)} on validation")
            row[title] = found.model_dump(include={"value", "interval"}) if found else None
        rows.append(row)
    return rows


def of_leaderboard(leaderboard: Sequence[Mapping[str, str]]) -> Rows:
    """One row a candidate, the winner marked: scores on validation, the first on train too."""
    rows = []
    scores = [name for name in leaderboard[0] if name.startswith("validation_")]
    others = [
        name
        for name in leaderboard[0]
        if not name.startswith(("validation_", "train_"))
        and name not in ("candidate", "winner", *_OF_CANDIDATE)
        and any(entry.get(name) for entry in leaderboard)
    ]
    for entry in leaderboard:
        won = ", the winner" if entry.get("winner") == "True" else ""
        row: dict[str, Any] = {"candidate": entry["candidate"] + won}
        row |= {name: parsed(entry[name]) for name in _OF_CANDIDATE if name in entry}
        for name in scores:
            metric = name.removeprefix("validation_")
            row[metric_words(metric)] = parsed(entry[name])
            if name == scores[0]:
                row[f"{metric_words(metric)} on train"] = parsed(entry.get(f"train_{metric}"))
        rows.append(row | {name: parsed(entry[name]) for name in others})
    return rows


_OF_CANDIDATE = ("estimator", "features")


def of_trials(trials: Sequence[Mapping[str, str]]) -> Rows:
    """One row a trial of the search."""
    return [{metric_words(name): parsed(text) for name, text in row.items()} for row in trials]


# What evaluation.json calls who decides, and what comes of it, in the order of the page.
_DECIDERS = {
    "never": "Never act",
    "always": "Always act",
    "one_for_all": "One answer for all",
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


def _in(title: str, currency: str) -> str:
    return f"{title}, {currency}" if currency else title


def of_decisions(value: Mapping[str, Any], currency: str) -> Rows:
    """What 1,000 decisions bring, by who decides."""
    others = {name: in_words(name) for name, found in value.items() if is_estimate(found)}
    return [
        {"Who decides": title, _in("1,000 decisions bring", currency): value[name]}
        for name, title in (_DECIDERS | others | _DECIDERS).items()
        if name in value
    ]


def of_investment(value: Mapping[str, Any], currency: str) -> Rows:
    """What the model earns against what it costs."""
    found = value.get("return_on_investment")
    if not isinstance(found, Mapping):
        return []
    return [
        {
            "Return on investment": _in(title, currency if name.endswith("_per_year") else ""),
            "Value": found[name],
        }
        for name, title in _INVESTMENT.items()
        if name in found
    ]


_DIAGNOSIS = {
    "verdict": "The picture",
    "why": "Why",
    "metric": "Measured by",
    "baseline": "Error of the baseline on validation",
    "train": "Error of the model on train",
    "validation": "Error of the model on validation",
    "gap": "Gap from train to validation",
    "gain": "Gain over the baseline on validation",
    "lost_share": "Share of what was learned that does not hold",
}


def of_diagnosis(diagnosis: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the facts of the diagnosis as (name, value), those with a name here first."""
    facts = {name: diagnosis[name] for name in (*_DIAGNOSIS, *diagnosis) if name in diagnosis}
    if isinstance(facts.get("verdict"), str):
        facts["verdict"] = in_words(facts["verdict"]).lower()
    return [(_DIAGNOSIS.get(name, in_words(name)), value) for name, value in facts.items()]


_COSTS = {
    "right": "Deciding for the true class",
    "wrong": "Deciding for another class",
    "per_unit_over": "Each unit that the prediction is too high",
    "per_unit_under": "Each unit that the prediction is too low",
}


def of_costs(costs: AnyCosts) -> Rows:
    """What one decision brings: by decision and outcome, by class, or by unit of the error."""
    if isinstance(costs, Costs):
        return _of_yes_or_no(costs)
    amounts = {
        _COSTS[name]: getattr(costs, name) for name in _COSTS if name in type(costs).model_fields
    }
    for exception in getattr(costs, "exceptions", ()):
        amounts[f"Deciding for {exception.decided} where {exception.actual} is true"] = (
            exception.value
        )
    return [
        {"Case": case, "Brings": money(amount, costs.currency)} for case, amount in amounts.items()
    ]


def _of_yes_or_no(costs: Costs) -> Rows:
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


def more_of(document: Artefact, stage: str) -> list[tuple[str, str, Rows]]:
    """Return what a stage wrote beyond what the report knows: (title, how to read it, rows)."""
    found: list[tuple[str, str, Rows]] = []
    facts: Rows = []
    for name, value in (document.model_extra or {}).items():
        rows = _as_rows(value)
        if name == "figures" or isinstance(value, str) or (name == "rows" and not rows):
            continue
        if rows:
            found.append((*table_words(f"{stage}/{name}"), rows))
        elif is_estimate(value) or isinstance(value, (int, float)):
            facts.append({"Measure": table_words(f"{stage}/{name}")[0], "Value": value})
    if facts:
        found.append((*table_words(f"{stage}/facts"), facts))
    return found


def _as_rows(value: Any) -> Rows:
    """Return a list of mappings, or a mapping of mappings or facts, as rows of a table."""
    if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
        return [dict(row) for row in value]
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return [{"Note": text} for text in value]
    if not isinstance(value, Mapping) or is_estimate(value):
        return []
    value = with_intervals(value)
    if value and all(isinstance(row, Mapping) and not is_estimate(row) for row in value.values()):
        return [{"Name": in_words(name), **row} for name, row in value.items()]
    return [{"Name": in_words(name), "Value": fact} for name, fact in value.items()]
