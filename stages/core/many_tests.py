"""Many tests at once: p-values that hold however many of them were looked at."""

import numpy as np
import numpy.typing as npt

from stages.core.statistics import Floats

ALPHA = 0.05


def holm(p_values: npt.ArrayLike) -> Floats:
    """Return p-values corrected by Holm's step-down method, shape (tests,)."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    result = np.empty_like(p)
    result[order] = np.minimum(stepped, 1.0)
    return result
