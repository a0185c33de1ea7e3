"""The candidates: each takes the raw frame, gives probabilities, and is what it says."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
from threadpoolctl import threadpool_limits

from stages.core.errors import LoopwrightError
from stages.core.estimators import (
    ESTIMATORS,
    RuleClassifier,
    build_estimator,
    inputs_of,
    parameters_of,
    with_parameters,
)
from stages.core.params import Params, Train
from stages.core.schema import Schema
from stages.core.transformers import build_features

TARGET = "default payment next month"
CANDIDATES = ("dummy", "rule", "linear", "boosting")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Limit threads as `stages.core.stage.run` does."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def features(chosen: Params, schema: Schema) -> Pipeline:
    return build_features(chosen.featurize, schema, TARGET, "ID")


@pytest.fixture
def build(chosen: Params, features: Pipeline) -> Any:
    def made(name: str, **parameters: Any) -> Any:
        candidate = with_parameters(chosen.train.candidates[name], parameters, "test")
        return build_estimator(candidate, 0, features, chosen.charter.rule.expression)

    return made


def test_the_table_names_every_estimator_of_the_params() -> None:
    schema = Train.model_json_schema()
    mapping = schema["properties"]["candidates"]["additionalProperties"]["discriminator"]
    assert set(ESTIMATORS) == set(mapping["mapping"])


@pytest.mark.parametrize("name", CANDIDATES)
def test_each_takes_the_raw_frame_and_gives_probabilities(
    name: str, build: Any, sample: pd.DataFrame
) -> None:
    before = sample.copy()
    estimator = build(name).fit(sample[:1500], sample[TARGET][:1500].to_numpy())
    y_prob = estimator.predict_proba(sample[1500:])
    assert y_prob.shape == (500, 2)
    np.testing.assert_allclose(y_prob.sum(axis=1), 1)
    assert ((y_prob >= 0) & (y_prob <= 1)).all()
    np.testing.assert_array_equal(estimator.classes_, [0, 1])
    pd.testing.assert_frame_equal(sample, before)


@pytest.mark.parametrize("name", CANDIDATES)
def test_one_row_is_predicted_as_in_the_batch(name: str, build: Any, sample: pd.DataFrame) -> None:
    estimator = build(name).fit(sample[:1500], sample[TARGET][:1500].to_numpy())
    batch = estimator.predict_proba(sample[1500:])[:20, 1]
    rows = [estimator.predict_proba(sample[i : i + 1])[0, 1] for i in range(1500, 1520)]
    if name == "linear":
        # A dot product of one row and of many are summed in different orders.
        np.testing.assert_allclose(rows, batch, rtol=0, atol=1e-14)
    else:
        np.testing.assert_array_equal(rows, batch)


@pytest.mark.parametrize("name", CANDIDATES)
def test_predictions_do_not_know_what_is_excluded(
    name: str, build: Any, sample: pd.DataFrame
) -> None:
    estimator = build(name).fit(sample[:1500], sample[TARGET][:1500].to_numpy())
    rest = sample[1500:]
    turned = rest.copy()
    blind = ["SEX", "AGE", "EDUCATION", "MARRIAGE", "ID", TARGET]
    turned[blind] = turned[blind].sample(frac=1, random_state=0).to_numpy()
    assert not turned["SEX"].equals(rest["SEX"])
    np.testing.assert_array_equal(estimator.predict_proba(turned), estimator.predict_proba(rest))


def test_the_dummy_is_the_share_of_train(build: Any, sample: pd.DataFrame) -> None:
    estimator = build("dummy").fit(sample, sample[TARGET].to_numpy())
    assert set(estimator.predict_proba(sample)[:, 1]) == {sample[TARGET].mean()}


def test_logistic_regression_is_scikit_learns_on_scaled_features(
    build: Any, features: Pipeline, sample: pd.DataFrame
) -> None:
    y = sample[TARGET].to_numpy()
    estimator = build("linear", C=0.5).fit(sample, y)
    X = StandardScaler().fit_transform(clone(features).fit_transform(sample).to_numpy())
    expected = LogisticRegression(C=0.5, max_iter=1000).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(estimator.predict_proba(sample), expected, atol=1e-9)


def test_boosting_is_scikit_learns_without_early_stopping(
    build: Any, features: Pipeline, sample: pd.DataFrame
) -> None:
    y = sample[TARGET].to_numpy()
    parameters = {"max_iter": 20, "learning_rate": 0.1, "max_leaf_nodes": 5, "min_samples_leaf": 30}
    estimator = build("boosting", **parameters, l2_regularization=2.0).fit(sample, y)
    assert estimator[-1].n_iter_ == 20
    own = HistGradientBoostingClassifier(**parameters, l2_regularization=2.0, early_stopping=False)
    X = clone(features).fit_transform(sample)
    np.testing.assert_array_equal(estimator.predict_proba(sample), own.fit(X, y).predict_proba(X))


def test_the_outer_limit_of_threads_holds_for_boosting() -> None:
    with threadpool_limits(1):
        assert _openmp_effective_n_threads() == 1


def test_an_estimator_can_be_cloned_and_fitted_again(build: Any, sample: pd.DataFrame) -> None:
    y = sample[TARGET].to_numpy()
    first = build("boosting", max_iter=5).fit(sample, y)
    again = clone(first)
    assert not hasattr(again[-1], "classes_")
    np.testing.assert_array_equal(
        again.fit(sample, y).predict_proba(sample), first.predict_proba(sample)
    )


# --- the rule ---------------------------------------------------------------------------


def test_the_rule_predicts_what_it_says_with_the_rates_of_train(sample: pd.DataFrame) -> None:
    y = sample[TARGET].to_numpy()
    estimator = RuleClassifier("PAY_0 >= 2 and LIMIT_BAL < 200000").fit(sample, y)
    held = ((sample["PAY_0"] >= 2) & (sample["LIMIT_BAL"] < 200000)).to_numpy()
    assert 0 < held.sum() < len(held)
    np.testing.assert_array_equal(estimator.predict(sample), held.astype(int))
    expected = np.where(held, y[held].mean(), y[~held].mean())
    np.testing.assert_array_equal(estimator.predict_proba(sample)[:, 1], expected)


def test_the_rule_predicts_the_classes_that_it_was_given(sample: pd.DataFrame) -> None:
    y = np.where(sample[TARGET] == 1, "yes", "no")
    estimator = RuleClassifier("PAY_0 >= 2").fit(sample, y)
    assert estimator.classes_.tolist() == ["no", "yes"]
    assert set(estimator.predict(sample)) == {"no", "yes"}
    assert estimator.score(sample, y) > 0.7


def test_a_side_without_rows_has_the_rate_of_all(sample: pd.DataFrame) -> None:
    y = sample[TARGET].to_numpy()
    estimator = RuleClassifier("PAY_0 >= 100").fit(sample, y)
    assert estimator.rates_.tolist() == [y.mean(), y.mean()]


def test_the_rule_needs_two_classes(sample: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="two classes were expected, not 1"):
        RuleClassifier("PAY_0 >= 2").fit(sample, np.zeros(len(sample)))


def test_a_rule_that_does_not_parse_is_one_clear_error(sample: pd.DataFrame) -> None:
    with pytest.raises(LoopwrightError, match=r"charter.rule.expression: .*at character 7"):
        RuleClassifier("PAY_0 => 2").fit(sample, sample[TARGET])
    with pytest.raises(LoopwrightError, match="no column 'PAY_1'; did you mean 'PAY_"):
        RuleClassifier("PAY_1 > 2").fit(sample, sample[TARGET])


# --- parameters and inputs --------------------------------------------------------------


def test_parameters_are_replaced_by_type(chosen: Params) -> None:
    candidate = chosen.train.candidates["boosting"]
    changed = with_parameters(candidate, {"max_iter": 7, "l2_regularization": 3}, "here")
    assert parameters_of(changed) == {
        **parameters_of(candidate),
        "max_iter": 7,
        "l2_regularization": 3.0,
    }
    assert type(changed.l2_regularization) is float
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


def test_inputs_are_what_predict_needs(build: Any, chosen: Params, sample: pd.DataFrame) -> None:
    y = sample[TARGET].to_numpy()
    assert inputs_of(build("dummy")) == []
    assert inputs_of(build("rule")) == ["PAY_0"]
    for name in ("dummy", "rule", "linear", "boosting"):
        estimator = build(name).fit(sample, y)
        needed = inputs_of(estimator)
        np.testing.assert_array_equal(
            estimator.predict_proba(sample[needed]), estimator.predict_proba(sample)
        )
        for column in needed:
            with pytest.raises(LoopwrightError, match=f"'{column}'"):
                estimator.predict_proba(sample.drop(columns=column))
