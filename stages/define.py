"""Check the charter: is it complete, does it make sense, and is it a machine-learning problem?

The charter is the section of that name in params.yaml. What cannot be is an error; what
can be but should not is a verdict, so that the loop goes on and the report shows it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core import markdown
from stages.core.errors import LoopwrightError
from stages.core.files import write_json, write_text
from stages.core.metrics import PER_DECISIONS, class_values, cost_threshold, find_metric
from stages.core.numbers import bound, money, number, percent
from stages.core.params import (
    AnyCosts,
    BaselineElsewhere,
    BinaryTarget,
    Charter,
    ClassCosts,
    Costs,
    Criterion,
    MulticlassTarget,
    NumberCosts,
    RegressionTarget,
    ReturnOnInvestment,
    Task,
    read_params,
)
from stages.core.rules import parse_rule
from stages.core.schema import Column, Schema, read_schema
from stages.core.targets import class_label
from stages.core.verdicts import Status, Verdict, as_documents

PAGE = Path(__file__).with_suffix(".md.jinja")

# Words that stand where an answer should; the short ones only if they are all there is.
_UNWRITTEN = re.compile(r"\b(?:TODO|TBD|TBC|FIXME|XXX)\b|\blorem ipsum\b")
_EMPTY_WORDS = frozenset({"todo", "tbd", "tba", "tbc", "fixme", "xxx", "na", "none", "null", "nil"})
# A question answered with one of these at its start is answered with "no".
_DENIALS = frozenset({"no", "none", "not", "nothing", "nobody", "never", "unknown", "unclear"})
# Values that name something in the data or the code; other checks hold them against it.
_NAMES = frozenset(
    {
        "column",
        "positive",
        "key",
        "sample_weight",
        "sensitive_features",
        "invariant",
        "expression",
        "metric",
        "actual",
        "decided",
    }
)
# Nearer to 0 or 1 than this, one and the same decision is right for nearly everyone.
_EXTREME = 0.01


def is_placeholder(text: str) -> bool:
    """Return whether `text` says nothing: empty, ``TBD``, ``?``, ``...``, ``<name>``."""
    bare = text.strip()
    word = re.sub(r"\W", "", bare).casefold()
    meaning = any(c.isalnum() or unicodedata.category(c) == "Sc" for c in bare)
    bracketed = bool(re.fullmatch(r"<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\}", bare))
    return not meaning or bracketed or word in _EMPTY_WORDS or bool(_UNWRITTEN.search(bare))


def texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yield the key and the text of everything in `value` that a person wrote as prose."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in _NAMES:
                yield from texts(inner, f"{key}.{name}")
    elif isinstance(value, (list, tuple)):
        for position, inner in enumerate(value):
            yield from texts(inner, f"{key}.{position}")


def check_texts(charter: Charter, _: Schema, evidence: tuple[str, ...]) -> Verdict:
    """Hold every text of the charter against the placeholders; owners and scope apart."""
    written = charter.model_dump(mode="json", exclude={"owners", "scope"})
    empty = [key for key, text in texts(written, "charter") if is_placeholder(text)]
    why = "every text of the charter is written"
    if empty:
        why = f"still to be written: {', '.join(empty)}"
    return _verdict("texts", "fail" if empty else "pass", why, evidence, len(empty), "<= 0")


def check_owners(charter: Charter, _: Schema, evidence: tuple[str, ...]) -> Verdict:
    """Every role has an owner, and the risk owner is not the one who builds the model."""
    owners = charter.owners.model_dump()
    vacant = [role for role, owner in owners.items() if is_placeholder(owner)]
    if vacant:
        why = f"nobody answers for: {', '.join(vacant)}"
        return _verdict("owners", "fail", why, evidence, len(vacant), "<= 0")
    if owners["risk"].strip().casefold() == owners["model"].strip().casefold():
        why = "the model's owner also judges its risk; a second pair of eyes is missing"
        return _verdict("owners", "warn", why, evidence, len(vacant), "<= 0")
    why = "every role has an owner, and risk is judged by another than the model's"
    return _verdict("owners", "pass", why, evidence, len(vacant), "<= 0")


def check_scope(charter: Charter, _: Schema, evidence: tuple[str, ...]) -> Verdict:
    """Both sides of the scope are written, and nothing stands on both."""
    sides = charter.scope.model_dump()
    empty = [s for s, uses in sides.items() if not uses or any(map(is_placeholder, uses))]
    if empty:
        why = f"the scope does not say what is {' and what is '.join(empty)}"
        return _verdict("scope", "fail", why, evidence)
    both = {use.casefold() for use in sides["inside"]} & {u.casefold() for u in sides["outside"]}
    if both:
        why = f"both inside and outside the scope: {'; '.join(sorted(both))}"
        return _verdict("scope", "fail", why, evidence)
    return _verdict("scope", "pass", "the scope says what the model is for and not for", evidence)


def check_target(charter: Charter, schema: Schema, evidence: tuple[str, ...]) -> Verdict:
    """The target is a column that can hold what the task predicts."""
    target = charter.target
    column = schema.column(target.column, "charter.target.column")
    if target.column == charter.key:
        raise LoopwrightError(f"charter.key: '{charter.key}' is the target; a row's key is another")
    if isinstance(target, RegressionTarget):
        return _check_number(column, evidence)
    if isinstance(target, MulticlassTarget):
        return _check_classes(column, evidence)
    return _check_positive(target, column, evidence)


def _check_number(column: Column, evidence: tuple[str, ...]) -> Verdict:
    if column.kind != "numeric":
        raise LoopwrightError(
            f"charter.target.column: schema.yaml calls it {column.kind}, and a regression predicts "
            "a number; declare it numeric, or choose another charter.task"
        )
    why = f"the target is a number{f', in {column.unit}' if column.unit else ''}"
    return _verdict("target", "pass", why, evidence, column.title)


def _check_classes(column: Column, evidence: tuple[str, ...]) -> Verdict:
    if column.kind not in ("categorical", "ordinal"):
        why = f"the target is {column.kind}; each of its values counts as a class of its own"
        return _verdict("target", "warn", why, evidence)
    allowed = column.checks.isin if column.checks else None
    if allowed is None:
        why = "schema.yaml does not list the target's values (isin): a new one would be a new class"
        return _verdict("target", "warn", why, evidence)
    if len(allowed) < 3:
        why = f"the target has {len(allowed)} values; with two, charter.task is binary"
        return _verdict("target", "fail", why, evidence, len(allowed), ">= 3")
    why = f"the target is one of {len(allowed)} classes"
    return _verdict("target", "pass", why, evidence, len(allowed), ">= 3")


def _check_positive(target: BinaryTarget, column: Column, evidence: tuple[str, ...]) -> Verdict:
    _positive_fits(target.positive, column)
    if column.kind not in ("categorical", "ordinal"):
        why = f"the target is {column.kind}; every value but {target.positive!r} counts as negative"
        return _verdict("target", "warn", why, evidence, target.positive)
    allowed = column.checks.isin if column.checks else None
    if allowed is None and column.dtype != "boolean":
        why = "schema.yaml does not list the target's values (isin): a new one would be a negative"
        return _verdict("target", "warn", why, evidence, target.positive)
    if allowed is not None and len(allowed) > 2:
        why = f"the target has {len(allowed)} values; all but {target.positive!r} are negative"
        return _verdict("target", "warn", why, evidence, target.positive)
    why = f"the target is one of two values, and {target.positive!r} is the positive one"
    return _verdict("target", "pass", why, evidence, target.positive)


def _positive_fits(positive: int | str | bool, column: Column) -> None:
    """Refuse a positive value that `column` can never hold, or never not hold."""
    types = {"int64": int, "Int64": int, "float64": int, "boolean": bool}
    expected = types.get(column.dtype, str)
    where = "charter.target.positive:"
    if type(positive) is not expected:
        raise LoopwrightError(
            f"{where} {positive!r} is no value of a column of dtype {column.dtype}; "
            f"write it as {'true or false' if expected is bool else _A_VALUE[expected]}"
        )
    checks = column.checks
    if checks and checks.isin is not None and positive not in checks.isin:
        possible = ", ".join(map(repr, checks.isin))
        raise LoopwrightError(
            f"{where} schema.yaml does not allow {positive!r}; possible: {possible}"
        )
    if checks and checks.isin is not None and len(checks.isin) < 2:
        raise LoopwrightError(f"{where} the only value that schema.yaml allows; nothing to predict")
    if checks and checks.in_range and isinstance(positive, int):
        low, high = checks.in_range
        if not low <= positive <= high:
            raise LoopwrightError(
                f"{where} schema.yaml allows {low:g} to {high:g}, not {positive!r}"
            )


_A_VALUE = {int: "a whole number without quotes", str: "text, in quotes if it looks like a number"}


def check_key(charter: Charter, schema: Schema, evidence: tuple[str, ...]) -> Verdict:
    """The key is an identifier that repeats nowhere; without one, rows cannot be traced."""
    if charter.key is None:
        why = "no key: a decision cannot be traced back to its row, nor joined with its outcome"
        return _verdict("key", "warn", why, evidence)
    column = schema.column(charter.key, "charter.key")
    if column.kind != "identifier":
        why = f"schema.yaml calls '{charter.key}' {column.kind}: it would be learned from"
        return _verdict("key", "fail", why, evidence, charter.key)
    why = "the key identifies rows and is no feature"
    return _verdict("key", "pass", why, evidence, charter.key)


def check_sensitive_features(
    charter: Charter, schema: Schema, evidence: tuple[str, ...]
) -> Verdict:
    """The sensitive features are columns, and the fairness audit has some to look at."""
    for position, name in enumerate(charter.sensitive_features):
        where = f"charter.sensitive_features.{position}"
        schema.column(name, where)
        if name in (charter.target.column, charter.key):
            raise LoopwrightError(f"{where}: '{name}' is the target or the key, not a feature")
    count = len(set(charter.sensitive_features))
    if not count:
        why = "no sensitive features are named, so fairness between groups cannot be audited"
        return _verdict("sensitive_features", "warn", why, evidence, count, ">= 1")
    why = f"the audit compares groups of {', '.join(dict.fromkeys(charter.sensitive_features))}"
    return _verdict("sensitive_features", "pass", why, evidence, count, ">= 1")


def check_mutable(charter: Charter, schema: Schema, evidence: tuple[str, ...]) -> Verdict:
    """What a person can change are numbers that the model may read, and not who they are."""
    count = len(charter.mutable)
    for name in charter.mutable:
        column = schema.column(name, "charter.mutable")
        if name in (charter.target.column, charter.key, charter.sample_weight):
            raise LoopwrightError(
                f"charter.mutable: '{name}' is the target, the key or the weight, not an input"
            )
        if column.dtype not in ("int64", "Int64", "float64"):
            raise LoopwrightError(
                f"charter.mutable: '{name}' is {column.dtype}, and only a number can increase or "
                "decrease"
            )
    personal = [name for name in charter.mutable if name in charter.sensitive_features]
    if personal:
        why = f"nobody can be asked to change who they are: {', '.join(personal)}"
        return _verdict("mutable", "fail", why, evidence, count)
    why = f"the audit asks what changes of {', '.join(charter.mutable)} would turn"
    if not count:
        why = "nothing is named that a person can change: the audit gives no counterfactuals"
    return _verdict("mutable", "pass", why, evidence, count)


def check_promised_responses(
    charter: Charter, schema: Schema, evidence: tuple[str, ...]
) -> Verdict:
    """What the answer must follow, and what it must not, are inputs, and never the same."""
    for section in ("monotonic", "invariant"):
        for name in getattr(charter, section):
            where = f"charter.{section}"
            schema.column(name, where)
            if name in (charter.target.column, charter.key):
                raise LoopwrightError(f"{where}: '{name}' is the target or the key, not an input")
    both = [name for name in charter.invariant if name in charter.monotonic]
    if both:
        raise LoopwrightError(
            f"charter.invariant: '{both[0]}' also stands in charter.monotonic; what gives the "
            "answer a direction matters to it"
        )
    count = len(charter.monotonic) + len(set(charter.invariant))
    why = f"the audit asks of {count} columns whether the answer follows them as promised"
    if not count:
        why = "the charter promises nothing of how the answer follows a column"
    return _verdict("promised_responses", "pass", why, evidence, count)


def check_rule(charter: Charter, schema: Schema, evidence: tuple[str, ...]) -> Verdict:
    """The baseline rule can be read, and decides from what is known before the outcome."""
    where = "charter.rule.expression"
    rule = parse_rule(charter.rule.expression, where, charter.task)
    for name in rule.columns:
        schema.column(name, where)
    if charter.target.column in rule.columns:
        raise LoopwrightError(f"{where}: reads the target '{charter.target.column}', not yet known")
    # On no rows, only to see whether numbers meet numbers and texts meet texts.
    read = {name: pd.Series(dtype=schema.columns[name].dtype) for name in rule.columns}
    rule.values(pd.DataFrame(read))
    shown = charter.rule.expression
    if charter.key in rule.columns:
        why = f"the rule decides by the key '{charter.key}', which says nothing about the row"
        return _verdict("rule", "fail", why, evidence, shown)
    sensitive = [name for name in rule.columns if name in charter.sensitive_features]
    if sensitive:
        why = f"today's rule itself decides by sensitive features: {', '.join(sensitive)}"
        return _verdict("rule", "warn", why, evidence, shown)
    why = f"the rule reads only what is known at the decision: {', '.join(rule.columns)}"
    return _verdict("rule", "pass", why, evidence, shown)


def check_baseline(charter: Charter, schema: Schema, evidence: tuple[str, ...]) -> Verdict:
    """Whose error the model's is held against can be measured, or is known."""
    baseline, where = charter.baseline, "charter.baseline"
    if not isinstance(baseline, BaselineElsewhere):
        whose = "the rule's" if baseline.kind == "rule" else "that of one answer for all"
        why = f"the model's error is held against {whose}"
        return _verdict("baseline", "pass", why, evidence, baseline.kind)
    if baseline.column is not None:
        schema.column(baseline.column, f"{where}.column")
        if baseline.column in (charter.target.column, charter.key):
            raise LoopwrightError(
                f"{where}.column: '{baseline.column}' is the target or the key, not a prediction"
            )
        why = f"what was said without the model stands in column '{baseline.column}'"
        return _verdict("baseline", "pass", why, evidence, baseline.column)
    assert baseline.error is not None  # noqa: S101 - the section has exactly one of them
    metric = find_metric(baseline.error.metric, f"{where}.error.metric", charter.task)
    if metric.needs != "score":
        raise LoopwrightError(
            f"{where}.error.metric: {metric.name} is no score of predictions; write that of "
            "train.scoring"
        )
    if not metric.low <= baseline.error.value <= metric.high:
        raise LoopwrightError(
            f"{where}.error.value: {metric.name} lies between {metric.low:g} and {metric.high:g}"
        )
    why = f"the error without the model is known from a study: {baseline.error.source}"
    return _verdict("baseline", "pass", why, evidence, baseline.error.value)


def check_success_criteria(charter: Charter, _: Schema, evidence: tuple[str, ...]) -> Verdict:
    """There are criteria; each can be met, and each can be missed."""
    for position, criterion in enumerate(charter.success_criteria):
        _criterion_possible(criterion, charter.task, f"charter.success_criteria.{position}")
    names = [criterion.metric for criterion in charter.success_criteria]
    if not names:
        why = "no success criteria: nothing says when the model is good enough"
        return _verdict("success_criteria", "fail", why, evidence, 0, ">= 1")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        why = f"more than one criterion for {', '.join(twice)}; the stricter decides"
        return _verdict("success_criteria", "warn", why, evidence, len(names), ">= 1")
    empty = [c.metric for c in charter.success_criteria if _always_met(c)]
    if empty:
        why = f"no model can miss the criterion for {', '.join(empty)}: it decides nothing"
        return _verdict("success_criteria", "warn", why, evidence, len(names), ">= 1")
    why = f"a model can meet and can miss each of: {', '.join(names)}"
    return _verdict("success_criteria", "pass", why, evidence, len(names), ">= 1")


def _criterion_possible(criterion: Criterion, task: Task, where: str) -> None:
    """Refuse a metric that is not for the task, and a bound that it cannot be held against."""
    metric = find_metric(criterion.metric, f"{where}.metric", task)
    right = "at_least" if metric.direction == "higher" else "at_most"
    threshold = getattr(criterion, right)
    if threshold is None:
        wrong = "at_most" if right == "at_least" else "at_least"
        raise LoopwrightError(
            f"{where}.{wrong}: {metric.name} is better when {metric.direction}; "
            f"write {right} in place of {wrong}"
        )
    possible = criterion.possible
    beyond = threshold if possible is None else possible
    if (beyond < threshold) if right == "at_least" else (beyond > threshold):
        raise LoopwrightError(
            f"{where}.possible: {beyond:g} is not beyond the bound of {threshold:g}, so that "
            "whatever meets the criterion would be too good to be true"
        )
    if not metric.low <= threshold <= metric.high:
        raise LoopwrightError(
            f"{where}.{right}: {metric.name} lies between {metric.low:g} and {metric.high:g}, "
            f"so that {threshold:g} is no bound for it"
        )


def _always_met(criterion: Criterion) -> bool:
    metric = find_metric(criterion.metric, "charter.success_criteria")
    return metric.low == criterion.at_least or metric.high == criterion.at_most


def check_costs(charter: Charter, schema: Schema, evidence: tuple[str, ...]) -> Verdict:
    """The right decision brings more than a wrong one."""
    if isinstance(charter.costs, NumberCosts):
        return _check_unit_costs(charter.costs, evidence)
    if isinstance(charter.costs, ClassCosts):
        column = schema.column(charter.target.column, "charter.target.column")
        return _check_class_costs(charter.costs, column, evidence)
    return _check_outcome_costs(charter.costs, evidence)


def _check_unit_costs(costs: NumberCosts, evidence: tuple[str, ...]) -> Verdict:
    units = (costs.per_unit_over, costs.per_unit_under)
    if not any(units):
        why = "no error costs anything, so nothing says what the model is worth"
        return _verdict("costs", "fail", why, evidence)
    over, under = (money(-unit, costs.currency) for unit in units)
    why = f"each unit too much costs {over}, and each unit too little {under}"
    return _verdict("costs", "pass", why, evidence)


def _check_class_costs(costs: ClassCosts, column: Column, evidence: tuple[str, ...]) -> Verdict:
    classes = column.checks.isin if column.checks else None
    if classes is not None:
        class_values(costs, [class_label(value) for value in classes])
    worst = [one for one in costs.exceptions if one.actual != one.decided]
    if max([costs.wrong, *(one.value for one in worst)]) >= costs.right:
        why = "a wrong decision brings as much as the right one: there is nothing to decide"
        return _verdict("costs", "fail", why, evidence, costs.right)
    gain = money(costs.right - costs.wrong, costs.currency)
    why = f"the right class brings {gain} more than a wrong one"
    why += f"; {len(worst)} pairs have amounts of their own" if worst else ""
    return _verdict("costs", "pass", why, evidence, round(costs.right - costs.wrong, 6))


def _check_outcome_costs(costs: Costs, evidence: tuple[str, ...]) -> Verdict:
    try:
        threshold = cost_threshold(costs)
    except LoopwrightError as fault:
        return _verdict("costs", "fail", str(fault), evidence)
    why = f"acting pays from a probability of {percent(threshold)} on"
    if not _EXTREME < threshold < 1 - _EXTREME:
        decision = "act on" if threshold <= _EXTREME else "leave alone"
        why += f": nearly always right is to {decision} everyone, which takes no model"
        return _verdict("costs", "warn", why, evidence, round(threshold, 6))
    return _verdict("costs", "pass", why, evidence, round(threshold, 6))


def gain_needed(plan: ReturnOnInvestment) -> float:
    """Return the gain over the rule per 1,000 decisions that pays for building and running."""
    per_year = plan.build_cost / plan.horizon_years + plan.run_cost_per_year
    return PER_DECISIONS * per_year / plan.decisions_per_year


def gain_possible(costs: AnyCosts) -> float:
    """Return more than any model gains over any rule per 1,000 decisions: every wrong put right.

    Of numbers there is no bound: an error may be of any size.
    """
    if isinstance(costs, NumberCosts):
        return inf
    if isinstance(costs, ClassCosts):
        amounts = [costs.right, costs.wrong, *(one.value for one in costs.exceptions)]
        return PER_DECISIONS * (max(amounts) - min(amounts))
    saved = costs.true_positive - costs.false_negative
    return PER_DECISIONS * max(saved, costs.true_negative - costs.false_positive)


def check_return_on_investment(charter: Charter, _: Schema, evidence: tuple[str, ...]) -> Verdict:
    """A model that meets the value criterion pays for itself."""
    needed = gain_needed(charter.return_on_investment)
    shown = money(needed, charter.costs.currency)
    threshold = f">= {needed:.0f}"
    bounds = [c.at_least for c in charter.success_criteria if c.metric == "value_over_rule"]
    promised = max((value for value in bounds if value is not None), default=None)
    status: Status = "pass"
    if charter.rule.role == "ideal":
        status = "not_applicable"
        why = f"the rule is an ideal, so no gain is counted over it; {shown} per 1,000 are spent"
    elif max(needed, promised or needed) > gain_possible(charter.costs):
        status = "fail"
        why = (
            f"no model brings this much: even one that is never wrong gains less than "
            f"{money(gain_possible(charter.costs), charter.costs.currency)} per 1,000 decisions"
        )
    elif promised is None:
        status = "warn"
        why = f"no criterion for value_over_rule; {shown} per 1,000 decisions would pay the costs"
    elif promised < needed:
        status = "fail"
        why = f"a model may meet the criteria and lose money: {shown} per 1,000 are needed"
    else:
        why = f"the value criterion covers the {shown} per 1,000 decisions that pay the costs"
    return _verdict("return_on_investment", status, why, evidence, promised, threshold)


def check_ml_problem(charter: Charter, _: Schema, evidence: tuple[str, ...]) -> Verdict:
    """Is it a machine-learning problem at all? By the answers that a person wrote."""
    answers = charter.feasibility.model_dump()
    denied = [question for question, answer in answers.items() if is_denied(answer)]
    if any(question in denied for question in ("pattern", "data")):
        status: Status = "fail"
        why = f"not shown to be a machine-learning problem: no answer on {', '.join(denied)}"
    elif denied:
        status = "warn"
        why = f"perhaps a machine-learning problem: no answer on {', '.join(denied)}"
    else:
        status = "pass"
        why = "a pattern, data to learn it from, errors that can be borne, and a simpler way tried"
    return _verdict("ml_problem", status, why, evidence, len(answers) - len(denied), ">= 4")


def is_denied(answer: str) -> bool:
    """Return whether `answer` is a placeholder, or begins with "no", "none", "unknown", ..."""
    words = re.findall(r"\w+", answer.casefold())
    return is_placeholder(answer) or not words or words[0] in _DENIALS


CHECKS: tuple[Callable[[Charter, Schema, tuple[str, ...]], Verdict], ...] = (
    check_texts,
    check_owners,
    check_scope,
    check_ml_problem,
    check_target,
    check_key,
    check_sensitive_features,
    check_mutable,
    check_promised_responses,
    check_rule,
    check_baseline,
    check_costs,
    check_success_criteria,
    check_return_on_investment,
)


def check(charter: Charter, schema: Schema, evidence: tuple[str, ...]) -> list[Verdict]:
    """Return one verdict a check.

    Raises:
        LoopwrightError: something in the charter cannot be; all such faults at once.
    """
    verdicts, faults = [], []
    for each in CHECKS:
        try:
            verdicts.append(each(charter, schema, evidence))
        except LoopwrightError as fault:
            faults.append(str(fault))
    if faults:
        raise LoopwrightError("\n  ".join(["the charter cannot stand as it is written", *faults]))
    return verdicts


def _verdict(
    name: str,
    status: Status,
    why: str,
    evidence: tuple[str, ...],
    value: float | int | str | None = None,
    threshold: str | None = None,
) -> Verdict:
    return Verdict(f"define.{name}", status, value, None, threshold, evidence, why)


def bound_of(criterion: Criterion) -> str:
    """Return the bound of `criterion`, such as ``≥ 0.76``."""
    if criterion.at_least is not None:
        return bound(f">= {criterion.at_least}")
    return bound(f"<= {criterion.at_most}")


def page(charter: Charter, schema: Schema, verdicts: list[Verdict]) -> str:
    """Return the charter as a Markdown page for a reader who knows no code."""
    plan, costs = charter.return_on_investment, charter.costs
    column = schema.columns[charter.target.column]
    found = {verdict.id: verdict for verdict in verdicts}
    break_even = found["define.costs"].value
    return markdown.render(
        PAGE,
        charter=charter,
        verdicts=verdicts,
        positive=(
            column.label(charter.target.positive)
            if isinstance(charter.target, BinaryTarget)
            else None
        ),
        break_even=percent(break_even) if isinstance(break_even, float) else None,
        gain_needed=money(gain_needed(plan), costs.currency),
        amount=lambda value: money(value, costs.currency),
        number=number,
        bound_of=bound_of,
        metric=lambda name: find_metric(name, "charter.success_criteria").title,
    )


def main(*, params: Path, schema: Path, charter: Path, charter_page: Path) -> None:
    """Check the charter and write it down, for machines and for people.

    Raises:
        LoopwrightError: params.yaml or schema.yaml is at fault, or the charter cannot be.
    """
    chosen = read_params(params)
    columns = read_schema(schema)
    verdicts = check(chosen.charter, columns, (params.as_posix(), schema.as_posix()))
    written = chosen.charter.model_dump(mode="json")
    write_json(charter, {"charter": written, "verdicts": as_documents(verdicts)})
    write_text(charter_page, page(chosen.charter, columns, verdicts))
