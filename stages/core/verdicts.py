"""A check's outcome: one status, and the evidence for it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["pass", "warn", "fail", "insufficient", "not_applicable"]

# Worst first: the status of a group is the first of these that it holds.
SEVERITY: tuple[Status, ...] = ("fail", "insufficient", "warn", "pass", "not_applicable")


@dataclass(frozen=True)
class Verdict:
    """What one check found.

    Attributes:
        id: ``stage.check`` or ``pillar.check``, unique within a run.
        status: ``insufficient`` where the data cannot answer; never a guess.
        value: what was measured, in the unit that `why` names.
        interval: its 95 % interval (low, high), where it has one.
        threshold: what `value` was held against, and from which side: ``">= 0.76"``.
        evidence: the files, relative to the repository, that show it.
        why: one sentence in plain words.
    """

    id: str
    status: Status
    value: float | int | str | None
    interval: tuple[float, float] | None
    threshold: str | None
    evidence: tuple[str, ...]
    why: str


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst of `statuses`; ``insufficient`` where there are none."""
    found = set(statuses)
    return next((status for status in SEVERITY if status in found), "insufficient")


def at_least(value: float, interval: tuple[float, float], threshold: float) -> Status:
    """Hold a value against a lower bound: a whole interval above passes, a value warns."""
    if interval[0] >= threshold:
        return "pass"
    return "warn" if value >= threshold else "fail"


def at_most(value: float, interval: tuple[float, float], threshold: float) -> Status:
    """Hold a value against an upper bound: a whole interval below passes, a value warns."""
    if interval[1] <= threshold:
        return "pass"
    return "warn" if value <= threshold else "fail"


def as_documents(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Return `verdicts` as plain dictionaries, ready for JSON."""
    return [asdict(verdict) for verdict in verdicts]


def from_document(document: dict[str, Any]) -> Verdict:
    """Return the verdict that `as_documents` wrote.

    Raises:
        TypeError: a field is missing or unknown.
    """
    interval = document["interval"]
    return Verdict(
        **{
            **document,
            "interval": None if interval is None else (interval[0], interval[1]),
            "evidence": tuple(document["evidence"]),
        }
    )
