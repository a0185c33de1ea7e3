from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from stages.core.baselines import RuleClassifier
from stages.core.learning_curve import at_most
from stages.core.metrics import METRICS
from stages.core.params import Task
from stages.core.probes import COLUMNS, probe, table, variants
from stages.core.sample import Sample, errors_of, said


def pipeline(estimator: Any) -> Pipeline:
    keep = ColumnTransformer([("keep", "passthrough", ["a", "b"])])
    steps = [("features", keep), ("scale", StandardScaler()), ("estimator", estimator)]
    return Pipeline(steps)


def rows(n: int, seed: int, task: Task = "binary") -> Sample:
    """The target is whether the signs agree: no line tells it."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"])
    agree = (frame["a"] * frame["b"] > 0).to_numpy()
    if task == "regression":
        return Sample(frame, agree + 0.1 * rng.normal(size=n), None, None, seed)
    truth = np.where(rng.random(n) < 0.1, ~agree, agree).astype(np.int64)
    y = np.array(["no", "yes"], dtype=object)[truth] if task == "multiclass" else truth
    return Sample(frame, y, None, None, seed)


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (
            HistGradientBoostingClassifier(max_leaf_nodes=8),
            [("simpler", "max_leaf_nodes", 2), ("richer", "max_leaf_nodes", 32)],
        ),
        (DecisionTreeClassifier(max_depth=6), [("simpler", "max_leaf_nodes", 16)]),
        (LogisticRegression(C=3.0), [("simpler", "C", 0.1), ("richer", "C", 90.0)]),
    ],
)
def test_the_leading_parameter_goes_both_ways(estimator: Any, expected: list[Any]) -> None:
    model = pipeline(estimator)
    found = variants(model, "binary", 0)
    assert [one[:3] for one in found[:-1]] == [
        (direction, name, pytest.approx(value)) for direction, name, value in expected
    ]
    for _, name, value, changed in found[:-1]:
        assert changed.get_params()[f"estimator__{name}"] == value
    linear = isinstance(estimator, LogisticRegression)
    assert found[-1][0] == ("richer" if linear else "simpler")
    assert model.get_params()["estimator"] is estimator


def test_a_rule_has_nothing_to_change() -> None:
    assert variants(RuleClassifier("a > 0"), "binary", 0) == []


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_line_is_too_simple_where_signs_must_agree(task: Task) -> None:
    train, validation = rows(600, 1, task), rows(600, 2, task)
    classes = ("no", "yes") if task == "multiclass" else ()
    line = Ridge() if task == "regression" else LogisticRegression()
    model = pipeline(line).fit(train.frame, train.y)
    metric = METRICS["root_mean_squared_error" if task == "regression" else "log_loss"]
    told = said(model, validation.frame, task, classes)
    (error,) = errors_of([told], validation, metric, task, classes, 200)
    before = train.frame.copy()
    found = probe(model, train, validation, error, metric, task, classes, 200, 0, 10_000)
    assert train.frame.equals(before)
    gains = {
        (one.direction, one.parameter): one.clear_gain(len(found))["interval"] for one in found
    }
    clear = {key for key, bounds in gains.items() if bounds is not None and bounds[0] > 0.05}
    assert clear == {("richer", "estimator")}
    best = next(one for one in found if (one.direction, one.parameter) in clear)
    assert best.gain.value == pytest.approx(error.value - best.validation.value)
    shown = table(found)
    assert tuple(shown.columns) == COLUMNS
    assert shown["gain"].tolist() == pytest.approx([one.gain.value for one in found])


def test_a_tree_without_bound_is_too_rich() -> None:
    rng = np.random.default_rng(0)
    train, validation = rows(800, 1), rows(800, 2)
    for part in (train, validation):
        part.y[:] = rng.random(800) < 1 / (1 + np.exp(-part.frame["a"]))
    tree = HistGradientBoostingClassifier(max_leaf_nodes=60, min_samples_leaf=2, random_state=0)
    model = pipeline(tree).fit(train.frame, train.y)
    metric = METRICS["log_loss"]
    told = said(model, validation.frame, "binary", ())
    (error,) = errors_of([told], validation, metric, "binary", (), 200)
    found = probe(model, train, validation, error, metric, "binary", (), 200, 0, 10_000)
    best = max(found, key=lambda one: one.gain.value)
    assert (best.direction, best.parameter) == ("simpler", "estimator")
    assert (best.clear_gain(3)["interval"] or (0, 0))[0] > 0
    wide, narrow = best.clear_gain(3)["interval"], best.clear_gain(1)["interval"]
    assert wide is not None and narrow is not None
    assert np.diff(wide)[0] > np.diff(narrow)[0]


def test_without_probes_the_table_is_empty_and_has_its_columns() -> None:
    assert tuple(table([]).columns) == COLUMNS and not len(table([]))


def test_a_regression_is_probed_by_regressors() -> None:
    *_, (_, _, name, other) = variants(pipeline(HistGradientBoostingRegressor()), "regression", 0)
    assert name == "ridge" and isinstance(other[-1], Ridge)


def test_on_a_large_table_the_model_and_its_probes_learn_from_the_same_few_rows() -> None:
    train, validation = rows(3000, 1), rows(2500, 2)
    model = pipeline(LogisticRegression()).fit(train.frame, train.y)
    metric = METRICS["log_loss"]
    told = said(model, validation.frame, "binary", ())
    (error,) = errors_of([told], validation, metric, "binary", (), 200)
    found = probe(model, train, validation, error, metric, "binary", (), 200, 0, 1000)
    assert [one.rows for one in found] == [1000] * 3
    some, judged = (at_most(rows, 1000, 0) for rows in (train, validation))
    twin = pipeline(LogisticRegression()).fit(some.frame, some.y)
    told = said(twin, judged.frame, "binary", ())
    (base,) = errors_of([told], judged, metric, "binary", (), 200)
    trees = found[-1]
    again = variants(model, "binary", 0)[-1][-1].fit(some.frame, some.y)
    told = said(again, judged.frame, "binary", ())
    (other,) = errors_of([told], judged, metric, "binary", (), 200)
    assert trees.gain.value == pytest.approx(base.value - other.value)
    assert trees.gain.samples == pytest.approx(base.samples - other.samples)
    assert trees.validation.value == pytest.approx(error.value - trees.gain.value)
    assert (trees.clear_gain(3)["interval"] or (0, 0))[0] > 0.1
