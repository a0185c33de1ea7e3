"""How often `next_step` is right: planted situations, many seeds each.

`python bench/next_step.py` prints one line of JSON for each task and situation: what was
expected, how often it was said, and what was said instead. The tables are made from a score
that is known, so what is wrong with each is known too. The seeds start at 1000; bounds were
chosen on seeds below.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from stages.core.criteria import strictest
from stages.core.metrics import METRICS, cost_threshold
from stages.core.params import (
    AnyCosts,
    BaselineHere,
    ClassCosts,
    Costs,
    Criterion,
    Evaluate,
    NumberCosts,
    ReturnOnInvestment,
    Rule,
    Task,
)
from stages.core.sample import Sample
from stages.core.schema import Column, Schema
from stages.core.worth import return_on_investment
from stages.evaluate.document import verdicts_of
from stages.evaluate.measurement import measure_model
from stages.evaluate.situations import evidence_of, next_step
from stages.evaluate.subjects import Terms

Floats = npt.NDArray[np.float64]
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")
FIRST_SEED = 1000
SEEDS = 20
BAR = 18  # of 20

WIDTH = 30  # columns
TARGET = "y"
CLASSES = np.array(["low", "middle", "high"], dtype=object)
# Where the score is cut to classes.
CUTS = (-0.7, 0.7)

SCORING: dict[Task, str] = {
    "binary": "log_loss",
    "multiclass": "log_loss",
    "regression": "root_mean_squared_error",
}
COSTS: dict[Task, AnyCosts] = {
    "binary": Costs(
        currency="EUR",
        true_positive=10.0,
        false_positive=-10.0,
        true_negative=0.0,
        false_negative=0.0,
        source="planted",
    ),
    "multiclass": ClassCosts(
        currency="EUR", right=10.0, wrong=-10.0, exceptions=(), source="planted"
    ),
    "regression": NumberCosts(
        currency="EUR", per_unit_over=-1.0, per_unit_under=-1.0, source="planted"
    ),
}
FREE = ReturnOnInvestment(
    decisions_per_year=1000, build_cost=0.0, run_cost_per_year=0.0, horizon_years=1.0
)
RULES: dict[Task, str] = {
    "binary": "x0 > 0.5",
    "multiclass": "'high' if x0 > 0.5 else 'low'",
    "regression": "2 if x0 > 0.5 else -2",
}
HERE = BaselineHere(kind="rule")


@dataclass(frozen=True)
class Plant:
    """A situation that is made on purpose.

    Attributes:
        expected: what `next_step` should call it.
        score: of each row, from its columns: what is to be learned.
        model: the estimator that is judged, by task.
        rows: of train.
        rows_of_numbers: of train where the target is a number, which tells more than a class.
        columns: that the model reads, of `WIDTH`.
        goal: the share of what can be explained at all that the charter asks for.
        change: makes validation differ from train; it takes columns and score.
        told: whether the last column is filled in after the outcome.
    """

    expected: str
    score: Callable[[Floats], Floats]
    model: Callable[[Task], Any]
    rows: int = 1500
    rows_of_numbers: int = 1500
    columns: int = 8
    goal: float = 0.7
    change: Callable[[Floats, Floats], tuple[Floats, Floats]] | None = None
    told: bool = False


# --- models and scores --------------------------------------------------------------------


def line(strength: float = 1.0) -> Callable[[Task], Any]:
    """Return who builds a linear model; less strength, more penalty."""

    def build(task: Task) -> Any:
        return Ridge(1 / strength) if task == "regression" else LogisticRegression(C=strength)

    return build


def trees(leaves: int = 6, rate: float = 0.1, iterations: int = 40, least: int = 20) -> Any:
    """Return who builds boosted trees."""

    def build(task: Task) -> Any:
        kind = (
            HistGradientBoostingRegressor
            if task == "regression"
            else HistGradientBoostingClassifier
        )
        return kind(
            learning_rate=rate,
            max_iter=iterations,
            max_leaf_nodes=leaves,
            min_samples_leaf=least,
            early_stopping=False,
            random_state=0,
        )

    return build


def straight(x: Floats) -> Floats:
    """Four columns, each in proportion."""
    return 1.2 * x[:, 0] + 1.2 * x[:, 1] - x[:, 2] + 0.8 * x[:, 3]


def many(x: Floats) -> Floats:
    """All columns, each a little."""
    signs = np.where(np.arange(WIDTH) % 2, 1.0, -1.0)
    return np.asarray(0.7 * x @ signs)


def crossed(x: Floats) -> Floats:
    """Whether two columns have one sign: no line tells it."""
    return 2.5 * np.sign(x[:, 0] * x[:, 1]) + 0.5 * x[:, 2]


def stepped(x: Floats) -> Floats:
    """What the rule says, and nothing else."""
    return np.where(x[:, 0] > 0.5, 2.0, -2.0)


def hidden(x: Floats) -> Floats:
    """Mostly two columns that the model does not read."""
    return straight(x) + 2.5 * x[:, 20] + 2.5 * x[:, 21]


def nothing(x: Floats) -> Floats:
    """No column at all."""
    return np.zeros(len(x))


def elsewhere(x: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Other rows: a column lies elsewhere, and another pulls the other way."""
    moved = x.copy()
    moved[:, 4] += 1.0
    return moved, score - 2.4 * x[:, 1]


PLANTS: dict[str, Plant] = {
    "all is well": Plant("ready", straight, line()),
    "too little data": Plant(
        "more_rows",
        many,
        line(0.4),
        rows=300,
        rows_of_numbers=80,
        columns=WIDTH,
        goal=0.97,
    ),
    "too simple a model": Plant("richer_model", crossed, line()),
    "too complex a model": Plant(
        "simpler_model", straight, trees(leaves=60, rate=0.3, iterations=80, least=2)
    ),
    "no signal": Plant("nothing_to_learn", nothing, trees()),
    "a leak": Plant("leak_suspected", straight, trees(), told=True),
    "a rule that suffices": Plant("baseline_suffices", stepped, trees()),
    "drift between splits": Plant("splits_differ", straight, line(), change=elsewhere),
    "columns that know too little": Plant("high_bias", hidden, line(), goal=0.8),
}


def table(
    plant: Plant, task: Task, n: int, rng: np.random.Generator, validation: bool
) -> pd.DataFrame:
    """Return rows with the target: columns of normal numbers, and an outcome by their score."""
    x = rng.normal(size=(n, WIDTH))
    score = plant.score(x)
    if validation and plant.change is not None:
        x, score = plant.change(x, score)
    y = outcome(task, score, rng)
    frame = pd.DataFrame(x[:, : plant.columns], columns=[f"x{i}" for i in range(plant.columns)])
    if plant.told:
        sure = pd.factorize(pd.Series(y), sort=True)[0] if task != "regression" else y
        frame.iloc[:, -1] = sure + 0.1 * rng.normal(size=n)
    return frame.assign(**{TARGET: y})


def outcome(task: Task, score: Floats, rng: np.random.Generator) -> npt.NDArray[Any]:
    """Return what happens where the score is this: never quite sure."""
    if task == "binary":
        return (score + rng.logistic(size=len(score)) > 0).astype(np.int64)
    if task == "multiclass":
        return np.asarray(CLASSES[np.digitize(score + rng.logistic(size=len(score)), CUTS)])
    return np.asarray(score + 1.5 * rng.normal(size=len(score)))


def goal(plant: Plant, task: Task, rng: np.random.Generator) -> float:
    """Return the error that the charter asks for: between that of nothing and the best."""
    x = rng.normal(size=(20_000, WIDTH))
    score = plant.score(x)
    if task == "regression":
        nothing_known, best = float(np.hypot(score.std(), 1.5)), 1.5
    else:
        cuts = (0.0,) if task == "binary" else CUTS
        upper = [1 / (1 + np.exp(cut - score)) for cut in cuts]
        sides = [np.ones_like(score), *upper, np.zeros_like(score)]
        y_prob = np.clip(-np.diff(np.stack(sides, axis=1), axis=1), 1e-12, 1)
        best = float(-(y_prob * np.log(y_prob)).sum(axis=1).mean())
        shares = y_prob.mean(axis=0)
        nothing_known = float(-(shares * np.log(shares)).sum())
    return nothing_known - plant.goal * (nothing_known - best)


def decide(plant: Plant, task: Task, seed: int) -> dict[str, Any]:
    """Make the tables of one seed, fit the model, evaluate it, and return the next step."""
    rng = np.random.default_rng((seed, TASKS.index(task)))
    rows = plant.rows_of_numbers if task == "regression" else plant.rows
    frames = table(plant, task, rows, rng, False), table(plant, task, 1000, rng, True)
    train, validation = (
        Sample(frame.drop(columns=TARGET), frame[TARGET].to_numpy(), None, None, (seed, place))
        for place, frame in enumerate(frames)
    )
    keep = ColumnTransformer([("keep", "passthrough", train.frame.columns.tolist())])
    steps = [("columns", keep), ("scale", StandardScaler()), ("model", plant.model(task))]
    model = Pipeline(steps).fit(train.frame, train.y)
    costs = COSTS[task]
    terms = Terms(
        task=task,
        classes=tuple(map(str, model.classes_)) if task == "multiclass" else (),
        costs=costs,
        threshold=cost_threshold(costs) if isinstance(costs, Costs) else None,
        scoring=METRICS[SCORING[task]],
        calibration_bins=10,
        draws=300,
        random_state=seed,
    )
    criteria = strictest(
        [Criterion(metric=SCORING[task], at_most=goal(plant, task, rng), why="planted")], task
    )
    evaluate = Evaluate(
        bootstrap=300,
        random_state=seed,
        calibration_bins=10,
        learning_curve=(0.1, 0.25, 0.5, 1.0),
        learning_repeats=2,
        refit_rows=50_000,
        min_gain=0.01,
        max_lone_skill=0.8,
        probes=True,
    )
    m = measure_model(
        model,
        train,
        validation,
        terms=terms,
        rule=Rule(expression=RULES[task], meaning="planted", role="start"),
        baseline=HERE,
        criteria=criteria,
        evaluate=evaluate,
        schema=schema(plant, task),
        target=TARGET,
        inputs=train.frame.columns.tolist(),
    )
    investment = return_on_investment(m.gain_over("rule"), FREE)
    here = Path()
    verdicts = verdicts_of(
        m, criteria, "start", evaluate.max_lone_skill, investment, 1.0, here, here
    )
    return next_step(evidence_of(m, verdicts, evaluate.min_gain))


def schema(plant: Plant, task: Task) -> Schema:
    """Return what the columns of `table` are."""
    numbers = {
        f"x{i}": Column(dtype="float64", kind="numeric", title=f"x{i}")
        for i in range(plant.columns)
    }
    number = task == "regression"
    target = Column(
        dtype="float64" if number else "str",
        kind="numeric" if number else "categorical",
        title="Target",
    )
    return Schema(columns={**numbers, TARGET: target})


def hits(name: str, task: Task, seeds: range) -> dict[str, Any]:
    """Return how often the situation called `name` is recognised."""
    plant = PLANTS[name]
    said = Counter(str(decide(plant, task, seed)["situation"]) for seed in seeds)
    return {
        "task": task,
        "planted": name,
        "expected": plant.expected,
        "seeds": len(seeds),
        "hits": said.pop(plant.expected, 0),
        "instead": dict(said),
    }


def main() -> None:
    """Print a line of JSON for each task and situation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=FIRST_SEED)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--task", choices=TASKS, action="append")
    parser.add_argument("--planted", choices=PLANTS, action="append")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.seeds)
    for task in asked.task or TASKS:
        for name in asked.planted or PLANTS:
            print(json.dumps(hits(name, task, seeds)), flush=True)


if __name__ == "__main__":
    main()
