"""A table with every kind of column, a truth for each task, and a small one of each candidate."""

from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from stages.core.estimators import Setup, build_estimator
from stages.core.fitting import fit
from stages.core.params import Candidate, Params, Task, Train, read_params
from stages.core.schema import Column, Schema
from stages.core.transformers import build_features

ROOT = Path(__file__).parent.parent
TASKS: tuple[Task, ...] = get_args(Task)
RULES: dict[Task, str] = {
    "binary": "a > 0.5",
    "multiclass": "'high' if a > 0.7 else 'middle' if a > -0.7 else 'low'",
    "regression": "0.8 + 1.5 * a + 0.8 * o",
}
# Small ones of each kind, by the names of their parameters in params.yaml.
SMALL: dict[str, dict[str, Any]] = {
    "dummy": {},
    "rule": {},
    "logistic_regression": {"C": 1.0, "l1_ratio": 0.0, "n_knots": None, "max_iter": 1000},
    "ridge": {"alpha": 1.0, "n_knots": None},
    "elastic_net": {"alpha": 0.01, "l1_ratio": 0.5, "n_knots": None, "max_iter": 1000},
    "decision_tree": {"max_depth": 4, "min_samples_leaf": 10},
    "random_forest": {
        "n_estimators": 10,
        "max_features": 0.5,
        "min_samples_leaf": 5,
        "max_leaf_nodes": None,
    },
    "extra_trees": {
        "n_estimators": 10,
        "max_features": 0.5,
        "min_samples_leaf": 5,
        "max_leaf_nodes": 40,
    },
    "hist_gradient_boosting": {
        "learning_rate": 0.2,
        "max_iter": 12,
        "max_leaf_nodes": 6,
        "min_samples_leaf": 10,
        "l2_regularization": 1.0,
        "max_features": 0.7,
        "early_stopping": None,
    },
    "lightgbm": {
        "learning_rate": 0.2,
        "n_estimators": 12,
        "num_leaves": 6,
        "min_child_samples": 10,
        "reg_lambda": 1.0,
        "subsample": 0.7,
        "colsample_bytree": 0.7,
        "early_stopping": None,
    },
    "catboost": {
        "learning_rate": 0.2,
        "iterations": 12,
        "depth": 3,
        "l2_leaf_reg": 1.0,
        "early_stopping": None,
    },
}


def small(kind: str, **parameters: Any) -> Candidate:
    given = SMALL[kind] | parameters
    train: dict[str, Any] = {"scoring": "r2", "random_state": 0, "choice": "best"}
    train |= {"bootstrap": 100, "target_transform": "none", "ensemble": None}
    train["calibration"] = None
    return Train(**train, candidates={"it": {"estimator": kind, **given}}).candidates["it"]


def made(n: int = 400, seed: int = 0) -> tuple[pd.DataFrame, dict[Task, Any]]:
    """Return a table with every kind of column, and a truth for each task."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "b": np.where(rng.random(n) < 0.1, np.nan, rng.exponential(size=n)),
            "o": rng.integers(0, 4, n),
            "c": rng.choice(["red", "green", "blue"], n),
        }
    )
    number = 2 * frame["a"] + frame["o"] + (frame["c"] == "red") + rng.normal(0, 0.5, n)
    levels = np.quantile(number, [1 / 3, 2 / 3])
    classes = np.array(["low", "middle", "high"], dtype=object)[np.digitize(number, levels)]
    truths = {
        "binary": (number > number.median()).to_numpy().astype(np.int64),
        "multiclass": classes,
        "regression": np.exp(number / 3).to_numpy(),
    }
    return frame, truths


SCHEMA = Schema(
    columns={
        "a": Column(dtype="float64", kind="numeric", title="a"),
        "b": Column(dtype="float64", kind="numeric", title="b", nullable=True),
        "o": Column(dtype="int64", kind="ordinal", title="o"),
        "c": Column(dtype="str", kind="categorical", title="c"),
        "y": Column(dtype="int64", kind="numeric", title="y"),
    }
)


def pipeline(chosen: Params, **transform: Any) -> Pipeline:
    kinds = chosen.featurize.transform.model_copy(update=transform)
    featurize = chosen.featurize.model_copy(
        update={"exclude": (), "create": {}, "answers": {}, "transform": kinds}
    )
    return build_features(featurize, SCHEMA, "y", None)


def setup(task: Task, **more: Any) -> Setup:
    return Setup(task=task, rule=RULES[task], random_state=0, **more)


def fit_anew(kind: str, task: Task, features: Pipeline) -> Any:
    frame, truths = made()
    estimator = build_estimator(small(kind), setup(task), clone(features))
    return fit(estimator, frame[:300], truths[task][:300], None)


@cache
def _fitted(kind: str, task: Task) -> Any:
    return fit_anew(kind, task, pipeline(read_params(ROOT / "params.yaml")))


def fitted(kind: str, task: Task) -> Any:
    """Return a model that the tests share; they do not change it."""
    return _fitted(kind, task)
