"""The weighted mean, and how its weights are found."""

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import root_mean_squared_error
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stages.core.ensemble import WeightedClassifier, WeightedRegressor, choose_weights

RNG = np.random.default_rng(0)
Y = RNG.normal(size=300)


def goodness(values: np.ndarray) -> float:
    return -root_mean_squared_error(Y, values)


def test_errors_that_cancel_out_are_weighted_as_a_search_of_all_weights_does() -> None:
    noise = RNG.normal(size=(3, 300))
    predictions = {
        "much": Y + noise[0],
        "less": Y + 0.6 * noise[1],
        "bad": Y + 4 * noise[2] + 3,
    }
    weights = choose_weights(predictions, goodness, 20)
    assert "bad" not in weights
    assert sum(weights.values()) == pytest.approx(1)
    found = goodness(sum(weight * predictions[name] for name, weight in weights.items()))
    best = max(
        goodness(share * predictions["much"] + (1 - share) * predictions["less"])
        for share in np.linspace(0, 1, 201)
    )
    assert found == pytest.approx(best, abs=2e-3)
    assert found > max(goodness(values) for values in predictions.values())


def test_one_that_nothing_improves_stands_alone() -> None:
    assert choose_weights({"exact": Y, "off": Y + 1}, goodness, 10) == {"exact": 1.0}


def test_on_a_tie_the_earlier_member_is_taken() -> None:
    assert choose_weights({"a": Y + 1, "b": Y + 1}, goodness, 5) == {"a": 1.0}


def test_each_round_is_greedy() -> None:
    predictions = dict(zip("abc", Y + RNG.normal(size=(3, 300)), strict=True))
    weights = choose_weights(predictions, goodness, 2)
    first = max(predictions, key=lambda name: goodness(predictions[name]))
    second = max(
        predictions, key=lambda name: goodness((predictions[first] + predictions[name]) / 2)
    )
    assert weights == {name: 0.5 for name in "abc" if name in (first, second)}
    for pair in itertools.product("abc", repeat=2):
        if pair[0] == first:
            mean = np.mean([predictions[name] for name in pair], axis=0)
            chosen = np.mean([predictions[first], predictions[second]], axis=0)
            assert goodness(mean) <= goodness(chosen)


X = pd.DataFrame({"a": Y, "b": RNG.normal(size=300)})


def test_it_predicts_the_weighted_mean_of_its_members() -> None:
    y = np.where(X["a"] + X["b"] > 0, "yes", "no")
    members = [("line", LogisticRegression()), ("tree", DecisionTreeClassifier(max_depth=2))]
    model = WeightedClassifier(members, [0.75, 0.25]).fit(X, y)
    assert model.classes_.tolist() == ["no", "yes"]
    line, tree = (clone(member).fit(X, y).predict_proba(X) for _, member in members)
    np.testing.assert_array_equal(model.predict_proba(X), 0.75 * line + 0.25 * tree)
    assert model.score(X, y) > 0.9
    numbers = WeightedRegressor(
        [("line", LinearRegression()), ("tree", DecisionTreeRegressor(max_depth=2))], [0.5, 0.5]
    ).fit(X, Y, np.ones(300))
    expected = LinearRegression().fit(X, Y).predict(X) / 2
    expected += DecisionTreeRegressor(max_depth=2).fit(X, Y).predict(X) / 2
    np.testing.assert_allclose(numbers.predict(X), expected, atol=1e-12)


def test_members_that_are_fitted_already_are_taken_as_they_are() -> None:
    fitted = LinearRegression().fit(X, Y)
    model = WeightedRegressor([("line", clone(fitted))], [1.0]).of([fitted])
    np.testing.assert_array_equal(model.predict(X), fitted.predict(X))
    assert not hasattr(clone(model), "members_")
