"""What a revision measures and on what terms, as its own params.yaml says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from stages.core.metrics import Metric
from stages.core.params import AnyCosts

_COSTS: TypeAdapter[AnyCosts] = TypeAdapter(AnyCosts)


@dataclass(frozen=True)
class Definition:
    """The terms of a comparison.

    Attributes:
        criteria: the metrics of the success criteria; the first is the main one.
        task: binary, multiclass or regression.
        target: the column and, of a binary task, its positive value.
        costs: what decisions bring, or None where params.yaml does not say.
        rule: the expression of the charter's rule.
        bins: of the calibration error.
        entity: the column whose values repeat, if rows of one entity do.
        draws: the number of bootstrap draws.
        seed: of the draws.
    """

    criteria: tuple[str, ...]
    task: str
    target: tuple[str, str]
    costs: AnyCosts | None
    rule: str
    bins: int
    entity: str | None
    draws: int
    seed: int

    @property
    def main(self) -> str | None:
        """The metric that decides: that of the first success criterion."""
        return self.criteria[0] if self.criteria else None


def read_definition(params: Mapping[str, Any]) -> Definition:
    """Return the definition in `params`; what an old file lacks has the default of today's."""
    charter = _section(params, "charter")
    target, evaluate = _section(charter, "target"), _section(params, "evaluate")
    listed = charter.get("success_criteria")
    criteria = [c.get("metric") for c in listed or [] if isinstance(c, Mapping)]
    return Definition(
        criteria=tuple(dict.fromkeys(str(name) for name in criteria if name)),
        task=str(charter.get("task", "binary")),
        target=(str(target.get("column")), str(target.get("positive"))),
        costs=read_costs(charter.get("costs")),
        rule=str(_section(charter, "rule").get("expression")),
        bins=_count(evaluate.get("calibration_bins"), 10),
        entity=_section(params, "split").get("group"),
        draws=_count(evaluate.get("bootstrap"), 1000),
        seed=_count(evaluate.get("random_state"), 0),
    )


def differences(base: Definition, head: Definition, metric: Metric) -> list[str]:
    """Return why values of `metric` by the two definitions mean different things.

    Costs set the threshold, so they matter to every metric of decisions; the bins matter to
    the calibration error, and the rule to what is measured over it.
    """
    found = []
    if base.task != head.task:
        found.append(f"charter.task changed from {base.task} to {head.task}")
    elif base.target != head.target:
        old, new = (f"'{column}' = {value}" for column, value in (base.target, head.target))
        found.append(f"the target changed from {old} to {new}")
    if metric.needs != "score" and _amounts(base.costs) != _amounts(head.costs):
        found.append(f"charter.costs changed, and {metric.title} follows them")
    if metric.needs == "rule" and base.rule != head.rule:
        found.append(f"charter.rule changed, and {metric.title} is measured against it")
    if metric.name == "expected_calibration_error" and base.bins != head.bins:
        found.append(f"evaluate.calibration_bins changed from {base.bins} to {head.bins}")
    return found


def read_costs(section: Any) -> AnyCosts | None:
    """Return the costs of a charter, of whatever task; None where they are no costs."""
    try:
        return _COSTS.validate_json(json.dumps(section, default=str))
    except ValidationError:
        return None


def _amounts(costs: AnyCosts | None) -> dict[str, Any] | None:
    return None if costs is None else costs.model_dump(exclude={"source"})


def _section(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


def _count(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
