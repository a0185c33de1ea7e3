"""Do the model's decisions cost no more than the best of deciding alike for all?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from stages.audit.evidence import Check, Evidence, Findings, bounded
from stages.audit.safety.rows import mean_of
from stages.core.figures import BLUE, VERMILION, figure
from stages.core.metrics import PER_DECISIONS, ClassPredictions, Predictions
from stages.core.params import AuditSafety, NumberCosts
from stages.core.statistics import paired_difference
from stages.core.targets import truth
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "safety.expected_harm",
        "Do its decisions cost no more than the best of deciding alike for all?",
        "value of 1,000 decisions over those of one and the same decision, never or always to "
        "act, one class, or the number that costs least on train; paired on the same rows",
        ">= 0",
        "a model that does worse than no model does harm",
    ),
)


def policies(e: Evidence) -> dict[str, npt.NDArray[Any]]:
    """Return the decisions that are compared, by name, each (rows,)."""
    p, n = e.predictions, len(e.test)
    known: dict[str, npt.NDArray[Any]] = {"the model": p.y_pred}
    if p.rule_decisions is not None:
        known["the rule in use"] = p.rule_decisions
    return known | {name: np.full(n, decision) for name, decision in constants(e).items()}


def constants(e: Evidence) -> dict[str, float | int]:
    """Return the ways to decide alike for all rows, by name.

    Of several classes, each of them; of a number, the quantile of train that costs least
    (Koenker and Bassett, Regression Quantiles, Econometrica 46, 1978).
    """
    p = e.predictions
    if isinstance(p, Predictions):
        return {"act on nobody": 0, "act on everybody": 1}
    if isinstance(p, ClassPredictions):
        return {f"always {label}": place for place, label in enumerate(p.classes)}
    costs = e.costs
    level = 0.5
    if isinstance(costs, NumberCosts) and costs.per_unit_over + costs.per_unit_under:
        level = costs.per_unit_under / (costs.per_unit_over + costs.per_unit_under)
    number = float(np.quantile(truth(e.train, e.target), level))
    return {f"always {number:.6g}": number}


def harm_table(e: Evidence) -> list[dict[str, Any]]:
    """Return what 1,000 decisions of each policy cost, with its interval."""
    table = []
    p = e.predictions
    for name, decisions in policies(e).items():
        measured = mean_of(e, -PER_DECISIONS * p.row_values(decisions))
        low, high = measured["interval"] or (None, None)
        acts = {"Acts on": float(decisions.mean())} if isinstance(p, Predictions) else {}
        table.append(
            {
                "Policy": name,
                **acts,
                f"Cost per 1,000, {e.costs.currency}": measured["value"],
                "Low": low,
                "High": high,
            }
        )
    return table


def expected_harm(e: Evidence, evidence: tuple[str, ...]) -> Verdict:
    """Hold the model's decisions against the best of deciding alike for all."""
    values = {
        name: PER_DECISIONS * e.predictions.row_values(decisions)
        for name, decisions in policies(e).items()
    }
    better = max(constants(e), key=lambda name: float(values[name].mean()))
    gain = paired_difference(
        values["the model"], values[better], e.draws, e.random_state, e.entities
    )
    why = (
        f"what 1,000 decisions bring more than to {better}, the best of the ways to decide "
        f"without looking, in {e.costs.currency}"
    )
    return bounded("safety.expected_harm", gain, "at_least", 0.0, evidence, why)


def draw_harm(table: Sequence[Mapping[str, Any]], currency: str) -> Figure:
    """Draw what each policy costs."""
    fig, ax = figure(7.2, 2.7)
    cost = f"Cost per 1,000, {currency}"
    for place, row in enumerate(table):
        colour = VERMILION if place == 0 else BLUE
        ax.plot((row["Low"], row["High"]), (place, place), color=colour, linewidth=2.4)
        ax.plot(row[cost], place, "o", color=colour, markersize=7)
    ax.set(
        title="What do 1,000 decisions cost? Left is better",
        xlabel=f"cost of 1,000 decisions with 95 % interval ({currency})",
        yticks=range(len(table)),
        yticklabels=[str(row["Policy"]) for row in table],
        ylim=(len(table) - 0.5, -0.5),
    )
    ax.grid(axis="y", visible=False)
    return fig


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Price the decisions, and those of deciding without looking."""
    table = harm_table(e)
    return Findings(
        [expected_harm(e, e.paths("harm"))],
        {"Cost of deciding": table},
        {"harm": draw_harm(table, e.costs.currency)},
    )
