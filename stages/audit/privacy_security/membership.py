"""Membership inference: does the model's answer betray who was in train?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from stages.audit.evidence import Check, Evidence, Findings, bounded, spread
from stages.core.figures import BLUE, VERMILION, figure
from stages.core.metrics import METRICS, Metric, Predictions, cumulated, decided, measure_all
from stages.core.params import AuditPrivacySecurity
from stages.core.statistics import Floats, ratio
from stages.core.targets import truth
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "privacy_security.membership_auc",
        "Can one tell from the model's answer that a person was in train?",
        "ROC AUC of the attack by loss: the better the answer, the rather a member",
        "audit.privacy_security.max_membership_auc",
        "Yeom and others, IEEE CSF 2018; 0.5 is chance; what the team accepts",
    ),
    Check(
        "privacy_security.membership_tpr",
        "Can one tell it of a few with near certainty?",
        "members found by the same attack at one false alarm in a hundred",
        "audit.privacy_security.max_membership_tpr",
        "Carlini and others, IEEE S&P 2022; 0.01 is chance; what the team accepts",
    ),
)


FALSE_ALARMS = 0.01


def tpr_at_fpr(p: Predictions, weights: npt.NDArray[Any]) -> Floats:
    """Return the true positive rate while at most one negative in a hundred is taken, (d,)."""
    true, false = cumulated(p, weights)
    within = false <= FALSE_ALARMS * false[:, -1:]
    # Along the scores both only grow, so the last that is within is the greatest.
    taken = np.where(within, true, 0).max(axis=1)
    return ratio(taken, true[:, -1])


TPR_AT_FPR = Metric(
    "tpr_at_fpr",
    "True positive rate at 1 % false positives",
    "higher",
    0,
    1,
    frozenset({"binary"}),
    "score",
    tpr_at_fpr,
)


@dataclass(frozen=True)
class Membership:
    """What an attacker sees of as many members as others.

    Attributes:
        member: the probability that the model gave to what happened, train rows; of a
            number how near the prediction was, from 0 to 1.
        other: the same of test rows.
    """

    member: Floats
    other: Floats

    @property
    def attack(self) -> Predictions:
        """The attack by loss, as predictions of who is a member."""
        is_member = np.repeat([1, 0], [len(self.member), len(self.other)]).astype(np.int64)
        given = np.concatenate([self.member, self.other])
        return Predictions(is_member, given, is_member)


def answers(e: Evidence) -> Membership:
    """Let the model answer for as many train rows as there are test rows."""
    seen = e.train.iloc[spread(len(e.train), len(e.test))]
    given = e.ask(seen.drop(columns=e.target.column))
    of_seen = decided(truth(seen, e.target), given, e.costs, classes=e.classes)
    # Of a number: 1 where it was told exactly, the less the further off.
    scale = e.spread_of_target**2
    return Membership(np.exp(-of_seen.row_loss / scale), np.exp(-e.predictions.row_loss / scale))


def inference(
    m: Membership,
    draws: int,
    random_state: int,
    bounds: AuditPrivacySecurity,
    evidence: tuple[str, ...],
) -> list[Verdict]:
    """Hold the attack's success against its bounds."""
    measured = measure_all(m.attack, draws, random_state, metrics=[METRICS["roc_auc"], TPR_AT_FPR])
    return [
        bounded(
            "privacy_security.membership_auc",
            measured["roc_auc"].estimate(),
            "at_most",
            bounds.max_membership_auc,
            evidence,
            "how well the quality of an answer tells rows of train from others (0.5 is chance)",
        ),
        bounded(
            "privacy_security.membership_tpr",
            measured[TPR_AT_FPR.name].estimate(),
            "at_most",
            bounds.max_membership_tpr,
            evidence,
            "share of train rows that are told at one false alarm in a hundred (0.01 is chance)",
        ),
    ]


def draw_membership(m: Membership) -> Figure:
    """Draw how sure the model was of what happened, for train and for test rows."""
    fig, ax = figure(7.2, 3.6)
    edges = np.linspace(0, 1, 41)
    lines = ((m.member, VERMILION, "rows of train"), (m.other, BLUE, "new rows"))
    for given, colour, label in lines:
        shares = np.histogram(given, edges)[0] / max(len(given), 1)
        ax.stairs(100 * shares, edges, color=colour, linewidth=1.8, label=label)
    ax.set(
        title="Does the model betray who was in its training data?",
        xlabel="probability that the model gave to what then happened\n"
        "the closer the two lines, the less an outsider can tell",
        ylabel="share of the rows (%)",
        xlim=(0, 1),
    )
    ax.legend(loc="upper left")
    return fig


def examine(e: Evidence, bounds: AuditPrivacySecurity) -> Findings:
    """Attack the model by the loss of each row."""
    seen = answers(e)
    return Findings(
        inference(seen, e.draws, e.random_state, bounds, e.paths("membership")),
        figures={"membership": draw_membership(seen)},
    )
