"""What decisions are worth: of a model, of its alternatives, and over the years."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.core.metrics import (
    PER_DECISIONS,
    AnyPredictions,
    Predictions,
    best_thresholds,
    row_value,
)
from stages.core.params import Costs, ReturnOnInvestment
from stages.core.sample import Sample
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


def compare_decisions(
    p: AnyPredictions, others: Mapping[str, npt.NDArray[Any]], draws: int, rows: Sample
) -> dict[str, Drawn]:
    """Return what 1,000 decisions bring, by who decides: the model, and each of `others`.

    All see the same draws, so any two are paired.

    Args:
        p: what the model decides for `rows`, with costs.
        others: decisions by who makes them, each of shape (n,).
        draws: the number of bootstrap draws.
        rows: the rows of `p`.
    """
    decisions: dict[str, Any] = {"model": p.y_pred, **others}
    gains = PER_DECISIONS * np.stack(
        [p.row_values(decided) for decided in decisions.values()], axis=1
    )
    own = np.ones(len(p)) if p.sample_weight is None else p.sample_weight
    drawn = bootstrap(
        lambda w: weighted_mean(gains, w * own), len(p), draws, rows.seed, rows.groups
    )
    means = weighted_mean(gains, own[None, :])[0]
    return {name: Drawn(float(means[i]), drawn[:, i]) for i, name in enumerate(decisions)}


def search_threshold(p: Predictions, costs: Costs, draws: int, rows: Sample) -> dict[str, Estimate]:
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
        PER_DECISIONS * row_value(p.y_true, decided, costs)
        for decided in (p.y_pred, np.ones_like(p.y_true), np.zeros_like(p.y_true))
    )
    own = np.ones(len(p)) if p.sample_weight is None else p.sample_weight
    best = float(best_thresholds(p, own[None, :])[0])
    of_best = np.where(p.y_prob >= best, act, let_be)

    def statistic(weights: Weights) -> Floats:
        searched = best_thresholds(p, weights * own)
        gain = np.where(p.y_prob >= searched[:, None], act, let_be) - in_use
        left_out = (weights == 0) * own
        on_others = ratio((gain * left_out).sum(axis=1), left_out.sum(axis=1))
        return np.stack([searched, weighted_mean(of_best, weights * own), on_others], axis=1)

    drawn = bootstrap(statistic, len(p), draws, rows.seed, rows.groups)
    in_all = float(np.average(of_best, weights=own))
    values = (best, in_all, float(np.median(drawn[:, 2])))
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
