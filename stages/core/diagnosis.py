"""Bias or variance: where the error comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stages.core.metrics import Metric
from stages.core.params import Role
from stages.core.statistics import Drawn, Estimate, Floats, ratio

Picture = Literal["high_bias", "high_variance", "good_fit", "insufficient"]

# Of what was learned on train beyond the dummy, at most this share may be missing on
# validation: with more, most of it was these very rows. A choice of this project.
MAX_LOST_SHARE = 0.5


@dataclass(frozen=True)
class Diagnosis:
    """Where the error comes from; every error is the lower the better.

    Attributes:
        verdict: ``high_bias``: too little is learned, even on train; ``high_variance``:
            what is learned does not hold on other rows; ``good_fit``: neither.
        why: one sentence in plain words.
        metric: behind the errors; the one by which the winner was chosen.
        baseline: the error that the charter compares with, on validation.
        train: the model's error on the rows that it learned from.
        validation: its error on rows that it did not learn from.
        gap: validation - train.
        gain: baseline - validation, on the same draws.
        lost_share: gap / (the dummy's error on train - train); None where nothing was
            learned, or perhaps nothing.
    """

    verdict: Picture
    why: str
    metric: str
    baseline: Estimate
    train: Estimate
    validation: Estimate
    gap: Estimate
    gain: Estimate
    lost_share: Estimate


def diagnose(
    metric: Metric,
    train: Drawn,
    validation: Drawn,
    baseline: Drawn,
    dummy: Drawn,
    missed: Mapping[str, bool],
    role: Role,
) -> Diagnosis:
    """Tell bias from variance, as docs/evaluate.md says in words.

    Args:
        metric: the four that follow are values of it.
        train: of the model on train.
        validation: of the model on validation.
        baseline: of what the charter compares with, on the draws of `validation`.
        dummy: of one answer for all on train, on the draws of `train`.
        missed: each criterion on scores that the model misses on validation, and whether
            it misses it on train as well.
        role: whether the baseline is a start or an ideal.
    """
    errors = [metric.error(drawn) for drawn in (train, validation, baseline, dummy)]
    on_train, on_validation, of_baseline, of_dummy = errors
    gap, gain = on_validation - on_train, of_baseline - on_validation
    learned = of_dummy - on_train
    lost = Drawn(
        float(_share(np.array(gap.value), np.array(learned.value))),
        _share(gap.samples, learned.samples),
    )
    picture, why = _picture(gap.estimate(), gain.estimate(), lost.estimate(), missed, role)
    return Diagnosis(
        verdict=picture,
        why=why,
        metric=metric.name,
        baseline=of_baseline.estimate(),
        train=on_train.estimate(),
        validation=on_validation.estimate(),
        gap=gap.estimate(),
        gain=gain.estimate(),
        lost_share=lost.estimate(),
    )


def _share(gap: Floats, learned: Floats) -> Floats:
    """Return gap / learned, NaN where nothing was learned."""
    return ratio(gap, np.maximum(learned, 0))


def _picture(
    gap: Estimate, gain: Estimate, lost: Estimate, missed: Mapping[str, bool], role: Role
) -> tuple[Picture, str]:
    if gap["interval"] is None or gain["interval"] is None:
        return "insufficient", "the rows leave the error undefined"
    apart = gap["interval"][0] > 0
    if apart and lost["value"] is not None and lost["value"] > MAX_LOST_SHARE:
        share = f"{lost['value']:.0%}"
        return "high_variance", f"{share} of what was learned on train is missing on validation"
    if apart and missed and not any(missed.values()):
        return "high_variance", f"train meets what validation misses: {', '.join(missed)}"
    if missed:
        return "high_bias", f"too little is learned: {', '.join(missed)} misses its bound"
    if role == "ideal":
        if gain["interval"][1] < 0:
            return "high_bias", "the baseline, an ideal, makes a clearly smaller error"
        return "good_fit", "the error comes near that of the baseline, an ideal"
    if gain["interval"][0] <= 0:
        return "high_bias", "the error is not clearly smaller than the baseline's"
    return "good_fit", "the error is clearly smaller than the baseline's, and most of it holds"
