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


def out_of_range(e: Evidence, bounds: AuditSafety, evidence: tuple[str, ...]) -> Verdict:
    """Measure how many test rows lie outside the trained range of an input."""
    numbers = of_kind(e.inputs, e.schema, "numeric", "ordinal")
    numbers = [name for name in numbers if pd.api.types.is_numeric_dtype(e.train[name])]
    if not numbers:
        why = "the model has no numeric or ordinal input"
        return Verdict("safety.out_of_range", "not_applicable", None, None, None, evidence, why)
    outside = pd.DataFrame(
        {
            name: (e.test[name] < e.train[name].min()) | (e.test[name] > e.train[name].max())
            for name in numbers
        },
        index=e.test.index,
    ).fillna(False)
    most = outside.sum().sort_values(ascending=False, kind="stable")
    names = [f"{e.title(str(name))} ({count})" for name, count in most.items() if count]
    why = "share of test rows with an input below the least or above the greatest value in train"
    why += f": {listed(names, 3)}" if names else ""
    measured = mean_of(e, outside.any(axis=1).to_numpy().astype(np.float64))
    return bounded(
        "safety.out_of_range", measured, "at_most", bounds.max_out_of_range, evidence, why
    )


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Count the rows outside."""
    return Findings([out_of_range(e, bounds, e.paths())])
