"""Faults of a model that does not stay sound when its input does not, or that may harm."""

from dataclasses import replace
from functools import cache, partial
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from bench.audit_faults.fault import Fault, World
from bench.audit_faults.world import (
    MADE,
    Floats,
    Function,
    amount,
    audit,
    chances,
    guess_amount,
    guess_classes,
    number,
    tables,
    truth,
)
from stages.audit.evidence import Evidence
from stages.audit.safety import (
    abstention,
    codes,
    disturbances,
    harm,
    noise,
    one_answer,
    out_of_range,
    out_of_range_policy,
    prediction_sets,
    responses,
    rounding,
    slices,
)
from stages.core.params import AuditSafety
from stages.core.verdicts import Verdict

PROMISES: dict[str, dict[str, str]] = {
    "binary": {"late": "increasing", "income": "decreasing"},
    "multiclass": {},
    "regression": {"late": "increasing", "income": "increasing"},
}


def made(task: str, seed: int, function: Function | None = None, **changes: Any) -> Evidence:
    """Return evidence on a model that reads a number, a rank and a code, and promises a lot."""
    e = MADE[task](seed, **({} if function is None else {"function": function}), **changes)
    return replace(
        e,
        manifest={**e.manifest, "inputs": ["income", "late", "town"]},
        monotonic=PROMISES[task],
        invariant=("sex", "town"),
    )


def asked(part: ModuleType, e: Evidence, bounds: AuditSafety | None = None) -> list[Verdict]:
    """Return the verdicts of one file of the pillar."""
    found: list[Verdict] = part.examine(e, audit().safety if bounds is None else bounds).verdicts
    return found


@cache
def _sound(part: ModuleType, task: str, seed: int) -> list[Verdict]:
    return asked(part, made(task, seed))


def sound(part: ModuleType, task: str = "binary") -> World:
    """Return the world of a model that knows the truth."""
    return partial(_sound, part, task)


def of(part: ModuleType, function: Function, task: str = "binary") -> World:
    """Return the world of another model."""
    return lambda seed: asked(part, made(task, seed, function))


def fault(
    part: ModuleType, check: str, plant: str, function: Function, task: str = "binary", **more: Any
) -> Fault:
    """Return the fault of a model that is another function of the rows."""
    world = of(part, function, task)
    return Fault(f"safety.{check}", plant, sound(part, task), world, task=task, **more)


# --- models that a small change turns -----------------------------------------------------


def cells(frame: pd.DataFrame, width: float) -> Any:
    """Whether the income lies in an even cell of a grid."""
    return number(frame, "income", 3000.0) // width % 2 == 0


def jagged(frame: pd.DataFrame, width: float = 5.0) -> Floats:
    """The answer jumps from cell to cell of the income."""
    return np.where(cells(frame, width), 0.1, 0.3)


def jagged_of_classes(frame: pd.DataFrame) -> Floats:
    """The first two classes are exchanged in every other cell of the income."""
    y_prob = chances(frame)
    return np.where(cells(frame, 5.0)[:, None], y_prob, y_prob[:, [1, 0, 2]])


def jagged_amount(frame: pd.DataFrame) -> Floats:
    """The number jumps by 60, two fifths of a standard deviation."""
    return amount(frame) + np.where(cells(frame, 5.0), 30.0, -30.0)


def by_town(frame: pd.DataFrame) -> Floats:
    """The code decides alone."""
    return np.where(frame["town"] == "Ulm", 0.4, 0.1)


# --- models that break a promise ----------------------------------------------------------


def dip(frame: pd.DataFrame) -> Any:
    """Rows of women in one town whose third late month counts as none."""
    here = (frame["town"] == "Ulm") & (frame["sex"] == 2) & (number(frame, "late") == 3)
    return frame.assign(late=np.where(here, 0.0, number(frame, "late", 2.0)))


def slightly(frame: pd.DataFrame) -> Floats:
    """The truth, a thousandth less for women."""
    return 0.999 * truth(frame) + 0.001 * (frame["sex"] == 1)


def slightly_amount(frame: pd.DataFrame) -> Floats:
    """The truth, a hundredth less for women."""
    return amount(frame) - 0.01 * (frame["sex"] == 2)


# --- models that break --------------------------------------------------------------------


def needs_income(frame: pd.DataFrame) -> Floats:
    """No answer without an income."""
    if frame["income"].isna().any():
        raise ValueError("cannot convert float NaN to integer")
    return truth(frame)


def only_known(frame: pd.DataFrame) -> Floats:
    """No answer for a town that it has not seen."""
    known = {"Bonn": 1.0, "Kiel": 1.0, "Ulm": 1.0}
    return truth(frame) * [1.0 if pd.isna(town) else known[town] for town in frame["town"]]


def straight(frame: pd.DataFrame) -> Floats:
    """A straight line taken for a probability: below 0 and above 1 far out."""
    z = 0.14 * number(frame, "late", 2.0) - 5e-5 * (number(frame, "income", 3000.0) - 3000) + 0.2
    return np.where(np.abs(number(frame, "income", 3000.0) - 3000) < 10_000, z.clip(0, 1), z)


def overflowing(frame: pd.DataFrame) -> Floats:
    """An exponential that leaves the numbers far out."""
    with np.errstate(over="ignore"):
        return amount(frame) + np.exp(number(frame, "income", 3000.0) / 50 - 200)


# --- models with two answers to one question ----------------------------------------------


def by_batch(frame: pd.DataFrame) -> Floats:
    """The income is taken from the mean of the batch."""
    income = number(frame, "income", 3000.0)
    return truth(frame.assign(income=income - income.mean() + 3000))


def by_place(frame: pd.DataFrame) -> Floats:
    """The fifth column is read, whatever it is called."""
    return truth(frame.assign(income=pd.to_numeric(frame.iloc[:, 4], errors="coerce")))


def wavering(seed: int) -> list[Verdict]:
    """Each answer has a billionth of chance."""
    rng = np.random.default_rng((seed, 8))
    return of(one_answer, lambda frame: truth(frame) * (1 - 1e-9 * rng.random(len(frame))))(seed)


def writing(frame: pd.DataFrame) -> Floats:
    """Predicting rounds a column of the table that it was given."""
    y_prob = truth(frame)
    frame["income"] = frame["income"].round(-1)
    return y_prob


# --- models that are wrong about a part ---------------------------------------------------


def in_ulm(frame: pd.DataFrame) -> Any:
    """Whether a row is of that town."""
    return (frame["town"] == "Ulm").to_numpy(dtype=bool, na_value=False)


def low_in_ulm(frame: pd.DataFrame) -> Floats:
    """Too low in one town, by 0.15 or what there is."""
    return np.where(in_ulm(frame), np.maximum(truth(frame) - 0.15, 0.001), truth(frame))


def sure_in_ulm(frame: pd.DataFrame) -> Floats:
    """Too sure of the likeliest class in one town."""
    sharp = chances(frame) ** 4
    sharp /= sharp.sum(axis=1, keepdims=True)
    return np.where(in_ulm(frame)[:, None], sharp, chances(frame))


def high_in_ulm(frame: pd.DataFrame) -> Floats:
    """Too high in one town, by a quarter of a standard deviation."""
    return amount(frame) + np.where(in_ulm(frame), 37.0, 0.0)


def unsure_of_itself(frame: pd.DataFrame) -> Floats:
    """The same decisions, and the likelier a row, the less sure."""
    y_prob = truth(frame)
    return np.where(y_prob >= 0.2, 1.2 - y_prob, 0.19)


def unsure_of_classes(frame: pd.DataFrame) -> Floats:
    """The same decisions, and the likelier a class, the less sure."""
    y_prob = chances(frame)
    likeliest = np.eye(3)[y_prob.argmax(axis=1)]
    sure = 4 / 3 - y_prob.max(axis=1, keepdims=True)
    return np.asarray(likeliest * sure + (1 - likeliest) * (1 - sure) / 2)


# --- tables -------------------------------------------------------------------------------


def other_unit(seed: int, share: float) -> pd.DataFrame:
    """Return test with a share of the incomes in cents."""
    test = tables(seed)[1].copy()
    rows = int(share * len(test))
    test.loc[: rows - 1, "income"] *= 100
    return test


def in_cents(seed: int) -> list[Verdict]:
    """3 % of the incomes are in cents."""
    return asked(out_of_range, made("binary", seed, test=other_unit(seed, 0.03)))


def in_euros(frame: pd.DataFrame) -> Floats:
    """The truth of either unit."""
    income = frame["income"]
    return truth(frame.assign(income=income.where(income < 20_000, income / 100)))


def under_policy(way: str, function: Function) -> World:
    """Return the world in which a tenth of the incomes is in cents, and the policy is `way`."""
    bounds = audit().safety.model_copy(update={"out_of_range": way})

    def world(seed: int) -> list[Verdict]:
        e = made("binary", seed, function, test=other_unit(seed, 0.1))
        rule = np.zeros(len(e.test), dtype=np.int64)
        e = e if way == "clip" else replace(e, rule_decisions=rule)
        return asked(out_of_range_policy, e, bounds)

    return world


def wilder(task: str, everywhere: bool) -> World:
    """Return the world in which half of what happens in test, or in one town, is chance."""

    def world(seed: int) -> list[Verdict]:
        e = made(task, seed)
        rng = np.random.default_rng((seed, 9))
        here = rng.random(len(e.test)) < 0.5
        if not everywhere:
            here &= in_ulm(e.test)
        anything = e.test["y"].sample(frac=1, random_state=seed).to_numpy()
        test = e.test.assign(y=e.test["y"].where(~here, anything))
        return asked(prediction_sets, replace(e, test=test))

    return world


def high_threshold(seed: int) -> list[Verdict]:
    """Decisions from 0.8 on, where the costs ask for 0.2."""
    return asked(harm, made("binary", seed, threshold=0.8))


FAULTS = (
    fault(
        noise,
        "noise",
        "an answer that jumps with every 5 EUR of income, where the noise is of 10",
        jagged,
    ),
    fault(noise, "noise", "the same, of two classes", jagged_of_classes, "multiclass"),
    fault(noise, "noise", "the same, by 0.4 standard deviations", jagged_amount, "regression"),
    fault(
        rounding,
        "rounding",
        "an answer that jumps with every 50 EUR of income",
        partial(jagged, width=50.0),
    ),
    fault(codes, "wrong_code", "a town that decides alone", by_town),
    fault(
        responses,
        "monotonic",
        "for a sixth of the rows the third late month counts as none",
        lambda frame: truth(dip(frame)),
        of="late",
    ),
    fault(
        responses,
        "monotonic",
        "for a sixth of the rows the third late month counts as none",
        lambda frame: amount(dip(frame)),
        "regression",
        of="late",
    ),
    fault(responses, "invariant", "sex moves the probability by 0.001", slightly, of="sex"),
    fault(
        responses,
        "invariant",
        "sex moves the number by 0.01",
        slightly_amount,
        "regression",
        of="sex",
    ),
    fault(disturbances, "missing_values", "a missing income ends in some ValueError", needs_income),
    fault(disturbances, "unseen_category", "a new town ends in a KeyError", only_known),
    fault(
        disturbances,
        "extreme_values",
        "a straight line for a probability, above 1 and below 0 far out",
        straight,
    ),
    fault(
        disturbances,
        "extreme_values",
        "an exponential that is infinite far out",
        overflowing,
        "regression",
    ),
    Fault(
        "safety.out_of_range",
        "3 % of the incomes are in cents",
        sound(out_of_range),
        in_cents,
    ),
    Fault(
        "safety.out_of_range_policy",
        "incomes are clipped, and the model could have read them (a tenth is in cents); in the "
        "sound world it could not",
        under_policy("clip", truth),
        under_policy("clip", in_euros),
    ),
    Fault(
        "safety.out_of_range_policy",
        "the same, refused to a rule that acts on nobody",
        under_policy("clip", truth),
        under_policy("refuse", in_euros),
    ),
    fault(one_answer, "row_by_row", "incomes are taken from the mean of the batch", by_batch),
    fault(one_answer, "column_order", "a column is read by its place", by_place),
    Fault(
        "safety.repeatable",
        "each answer has a billionth of chance",
        sound(one_answer),
        wavering,
    ),
    fault(one_answer, "repeatable", "predicting rounds a column of its table", writing),
    fault(slices, "worst_slice", "0.15 too low in one town of three", low_in_ulm),
    fault(slices, "worst_slice", "too sure in one town of three", sure_in_ulm, "multiclass"),
    fault(
        slices,
        "worst_slice",
        "a quarter of a standard deviation too high in one town of three",
        high_in_ulm,
        "regression",
    ),
    *(
        Fault(
            f"safety.{check}",
            f"sets are made on validation, and half of what then happens in {where} is chance",
            sound(prediction_sets, task),
            wilder(task, everywhere),
            task=task,
        )
        for check, where, everywhere in (
            ("coverage", "test", True),
            ("slice_coverage", "one town of three", False),
        )
        for task in MADE
    ),
    fault(
        abstention,
        "abstention",
        "the same decisions, surest where it is most often wrong",
        unsure_of_itself,
    ),
    fault(
        abstention,
        "abstention",
        "the same decisions, surest where it is most often wrong",
        unsure_of_classes,
        "multiclass",
    ),
    Fault(
        "safety.expected_harm",
        "decisions from 0.8 on, where the costs ask for 0.2",
        sound(harm),
        high_threshold,
    ),
    fault(harm, "expected_harm", "a model that guesses", guess_classes, "multiclass"),
    fault(harm, "expected_harm", "a model that guesses", guess_amount, "regression"),
)
