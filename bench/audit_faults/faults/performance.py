"""Faults of a model that is not as good as promised."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pandas as pd

from bench.audit_faults.fault import Fault, World
from bench.audit_faults.world import (
    MADE,
    SOUND,
    Floats,
    Function,
    amount,
    audit,
    binary,
    chances,
    guess,
    guess_amount,
    guess_classes,
    multiclass,
    number,
    of_classes,
    of_numbers,
    regression,
    table,
    truth,
)
from stages.audit.evidence import Evidence
from stages.audit.performance import (
    RANKED_BY,
    calibrated,
    champion,
    enough_rows,
    gaps,
    kept,
    over_dummy,
    over_rule,
)
from stages.core.metrics import METRICS, measure_all
from stages.core.params import Champion
from stages.core.statistics import Estimate
from stages.core.verdicts import Verdict

# A difference of two splits is known to 0.02 only on so many rows of each.
GAP_ROWS = {"binary": 24_000, "multiclass": 24_000, "regression": 48_000}


# --- questions ----------------------------------------------------------------------------


def measured(e: Evidence, *names: str) -> dict[str, Estimate]:
    """Return metrics with their intervals; the pillar measures all, which takes longer."""
    metrics = [METRICS[name] for name in names]
    found = measure_all(e.predictions, e.draws, e.random_state, metrics=metrics)
    return {name: drawn.estimate() for name, drawn in found.items()}


def size(e: Evidence) -> list[Verdict]:
    """Are there enough rows?"""
    return [enough_rows(e.predictions, audit().performance.min_events, e.paths())]


def promise(e: Evidence) -> list[Verdict]:
    """Are the charter's promises kept?"""
    test = measured(e, *(criterion.metric for criterion in e.criteria))
    return kept(e.criteria, test, e.paths())


def word(e: Evidence) -> list[Verdict]:
    """Can the answers be taken at their word?"""
    name = "mean_error" if e.task == "regression" else "expected_calibration_error"
    bound = audit().performance.max_calibration_error
    return [calibrated(e, measured(e, name), bound, e.paths())]


def rule(e: Evidence) -> list[Verdict]:
    """Is it better than the rule?"""
    return [over_rule(e, e.paths())]


def dummy(e: Evidence) -> list[Verdict]:
    """Is it better than nothing?"""
    return [over_dummy(e, e.paths())]


Question = Callable[[Evidence], list[Verdict]]


@cache
def _sound(question: Question, task: str, seed: int) -> list[Verdict]:
    return question(MADE[task](seed))


def sound(question: Question, task: str = "binary") -> World:
    """Return the world of a model that knows the truth."""
    return partial(_sound, question, task)


def fault(
    question: Question, check: str, plant: str, function: Function, task: str = "binary"
) -> Fault:
    """Return the fault of a model that is another function of the rows."""

    def world(seed: int) -> list[Verdict]:
        return question(MADE[task](seed, function))

    return Fault(f"performance.{check}", plant, sound(question, task), world, task=task)


# --- models -------------------------------------------------------------------------------


def sure(frame: pd.DataFrame) -> Floats:
    """The truth with its log-odds times 1.5: the order is kept."""
    y_prob = truth(frame)
    return 1 / (1 + ((1 - y_prob) / y_prob) ** 1.5)


def sure_of_classes(frame: pd.DataFrame) -> Floats:
    """The truth, each class to the power of 1.5: the order is kept."""
    sharp = chances(frame) ** 1.5
    return np.asarray(sharp / sharp.sum(axis=1, keepdims=True))


def short(frame: pd.DataFrame) -> Floats:
    """The truth less 15, a tenth of a standard deviation."""
    return amount(frame) - 15


def forgetful(frame: pd.DataFrame) -> Floats:
    """The truth with the late months set to their middle."""
    return truth(frame.assign(late=2))


def forgetful_of_classes(frame: pd.DataFrame) -> Floats:
    """The truth with the late months set to their middle."""
    return chances(frame.assign(late=2))


def forgetful_amount(frame: pd.DataFrame) -> Floats:
    """The truth with the late months set to their middle."""
    return amount(frame.assign(late=2))


# --- what there was before ----------------------------------------------------------------


def good_rule(seed: int) -> list[Verdict]:
    """The rule decides by the truth, and the model without the late months."""
    e = binary(seed, forgetful)
    return rule(replace(e, rule_decisions=e.decide(truth(e.rows))))


def good_rule_of_classes(seed: int) -> list[Verdict]:
    """The rule decides by the truth, and the model without the late months."""
    e = multiclass(seed, forgetful_of_classes)
    labels = np.array(e.classes, dtype=object)[e.decide(chances(e.rows))]
    return rule(replace(e, rule_decisions=labels))


def good_rule_of_numbers(seed: int) -> list[Verdict]:
    """The rule says the truth, and the model does without the late months."""
    e = regression(seed, forgetful_amount)
    return rule(replace(e, rule_decisions=amount(e.rows)))


def against(ours: Function, theirs: Function) -> World:
    """Return the world in which a model is held against a champion."""
    named = Champion(predictions="old")
    bounds = audit().performance.model_copy(update={"champion": named})

    def world(seed: int) -> list[Verdict]:
        e = binary(seed, ours)
        e = replace(e, test=e.test.assign(old=theirs(e.rows)))
        return champion.examine(e, bounds).verdicts

    return world


# --- validation and test ------------------------------------------------------------------

Drawing = Callable[[pd.DataFrame, tuple[int, int]], pd.DataFrame]
DRAWN: dict[str, Drawing] = {
    "binary": lambda frame, seed: frame,
    "multiclass": of_classes,
    "regression": of_numbers,
}


def ranked(e: Evidence) -> dict[str, Estimate]:
    """Return the two metrics that are compared between the splits."""
    return measured(e, str(e.manifest["scoring"]), RANKED_BY[e.task])


@cache
def drawn(task: str, seed: int, place: int) -> pd.DataFrame:
    """Return the rows of validation (1) or test (2)."""
    return DRAWN[task](table(GAP_ROWS[task], (seed, 10 + place)), (seed, 20 + place))


@cache
def on_validation(task: str, seed: int) -> dict[str, Estimate]:
    """Return the two metrics of the sound model on validation."""
    return ranked(MADE[task](seed, test=drawn(task, seed, 1)))


def compared(
    e: Evidence, validation: dict[str, Estimate], test: dict[str, Estimate]
) -> list[Verdict]:
    """Return the verdicts on the gap."""
    return gaps(list(test), validation, test, audit().performance.max_gap, e.paths())


@cache
def _steady(task: str, seed: int) -> list[Verdict]:
    e = MADE[task](seed, test=drawn(task, seed, 2))
    return compared(e, on_validation(task, seed), ranked(e))


def steady(task: str) -> World:
    """Return the world in which validation and test are rows of one kind."""
    return partial(_steady, task)


def learned_by_heart(seed: int) -> list[Verdict]:
    """A fifth of what the model says of validation is the answer itself."""
    rows = drawn("binary", seed, 1)
    there = binary(seed, lambda frame: 0.8 * truth(frame) + 0.2 * rows["y"], test=rows)
    e = binary(seed, test=drawn("binary", seed, 2))
    return compared(e, ranked(there), ranked(e))


def changed_world(task: str) -> World:
    """Return the world in which test comes after the late months lost a third of their weight."""

    def world(seed: int) -> list[Verdict]:
        rows = drawn(task, seed, 2)
        asked = rows.assign(late=1.5 * number(rows, "late") - 1)
        e = MADE[task](seed, lambda frame: SOUND[task](asked), test=rows)
        return compared(e, on_validation(task, seed), ranked(e))

    return world


def few(seed: int) -> list[Verdict]:
    """Only 150 rows of test."""
    e = binary(seed)
    return size(binary(seed, test=e.test[:150]))


def rare(seed: int) -> list[Verdict]:
    """One class of three with 60 rows of test."""
    test = multiclass(seed).test
    middle = test[test["y"] == "middle"][:60]
    some = pd.concat([test[test["y"] != "middle"], middle], ignore_index=True)
    return size(multiclass(seed, test=some))


BLIND = "a model blind to the column that matters most, against a rule that sees it"

FAULTS = (
    Fault(
        "performance.test_size",
        "150 rows of test, fewer than 100 of the rarer outcome",
        sound(size),
        few,
        by=("insufficient",),
    ),
    Fault(
        "performance.test_size",
        "60 test rows of one class",
        sound(size, "multiclass"),
        rare,
        by=("insufficient",),
        task="multiclass",
    ),
    fault(promise, "criterion", "a model that guesses; ROC AUC 0.7 was promised", guess),
    fault(
        promise,
        "criterion",
        "a model that guesses; ROC AUC 0.6 was promised",
        guess_classes,
        "multiclass",
    ),
    fault(
        promise,
        "criterion",
        "a model that guesses; R² 0.3 was promised",
        guess_amount,
        "regression",
    ),
    fault(
        word,
        "calibration",
        "log-odds half as large again as they should be; rows keep their order",
        sure,
    ),
    fault(
        word,
        "calibration",
        "probabilities to the power of 1.5, the order kept",
        sure_of_classes,
        "multiclass",
    ),
    fault(
        word,
        "calibration",
        "every number too low by a tenth of a standard deviation",
        short,
        "regression",
    ),
    *(
        Fault("performance.better_than_rule", BLIND, sound(rule, task), world, task=task)
        for task, world in (
            ("binary", good_rule),
            ("multiclass", good_rule_of_classes),
            ("regression", good_rule_of_numbers),
        )
    ),
    fault(dummy, "better_than_dummy", "a model that guesses", guess),
    fault(dummy, "better_than_dummy", "a model that guesses", guess_classes, "multiclass"),
    fault(dummy, "better_than_dummy", "a model that guesses", guess_amount, "regression"),
    Fault(
        "performance.gap",
        "a model that has seen validation: a fifth of what it says there is the answer",
        steady("binary"),
        learned_by_heart,
    ),
    *(
        Fault(
            "performance.gap",
            "the world changed: the strongest column counts a third less in test than it did",
            steady(task),
            changed_world(task),
            of={"binary": "log_loss", "multiclass": "log_loss"}.get(task, ""),
            task=task,
        )
        for task in MADE
    ),
    Fault(
        "performance.better_than_champion",
        "a model blind to a column that the model in use sees",
        against(truth, forgetful),
        against(forgetful, truth),
    ),
)
