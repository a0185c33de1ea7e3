"""What twice the rows would give: a power law through the learning curve.

The error of many learners falls as a + b n^-c with the n rows that they learn from (Cortes,
Jackel, Solla, Vapnik and Denker, Learning Curves: Asymptotic Values and Rate of Convergence,
NIPS 1993). Not every curve does (Viering and Loog, The Shape of Learning Curves: a Review,
IEEE TPAMI 2022), and few points leave c open: so the law is fitted on each draw, and where
the draws disagree, the answer is that the rows cannot say.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from stages.core.learning_curve import LearningCurve, errors_by_draw
from stages.core.statistics import UNDEFINED, Drawn, Estimate, Floats, Seed, interval

Trend = Literal["falls", "flat", "insufficient"]

# The law has three unknowns.
MIN_SIZES = 3

# The exponents that are tried: 0.5 to 1 is what theory expects, real curves are often slower.
EXPONENTS: Floats = np.linspace(0.1, 1.5, 29)


@dataclass(frozen=True)
class Extrapolation:
    """What twice the rows would give.

    Attributes:
        trend: ``falls``: by more than `relevant`, and for sure by a quarter of it;
            ``flat``: for sure by less; ``insufficient``: the draws do not agree.
        rows: twice the rows of train.
        error: expected from so many.
        fall: of the error from today's rows to twice as many.
        floor: what is left with rows without end, a.
        relevant: the fall that would be worth having.
    """

    trend: Trend
    rows: int
    error: Estimate
    fall: Estimate
    floor: Estimate
    relevant: float


def extrapolate(
    curve: LearningCurve, relevant: float, random_state: Seed
) -> tuple[Extrapolation, Drawn]:
    """Fit the law to the curve on every draw and read it at twice the rows.

    Args:
        curve: the points.
        relevant: a fall of the error that would be worth having, above 0.
        random_state: of the chance in the rows learned from.

    Returns:
        What is expected, and the error at twice the rows on the draws of the curve.
    """
    last = int(curve.rows[-1]) if len(curve.rows) else 0
    if len(curve.rows) < MIN_SIZES:
        none = Drawn(np.nan, np.full(1, np.nan))
        open_ = Extrapolation("insufficient", 2 * last, UNDEFINED, UNDEFINED, UNDEFINED, relevant)
        return open_, none
    errors = np.stack([error.value for error in curve.errors])[None, :]
    drawn = errors_by_draw(curve, np.random.default_rng(random_state))
    rows, weights = (sizes.astype(np.float64) for sizes in (curve.rows, curve.rows * curve.parts))
    law = power_law(rows, np.concatenate([errors, drawn]), weights)
    then, now = (at(law, size) for size in (2 * last, last))
    fall = Drawn(float((now - then)[0]), (now - then)[1:])
    low, high = interval(fall.samples)
    trend: Trend = "insufficient"
    if low > relevant / 4 and fall.value > relevant:
        trend = "falls"
    elif high < relevant:
        trend = "flat"
    error = Drawn(float(then[0]), then[1:])
    found = Extrapolation(
        trend,
        2 * last,
        error.estimate(),
        fall.estimate(),
        Drawn(float(law[0, 0]), law[1:, 0]).estimate(),
        relevant,
    )
    return found, error


def power_law(rows: Floats, errors: Floats, weights: Floats) -> Floats:
    """Return a, b and c of a + b n^-c by weighted least squares, shape (draws, 3).

    Neither a nor b is below 0: an error is not, and it does not rise with the rows.

    Args:
        rows: the sizes n, shape (k,).
        errors: at each size, shape (draws, k); NaN gives NaN.
        weights: of the sizes, shape (k,).
    """
    w = weights / weights.sum()
    best = np.full(len(errors), np.inf)
    law = np.full((len(errors), 3), np.nan)
    middle = errors @ w
    for c in EXPONENTS:
        # Scaled, so that b has the size of an error.
        x = (rows / rows[-1]) ** -c
        mean = x @ w
        slope = ((errors - middle[:, None]) * (x - mean)) @ w / (w @ (x - mean) ** 2)
        slope = np.maximum(slope, 0)
        start = middle - slope * mean
        through_zero = (errors * x) @ w / (w @ x**2)
        below = start < 0
        b = np.where(below, through_zero, slope)
        a = np.where(below, 0.0, start)
        loss = (errors - a[:, None] - b[:, None] * x) ** 2 @ w
        better = loss < best
        best = np.where(better, loss, best)
        law[better] = np.stack([a, b * rows[-1] ** c, np.full(len(a), c)], axis=1)[better]
    return law


def at(law: Floats, rows: float) -> Floats:
    """Return the error that each law, (draws, 3), expects from so many rows."""
    a, b, c = law.T
    return np.asarray(a + b * float(rows) ** -c)
