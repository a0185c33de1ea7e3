"""Does a created feature help? An interval of its gain, and a decision that says why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from stages.core.numbers import number
from stages.core.params import Evidence
from stages.core.statistics import bootstrap, interval, weighted_mean
from stages.featurize.measure import Measured, Rows

Floats = npt.NDArray[np.float64]
Decision = Literal["keep", "drop", "insufficient"]


@dataclass(frozen=True)
class Gain:
    """By how much the loss falls with a feature, and what follows.

    Attributes:
        gain: the mean loss without it less that with it; above 0 it helps. None where it
            was not measured.
        interval: of 95 %, over all features together.
        decision: ``keep`` where the interval is above 0, ``drop`` where it is below the
            smallest gain that counts, else ``insufficient``.
        why: in one sentence.
    """

    gain: float | None
    interval: tuple[float, float] | None
    decision: Decision
    why: str


def unmeasured(why: str) -> Gain:
    """Return what is known of a feature that was not measured."""
    return Gain(None, None, "insufficient", why)


def gains(
    measured: Measured, created: Sequence[str], rows: Rows, asked: Evidence
) -> dict[str, Gain]:
    """Return the gain of each created feature beside the inputs.

    All features are looked at, and the best looks good by chance: the intervals hold for all
    at once. They are as wide as the largest deviation among the features, in standard
    errors, is in 95 % of the bootstrap draws (the max-t method: Romano and Wolf, 2005).
    Each draw takes the same rows, or entities, for every feature.

    Args:
        measured: the losses of the rows held out.
        created: the names of the features.
        rows: those that were measured on.
        asked: draws, seed and the smallest gain that counts.
    """
    if not created:
        return {}
    fall = measured.without[:, None] - measured.with_each
    held = rows.part(measured.held)
    gain, samples = _resampled(fall, held, asked)
    error = samples.std(axis=0)
    deviation = np.abs(samples - gain) / np.where(error > 0, error, np.inf)
    reach = float(np.quantile(deviation.max(axis=1), 0.95)) * error
    floor = asked.min_gain * float(np.average(measured.without, weights=held.weight))
    return {
        name: _decided(float(gain[k]), float(gain[k] - reach[k]), float(gain[k] + reach[k]), floor)
        for k, name in enumerate(created)
    }


def together(measured: Measured, rows: Rows, asked: Evidence) -> tuple[float, tuple[float, float]]:
    """Return the gain of all created features at once, with its own 95 % interval."""
    fall = measured.without - measured.with_all
    gain, samples = _resampled(fall, rows.part(measured.held), asked)
    return float(gain), interval(samples)


def _resampled(fall: Floats, held: Rows, asked: Evidence) -> tuple[Floats, Floats]:
    """Return the mean of `fall` (rows, ...) as it is, and in each bootstrap draw (draws, ...)."""
    weight = np.ones(len(fall)) if held.weight is None else held.weight
    samples = bootstrap(
        lambda weights: weighted_mean(fall, weights * weight),
        len(fall),
        asked.bootstrap,
        asked.random_state,
        held.groups,
    )
    return np.average(fall, axis=0, weights=weight), samples


def _decided(gain: float, low: float, high: float, floor: float) -> Gain:
    bounds = (round(low, 6), round(high, 6))
    if high < floor:
        decision: Decision = "drop"
        why = f"its gain is surely below {number(floor)}, the smallest that counts"
    elif low > 0:
        decision, why = "keep", "with it the rows held out are predicted better, beyond chance"
    else:
        decision = "insufficient"
        why = "these rows tell neither that it helps nor that it does not"
    return Gain(round(gain, 6), bounds, decision, why)
