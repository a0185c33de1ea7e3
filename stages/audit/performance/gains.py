"""A gain over something else, as a verdict."""

from stages.core.statistics import Estimate
from stages.core.verdicts import Status, Verdict


def better(check: str, gain: Estimate, evidence: tuple[str, ...], why: str) -> Verdict:
    """Ask that a gain be above 0: the whole interval passes, the value alone warns."""
    value, interval = gain["value"], gain["interval"]
    if value is None or interval is None:
        return Verdict(check, "insufficient", None, None, "> 0", evidence, why)
    status: Status = "pass" if interval[0] > 0 else "warn" if value > 0 else "fail"
    return Verdict(check, status, value, interval, "> 0", evidence, why)
