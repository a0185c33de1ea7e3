"""The rule as a model: it predicts what it says, with the shares of train."""

import numpy as np
import pandas as pd
import pytest

from stages.core.baselines import RuleClassifier, RuleRegressor
from stages.core.errors import LoopwrightError

TARGET = "default payment next month"


# --- a condition --------------------------------------------------------------------------


def test_a_condition_predicts_what_it_says_with_the_rates_of_train(sample: pd.DataFrame) -> None:
    y = sample[TARGET].to_numpy()
    estimator = RuleClassifier("PAY_0 >= 2 and LIMIT_BAL < 200000").fit(sample, y)
    held = ((sample["PAY_0"] >= 2) & (sample["LIMIT_BAL"] < 200000)).to_numpy()
    assert 0 < held.sum() < len(held)
    np.testing.assert_array_equal(estimator.predict(sample), held.astype(int))
    expected = np.where(held, y[held].mean(), y[~held].mean())
    np.testing.assert_allclose(estimator.predict_proba(sample)[:, 1], expected, rtol=1e-12)


def test_it_predicts_the_classes_that_it_was_given(sample: pd.DataFrame) -> None:
    y = np.where(sample[TARGET] == 1, "yes", "no")
    estimator = RuleClassifier("PAY_0 >= 2").fit(sample, y)
    assert estimator.classes_.tolist() == ["no", "yes"]
    assert set(estimator.predict(sample)) == {"no", "yes"}
    assert estimator.score(sample, y) > 0.7


def test_a_side_without_rows_has_the_rate_of_all(sample: pd.DataFrame) -> None:
    y = sample[TARGET].to_numpy()
    estimator = RuleClassifier("PAY_0 >= 100").fit(sample, y)
    assert estimator.rates_[:, 1].tolist() == [y.mean()] * 3


def test_a_condition_needs_two_classes(sample: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="two classes were expected, not 1"):
        RuleClassifier("PAY_0 >= 2").fit(sample, np.zeros(len(sample)))


def test_a_rule_that_does_not_parse_is_one_clear_error(sample: pd.DataFrame) -> None:
    with pytest.raises(LoopwrightError, match=r"charter.rule.expression: .*at character 7"):
        RuleClassifier("PAY_0 => 2").fit(sample, sample[TARGET])
    with pytest.raises(LoopwrightError, match="no column 'PAY_1'; did you mean 'PAY_"):
        RuleClassifier("PAY_1 > 2").fit(sample, sample[TARGET])


# --- a class and a number -----------------------------------------------------------------

FRAME = pd.DataFrame({"x": [1.0, 1.0, 1.0, 5.0, 5.0, np.nan], "z": [0.0, 1, 2, 3, 4, 5]})
Y = np.array(["a", "a", "b", "b", "c", "c"], dtype=object)
EXPRESSION = "'d' if z == 2 else 'b' if x > 3 else 'a'"


def test_a_class_has_the_shares_of_the_rows_for_which_the_rule_says_it() -> None:
    model = RuleClassifier(EXPRESSION, "multiclass").fit(FRAME, Y)
    assert model.classes_.tolist() == ["a", "b", "c"]
    # Two rows of `a` (the first two), one of a class that train does not have, two of `b`,
    # and one whose x is missing, which is not above 3.
    assert model.rates_.tolist() == [[2 / 3, 0, 1 / 3], [0, 0.5, 0.5], [1 / 3] * 3, [1 / 3] * 3]
    # Where it says a class that nobody has seen, the most frequent stands in.
    assert model.predict(FRAME).tolist() == ["a", "a", "a", "b", "b", "a"]
    np.testing.assert_allclose(model.predict_proba(FRAME)[2], [1 / 3] * 3)


def test_weights_count() -> None:
    weight = np.array([1.0, 1, 1, 3, 1, 0])
    model = RuleClassifier(EXPRESSION, "multiclass").fit(FRAME, Y, weight)
    assert model.rates_.tolist()[1] == [0, 0.75, 0.25]
    assert RuleRegressor("x").fit(FRAME, [0.0, 0, 0, 1, 0, 9], weight).mean_ == 3 / 7


def test_a_number_is_what_the_rule_gives_or_the_mean_of_train() -> None:
    model = RuleRegressor("2 * x + 1").fit(FRAME, np.arange(6.0))
    assert model.predict(FRAME).tolist() == [3, 3, 3, 11, 11, 2.5]
    with pytest.raises(LoopwrightError, match="no column 'y'"):
        RuleRegressor("y + 1").fit(FRAME, np.arange(6.0))
