"""Early stopping: on rows dealt from train, with a number that is then fitted on all."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.pipeline import Pipeline

from stages.core.estimators import Setup, build_estimator
from stages.core.fitting import Rows
from stages.core.iterations import stopped_early
from stages.core.params import EarlyStopping, Params
from tests.candidates import RULES, made, pipeline, small

FIVE = EarlyStopping(rounds=5, fraction=0.25)
MANY = {"hist_gradient_boosting": "max_iter", "lightgbm": "n_estimators", "catboost": "iterations"}


@pytest.fixture
def features(chosen: Params) -> Pipeline:
    return pipeline(chosen)


def rows(task: Any, weight: Any = None) -> Rows:
    frame, truths = made(600)
    return Rows(frame, truths[task], weight)


def last_quarter(frame: pd.DataFrame, n_folds: int) -> list[tuple[Any, Any]]:
    assert n_folds == 4
    n = len(frame)
    return [(np.arange(0), np.arange(0)), (np.arange(n * 3 // 4), np.arange(n * 3 // 4, n))]


def greedy(kind: str) -> Any:
    more = {MANY[kind]: 300, "learning_rate": 0.3, "early_stopping": FIVE.model_dump()}
    return small(kind, **more)


@pytest.mark.parametrize("kind", MANY)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_it_stops_where_the_held_rows_stop_gaining(kind: str, task: Any, features: Any) -> None:
    given, setup = greedy(kind), Setup(task=task, rule=RULES[task], random_state=0)
    data = rows(task)
    settled = stopped_early(given, setup, features, data, last_quarter)
    found = getattr(settled, MANY[kind])
    assert 1 < found < 100
    assert settled == given.model_copy(update={MANY[kind]: found})
    # The same by hand: fit on the first three quarters, and look at the last one.
    inner, held = data.part(np.arange(450)), data.part(np.arange(450, 600))
    model = build_estimator(given, setup, clone(features)).fit(inner.frame, inner.y)
    X = model[:-1].transform(held.frame)
    stage = getattr(model[-1], "staged_predict" if task == "regression" else "staged_predict_proba")
    loss = root_mean_squared_error if task == "regression" else log_loss
    losses = [loss(held.y, values) for values in stage(X)]
    assert int(np.argmin(losses[: found + 5])) + 1 == found


def test_the_features_do_not_know_the_rows_that_stop_it(features: Any) -> None:
    data = rows("binary")
    setup = Setup(task="binary", rule="a > 0", random_state=0)
    odd = data.frame.copy()
    # As extreme as they are, they move no quantile that the fit sees.
    odd.loc[450:, "b"] = 1e9
    seen: list[Any] = []

    def deal(frame: pd.DataFrame, n_folds: int) -> Any:
        seen.append(frame)
        return last_quarter(frame, n_folds)

    kind = "hist_gradient_boosting"
    stopped_early(greedy(kind), setup, features, Rows(odd, data.y, None), deal)
    assert seen[0] is odd
    assert not hasattr(features["select"], "support_")


def test_weights_take_part(features: Any) -> None:
    setup = Setup(task="binary", rule="a > 0", random_state=0)
    found = set()
    for weight in (None, np.where(rows("binary").frame["c"] == "red", 20.0, 0.1)):
        for kind in MANY:
            data = rows("binary", weight)
            settled = stopped_early(greedy(kind), setup, features, data, last_quarter)
            found.add((kind, getattr(settled, MANY[kind])))
    assert len(found) > 3


@pytest.mark.parametrize("transform", ["log1p", "quantile"])
def test_a_transformed_target_stops_on_its_own_scale(transform: Any, features: Any) -> None:
    setup = Setup(task="regression", rule="a", random_state=0, target_transform=transform)
    for kind in MANY:
        settled = stopped_early(greedy(kind), setup, features, rows("regression"), last_quarter)
        assert 1 < getattr(settled, MANY[kind]) < 300


def test_directions_stay(features: Any) -> None:
    setup = Setup(task="binary", rule="a > 0", random_state=0, directions={"a": 1})
    kind = "hist_gradient_boosting"
    settled = stopped_early(greedy(kind), setup, features, rows("binary"), last_quarter)
    assert 1 < settled.max_iter < 300


def test_what_does_not_stop_early_is_left_alone(features: Any) -> None:
    setup = Setup(task="binary", rule="a > 0", random_state=0)
    for kind in ("hist_gradient_boosting", "random_forest", "dummy"):
        given = small(kind)
        assert stopped_early(given, setup, features, rows("binary"), last_quarter) is given


@pytest.mark.parametrize("kind", MANY)
def test_a_class_that_is_held_alone_is_not_asked_for(kind: str, features: Any) -> None:
    setup = Setup(task="multiclass", rule=RULES["multiclass"], random_state=0)
    data = rows("multiclass")
    without = Rows(data.frame.iloc[:-1], data.y[:-1], None)

    def all_but_one(frame: pd.DataFrame, _: int) -> Any:
        return [(np.arange(450), np.arange(450, len(frame)))]

    y = data.y.copy()
    y[-1] = "rare"
    given = greedy(kind)
    found = stopped_early(given, setup, features, Rows(data.frame, y, None), all_but_one)
    assert found == stopped_early(given, setup, features, without, all_but_one)
