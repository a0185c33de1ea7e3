from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stages.core.metrics import (
    METRICS,
    Predictions,
    best_thresholds,
    cost_threshold,
    measure_all,
    row_value,
)
from stages.core.params import Costs, ReturnOnInvestment
from stages.core.sample import Sample
from stages.core.statistics import UNDEFINED, bootstrap_weights
from stages.core.worth import compare_decisions, return_on_investment, search_threshold

COSTS = Costs(
    currency="EUR",
    true_positive=10.0,
    false_positive=-3.0,
    true_negative=0.0,
    false_negative=-5.0,
    source="test",
)
PLAN = ReturnOnInvestment(
    decisions_per_year=50_000,
    build_cost=100_000.0,
    run_cost_per_year=20_000.0,
    horizon_years=2.0,
)


def case(n: int, distort: float = 1.0, seed: int = 0) -> tuple[Predictions, Sample]:
    """Probabilities that are right, or that are raised to a power and so are not."""
    rng = np.random.default_rng(seed)
    truth = rng.beta(1, 3, size=n)
    y_true = (rng.random(n) < truth).astype(np.int64)
    y_prob = truth**distort
    decided = (y_prob >= cost_threshold(COSTS)).astype(np.int64)
    p = Predictions(y_true, y_prob, decided, COSTS, rng.integers(0, 2, n))
    return p, Sample(pd.DataFrame(index=range(n)), y_true, None)


def test_who_decides_is_compared_on_the_same_draws() -> None:
    p, rows = case(400)
    assert p.rule_decisions is not None
    others = {"rule": p.rule_decisions, "never": 0 * p.y_pred, "always": 0 * p.y_pred + 1}
    found = compare_decisions(p, others, 300, rows)
    assert list(found) == ["model", "rule", "never", "always"]
    measured = measure_all(p, 300, 0)
    assert found["model"].value == pytest.approx(measured["expected_value"].value)
    assert found["model"].samples == pytest.approx(measured["expected_value"].samples)
    over_rule = found["model"] - found["rule"]
    assert over_rule.samples == pytest.approx(measured["value_over_rule"].samples)
    positives = p.y_true.mean()
    assert found["never"].value == pytest.approx(1000 * -5 * positives)
    assert found["always"].value == pytest.approx(1000 * (10 * positives - 3 * (1 - positives)))


def test_a_row_of_twice_the_weight_counts_as_two_rows() -> None:
    p, rows = case(200)
    twice = np.where(np.arange(200) < 50, 2.0, 1.0)
    weighted = replace(p, sample_weight=twice)
    places = np.repeat(np.arange(200), twice.astype(int))
    repeated = Predictions(p.y_true[places], p.y_prob[places], p.y_pred[places], COSTS)
    others = {"always": np.ones(200, dtype=np.int64)}
    many = {"always": np.ones(250, dtype=np.int64)}
    longer = Sample(pd.DataFrame(index=range(250)), repeated.y_true, None)
    found = compare_decisions(weighted, others, 100, rows)
    expected = compare_decisions(repeated, many, 100, longer)
    for name in ("model", "always"):
        assert found[name].value == pytest.approx(expected[name].value)
    searched = search_threshold(weighted, COSTS, 100, rows)["expected_value"]["value"]
    assert searched == pytest.approx(
        search_threshold(repeated, COSTS, 100, longer)["expected_value"]["value"]
    )


def test_search_gains_nothing_on_other_rows_where_probabilities_are_right() -> None:
    p, rows = case(1500)
    found = search_threshold(p, COSTS, 300, rows)
    in_use = METRICS["expected_value"].compute(p, np.ones((1, 1500)))[0]
    # On the rows of its search it looks better: that is the trap.
    assert found["expected_value"]["value"] >= in_use
    assert found["gain"]["interval"] is not None
    assert found["gain"]["interval"][0] < 0
    low, high = found["threshold"]["interval"]
    assert low <= cost_threshold(COSTS) <= high


def test_search_gains_on_other_rows_where_probabilities_are_wrong() -> None:
    p, rows = case(3000, distort=4.0)
    found = search_threshold(p, COSTS, 300, rows)
    assert found["gain"]["interval"] is not None
    assert found["gain"]["interval"][0] > 0
    assert found["threshold"]["value"] == pytest.approx(cost_threshold(COSTS) ** 4, abs=0.02)


def test_gain_of_search_by_brute_force() -> None:
    p, rows = case(80)
    found = search_threshold(p, COSTS, 100, rows)
    gains = []
    for chunk in bootstrap_weights(80, 100, np.random.default_rng(0)):
        for weights in chunk:
            searched = best_thresholds(p, weights[None, :])[0]
            others = weights == 0
            decided = (p.y_prob >= searched).astype(np.int64)
            gain = row_value(p.y_true, decided, COSTS) - row_value(p.y_true, p.y_pred, COSTS)
            gains.append(1000 * gain[others].mean())
    assert found["gain"]["value"] == pytest.approx(np.median(gains))
    assert found["gain"]["interval"] == pytest.approx(np.quantile(gains, [0.025, 0.975]))


def test_return_on_investment_by_hand() -> None:
    found = return_on_investment({"value": 2000.0, "interval": (1000.0, 3000.0)}, PLAN)
    assert found["value_per_year"] == {"value": 100_000, "interval": (50_000, 150_000)}
    assert found["net_per_year"] == {"value": 80_000, "interval": (30_000, 130_000)}
    # 2 x 80,000 less 100,000, on 140,000 spent.
    assert found["return"]["value"] == pytest.approx(60_000 / 140_000)
    assert found["return"]["interval"] == pytest.approx((-40_000 / 140_000, 160_000 / 140_000))
    # More value pays back sooner: the ends change sides.
    assert found["payback_years"]["value"] == pytest.approx(1.25)
    assert found["payback_years"]["interval"] == pytest.approx((100 / 130, 100 / 30))


def test_a_model_that_earns_less_than_it_costs_never_pays_back() -> None:
    found = return_on_investment({"value": 500.0, "interval": (300.0, 3000.0)}, PLAN)
    assert found["payback_years"]["value"] == pytest.approx(100 / 5)
    assert found["payback_years"]["interval"] == (pytest.approx(100 / 130), None)
    never = return_on_investment({"value": 100.0, "interval": (50.0, 300.0)}, PLAN)
    assert never["payback_years"] == {"value": None, "interval": None}
    assert never["return"]["value"] < 0


def test_return_without_costs_or_without_a_gain_is_undefined() -> None:
    free = PLAN.model_copy(update={"build_cost": 0.0, "run_cost_per_year": 0.0})
    found = return_on_investment({"value": 1.0, "interval": (0.5, 2.0)}, free)
    assert found["return"] == {"value": None, "interval": None}
    assert found["payback_years"]["value"] == 0
    nothing = return_on_investment(UNDEFINED, PLAN)
    assert set(nothing) == set(found)
    assert all(estimate == UNDEFINED for estimate in nothing.values())
