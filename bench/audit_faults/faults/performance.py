"""Faults of a model that is not as good as promised."""

from functools import cache

import numpy as np
import pandas as pd

from bench.audit_faults.fault import Fault
from bench.audit_faults.world import Floats, audit, binary, truth
from stages.audit.performance import examine
from stages.core.verdicts import Verdict


@cache
def sound(seed: int) -> list[Verdict]:
    """A model that knows the truth."""
    return examine(binary(seed), audit().performance).verdicts


def guess(frame: pd.DataFrame) -> Floats:
    """A number by chance."""
    return np.random.default_rng(5).random(len(frame))


FAULTS = (
    Fault(
        check="performance.criterion",
        plant="a model that guesses, where the charter promises an ROC AUC of 0.7",
        clean=sound,
        faulty=lambda seed: examine(binary(seed, guess), audit().performance).verdicts,
    ),
)
