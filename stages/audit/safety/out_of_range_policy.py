"""What would it bring to treat rows outside of the trained range as the policy says?"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.audit.evidence import Check, Evidence, Findings, plain
from stages.core.metrics import PER_DECISIONS
from stages.core.params import AuditSafety
from stages.core.ranges import clipped, outside
from stages.core.statistics import paired_difference
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "safety.out_of_range_policy",
        "Does the policy for such rows cost no more than it saves?",
        "value of 1,000 decisions under audit.safety.out_of_range less those of the model as it "
        "is, paired; what is refused or left to a person is decided by the charter's rule",
        ">= 0, or a loss that chance explains; the share of such rows as safety.out_of_range",
        "a policy that loses more than it saves does harm",
    ),
)


def decisions(e: Evidence, bounds: AuditSafety, beyond: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return what the decisions under the policy bring, row by row, (rows,)."""
    p, rows = e.predictions, beyond.any(axis=1).to_numpy()
    if bounds.out_of_range == "clip":
        other = e.measured(e.ask(clipped(e.rows, e.ranges))).row_values()
    else:
        other = p.row_values(p.rule_decisions)  # type: ignore[arg-type]  # of its own task
    return np.where(rows, other, p.row_values())


def policy(e: Evidence, bounds: AuditSafety, evidence: tuple[str, ...]) -> Verdict:
    """Hold the value under the policy against that of the model as it is."""
    check, way = "safety.out_of_range_policy", bounds.out_of_range
    beyond = outside(e.test, e.ranges)
    rows = int(beyond.any(axis=1).sum())
    if way == "report" or not rows:
        why = "no test row lies outside of the trained range"
        if way == "report":
            why = "audit.safety.out_of_range is to report: the model answers such rows as others"
        return Verdict(check, "not_applicable", None, None, None, evidence, why)
    gain = paired_difference(
        PER_DECISIONS * decisions(e, bounds, beyond),
        PER_DECISIONS * e.predictions.row_values(),
        e.draws,
        e.random_state,
        e.entities,
    )
    value, interval = gain["value"], gain["interval"]
    done = {"refuse": "refused", "clip": "clipped", "abstain": "left to a person"}[way]
    share = rows / len(e.test)
    why = (
        f"what 1,000 decisions bring more where the {rows:,} rows outside of the trained range "
        f"({plain(100 * share)} %) are {done}, in {e.costs.currency}"
    )
    if value is None or interval is None:
        return Verdict(check, "insufficient", None, None, ">= 0", evidence, why)
    fails = interval[1] < 0
    return Verdict(check, "fail" if fails else "pass", value, interval, ">= 0", evidence, why)


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Price the policy."""
    return Findings([policy(e, bounds, e.paths())])
