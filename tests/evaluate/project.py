"""Small tables of the three tasks, with a schema and parameters that fit them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from stages.core.params import Task
from stages.core.sample import Sample

ROOT = Path(__file__).parents[2]
FEATURES = ["level", "trend", "noise"]
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")
SCORING: dict[Task, str] = {
    "binary": "log_loss",
    "multiclass": "log_loss",
    "regression": "root_mean_squared_error",
}
CLASSES = ("blue", "green", "red")

SCHEMA = """\
columns:
  row: {dtype: int64, kind: identifier, title: Row}
  level: {dtype: float64, kind: numeric, title: Level}
  trend: {dtype: float64, kind: numeric, title: Trend}
  noise: {dtype: float64, kind: numeric, title: Noise}
  town: {dtype: str, kind: categorical, title: Town}
  people: {dtype: float64, kind: numeric, title: What people said, nullable: true}
  weight: {dtype: float64, kind: numeric, title: Weight}
  late:
    dtype: int64
    kind: categorical
    title: Late
    labels: {0: $on_time$, 1: late}
  colour:
    dtype: str
    kind: categorical
    title: Colour
    labels: {red: Red, green: Green, blue: Blue}
  price: {dtype: float64, kind: numeric, title: Price, unit: EUR}
"""

CRITERIA: dict[Task, list[dict[str, Any]]] = {
    "binary": [
        {"metric": "roc_auc", "at_least": 0.7, "why": "the ranking must be worth it"},
        {"metric": "value_over_rule", "at_least": 1000.0, "why": "it must pay"},
    ],
    "multiclass": [
        {"metric": "accuracy", "at_least": 0.5, "why": "most must be right"},
        {"metric": "log_loss", "at_most": 1.0, "why": "probabilities must be worth it"},
    ],
    "regression": [
        {"metric": "r2", "at_least": 0.4, "why": "it must explain something"},
        {"metric": "mean_absolute_error", "at_most": 1.5, "why": "it must be near"},
    ],
}
CHARTERS: dict[Task, dict[str, Any]] = {
    "binary": {
        "target": {"column": "late", "positive": 1, "meaning": "paid late"},
        "rule": {"expression": "level > 0.5", "meaning": "x", "role": "start"},
        "costs": {
            "currency": "NT$",
            "true_positive": 10.0,
            "false_positive": -5.0,
            "true_negative": 0.0,
            "false_negative": -10.0,
            "source": "x",
        },
    },
    "multiclass": {
        "target": {"column": "colour", "meaning": "its colour"},
        "rule": {
            "expression": "'red' if level > 0.5 else 'blue'",
            "meaning": "x",
            "role": "start",
        },
        "costs": {
            "currency": "EUR",
            "right": 5.0,
            "wrong": -5.0,
            "exceptions": [{"actual": "red", "decided": "blue", "value": -20.0}],
            "source": "x",
        },
    },
    "regression": {
        "target": {"column": "price", "meaning": "its price"},
        "rule": {"expression": "2 + level", "meaning": "x", "role": "start"},
        "costs": {"currency": "EUR", "per_unit_over": -1.0, "per_unit_under": -3.0, "source": "x"},
    },
}


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def signal(frame: pd.DataFrame) -> Any:
    return 1.5 * frame["level"] + 1.5 * frame["trend"] - 1


def no_signal(frame: pd.DataFrame) -> Any:
    return np.full(len(frame), np.log(0.3 / 0.7))


def by_rule(frame: pd.DataFrame) -> Any:
    return np.where(frame["level"] > 0.5, np.log(0.7 / 0.3), np.log(0.1 / 0.9))


def table(n: int, seed: int, score: Callable[[pd.DataFrame], Any] = signal) -> pd.DataFrame:
    """Rows with the three targets, all of which follow one score."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=FEATURES)
    frame.insert(0, "row", np.arange(n) + 10_000 * seed)
    frame["town"] = rng.choice(["north", "south"], n)
    frame["weight"] = rng.integers(1, 4, n).astype(np.float64)
    known = np.asarray(score(frame), dtype=np.float64)
    frame["late"] = (rng.random(n) < sigmoid(known)).astype(np.int64)
    frame["colour"] = np.array(CLASSES, dtype=object)[
        np.digitize(known + rng.logistic(size=n), [-2, 0])
    ]
    frame["price"] = 2 + known + rng.normal(size=n)
    frame["people"] = np.where(rng.random(n) < 0.95, frame["late"], 1 - frame["late"]) * 1.0
    return frame


def target_of(task: Task) -> str:
    return str(CHARTERS[task]["target"]["column"])


def sample(frame: pd.DataFrame, seed: Any, task: Task = "binary", groups: Any = None) -> Sample:
    target = target_of(task)
    return Sample(frame.drop(columns=target), frame[target].to_numpy(), None, groups, seed)


def pipeline(estimator: Any) -> Pipeline:
    keep = ColumnTransformer([("keep", "passthrough", FEATURES)])
    steps = [("columns", keep), ("scale", StandardScaler()), ("estimator", estimator)]
    return Pipeline(steps)


def edited(folder: Path, task: Task = "binary", **changes: Any) -> Path:
    """Write params.yaml for the small table, with `changes` by dotted key."""
    yaml = YAML(typ="safe")
    params = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["charter"].update(
        task=task,
        key="row",
        sensitive_features=["town"],
        success_criteria=CRITERIA[task],
        **CHARTERS[task],
    )
    params["charter"]["return_on_investment"].update(
        decisions_per_year=10_000, build_cost=1000, run_cost_per_year=500, horizon_years=2
    )
    params["evaluate"].update(bootstrap=200, learning_curve=[0.25, 0.5, 1.0])
    params["train"].update(scoring=SCORING[task], candidates={"dummy": {"estimator": "dummy"}})
    params["train"]["ensemble"] = None
    params["tune"].update(scoring=SCORING[task], trials=0)
    for key, value in changes.items():
        *above, last = key.split("__")
        section = params
        for name in above:
            section = section[name]
        section[last] = value
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "params.yaml"
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(params, file)
    return path
