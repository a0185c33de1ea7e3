"""The candidates: each takes the raw frame, does each of its tasks, and is what it says."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
from threadpoolctl import threadpool_limits

from stages.core.errors import LoopwrightError
from stages.core.estimators import (
    BASELINES,
    LEARNERS,
    build_ensemble,
    build_estimator,
    inputs_of,
    parameters_of,
    with_parameters,
)
from stages.core.fitting import fit
from stages.core.models import as_bytes, load_model, save_model
from stages.core.params import Params, Task, Train
from stages.core.scoring import predicted, scores
from tests.candidates import (
    ROOT,
    SMALL,
    TASKS,
    fit_anew,
    fitted,
    made,
    pipeline,
    setup,
    small,
)

EACH = [(kind, task) for kind in SMALL for task in small(kind).tasks]
LEARN = [(kind, task) for kind, task in EACH if kind in LEARNERS]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Limit threads as `stages.core.stage.run` does."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def features(chosen: Params) -> Pipeline:
    return pipeline(chosen)


def test_the_tables_name_every_estimator_of_the_params() -> None:
    schema = Train.model_json_schema()
    mapping = schema["properties"]["candidates"]["additionalProperties"]["discriminator"]
    assert {*LEARNERS, *BASELINES} == set(mapping["mapping"]) == set(SMALL)
    assert not set(LEARNERS) & set(BASELINES)


# --- every estimator, every task ----------------------------------------------------------


@pytest.mark.parametrize(("kind", "task"), EACH)
def test_each_takes_the_raw_frame_and_says_more_than_nothing(kind: str, task: Task) -> None:
    frame, truths = made()
    before = frame.copy()
    model = fitted(kind, task)
    rest, y = frame[300:], truths[task][300:]
    found = predicted(model, rest, task)
    pd.testing.assert_frame_equal(frame, before)
    assert is_regressor(model) == (task == "regression") != is_classifier(model)
    classes = None
    if task != "regression":
        classes = [str(label) for label in model.classes_]
        assert classes == (["0", "1"] if task == "binary" else ["high", "low", "middle"])
        y_prob = model.predict_proba(rest)
        assert y_prob.shape == (100, len(classes))
        np.testing.assert_allclose(y_prob.sum(axis=1), 1)
        assert ((y_prob >= 0) & (y_prob <= 1)).all()
        assert set(model.predict(rest)) <= set(model.classes_)
    name = "root_mean_squared_error" if task == "regression" else "brier_score"
    dummy = predicted(fitted("dummy", task), rest, task)
    score, nothing = (scores(task, y, p, [name], classes)[name] for p in (found, dummy))
    assert score == nothing if kind == "dummy" else score < 0.99 * nothing


@pytest.mark.parametrize(("kind", "task"), EACH)
def test_each_is_saved_and_predicts_the_same_bits(
    kind: str, task: Task, features: Pipeline, tmp_path: Path
) -> None:
    model = fitted(kind, task)
    rest = made()[0][300:]
    sha256 = save_model(tmp_path / "model.skops", model)
    assert sha256 == hashlib.sha256((tmp_path / "model.skops").read_bytes()).hexdigest()
    loaded = load_model(tmp_path / "model.skops", sha256)
    np.testing.assert_array_equal(predicted(loaded, rest, task), predicted(model, rest, task))
    np.testing.assert_array_equal(loaded.predict(rest), model.predict(rest))
    # What was loaded, what has predicted and what is fitted again are one model.
    assert save_model(tmp_path / "again.skops", loaded) == sha256
    assert hashlib.sha256(as_bytes(fit_anew(kind, task, features))).hexdigest() == sha256


@pytest.mark.parametrize(("kind", "task"), EACH)
def test_one_row_is_predicted_as_in_the_batch(kind: str, task: Task) -> None:
    model = fitted(kind, task)
    rest = made()[0][300:308]
    batch = predicted(model, rest, task)
    rows = np.concatenate([predicted(model, rest[i : i + 1], task) for i in range(8)])
    if kind in ("logistic_regression", "ridge", "elastic_net"):
        # A dot product of one row and of many are summed in different orders.
        np.testing.assert_allclose(rows, batch, rtol=1e-13)
    else:
        np.testing.assert_array_equal(rows, batch)


@pytest.mark.parametrize(("kind", "task"), EACH)
def test_a_weight_of_two_is_the_row_twice(kind: str, task: Task, features: Pipeline) -> None:
    """Where rows are not drawn by chance, and leaves are not counted in rows."""
    frame, truths = made(120)
    y = truths[task]
    twice = np.arange(120) % 3 == 0
    ones, weight = np.ones(120), np.where(twice, 2.0, 1.0)
    candidate = small(kind)
    if kind in ("random_forest", "extra_trees", "lightgbm", "catboost"):
        # These draw rows: here a row of no weight must be as if it was not there at all.
        model = build_estimator(candidate, setup(task), clone(features))
        base = predicted(fit(clone(model), frame, y, ones), frame, task)
        other = predicted(fit(clone(model), frame, y, np.where(twice, 50.0, 1.0)), frame, task)
        assert np.abs(base - other).max() > 0.01
        return
    if "min_samples_leaf" in SMALL[kind]:
        candidate = with_parameters(candidate, {"min_samples_leaf": 1}, "test")
    if kind == "hist_gradient_boosting":
        candidate = with_parameters(candidate, {"max_features": 1.0}, "test")
    # The features are the same in both: those of the rows once.
    X = clone(features).fit_transform(frame, y)
    places = np.concatenate([np.arange(120), np.flatnonzero(twice)])
    if kind in BASELINES:
        one = fit(BASELINES[kind](setup(task)), frame, y, weight)
        other = BASELINES[kind](setup(task)).fit(frame.iloc[places], y[places])
        np.testing.assert_allclose(predicted(one, frame, task), predicted(other, frame, task))
        return
    steps = LEARNERS[kind](parameters_of(candidate), setup(task))
    whole = Pipeline([step for step in steps if step[0] not in ("scale", "fill")])
    one = fit(clone(whole), X.fillna(0), y, weight)
    other = clone(whole).fit(X.fillna(0).iloc[places], y[places])
    np.testing.assert_allclose(
        predicted(one, X.fillna(0), task), predicted(other, X.fillna(0), task), atol=2e-3
    )


@pytest.mark.parametrize(("kind", "task"), LEARN)
def test_each_takes_features_with_gaps(kind: str, task: Task, chosen: Params) -> None:
    model = fit_anew(kind, task, pipeline(chosen, impute="none"))
    frame = made()[0][300:]
    assert frame["b"].isna().any()
    assert np.isnan(model["features"].transform(frame).to_numpy()).any()
    assert np.isfinite(predicted(model, frame, task)).all()


def test_another_process_fits_the_same_bytes() -> None:
    kinds = ("random_forest", "hist_gradient_boosting", "lightgbm", "catboost")
    script = (
        "import hashlib, sys\n"
        "from threadpoolctl import threadpool_limits\n"
        "from stages.core.models import as_bytes\n"
        "from tests.candidates import fitted\n"
        "with threadpool_limits(1):\n"
        "    for kind in sys.argv[1:]:\n"
        "        found = as_bytes(fitted(kind, 'binary'))\n"
        "        print(hashlib.sha256(found).hexdigest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *kinds],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    here = [hashlib.sha256(as_bytes(fitted(k, "binary"))).hexdigest() for k in kinds]
    assert done.stdout.split() == here


def test_an_ensemble_of_each_task_is_a_model_like_the_rest(
    features: Pipeline, tmp_path: Path
) -> None:
    frame, truths = made()
    for task in TASKS:
        kinds = [kind for kind, can in LEARN if can == task and kind not in ("ridge", "catboost")]
        members = [
            (kind, Pipeline(LEARNERS[kind](parameters_of(small(kind)), setup(task))))
            for kind in kinds
        ]
        mean = build_ensemble(members, [1 / len(kinds)] * len(kinds), setup(task))
        model = Pipeline([("features", clone(features)), ("estimator", mean)])
        fit(model, frame[:300], truths[task][:300], None)
        sha256 = save_model(tmp_path / "model.skops", model)
        loaded = load_model(tmp_path / "model.skops", sha256)
        expected = np.mean(
            [predicted(fitted(kind, task), frame[300:], task) for kind in kinds], axis=0
        )
        np.testing.assert_allclose(predicted(loaded, frame[300:], task), expected)
        again = fit(clone(model), frame[:300], truths[task][:300], None)
        assert as_bytes(again) == (tmp_path / "model.skops").read_bytes()


# --- each is what it says -----------------------------------------------------------------


def scaled(features: Pipeline, frame: pd.DataFrame) -> Any:
    return StandardScaler().fit_transform(clone(features).fit_transform(frame))


def test_linear_models_are_scikit_learns_on_scaled_features(features: Pipeline) -> None:
    frame, truths = made()
    X = scaled(features, frame)
    for kind, task, own in (
        ("logistic_regression", "binary", LogisticRegression(C=1.0, max_iter=1000, tol=1e-8)),
        ("logistic_regression", "multiclass", LogisticRegression(C=1.0, max_iter=1000, tol=1e-8)),
        ("ridge", "regression", Ridge(alpha=1.0)),
        ("elastic_net", "regression", ElasticNet(alpha=0.01, l1_ratio=0.5)),
    ):
        model = build_estimator(small(kind), setup(task), clone(features))
        model.fit(frame, truths[task])
        expected = predicted(own.fit(X, truths[task]), X, task)
        np.testing.assert_allclose(predicted(model, frame, task), expected, atol=1e-4)


def test_an_l1_penalty_leaves_features_out(features: Pipeline) -> None:
    frame, truths = made()
    lasso = small("logistic_regression", C=0.02, l1_ratio=1.0)
    model = build_estimator(lasso, setup("binary"), features).fit(frame, truths["binary"])
    assert 0 < (model[-1].coef_ == 0).sum() < model[-1].coef_.size


def test_curves_follow_what_a_line_cannot(features: Pipeline) -> None:
    frame, _ = made()
    y = frame["a"].to_numpy() ** 2
    line, curves = (
        build_estimator(small("ridge", n_knots=knots), setup("regression"), clone(features))
        .fit(frame, y)
        .score(frame, y)
        for knots in (None, 5)
    )
    assert line < 0.1 < 0.5 < curves


def test_trees_are_scikit_learns(features: Pipeline) -> None:
    frame, truths = made()
    X = clone(features).fit_transform(frame)
    given = {k: v for k, v in SMALL["hist_gradient_boosting"].items() if k != "early_stopping"}
    boosting = HistGradientBoostingClassifier(**given, early_stopping=False, random_state=0)
    forest = RandomForestRegressor(**SMALL["random_forest"], random_state=0)
    for kind, task, own in (
        ("hist_gradient_boosting", "binary", boosting),
        ("random_forest", "regression", forest),
    ):
        model = build_estimator(small(kind), setup(task), clone(features))
        model.fit(frame, truths[task])
        expected = predicted(own.fit(X, truths[task]), X, task)
        np.testing.assert_array_equal(predicted(model, frame, task), expected)


def test_the_outer_limit_of_threads_holds_for_boosting() -> None:
    with threadpool_limits(1):
        assert _openmp_effective_n_threads() == 1


def test_a_transformed_target_is_predicted_in_its_own_unit(features: Pipeline) -> None:
    frame, truths = made()
    y = truths["regression"]
    X = scaled(features, frame)
    log = build_estimator(
        small("ridge"), setup("regression", target_transform="log1p"), clone(features)
    ).fit(frame, y)
    expected = np.expm1(Ridge(alpha=1.0).fit(X, np.log1p(y)).predict(X))
    np.testing.assert_allclose(log.predict(frame), expected)
    normal = build_estimator(
        small("hist_gradient_boosting"),
        setup("regression", target_transform="quantile"),
        clone(features),
    ).fit(frame, y)
    found = normal.predict(frame)
    assert y.min() <= found.min() < found.max() <= y.max()
    assert np.corrcoef(found, y)[0, 1] > 0.8


# --- parameters and inputs ----------------------------------------------------------------


def test_parameters_are_replaced_by_type(chosen: Params) -> None:
    candidate = chosen.train.candidates["boosting"]
    changed = with_parameters(candidate, {"max_iter": 7, "l2_regularization": 3}, "here")
    assert parameters_of(changed) == {
        **parameters_of(candidate),
        "max_iter": 7,
        "l2_regularization": 3.0,
    }
    assert type(parameters_of(changed)["l2_regularization"]) is float
    assert "estimator" not in parameters_of(changed)


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("boosting", {"max_itr": 3}, "here.max_itr: not a parameter .*did you mean 'max_iter'"),
        ("boosting", {"estimator": 3}, "here.estimator: not a parameter"),
        ("boosting", {"max_iter": 2.5}, "here.max_iter: found 2.5"),
        ("boosting", {"learning_rate": 2.0}, "here.learning_rate: found 2.0"),
        ("dummy", {"C": 1.0}, "here.C: not a parameter of dummy; possible: none"),
    ],
)
def test_parameters_that_cannot_be_are_refused(
    chosen: Params, name: str, parameters: dict[str, Any], says: str
) -> None:
    with pytest.raises(LoopwrightError, match=says):
        with_parameters(chosen.train.candidates[name], parameters, "here")


def test_inputs_are_what_predict_needs() -> None:
    frame = made()[0]
    for kind, needed in (("dummy", []), ("rule", ["a", "o"]), ("ridge", ["a", "b", "o", "c"])):
        model = fitted(kind, "regression")
        assert inputs_of(model) == needed
        np.testing.assert_array_equal(model.predict(frame[needed or ["a"]]), model.predict(frame))
        for column in needed:
            with pytest.raises(LoopwrightError, match=f"'{column}'"):
                model.predict(frame.drop(columns=column))
