"""How much of its work lies outside of what it was trained on?"""

import numpy as np

from stages.audit.evidence import Check, Evidence, Findings, bounded, listed
from stages.audit.safety.rows import mean_of
from stages.core.params import AuditSafety
from stages.core.ranges import outside
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "safety.out_of_range",
        "How much of its work lies outside of what it was trained on?",
        "share of test rows with an input outside its range in train",
        "audit.safety.max_out_of_range",
        "what the team accepts",
    ),
)


def out_of_range(e: Evidence, bounds: AuditSafety, evidence: tuple[str, ...]) -> Verdict:
    """Measure how many test rows lie outside the trained range of an input."""
    check, beyond = "safety.out_of_range", outside(e.test, e.ranges)
    if not len(beyond.columns):
        why = "the model has no numeric or ordinal input"
        return Verdict(check, "not_applicable", None, None, None, evidence, why)
    most = beyond.sum().sort_values(ascending=False, kind="stable")
    names = [f"{e.title(str(name))} ({count})" for name, count in most.items() if count]
    why = "share of test rows with an input below the least or above the greatest value in train"
    why += f": {listed(names, 3)}" if names else ""
    measured = mean_of(e, beyond.any(axis=1).to_numpy().astype(np.float64))
    return bounded(check, measured, "at_most", bounds.max_out_of_range, evidence, why)


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Count the rows outside."""
    return Findings([out_of_range(e, bounds, e.paths())])
