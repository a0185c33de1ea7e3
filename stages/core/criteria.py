"""The charter's success criteria, held against what was measured."""

from collections.abc import Sequence
from pathlib import Path

from stages.core.metrics import find_metric
from stages.core.params import Criterion, Task
from stages.core.statistics import Estimate
from stages.core.verdicts import Status, Verdict, at_least, at_most

WHERE = "charter.success_criteria"


def strictest(criteria: Sequence[Criterion], task: Task | None = None) -> list[Criterion]:
    """Return one criterion for each metric and side, the strictest where there are more.

    Raises:
        LoopwrightError: a metric is unknown, or is not for the `task`; the message says
            where it stands.
    """
    chosen: dict[tuple[str, str], Criterion] = {}
    for place, criterion in enumerate(criteria):
        find_metric(criterion.metric, f"{WHERE}.{place}.metric", task)
        sign, bound = _bound(criterion)
        present = chosen.get((criterion.metric, sign))
        # The strictest lower bound is the highest, the strictest upper bound the lowest.
        direction = 1 if sign == ">=" else -1
        if present is None or direction * bound > direction * _bound(present)[1]:
            chosen[criterion.metric, sign] = criterion
    return list(chosen.values())


def _bound(criterion: Criterion) -> tuple[str, float]:
    if criterion.at_least is not None:
        return ">=", criterion.at_least
    assert criterion.at_most is not None  # noqa: S101 - the section has exactly one of them
    return "<=", criterion.at_most


def status_of(criterion: Criterion, measured: Estimate) -> Status:
    """Hold an estimate against the bound; ``insufficient`` where it is None."""
    value, interval = measured["value"], measured["interval"]
    if value is None or interval is None:
        return "insufficient"
    sign, bound = _bound(criterion)
    return (at_least if sign == ">=" else at_most)(value, interval, bound)


def too_good(criterion: Criterion, measured: Estimate) -> bool:
    """Tell whether a metric lies, with its whole interval, beyond what is possible."""
    if criterion.possible is None or measured["interval"] is None:
        return False
    low, high = measured["interval"]
    return low > criterion.possible if _bound(criterion)[0] == ">=" else high < criterion.possible


def judge(
    criterion: Criterion, measured: Estimate, stage: str, rows: str, evidence: Sequence[Path]
) -> Verdict:
    """Return the verdict ``stage.metric`` on one criterion.

    Args:
        criterion: the metric and its bound.
        measured: the metric as measured.
        stage: the first part of the verdict's id: ``evaluate``, ``performance``.
        rows: what was measured, for the sentence: ``validation``, ``test``.
        evidence: the files that show it.
    """
    metric = find_metric(criterion.metric, WHERE)
    status = status_of(criterion, measured)
    reading = {
        "pass": "meets its bound with its whole interval",
        "warn": "meets its bound, but not with its whole interval",
        "fail": "misses its bound",
        "insufficient": "is undefined on these rows",
    }[status]
    sign, bound = _bound(criterion)
    return verdict(
        f"{stage}.{metric.name}",
        status,
        measured,
        f"{sign} {bound:.12g}",
        evidence,
        f"{metric.title} on {rows} {reading} ({criterion.why})",
    )


def verdict(
    name: str,
    status: Status,
    measured: Estimate,
    threshold: str | None,
    evidence: Sequence[Path],
    why: str,
) -> Verdict:
    """Return the verdict called `name` on an estimate, rounded to six decimals."""
    value, interval = measured["value"], measured["interval"]
    return Verdict(
        id=name,
        status=status,
        value=None if value is None else round(value, 6),
        interval=None if interval is None else (round(interval[0], 6), round(interval[1], 6)),
        threshold=threshold,
        evidence=tuple(path.as_posix() for path in evidence),
        why=why,
    )
