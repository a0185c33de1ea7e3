"""Would numbers that are rounded turn a decision?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.audit.evidence import Check, Evidence, Findings, bounded
from stages.audit.safety.inputs import like, of_kind
from stages.audit.safety.rows import mean_of
from stages.core.params import AuditSafety
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "safety.rounding",
        "Does a number that is rounded turn a decision?",
        "share of decisions that turn when every numeric input is rounded to "
        "audit.safety.significant_digits",
        "audit.safety.max_flip_rate",
        "people round what they tell and type; what the team accepts",
    ),
)


def rounded(frame: pd.DataFrame, columns: Sequence[str], digits: int) -> pd.DataFrame:
    """Return a copy of `frame` with `columns` rounded to `digits` significant digits.

    Missing values stay missing, and 0 stays 0.
    """
    changed = {}
    for name in columns:
        values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        size = np.abs(values)
        known = np.isfinite(size) & (size > 0)
        places = np.floor(np.log10(size, where=known, out=np.zeros_like(size)))
        step = 10.0 ** (places - digits + 1)
        changed[name] = like(frame[name], np.where(known, np.round(values / step) * step, values))
    return frame.assign(**changed)


def rounding(e: Evidence, bounds: AuditSafety, evidence: tuple[str, ...]) -> Verdict:
    """Measure how many decisions turn when all numbers are rounded."""
    check, numbers = "safety.rounding", of_kind(e.inputs, e.schema, "numeric")
    if not numbers:
        why = "the model has no numeric input"
        return Verdict(check, "not_applicable", None, None, None, evidence, why)
    after = e.ask(rounded(e.rows, numbers, bounds.significant_digits))
    why = (
        f"share of decisions that turn when {len(numbers)} numeric inputs are rounded to "
        f"{bounds.significant_digits} significant digits"
    )
    turned = mean_of(e, e.turned(e.predicted, after).astype(np.float64))
    return bounded(check, turned, "at_most", bounds.max_flip_rate, evidence, why)


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Round all numbers."""
    return Findings([rounding(e, bounds, e.paths())])
