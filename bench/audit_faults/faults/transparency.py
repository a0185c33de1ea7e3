"""Faults of a model that nobody can see through, or that says what is not so."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from bench.audit_faults.fault import Fault
from bench.audit_faults.world import (
    SCHEMA,
    Floats,
    Function,
    amount,
    audit,
    binary,
    chances,
    multiclass,
    number,
    regression,
    truth,
)
from stages.audit.evidence import Evidence
from stages.audit.transparency.counterfactuals import look_for
from stages.audit.transparency.documentation import documented
from stages.audit.transparency.importance import permutation_importance, stable
from stages.audit.transparency.reasons import add_up, explain, stable_reasons
from stages.audit.transparency.surrogate import fit_surrogate, retold
from stages.core.schema import Schema
from stages.core.verdicts import Verdict

FOUR = ("income", "late", "age", "town")
# Inputs that all matter alike: an order of them is chance.
ALIKE = tuple(f"part_{place}" for place in range(8))


def made(seed: int, function: Function, inputs: Sequence[str], **changes: Any) -> Evidence:
    """Return the evidence on a model of two outcomes that says what it reads."""
    return binary(seed, function, manifest={"inputs": list(inputs)}, **changes)


# --- models -------------------------------------------------------------------------------


def linear(frame: pd.DataFrame) -> Floats:
    """Late months matter most, then the age, then income; the town does not."""
    income = np.clip(number(frame, "income"), 0, 10_000) / 10_000
    late, age = number(frame, "late") / 5, (number(frame, "age") - 18) / 62
    return np.asarray(np.clip(0.55 * late + 0.25 * age + 0.2 * income, 0, 1))


def steps(frame: pd.DataFrame) -> Floats:
    """Two questions."""
    late, age = number(frame, "late"), number(frame, "age")
    return np.where(late >= 3, 0.8, np.where(age >= 45, 0.3, 0.1))


def wave(frame: pd.DataFrame) -> Floats:
    """Up and down with every thirty euros of income."""
    return 0.5 + 0.4 * np.sin(number(frame, "income") / 10)


def secretive(frame: pd.DataFrame) -> Floats:
    """The truth, and what the manifest does not name: 0.05 for men."""
    return np.asarray(np.clip(truth(frame) + 0.05 * (frame["sex"] == 1), 0, 1))


def secretive_of_classes(frame: pd.DataFrame) -> Floats:
    """It takes men for half a month later, and does not say so."""
    return chances(frame.assign(late=number(frame, "late") + 0.5 * (frame["sex"] == 1)))


def secretive_amount(frame: pd.DataFrame) -> Floats:
    """The number, and 20 more for men, which it does not say."""
    return amount(frame) + 20 * (frame["sex"] == 1).to_numpy()


def by_batch(frame: pd.DataFrame) -> Floats:
    """It scales by the rows that it is asked about together, so others change the answer."""
    late = number(frame, "late")
    return np.asarray(1 / (1 + np.exp(1 - 2 * (late - late.mean()) / max(late.std(), 0.1))))


def amount_by_batch(frame: pd.DataFrame) -> Floats:
    """The number, less what the rows asked about together have in the mean."""
    told = amount(frame)
    return told - told.mean() + 300


def sloped(frame: pd.DataFrame) -> Floats:
    """More late months and less income are riskier."""
    income = np.clip(number(frame, "income"), 0, 6000) / 6000
    return np.asarray(0.15 * number(frame, "late") + 0.2 * (1 - income))


def by_age(frame: pd.DataFrame) -> Floats:
    """Who is young is riskier, and nobody can grow older for it."""
    return np.asarray(0.9 - 0.8 * (number(frame, "age") - 18) / 62 + 0.001 * number(frame, "late"))


def upside_down(frame: pd.DataFrame) -> Floats:
    """More income and fewer late months are riskier: what can be done makes it worse."""
    return np.asarray(0.8 - sloped(frame))


def upside_down_amount(frame: pd.DataFrame) -> Floats:
    """A number that no allowed change moves: by the age."""
    return 5 * number(frame, "age") + 0.001 * number(frame, "late")


# --- inputs that nobody can put in order ----------------------------------------------------


def mean(frame: pd.DataFrame) -> Floats:
    """The mean of the eight."""
    return np.asarray(frame[list(ALIKE)].to_numpy(dtype=np.float64).mean(axis=1))


def parity(frame: pd.DataFrame) -> Floats:
    """High where an even number of the eight is low: no input says anything by itself."""
    return 0.5 + 0.4 * np.sign(np.prod(frame[list(ALIKE)].to_numpy() - 0.5, axis=1))


def alike(seed: int, function: Function) -> Evidence:
    """Eight inputs that matter alike."""
    known = binary(seed)
    parts = {}
    for name in ("train", "test"):
        rows = getattr(known, name)
        rng = np.random.default_rng((seed, 6, len(rows)))
        parts[name] = rows.assign(**{part: rng.random(len(rows)) for part in ALIKE})
    columns = SCHEMA.model_dump(exclude_none=True)["columns"]
    numeric = {"dtype": "float64", "kind": "numeric", "unit": "points"}
    described = {part: {**numeric, "title": f"Part {part[-1]}"} for part in ALIKE}
    return made(
        seed,
        function,
        ALIKE,
        schema=Schema.model_validate({"columns": {**columns, **described}}),
        threshold=0.5,
        **parts,
    )


# --- what is asked ------------------------------------------------------------------------


def words(seed: int, gap: bool) -> list[Verdict]:
    """A schema in which, by turns, a title, a unit, a label or the column itself is left out."""
    columns = SCHEMA.model_dump(exclude_none=True)["columns"]
    e = made(seed, truth, ["income", "late", "sex", "town"])
    if gap:
        match seed % 4:
            case 0:
                columns["town"]["title"] = " "
            case 1:
                del columns["income"]["unit"]
            case 2:
                del columns["sex"]["labels"]["2"]
            case _:
                del columns["late"]
    schema = Schema.model_validate({"columns": columns})
    return [documented(e.inputs, schema, pd.concat([e.train, e.test]), e.paths())]


def order(e: Evidence) -> list[Verdict]:
    """What is said about the order of the inputs."""
    bounds = audit().transparency
    found = permutation_importance(e, e.inputs, bounds.permutation_repeats)
    titles = [e.title(name) for name in found.order]
    return [stable(found, titles, bounds.min_rank_correlation, e.paths())]


def questions(e: Evidence) -> list[Verdict]:
    """What is said about the tree that retells the model."""
    gap = audit().transparency.max_surrogate_gap
    return [retold(e, fit_surrogate(e, e.inputs), gap, e.paths())]


def reasons(e: Evidence) -> list[Verdict]:
    """What is said about reasons: whether they add up, and whether they are stable."""
    explained = explain(e, e.inputs)
    least = audit().transparency.min_rank_correlation
    return [add_up(e, explained, e.paths()), stable_reasons(explained, least, e.paths())]


def changes(e: Evidence) -> list[Verdict]:
    """What is said about counterfactuals, and about how many there are."""
    return look_for(e, e.inputs, audit().transparency)[1]


def told(ask: Any, seed: int, function: Function, inputs: Sequence[str]) -> list[Verdict]:
    """Ask about a model of two outcomes."""
    verdicts: list[Verdict] = ask(made(seed, function, inputs))
    return verdicts


BOTH = ("income", "late")

FAULTS: tuple[Fault, ...] = (
    Fault(
        "transparency.documented",
        "an input without title, unit, label, or any words: by turns",
        partial(words, gap=False),
        partial(words, gap=True),
    ),
    Fault(
        "transparency.importance",
        "eight inputs that matter alike: whatever order is told is chance",
        lambda seed: told(order, seed, linear, FOUR),
        lambda seed: order(alike(seed, mean)),
    ),
    Fault(
        "transparency.surrogate",
        "an answer that goes up and down with every thirty euros of income",
        lambda seed: told(questions, seed, steps, FOUR),
        lambda seed: told(questions, seed, wave, FOUR),
    ),
    Fault(
        "transparency.reasons",
        "the model reads the sex, which its manifest does not name",
        lambda seed: told(reasons, seed, truth, BOTH),
        lambda seed: told(reasons, seed, secretive, BOTH),
    ),
    Fault(
        "transparency.reasons",
        "the model reads the sex, which its manifest does not name",
        lambda seed: reasons(multiclass(seed)),
        lambda seed: reasons(multiclass(seed, secretive_of_classes)),
        task="multiclass",
    ),
    Fault(
        "transparency.reasons",
        "the model reads the sex, which its manifest does not name",
        lambda seed: reasons(regression(seed)),
        lambda seed: reasons(regression(seed, secretive_amount)),
        task="regression",
    ),
    Fault(
        "transparency.reasons",
        "the answer to a row depends on the rows that are asked about with it",
        lambda seed: told(reasons, seed, truth, BOTH),
        lambda seed: told(reasons, seed, by_batch, BOTH),
    ),
    Fault(
        "transparency.stable_reasons",
        "an answer that hangs on whether an even number of eight inputs is low",
        lambda seed: told(reasons, seed, linear, FOUR),
        lambda seed: reasons(alike(seed, parity)),
    ),
    Fault(
        "transparency.counterfactuals",
        "the answer to a row depends on the rows that are asked about with it: what is said to "
        "help does not",
        lambda seed: told(changes, seed, sloped, BOTH),
        lambda seed: told(changes, seed, by_batch, BOTH),
    ),
    Fault(
        "transparency.counterfactuals",
        "the answer to a row depends on the rows that are asked about with it",
        lambda seed: changes(regression(seed)),
        lambda seed: changes(regression(seed, amount_by_batch)),
        task="regression",
    ),
    Fault(
        "transparency.recourse",
        "the decision depends on the age, which nobody can change",
        lambda seed: told(changes, seed, sloped, BOTH),
        lambda seed: told(changes, seed, by_age, ("age", "late")),
    ),
    Fault(
        "transparency.recourse",
        "every change that a person may make turns the answer the wrong way",
        lambda seed: told(changes, seed, sloped, BOTH),
        lambda seed: told(changes, seed, upside_down, BOTH),
    ),
    Fault(
        "transparency.recourse",
        "the number depends on the age, which nobody can change",
        lambda seed: changes(regression(seed)),
        lambda seed: changes(
            regression(seed, upside_down_amount, manifest={"inputs": ["age", "late"]})
        ),
        task="regression",
    ),
)
