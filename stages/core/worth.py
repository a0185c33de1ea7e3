"""What decisions are worth: of a model, of its alternatives, and over the years."""

from typing import Any

import numpy as np
import numpy.typing as npt

from stages.core.learning_curve import Rows
from stages.core.metrics import (
    PER_DECISIONS,
    Predictions,
    best_thresholds,
    row_value,
)
from stages.core.params import Costs, ReturnOnInvestment
from stages.core.statistics import (
    UNDEFINED,
    Drawn,
    Estimate,
    Floats,
    Weights,
    bootstrap,
    estimate,
    ratio,
    weighted_mean,
)

Ints = npt.NDArray[np.int64]


def compare_decisions(p: Predictions, costs: Costs, draws: int, rows: Rows) -> dict[str, Drawn]:
    """Return what 1,000 decisions bring, by who decides.

    `model` and `rule` decide by the row; `never` and `always` act alike for all. All see
    the same draws, so any two are paired.

    Raises:
        ValueError: `p` holds no decisions of the rule.
    """
    if p.rule_decisions is None:
        raise ValueError("decisions of the rule are needed")
    decisions = {
        "model": p.y_pred,
        "rule": p.rule_decisions,
        "never": np.zeros_like(p.y_true),
        "always": np.ones_like(p.y_true),
    }
    gains = np.stack([_gains(p, decided, costs) for decided in decisions.values()], axis=1)
    drawn = bootstrap(lambda w: weighted_mean(gains, w), len(p), draws, rows.seed, rows.groups)
    means = gains.mean(axis=0)
    return {name: Drawn(float(means[i]), drawn[:, i]) for i, name in enumerate(decisions)}


def _gains(p: Predictions, decisions: Ints, costs: Costs) -> Floats:
    return PER_DECISIONS * row_value(p.y_true, decisions, costs)


def search_threshold(p: Predictions, costs: Costs, draws: int, rows: Rows) -> dict[str, Estimate]:
    """Return the threshold that brings most on these rows, and what it would bring on others.

    Args:
        p: the model's probabilities, and its decisions by the threshold in use.
        costs: what decisions bring.
        draws: the number of bootstrap draws.
        rows: the rows of `p`.

    Returns:
        threshold, whose interval shows how much it is chance; expected_value on these
        rows, where it looks better than it is; and gain over the threshold in use on
        other rows: searched on the rows of a draw, measured on those that were not drawn
        (Efron, Estimating the Error Rate of a Prediction Rule, JASA 1983).
    """
    in_use, act, let_be = (
        _gains(p, decided, costs)
        for decided in (p.y_pred, np.ones_like(p.y_true), np.zeros_like(p.y_true))
    )
    best = float(best_thresholds(p, np.ones((1, len(p)), dtype=np.int64))[0])
    of_best = np.where(p.y_prob >= best, act, let_be)

    def statistic(weights: Weights) -> Floats:
        searched = best_thresholds(p, weights)
        gain = np.where(p.y_prob >= searched[:, None], act, let_be) - in_use
        left_out = weights == 0
        on_others = ratio((gain * left_out).sum(axis=1), left_out.sum(axis=1))
        return np.stack([searched, weighted_mean(of_best, weights), on_others], axis=1)

    drawn = bootstrap(statistic, len(p), draws, rows.seed, rows.groups)
    values = (best, float(of_best.mean()), float(np.median(drawn[:, 2])))
    return {
        name: estimate(value, drawn[:, i])
        for i, (name, value) in enumerate(
            zip(("threshold", "expected_value", "gain"), values, strict=True)
        )
    }


def return_on_investment(gain: Estimate, plan: ReturnOnInvestment) -> dict[str, Any]:
    """Return what the model earns over its alternative, by year and over the horizon.

    Args:
        gain: per 1,000 decisions, in the charter's currency.
        plan: the decisions per year, and what building and running costs.

    Returns:
        value_per_year, before running costs; net_per_year, after them; return, the net
        over the horizon less the build, as a share of all costs; payback_years, None
        where it never pays back. Each is an estimate: every one of them rises or falls
        with the gain alone, so the ends of its interval are theirs.
    """
    years = plan.horizon_years
    spent = plan.build_cost + plan.run_cost_per_year * years

    def worth(value: float) -> dict[str, float | None]:
        per_year = value / PER_DECISIONS * plan.decisions_per_year
        net = per_year - plan.run_cost_per_year
        return {
            "value_per_year": per_year,
            "net_per_year": net,
            "return": (net * years - plan.build_cost) / spent if spent else None,
            "payback_years": plan.build_cost / net if net > 0 else None,
        }

    if gain["value"] is None or gain["interval"] is None:
        return dict.fromkeys(worth(0.0), UNDEFINED)
    value, low, high = (worth(amount) for amount in (gain["value"], *gain["interval"]))
    low["payback_years"], high["payback_years"] = high["payback_years"], low["payback_years"]
    return {
        name: {
            "value": value[name],
            "interval": None if low[name] is high[name] is None else (low[name], high[name]),
        }
        for name in value
    }
