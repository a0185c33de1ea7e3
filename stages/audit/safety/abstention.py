"""What would it bring to leave the rows that the model is least sure of to a person?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from stages.audit.evidence import Check, Evidence, Findings, bounded
from stages.core.figures import BLUE, figure
from stages.core.metrics import PER_DECISIONS, NumberPredictions, Predictions
from stages.core.params import AuditSafety
from stages.core.statistics import Floats, bootstrap, estimate, ratio
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "safety.abstention",
        "Does it know what it does not know?",
        "share of right decisions among the half of test of which it is surer, less that in the "
        "other half",
        ">= 0",
        "only a model that is surer where it is right can leave the rest to a person: El-Yaniv "
        "and Wiener, JMLR 11 (2010)",
    ),
)

# Shares of the rows that are answered, most certain first.
ANSWERED = tuple(share / 20 for share in range(20, 1, -1))


def certainty(e: Evidence) -> Floats | None:
    """Return the probability that each decision is right, (rows,); None for a number."""
    p = e.predictions
    if isinstance(p, NumberPredictions):
        return None
    if isinstance(p, Predictions):
        return np.where(p.y_pred == 1, p.y_prob, 1 - p.y_prob)
    given: Floats = np.take_along_axis(p.y_prob, p.y_pred[:, None], axis=1)[:, 0]
    return given


def knows(e: Evidence, sure: Floats, right: Floats, evidence: tuple[str, ...]) -> Verdict:
    """Hold the surer half of the decisions against the other."""
    order = np.argsort(-sure, kind="stable")
    upper = np.zeros(len(sure))
    upper[order[: len(order) // 2]] = 1

    def gain(weights: Any) -> Floats:
        first = ratio(weights @ (right * upper), weights @ upper)
        return first - ratio(weights @ (right * (1 - upper)), weights @ (1 - upper))

    value = float(gain(np.ones((1, len(sure))))[0])
    drawn = bootstrap(gain, len(sure), e.draws, e.random_state, e.entities)
    why = (
        "share of right decisions among the half of the rows of which the model is surer, less "
        "that in the other half"
    )
    return bounded("safety.abstention", estimate(value, drawn), "at_least", 0.0, evidence, why)


def curve(e: Evidence, sure: Floats, right: Floats) -> list[dict[str, Any]]:
    """Return what decisions are worth where only the surest are made, one row a share."""
    order = np.argsort(-sure, kind="stable")
    values = PER_DECISIONS * e.predictions.row_values()
    table = []
    for share in ANSWERED:
        kept = order[: max(round(share * len(order)), 1)]
        table.append(
            {
                "Answered": share,
                "Least sure of": float(sure[kept[-1]]),
                "Right decisions": float(right[kept].mean()),
                f"Value per 1,000 answered, {e.costs.currency}": float(values[kept].mean()),
            }
        )
    return table


def draw_curve(table: Sequence[Mapping[str, Any]], currency: str) -> Figure:
    """Draw right decisions and value against the share of rows that are answered."""
    fig, (right, worth) = figure(7.2, 3.2, ncols=2)
    answered = [100 * row["Answered"] for row in table]
    right.plot(answered, [100 * row["Right decisions"] for row in table], "o-", color=BLUE)
    value = f"Value per 1,000 answered, {currency}"
    worth.plot(answered, [row[value] for row in table], "o-", color=BLUE)
    right.set(title="Right decisions", ylabel="share of those answered (%)")
    worth.set(title="Value", ylabel=f"per 1,000 answered ({currency})")
    for ax in (right, worth):
        ax.set(xlabel="rows that the model answers (%),\nthe others are left to a person")
    return fig


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Leave more and more rows to a person, those first of which the model is least sure."""
    sure = certainty(e)
    p = e.predictions
    if sure is None or isinstance(p, NumberPredictions):
        why = "a predicted number does not say how sure it is"
        none = Verdict("safety.abstention", "not_applicable", None, None, None, e.paths(), why)
        return Findings([none])
    table = curve(e, sure, p.row_right)
    return Findings(
        [knows(e, sure, p.row_right, e.paths("abstention"))],
        {"Left to a person": table},
        {"abstention": draw_curve(table, e.costs.currency)},
    )
