"""How much of its work lies outside of what it was trained on?"""

import numpy as np
import pandas as pd

from stages.audit.evidence import Check, Evidence, Findings, bounded, listed
from stages.audit.safety.inputs import of_kind
from stages.audit.safety.rows import mean_of
from stages.core.params import AuditSafety
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


def outside(e: Evidence) -> pd.DataFrame:
    """Return where each numeric or ordinal input is outside of its range in train, per test row."""
    numbers = of_kind(e.inputs, e.schema, "numeric", "ordinal")
    numbers = [name for name in numbers if pd.api.types.is_numeric_dtype(e.train[name])]
    beyond = {
        name: (e.test[name] < e.train[name].min()) | (e.test[name] > e.train[name].max())
        for name in numbers
    }
    return pd.DataFrame(beyond, index=e.test.index).fillna(False).astype(bool)


def out_of_range(e: Evidence, bounds: AuditSafety, evidence: tuple[str, ...]) -> Verdict:
    """Measure how many test rows lie outside the trained range of an input."""
    check, beyond = "safety.out_of_range", outside(e)
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
