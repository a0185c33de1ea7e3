"""LightGBM and CatBoost: what the libraries say, in files that are the same each time."""

import builtins
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from catboost import CatBoost, Pool  # type: ignore[import-untyped]  # it has none
from scipy.special import softmax
from sklearn.metrics import log_loss, root_mean_squared_error

from stages.core.boosters import (
    CHANCE,
    CatBoostClassifier,
    CatBoostRegressor,
    LightGBMClassifier,
    LightGBMRegressor,
)
from stages.core.errors import LoopwrightError
from stages.core.models import as_bytes

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(600, 3)), columns=["a", "b", "[odd] {name}"])
NUMBER = (X["a"] + X["b"] ** 2 + RNG.normal(0, 0.3, 600)).to_numpy()
TWO = np.where(NUMBER > 1, "yes", "no")
THREE = np.array(["low", "mid", "top"])[np.digitize(NUMBER, [0.3, 1.5])]

LIGHT: dict[str, Any] = {
    "learning_rate": 0.1,
    "n_estimators": 20,
    "num_leaves": 7,
    "min_child_samples": 5,
    "reg_lambda": 1.0,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "directions": {},
    "random_state": 3,
}
CAT: dict[str, Any] = {
    "learning_rate": 0.2,
    "iterations": 15,
    "depth": 3,
    "l2_leaf_reg": 2.0,
    "directions": {},
    "random_state": 3,
}


def test_lightgbm_predicts_what_its_own_interface_does() -> None:
    own = {k: v for k, v in LIGHT.items() if k != "directions"}
    own |= {"subsample_freq": 1, "n_jobs": 1, "verbosity": -1, "deterministic": True}
    own["force_row_wise"] = True
    values = X.to_numpy()
    for y in (TWO, THREE):
        theirs = lightgbm.LGBMClassifier(**own).fit(values, y)
        ours = LightGBMClassifier(**LIGHT).fit(X, y)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(values), atol=1e-12)
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(values))
    theirs = lightgbm.LGBMRegressor(**own).fit(values, NUMBER)
    ours = LightGBMRegressor(**LIGHT).fit(X, NUMBER)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(values), atol=1e-12)


def test_catboost_predicts_what_its_own_interface_does() -> None:
    own = {k: v for k, v in CAT.items() if k not in ("directions", "random_state")}
    own |= {"random_seed": 3, "thread_count": 1, "verbose": False, "allow_writing_files": False}
    for y, loss in ((TWO, "Logloss"), (THREE, "MultiClass")):
        classes, codes = np.unique(y, return_inverse=True)
        theirs = CatBoost(own | {"loss_function": loss}).fit(Pool(X.to_numpy(), codes))
        ours = CatBoostClassifier(**CAT).fit(X, y)
        found = theirs.predict(X.to_numpy(), prediction_type="Probability")
        np.testing.assert_allclose(ours.predict_proba(X), found, atol=1e-12)
        assert ours.classes_.tolist() == classes.tolist()
    theirs = CatBoost(own | {"loss_function": "RMSE"}).fit(Pool(X.to_numpy(), NUMBER))
    ours = CatBoostRegressor(**CAT).fit(X, NUMBER)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X.to_numpy()), atol=1e-12)


@pytest.mark.parametrize("model", [LightGBMClassifier(**LIGHT), CatBoostClassifier(**CAT)])
def test_the_last_stage_is_the_prediction(model: Any) -> None:
    for y in (TWO, THREE):
        model.fit(X, y)
        stages = list(model.staged_predict_proba(X))
        assert len(stages) == model.n_iter_
        np.testing.assert_allclose(stages[-1], model.predict_proba(X), atol=1e-12)
        losses = [log_loss(y, stage) for stage in stages]
        assert losses[0] > losses[len(losses) // 2] > losses[-1]


@pytest.mark.parametrize("model", [LightGBMRegressor(**LIGHT), CatBoostRegressor(**CAT)])
def test_a_number_has_stages_too(model: Any) -> None:
    model.fit(X, NUMBER)
    stages = list(model.staged_predict(X))
    np.testing.assert_allclose(stages[-1], model.predict(X), atol=1e-12)
    errors = [root_mean_squared_error(NUMBER, stage) for stage in stages]
    assert errors[0] > errors[-1]


def test_catboost_leaves_no_trace_of_time_or_chance() -> None:
    one, other = (CatBoostClassifier(**CAT).fit(X, TWO) for _ in range(2))
    assert one.model_ == other.model_
    assert not set(CHANCE) & set(one.library.get_metadata().keys())
    # The library does write them: otherwise this test could not fail.
    plain = CatBoost({"iterations": 1, "verbose": False, "allow_writing_files": False})
    assert set(CHANCE) <= set(plain.fit(Pool(X.to_numpy(), NUMBER)).get_metadata().keys())


@pytest.mark.parametrize("model", [LightGBMClassifier(**LIGHT), CatBoostClassifier(**CAT)])
def test_what_the_library_holds_in_memory_is_not_in_the_file(model: Any) -> None:
    before = as_bytes(model.fit(X, TWO))
    model.predict_proba(X)
    assert as_bytes(model) == before
    model.set_params(learning_rate=0.01).fit(X, TWO)
    fresh = type(model)(**model.get_params()).fit(X, TWO)
    np.testing.assert_array_equal(model.predict_proba(X), fresh.predict_proba(X))


@pytest.mark.parametrize(
    ("model", "key"),
    [
        (LightGBMClassifier(**LIGHT), "n_estimators"),
        (LightGBMRegressor(**LIGHT), "n_estimators"),
        (CatBoostClassifier(**CAT), "iterations"),
        (CatBoostRegressor(**CAT), "iterations"),
    ],
)
def test_the_best_number_of_iterations_is_that_of_the_held_rows(model: Any, key: str) -> None:
    several = hasattr(model, "predict_proba")
    y: Any = TWO if several else NUMBER
    model.set_params(**{key: 200}, learning_rate=0.3)
    held = (X[400:], y[400:], None)
    found = model.best_iterations(X[:400], y[:400], None, held, 25)
    model.fit(X[:400], y[:400])
    if several:
        losses = [log_loss(y[400:], stage) for stage in model.staged_predict_proba(X[400:])]
    else:
        losses = [root_mean_squared_error(y[400:], s) for s in model.staged_predict(X[400:])]
    first = losses[: found + 25]
    assert int(np.argmin(first)) + 1 == found < 200


@pytest.mark.parametrize(
    ("kind", "library"), [(LightGBMRegressor, "lightgbm"), (CatBoostRegressor, "catboost")]
)
def test_without_the_library_it_says_how_to_get_it(
    kind: Any, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == library:
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    settings = LIGHT if library == "lightgbm" else CAT
    with pytest.raises(LoopwrightError, match=rf"{library}.*an extra.*make lock EXTRAS"):
        kind(**settings).fit(X, NUMBER)


def test_probabilities_of_several_classes_are_those_of_the_margin() -> None:
    model = LightGBMClassifier(**LIGHT).fit(X, THREE)
    margin = model.library.predict(X.to_numpy(), raw_score=True)
    np.testing.assert_allclose(model.predict_proba(X), softmax(margin, axis=1), atol=1e-12)
