"""What features are worth: the losses against a fit by hand, and what one column explains."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import log_loss, r2_score

from stages.core.params import Params
from stages.core.schema import Schema
from stages.core.transformers import build_features, coded
from stages.featurize.measure import Rows, belongs, measure, sampled, skill

TARGET, KEY = "default payment next month", "ID"


@pytest.fixture(scope="module")
def features(chosen: Params, schema: Schema) -> Any:
    return build_features(chosen.featurize, schema, TARGET, KEY)


@pytest.fixture
def rows(sample: pd.DataFrame) -> Rows:
    return Rows(sample, sample[TARGET].to_numpy())


HALVES = [(np.arange(0, 1000), np.arange(1000, 1600)), (np.arange(600, 2000), np.arange(0, 600))]


def test_the_losses_are_those_of_models_fitted_by_hand(features: Any, rows: Rows) -> None:
    found = measure(features, ["utilisation", "paid_share"], rows, HALVES, "binary")
    assert found.held.tolist() == [*range(1000, 1600), *range(600)]
    assert found.with_each.shape == (1200, 2)
    fitting, scored = HALVES[0]
    made = clone(features[:3]).fit(rows.frame.iloc[fitting], rows.y[fitting])
    X, X_new = (made.transform(rows.frame.iloc[places]) for places in (fitting, scored))
    columns = ["utilisation", "paid_share", "missingindicator_paid_share"]
    # The other created features count as inputs here: they were not asked about.
    inputs = [name for name in X if name not in columns]
    for place, more in enumerate((columns[:1], columns[1:])):
        model = HistGradientBoostingClassifier(
            max_iter=50, max_leaf_nodes=8, early_stopping=False, random_state=0
        )
        own = [name for name in X if name in {*inputs, *more}]
        seen, new = coded(X[own].to_numpy(), X_new[own].to_numpy())
        chances = model.fit(seen, rows.y[fitting]).predict_proba(new)
        expected = log_loss(rows.y[scored], chances)
        assert found.with_each[:600, place].mean() == pytest.approx(expected, rel=1e-12)


def test_without_inputs_there_is_the_constant(chosen: Params, schema: Schema, rows: Rows) -> None:
    every = [name for name in schema.columns if name not in (TARGET, KEY)]
    made = [
        *chosen.featurize.create,
        *(name for name in every if name not in chosen.featurize.exclude),
    ]
    features = build_features(chosen.featurize, schema, TARGET, KEY)
    found = measure(features, made, rows, HALVES[:1], "binary")
    share = rows.y[:1000].mean()
    expected = log_loss(rows.y[1000:1600], np.full(600, share))
    assert found.without.mean() == pytest.approx(expected)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_every_task_has_its_loss(task: Any, features: Any, rows: Rows) -> None:
    amount = rows.frame["BILL_AMT1"].to_numpy(dtype=float)
    y = amount if task == "regression" else np.array(["no", "some", "much"], dtype=object)[
        np.digitize(amount, [1, 50_000])
    ]  # fmt: skip
    if task == "multiclass":
        y[1000] = "never seen in the fit"
    found = measure(features, ["utilisation"], Rows(rows.frame, y), HALVES[:1], task)
    assert np.isfinite(found.with_all).all()
    if task == "regression":
        made = clone(features[:3]).fit(rows.frame[:1000], y[:1000])
        parts = (
            made.transform(part).to_numpy() for part in (rows.frame[:1000], rows.frame[1000:1600])
        )
        X, X_new = coded(*parts)
        model = HistGradientBoostingRegressor(
            max_iter=50, max_leaf_nodes=8, early_stopping=False, random_state=0
        ).fit(X, y[:1000])
        np.testing.assert_allclose(found.with_all, (y[1000:1600] - model.predict(X_new)) ** 2)
        assert found.skill["BILL_AMT1"] > 0.9
    else:
        assert found.without[0] > 30


def test_weights_change_what_is_learnt(features: Any, rows: Rows) -> None:
    weight = np.where(rows.y == 1, 10.0, 1.0)
    weighted = Rows(rows.frame, rows.y, weight)
    plain, heavy = (measure(features, [], part, HALVES[:1], "binary") for part in (rows, weighted))
    positive = rows.y[1000:1600] == 1
    assert heavy.with_all[positive].mean() < plain.with_all[positive].mean()
    np.testing.assert_array_equal(weighted.part(np.array([0, 5])).weight, weight[[0, 5]])


def test_a_column_explains_what_it_tells() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 4000)
    X = pd.DataFrame(
        {
            "same": y + 0.0,
            "turned": 5.0 - y,
            "nearly": np.where(rng.random(4000) < 0.01, 1 - y, y),
            "noise": rng.normal(size=4000),
            "gap": np.where(y == 1, np.nan, rng.normal(size=4000)),
            "flat": 1.0,
        }
    )
    found = skill(X[:2000], X[2000:], y[:2000], y[2000:], "binary")
    assert min(found["same"], found["turned"], found["gap"]) > 0.99
    assert 0.85 < found["nearly"] < 0.97
    assert abs(found["noise"]) < 0.05
    assert found["flat"] == pytest.approx(0, abs=1e-3)
    number = 100 * rng.random(4000)
    X = pd.DataFrame({"same": number, "half": number + rng.normal(0, 28.9, 4000)})
    found = skill(X[:2000], X[2000:], number[:2000], number[2000:], "regression")
    assert found["same"] > 0.99
    assert found["half"] == pytest.approx(0.5, abs=0.05)
    prior = np.full(2000, number[:2000].mean())
    assert r2_score(number[2000:], prior) == pytest.approx(0, abs=0.01)
    classes = np.array(["a", "b", "c"], dtype=object)[np.digitize(number, [20, 60])]
    found = skill(X[:2000], X[2000:], classes[:2000], classes[2000:], "multiclass")
    assert found["same"] > 0.95
    assert 0.1 < found["half"] < 0.5
    one = np.array(["a"] * 4000, dtype=object)
    assert set(skill(X[:9], X[9:], one[:9], one[9:], "multiclass").values()) == {0.0}


def test_a_sample_of_rows_is_drawn_by_the_seed() -> None:
    assert sampled(10, 10, 0).tolist() == list(range(10))
    first, again, other = sampled(1000, 50, 0), sampled(1000, 50, 0), sampled(1000, 50, 1)
    np.testing.assert_array_equal(first, again)
    assert len(set(first.tolist())) == 50
    assert (np.diff(first) > 0).all()
    assert first.tolist() != other.tolist()


def test_a_column_belongs_to_its_feature_alone() -> None:
    assert belongs("rate", "rate")
    assert belongs("rate=low", "rate")
    assert belongs("missingindicator_rate", "rate")
    assert not belongs("rate_of_pay", "rate")
    assert not belongs("rate", "rate_of_pay")


def test_codes_keep_the_order_and_the_gaps_and_cost_the_trees_nothing(rows: Rows) -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=3000), rng.integers(0, 4, 3000), np.full(3000, 7.0)])
    X[::9, 0] = np.nan
    codes, new = coded(X[:2000], X[2000:])
    assert np.array_equal(np.isnan(codes[:, 0]), np.isnan(X[:2000, 0]))
    order = np.argsort(X[2000:, 0], kind="stable")
    assert (np.diff(new[order, 0][: (~np.isnan(new[:, 0])).sum()]) >= 0).all()
    assert [len(np.unique(column[~np.isnan(column)])) for column in codes.T] == [255, 4, 1]
    y = np.nan_to_num(X[:, 0]) ** 2 + X[:, 1]
    model = HistGradientBoostingRegressor(max_iter=50, random_state=0)
    told = model.fit(codes, y[:2000]).predict(new)
    usual = model.fit(X[:2000], y[:2000]).predict(X[2000:])
    assert r2_score(y[2000:], told) == pytest.approx(r2_score(y[2000:], usual), abs=0.01)
