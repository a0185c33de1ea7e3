"""Does a small error of measurement turn a decision?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from stages.audit.evidence import Check, Evidence, Findings, bounded
from stages.audit.safety.inputs import like, of_kind
from stages.audit.safety.rows import mean_of
from stages.core.params import AuditSafety
from stages.core.statistics import Floats
from stages.core.verdicts import Verdict

# How often noise is drawn; each row's share of flips is a mean of these.
NOISE_DRAWS = 5

CHECKS = (
    Check(
        "safety.noise",
        "Does a small error of measurement turn a decision?",
        "share of decisions that turn when every number moves by normal noise of "
        "audit.safety.noise times its interquartile range in train",
        "audit.safety.max_flip_rate",
        "what the team accepts",
    ),
)


def noisy(
    frame: pd.DataFrame, scales: Mapping[str, float], rng: np.random.Generator
) -> pd.DataFrame:
    """Return a copy of `frame` in which each column of `scales` has normal noise of that size.

    Whole numbers stay whole, missing values stay missing.
    """
    moved = frame.copy()
    for name, scale in scales.items():
        values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        values = values + rng.normal(0, scale, len(frame))
        moved[name] = like(frame[name], values)
    return moved


def noise(e: Evidence, bounds: AuditSafety, evidence: tuple[str, ...]) -> Verdict:
    """Measure how many decisions turn under small noise in all numeric inputs."""
    scales = {}
    for name in of_kind(e.inputs, e.schema, "numeric"):
        low, high = e.train[name].quantile([0.25, 0.75])
        scales[name] = bounds.noise * (float(high - low) or float(e.train[name].std()))
    if not scales:
        why = "the model has no numeric input"
        return Verdict("safety.noise", "not_applicable", None, None, None, evidence, why)
    rng = np.random.default_rng(e.random_state)
    turned: Floats = np.mean(
        [
            e.turned(e.predicted, e.ask(noisy(e.rows, scales, rng))).astype(np.float64)
            for _ in range(NOISE_DRAWS)
        ],
        axis=0,
    )
    why = (
        f"share of decisions that turn when {len(scales)} numeric inputs move by noise of "
        f"{bounds.noise:g} interquartile ranges"
    )
    measured = mean_of(e, turned)
    return bounded("safety.noise", measured, "at_most", bounds.max_flip_rate, evidence, why)


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Move all numbers a little."""
    return Findings([noise(e, bounds, e.paths())])
