"""Faults of a model that does not treat groups of people alike."""

from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

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
    number,
    of_numbers,
    regression,
    tables,
    truth,
)
from stages.audit.evidence import Evidence
from stages.audit.fairness import examine
from stages.audit.fairness.flips import attribute_flip
from stages.audit.fairness.numbers import compare_numbers, mean_error_difference
from stages.audit.fairness.proxies import proxy
from stages.core.fairness import judge
from stages.core.verdicts import Verdict

# That groups are alike is known to a tenth only on so many rows of each.
WIDE = 12_000


def judged(e: Evidence) -> list[Verdict]:
    """Return the verdicts on disparities."""
    bounds, prob = audit().fairness, e.task != "regression"
    groupings = [e.grouping(name, bounds.age_bands) for name in e.sensitive_features]
    titles = {name: e.title(name) for name in e.sensitive_features}
    return judge(groupings, e.sides, e.how, bounds, titles, e.paths, prob=prob).verdicts


def wide(seed: int) -> Evidence:
    """The sound model of two outcomes on more rows of test."""
    train, test = tables(seed, test_rows=WIDE)
    return binary(seed, train=train, test=test)


@cache
def by_age(seed: int) -> list[Verdict]:
    """Sex, and age in the project's five bands: the more groups, the more chance has to say."""
    return judged(wide(seed))


@cache
def crossed(seed: int) -> list[Verdict]:
    """Two sexes in three towns."""
    return judged(replace(wide(seed), sensitive_features=("sex", "town")))


@cache
def sound(task: str, seed: int) -> list[Verdict]:
    """Two sexes, and a model that knows the truth."""
    return judged(MADE[task](seed, sensitive_features=("sex",)))


def of(task: str, function: Function, **changes: Any) -> World:
    """Return the world of another model."""
    given = {"sensitive_features": ("sex",)} | changes
    return lambda seed: judged(MADE[task](seed, function, **given))


# --- models -------------------------------------------------------------------------------


def men(frame: pd.DataFrame) -> Any:
    """Where a row is of a man."""
    return (frame["sex"] == 1).to_numpy()


def lot(frame: pd.DataFrame) -> Floats:
    """A number from 0 to 1 that follows no pattern, the same for the same income."""
    return np.asarray(np.modf(np.abs(np.sin(number(frame, "income") * 1e4)) * 1e3)[0])


def hard_on_men(frame: pd.DataFrame) -> Floats:
    """The truth, and 0.2 more for men."""
    return np.asarray(np.clip(truth(frame) + 0.2 * men(frame), 0, 1))


def seldom_men(frame: pd.DataFrame) -> Floats:
    """It acts on 8 % of women and 3 % of men: the difference is small, the ratio is not."""
    share = np.where(men(frame), 0.03, 0.08)
    return np.where(lot(frame) < share, 0.9, 0.1)


def blurred_for_men(frame: pd.DataFrame) -> Floats:
    """Of men it knows the late months of somebody else."""
    somebody = np.floor(5 * lot(frame))
    return truth(frame.assign(late=np.where(men(frame), somebody, number(frame, "late"))))


def unsure_of_men(frame: pd.DataFrame) -> Floats:
    """The side of the threshold is right, and the probability of men is 0.15 too high."""
    y_prob = truth(frame)
    return np.where(men(frame) & (y_prob >= 0.2), np.minimum(y_prob + 0.15, 1), y_prob)


def gerrymandered(frame: pd.DataFrame) -> Floats:
    """Acts on the men of one town and the women of another; neither alone shows it."""
    ulm, kiel = (frame["town"] == "Ulm").to_numpy(), (frame["town"] == "Kiel").to_numpy()
    lift = np.where(men(frame), 1.0, -1.0) * (ulm * 0.25 - kiel * 0.25)
    return np.asarray(np.clip(truth(frame) + lift, 0.01, 0.99))


def learned(seed: int) -> list[Verdict]:
    """A model that learned from labels in which two of three defaults of men stand as paid."""
    train, test = tables(seed)
    rng = np.random.default_rng((seed, 9))
    hidden = men(train) & (rng.random(len(train)) < 2 / 3)
    biased = train.assign(y=np.where(hidden, 0, train["y"]))
    inputs = ["income", "late", "sex"]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(biased[inputs], biased["y"])
    e = binary(
        seed,
        lambda frame: model.predict_proba(frame[inputs])[:, 1],
        train=biased,
        test=test,
        sensitive_features=("sex",),
    )
    return judged(e)


def classes_by_sex(frame: pd.DataFrame) -> Floats:
    """Men are taken for one month later than they are."""
    return chances(frame.assign(late=number(frame, "late") + men(frame)))


def blurred_classes(frame: pd.DataFrame) -> Floats:
    """Of men it knows the late months of somebody else."""
    somebody = np.floor(5 * lot(frame))
    return chances(frame.assign(late=np.where(men(frame), somebody, number(frame, "late"))))


def dear_for_men(frame: pd.DataFrame) -> Floats:
    """The number, and 60 more for men: a little more than a third of a standard deviation."""
    return amount(frame) + 60 * men(frame)


# --- groups, proxies and flips ------------------------------------------------------------


def offered(task: str, seed: int, function: Function) -> list[Verdict]:
    """The pillar's answer on what could be done.

    The check never accuses: it offers, and never does. So an offer by which groups differ less
    counts here as its alarm.
    """
    e = MADE[task](seed, function, sensitive_features=("sex",), draws=200)
    found = examine(e, audit().fairness)
    rows = found.tables.get("Mitigation", [])
    differences = [name for name in (rows or [{}])[0] if name.endswith("difference")]
    helps = any(row[name] < rows[0][name] for row in rows[1:] for name in differences)
    told = [verdict for verdict in found.verdicts if verdict.id.startswith("fairness.mitigation")]
    return [replace(verdict, status="warn") for verdict in told] if helps else told


def mitigated(task: str, function: Function) -> tuple[World, World]:
    """Return the worlds of the sound model, and of another one."""
    return (
        partial(offered, task, function=SOUND[task]),
        partial(offered, task, function=function),
    )


def few(seed: int) -> list[Verdict]:
    """Forty rows of a third sex."""
    test = tables(seed)[1].copy()
    test.loc[:39, "sex"] = 3
    return judged(binary(seed, test=test, sensitive_features=("sex",)))


def mean_errors(seed: int, function: Function = amount) -> list[Verdict]:
    """What is said about the mean errors of sexes and of ages."""
    train, test = tables(seed, test_rows=WIDE)
    bounds = audit().fairness
    e = numbers_on(seed, train, test, function)
    compared = [
        compare_numbers(e.grouping(name, bounds.age_bands), e, bounds.min_group_size)
        for name in e.sensitive_features
    ]
    return [mean_error_difference(c, bounds, e.how, e.paths()) for c in compared]


def numbers_on(seed: int, train: pd.DataFrame, test: pd.DataFrame, function: Function) -> Evidence:
    """Return the evidence on a model of a number, on given rows."""
    return regression(
        seed, function, train=of_numbers(train, (seed, 2)), test=of_numbers(test, (seed, 3))
    )


def proxies(e: Evidence) -> list[Verdict]:
    """What is said about proxies of each sensitive feature."""
    bounds = audit().fairness
    return [
        proxy(e.grouping(name, bounds.age_bands), e, bounds, e.paths())
        for name in e.sensitive_features
    ]


def telling_income(seed: int) -> list[Verdict]:
    """Women earn a standard deviation and a half more."""
    test = tables(seed)[1]
    income = test["income"] + 1200 * (test["sex"] == 2)
    return proxies(binary(seed, test=test.assign(income=income), sensitive_features=("sex",)))


def telling_pair(seed: int) -> list[Verdict]:
    """Neither of two inputs tells the sex, and both together do: one for each, or not."""
    test = tables(seed)[1].copy()
    rng = np.random.default_rng((seed, 9))
    high = rng.random(len(test)) < 0.5
    test["income"] = np.where(high, 3600.0, 2400.0) + rng.normal(0, 100, len(test))
    same = (test["sex"] == 1) == high
    late = np.where(same, rng.integers(3, 5, len(test)), rng.integers(0, 3, len(test)))
    test["late"] = np.where(rng.random(len(test)) < 0.1, rng.integers(0, 5, len(test)), late)
    return proxies(binary(seed, test=test, sensitive_features=("sex",)))


def flips(e: Evidence) -> list[Verdict]:
    """What is said about decisions that turn with a sensitive feature."""
    bands = audit().fairness.age_bands
    return [attribute_flip(e.grouping(name, bands), e, e.paths()) for name in e.sensitive_features]


def slightly(frame: pd.DataFrame) -> Floats:
    """The truth, and 0.02 more for men, which no disparity shows."""
    return np.asarray(np.clip(truth(frame) + 0.02 * men(frame), 0, 1))


def by_years(frame: pd.DataFrame) -> Floats:
    """The number, and two more for each year of age above fifty."""
    return amount(frame) + 2 * np.clip(number(frame, "age") - 50, 0, None)


FAULTS: tuple[Fault, ...] = (
    Fault(
        "fairness.group_size",
        "40 rows of a third sex in test, fewer than 100",
        by_age,
        few,
        by=("insufficient",),
    ),
    Fault(
        "fairness.demographic_parity_difference",
        "men are said to be riskier by 0.2 than they are",
        by_age,
        of("binary", hard_on_men),
        of="sex",
    ),
    Fault(
        "fairness.demographic_parity_difference",
        "men are taken for one month later than they are",
        partial(sound, "multiclass"),
        of("multiclass", classes_by_sex),
        task="multiclass",
    ),
    Fault(
        "fairness.demographic_parity_difference",
        "a third of a standard deviation more for men, so that more of them lie above the median",
        partial(sound, "regression"),
        of("regression", dear_for_men),
        task="regression",
    ),
    Fault(
        "fairness.demographic_parity_ratio",
        "3 % of men and 8 % of women are acted on: a difference below its bound",
        by_age,
        of("binary", seldom_men),
        of="sex",
    ),
    Fault(
        "fairness.equalized_odds_difference",
        "a biased label: the model learned from a train in which two of three defaults of men "
        "stand as paid",
        by_age,
        learned,
        of="sex",
    ),
    Fault(
        "fairness.equalized_odds_difference",
        "men are taken for one month later than they are",
        partial(sound, "multiclass"),
        of("multiclass", classes_by_sex),
        task="multiclass",
    ),
    Fault(
        "fairness.error_rate_difference",
        "of men the model knows the late months of somebody else",
        by_age,
        of("binary", blurred_for_men, threshold=0.4),
        of="sex",
    ),
    Fault(
        "fairness.error_rate_difference",
        "of men the model knows the late months of somebody else",
        partial(sound, "multiclass"),
        of("multiclass", blurred_classes),
        task="multiclass",
    ),
    Fault(
        "fairness.calibration_error",
        "probabilities of men that are 0.15 too high; no decision turns",
        by_age,
        of("binary", unsure_of_men),
        of="sex",
    ),
    Fault(
        "fairness.calibration_error",
        "men are taken for one month later than they are",
        partial(sound, "multiclass"),
        of("multiclass", classes_by_sex),
        task="multiclass",
    ),
    Fault(
        "fairness.mean_error_difference",
        "a third of a standard deviation more for men",
        mean_errors,
        partial(mean_errors, function=dear_for_men),
        of="sex",
        task="regression",
    ),
    Fault(
        "fairness.intersections",
        "more is acted on men of one town and women of another; neither alone shows it",
        crossed,
        of("binary", gerrymandered, sensitive_features=("sex", "town")),
        of="demographic_parity_difference",
    ),
    Fault(
        "fairness.proxy",
        "women earn one and a half standard deviations more",
        lambda seed: proxies(binary(seed)),
        telling_income,
        of="sex",
    ),
    Fault(
        "fairness.proxy",
        "two inputs that tell the sex together, and neither alone",
        lambda seed: proxies(binary(seed)),
        telling_pair,
        of="sex",
    ),
    Fault(
        "fairness.attribute_flip",
        "the model reads the sex, which its manifest does not name, and adds 0.02 for men",
        lambda seed: flips(binary(seed)),
        lambda seed: flips(binary(seed, slightly)),
        of="sex",
    ),
    Fault(
        "fairness.attribute_flip",
        "the number grows with the age, which the manifest does not name",
        lambda seed: flips(regression(seed)),
        lambda seed: flips(regression(seed, by_years)),
        of="age",
        task="regression",
    ),
    Fault(
        "fairness.mitigation",
        "men are said to be riskier by 0.2 than they are; what is looked for is an offer",
        *mitigated("binary", hard_on_men),
    ),
    Fault(
        "fairness.mitigation",
        "men are taken for one month later than they are; what is looked for is an offer",
        *mitigated("multiclass", classes_by_sex),
        task="multiclass",
    ),
    Fault(
        "fairness.mitigation",
        "a third of a standard deviation more for men; what is looked for is an offer",
        *mitigated("regression", dear_for_men),
        task="regression",
    ),
)
