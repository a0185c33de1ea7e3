"""What is held against what: the checks of this stage."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.criteria import too_good, verdict
from stages.core.diagnosis import MAX_LOST_SHARE, Diagnosis
from stages.core.domains import Domains
from stages.core.drift import drifted
from stages.core.lone_columns import Lone
from stages.core.metrics import NumberPredictions
from stages.core.numbers import number, percent
from stages.core.params import Criterion, Role
from stages.core.shifts import Shift
from stages.core.statistics import Drawn, Estimate, Floats
from stages.core.verdicts import Status, Verdict, at_most

# A probability off by more than this is not one to hold against a price, whatever chance
# explains. A choice of this project.
MAX_CALIBRATION_ERROR = 0.05

# A mean prediction off by more than this share of the target's standard deviation is more
# than a flaw. A choice of this project.
MAX_BIAS = 0.05

# A lone column is suspected where the model has little beside it: this share of its skill.
MOST_OF_IT = 0.8


def above_zero(difference: Estimate) -> Status:
    """Return whether a difference is above 0: with its interval, with its value, or not."""
    value, interval = difference["value"], difference["interval"]
    if value is None or interval is None:
        return "insufficient"
    if interval[0] > 0:
        return "pass"
    return "warn" if value > 0 else "fail"


_CLEARLY = {
    "pass": "clearly",
    "warn": "perhaps, chance may explain it,",
    "fail": "not",
    "insufficient": "for all that these rows can tell perhaps",
}


def beats_rule(gain: Estimate, role: Role, evidence: Sequence[Path]) -> Verdict:
    """Hold the value of the model's decisions against that of the rule's."""
    if role == "ideal":
        why = "the rule is the ideal that the model may come near, not one to beat"
        return verdict("evaluate.beats_rule", "not_applicable", gain, None, evidence, why)
    status = above_zero(gain)
    why = f"the model's decisions are {_CLEARLY[status]} worth more than the rule's"
    return verdict("evaluate.beats_rule", status, gain, "> 0", evidence, why)


def beats_constant(gain: Estimate, alternative: str, evidence: Sequence[Path]) -> Verdict:
    """Hold the value of the model's decisions against that of one decision for all."""
    status = above_zero(gain)
    why = f"the model's decisions are {_CLEARLY[status]} worth more than {alternative}"
    return verdict("evaluate.beats_constant", status, gain, "> 0", evidence, why)


def beats_dummy(gain: Estimate, title: str, evidence: Sequence[Path]) -> Verdict:
    """Hold the model's error against that of one answer for all."""
    status = above_zero(gain)
    why = f"{title}: the error is {_CLEARLY[status]} smaller than that of one answer for all"
    return verdict("evaluate.beats_dummy", status, gain, "> 0", evidence, why)


def calibrated(error: Estimate, chance: Floats, evidence: Sequence[Path]) -> Verdict:
    """Hold the calibration error against that of perfect calibration on as many rows."""
    bound = float(np.quantile(chance, 0.95))
    value = error["value"]
    status: Status
    if value is None:
        status, why = "insufficient", "the calibration error is undefined"
    elif value <= bound and bound > MAX_CALIBRATION_ERROR:
        status = "insufficient"
        why = f"on so few rows, chance alone may show an error of {number(bound)}"
    elif value <= bound:
        status, why = "pass", "chance alone may show an error as large as this"
    else:
        # A fail sends a person back: it takes more than one chance in twenty.
        clear = max(MAX_CALIBRATION_ERROR, float(np.quantile(chance, 0.99)))
        status = "fail" if value > clear else "warn"
        why = "the probabilities are off by more than chance explains"
        why += "" if status == "fail" else ", though not by much, or not surely"
    return verdict("evaluate.calibrated", status, error, f"<= {bound:.6f}", evidence, why)


def right_in_the_mean(
    bias: Drawn, predictions: NumberPredictions, evidence: Sequence[Path]
) -> Verdict:
    """Hold the mean residual of predicted numbers against 0: are they calibrated at large?"""
    bound = MAX_BIAS * float(np.std(predictions.y_true))
    found = bias.estimate()
    threshold = f"<= {bound:.6g} either way"
    status: Status = "insufficient"
    why = "the rows leave the mean residual undefined"
    if found["value"] is not None and found["interval"] is not None:
        low, high = found["interval"]
        way = "high" if found["value"] > 0 else "low"
        if low <= 0 <= high:
            status, why = "pass", "in the mean the predictions are right, or chance hides it"
        elif min(abs(low), abs(high)) <= bound:
            status = "warn"
            why = f"in the mean the predictions are too {way}, though perhaps not by much"
        else:
            status, why = "fail", f"in the mean the predictions are too {way}"
    return verdict("evaluate.calibrated", status, found, threshold, evidence, why)


def threshold_holds(gain: Estimate, evidence: Sequence[Path]) -> Verdict:
    """Ask whether another threshold than that of the costs would bring more."""
    status: Status = "insufficient"
    why = "the rows cannot tell whether another threshold would bring more"
    if gain["interval"] is not None:
        clear = gain["interval"][0] > 0
        status = "warn" if clear else "pass"
        why = (
            "a threshold searched on validation clearly brings more: calibrate the probabilities"
            if clear
            else "no other threshold clearly brings more than the one that the costs give"
        )
    return verdict("evaluate.threshold", status, gain, "<= 0", evidence, why)


def overfitting(diagnosis: Diagnosis, evidence: Sequence[Path]) -> Verdict:
    """Hold what is lost from train to validation against what was learned."""
    lost, gap = diagnosis.lost_share, diagnosis.gap
    threshold = f"<= {MAX_LOST_SHARE:g}"
    name = "evaluate.overfitting"
    if lost["value"] is None or lost["interval"] is None:
        if gap["interval"] is None:
            why = "the rows leave the error undefined"
            return verdict(name, "insufficient", lost, threshold, evidence, why)
        why = "nothing, or perhaps nothing, was learned on train that could be lost"
        return verdict(name, "not_applicable", lost, threshold, evidence, why)
    status = at_most(lost["value"], lost["interval"], MAX_LOST_SHARE)
    why = f"{percent(lost['value'])} of what was learned on train is missing on validation"
    return verdict(name, status, lost, threshold, evidence, why)


def no_leak(
    lone: Sequence[Lone],
    skill: float,
    max_lone_skill: float,
    criteria: Sequence[Criterion],
    measured: Mapping[str, Drawn],
    evidence: Sequence[Path],
) -> Verdict:
    """Ask whether it is too good to be true: one column tells nearly all, or a metric does.

    Args:
        lone: what each column alone explains, the most telling first.
        skill: what the model explains.
        max_lone_skill: a column that explains more is suspected, where the model has little
            beside it.
        criteria: the charter's, with what is possible.
        measured: the metrics on validation.
        evidence: the files that show it.
    """
    name, threshold = "evaluate.leak", f"<= {max_lone_skill:g}"
    first = lone[0] if lone else Lone("", 0.0)
    found: Estimate = {"value": first.skill, "interval": None}
    beyond = [c.metric for c in criteria if too_good(c, measured[c.metric].estimate())]
    if beyond:
        why = f"{beyond[0]} is better than the charter holds for possible: look for a leak"
        return verdict(name, "fail", found, threshold, evidence, why)
    if first.skill > max_lone_skill and first.skill > MOST_OF_IT * skill:
        why = (
            f"column '{first.column}' alone explains {percent(first.skill)} of the target: "
            "is it known before the outcome?"
        )
        return verdict(name, "fail", found, threshold, evidence, why)
    why = "no column alone knows the target, and no metric is better than is possible"
    return verdict(name, "pass", found, threshold, evidence, why)


def same_source(shifts: Sequence[Shift], apart: Domains, evidence: Sequence[Path]) -> Verdict:
    """Ask whether train and validation hold the same kind of rows, by column and together."""
    moved = [shift for shift in shifts if drifted(shift)]
    first = moved[0] if moved else shifts[0] if shifts else None
    found: Estimate = {"value": first.effect if first else 0.0, "interval": None}
    why = "no column is spread otherwise in validation than in train, beyond chance"
    if moved:
        names = ", ".join(dict.fromkeys(shift.column for shift in moved[:5]))
        why = f"spread otherwise in validation than in train: {names}"
    elif apart.alarm:
        found, why = apart.roc_auc, f"no column alone differs, but together: {apart.why}"
    status: Status = "warn" if moved or apart.alarm else "pass"
    return verdict("evaluate.drift", status, found, None, evidence, why)


def pays_back(investment: Mapping[str, Any], years: float, evidence: Sequence[Path]) -> Verdict:
    """Hold the return on investment against 0."""
    share: Estimate = investment["return"]
    status = above_zero(share)
    name = "evaluate.return_on_investment"
    if share["value"] is None and investment["net_per_year"]["value"] is not None:
        why = "neither building nor running costs anything"
        return verdict(name, "not_applicable", share, "> 0", evidence, why)
    why = f"over {number(years)} years the model {_CLEARLY[status]} earns more than it costs"
    return verdict(name, status, share, "> 0", evidence, why)
