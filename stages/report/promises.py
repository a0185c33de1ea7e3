"""What the charter promised, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stages.core.numbers import bound
from stages.core.params import Criterion
from stages.core.verdicts import Verdict
from stages.report import words
from stages.report.drawings import Bars, bars
from stages.report.evidence import Evidence, judged


@dataclass(frozen=True)
class Promise:
    """A success criterion, and what became of it on validation and on test."""

    criterion: Criterion
    title: str
    bound: str
    found: dict[str, Verdict | None]
    bars: Bars


def promises(evidence: Evidence) -> list[Promise]:
    """Return the charter's success criteria with their verdicts and their picture."""
    if evidence.charter is None:
        return []
    kept = []
    currency = evidence.charter.charter.costs.currency
    for criterion in evidence.charter.charter.success_criteria:
        found = judged(criterion.metric, evidence.verdicts)
        lower = criterion.at_least is not None
        limit = criterion.at_least if criterion.at_least is not None else criterion.at_most
        assert limit is not None  # noqa: S101 - the section holds exactly one of them
        values: Sequence[tuple[Any, Any]] = [
            (v.value, v.interval) for v in found.values() if v and isinstance(v.value, (int, float))
        ]
        kept.append(
            Promise(
                criterion=criterion,
                title=words.metric_words(criterion.metric, currency),
                bound=bound(f"{'>=' if lower else '<='} {limit}"),
                found=found,
                bars=bars(limit, "higher" if lower else "lower", values),
            )
        )
    return kept
