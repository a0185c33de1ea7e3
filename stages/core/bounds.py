"""A measured value held against a bound, and how both are told."""

from collections.abc import Sequence
from typing import Literal

from stages.core.statistics import Estimate
from stages.core.verdicts import Status, Verdict, at_least, at_most

DECIMALS = 6


def bounded(
    check: str,
    measured: Estimate,
    side: Literal["at_least", "at_most"],
    bound: float,
    evidence: tuple[str, ...],
    why: str,
) -> Verdict:
    """Return the verdict that holds a measured value against a bound.

    A measured None means that the rows leave the value undefined: ``insufficient``.
    """
    value, interval = measured["value"], measured["interval"]
    status: Status = "insufficient"
    if value is None or interval is None:
        why = f"the rows leave it undefined: {why}"
    else:
        status = (at_least if side == "at_least" else at_most)(value, interval, bound)
    sign = ">=" if side == "at_least" else "<="
    return Verdict(check, status, value, interval, f"{sign} {plain(bound)}", evidence, why)


def plain(number: float) -> str:
    """Return `number` with at most six decimals and none that is 0: ``0.02``, ``100000``."""
    return f"{number:.{DECIMALS}f}".rstrip("0").rstrip(".")


def listed(names: Sequence[str], limit: int = 5) -> str:
    """Return the first names for a sentence, and how many are left out."""
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
