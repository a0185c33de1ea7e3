"""Membership inference by shadow models: the strongest attack that is known.

The attacker fits models of the same kind on halves of like rows and learns how the answer
to each row differs between models that have seen it and those that have not: what is hard
for all is no sign of anything, what only members get right is (Carlini and others, IEEE S&P
2022, with one variance for all rows, for a few models tell no variance row by row).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from sklearn.base import clone

from stages.audit.evidence import Check, Evidence, Findings, bounded, spread
from stages.audit.privacy_security.membership import TPR_AT_FPR
from stages.core.figures import INK, VERMILION, figure
from stages.core.fitting import fit
from stages.core.metrics import METRICS, Predictions, measure_all
from stages.core.params import AuditPrivacySecurity
from stages.core.scoring import predicted
from stages.core.statistics import Floats
from stages.core.targets import truth, weights_of
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "privacy_security.shadow_auc",
        "Can one who fits models like it tell who was in train?",
        "ROC AUC of the likelihood ratio attack with audit.privacy_security.shadow_models "
        "models, fitted on halves of the rows; runs at audit.level: deep",
        "audit.privacy_security.max_membership_auc",
        "Shokri and others, IEEE S&P 2017; 0.5 is chance; what the team accepts",
    ),
    Check(
        "privacy_security.shadow_tpr",
        "Can they tell it of a few with near certainty?",
        "members found by the same attack at one false alarm in a hundred; runs at "
        "audit.level: deep",
        "audit.privacy_security.max_membership_tpr",
        "Carlini and others, IEEE S&P 2022; 0.01 is chance; what the team accepts",
    ),
)

# A probability closer to 0 or 1 than this is taken for it: its logit would be endless.
CLOSEST = 1e-6


def confidence(e: Evidence, y: npt.NDArray[Any], answers: Floats) -> Floats:
    """Return one number a row that a normal curve fits, shape (rows,).

    The logit of the probability that was given to what happened; of a number the error.
    """
    if e.task == "regression":
        return np.asarray((answers - y) / e.spread_of_target)
    if e.task == "binary":
        given = np.where(y == 1, answers, 1 - answers)
    else:
        places = pd.Index(e.classes).get_indexer(pd.Index(y))
        given = np.where(places < 0, 0.0, answers[np.arange(len(y)), places])
    given = np.clip(given, CLOSEST, 1 - CLOSEST)
    return np.asarray(np.log(given / (1 - given)))


def shadow_answers(e: Evidence, model: Any, rows: pd.DataFrame) -> Floats:
    """Return what a shadow model says, its classes in the order of the audited model's."""
    answers = predicted(model, rows, e.task)
    if e.task != "multiclass":
        return answers
    aligned = np.zeros((len(rows), len(e.classes)))
    for place, label in enumerate(map(str, model.classes_)):
        if label in e.classes:
            aligned[:, e.classes.index(label)] = answers[:, place]
    return aligned


def likelihood_ratio(seen: Floats, shadows: Floats, inside: npt.NDArray[np.bool_]) -> Floats:
    """Return how much likelier each row's confidence is of a member, as a logarithm, (rows,).

    Args:
        seen: what the audited model shows, shape (rows,).
        shadows: what each shadow model shows, shape (models, rows).
        inside: which rows each was fitted on, shape (models, rows).
    """
    ratio = np.zeros(len(seen))
    for sign, part in ((1, inside), (-1, ~inside)):
        count = part.sum(axis=0)
        mean = np.where(part, shadows, 0).sum(axis=0) / count
        rest = np.where(part, (shadows - mean) ** 2, 0).sum()
        # The mean of a few models is itself uncertain by a part of the variance.
        variance = max(rest / max((count - 1).sum(), 1), 1e-12) * (1 + 1 / count)
        ratio += sign * (-((seen - mean) ** 2) / (2 * variance) - np.log(variance) / 2)
    return ratio


def attack(e: Evidence, models: int) -> Predictions:
    """Return the attack as predictions of who is a member: as many members as others.

    Raises:
        TypeError: the model cannot be fitted anew.
    """
    pool = pd.concat([e.train, e.test], ignore_index=True)
    rows, y = pool.drop(columns=e.target.column), truth(pool, e.target)
    weight = weights_of(pool, e.weight)
    members = spread(len(e.train), len(e.test))
    others = len(e.train) + spread(len(e.test), len(e.train))
    judged = np.concatenate([members, others])
    shadows, inside = [], []
    for pair in range(models // 2):
        dealt = np.random.default_rng([e.random_state, pair]).permutation(len(pool))
        for half in (dealt[: len(pool) // 2], dealt[len(pool) // 2 :]):
            part = np.sort(half)
            shadow = fit(
                clone(e.model),
                rows.iloc[part].reset_index(drop=True),
                y[part],
                None if weight is None else weight[part],
            )
            answers = shadow_answers(e, shadow, rows.iloc[judged])
            shadows.append(confidence(e, y[judged], answers))
            inside.append(np.isin(judged, part))
    seen = confidence(e, y[judged], e.ask(rows.iloc[judged]))
    ratio = likelihood_ratio(seen, np.array(shadows), np.array(inside))
    is_member = (judged < len(e.train)).astype(np.int64)
    return Predictions(is_member, 1 / (1 + np.exp(-np.clip(ratio, -30, 30))), is_member)


def draw_attack(attacked: Predictions) -> Figure:
    """Draw the members that are found by the share of false alarms, both on log scales."""
    fig, ax = figure(5.2, 4.6)
    order = np.argsort(-attacked.y_prob, kind="stable")
    member = attacked.y_true[order]
    found = np.cumsum(member) / max(member.sum(), 1)
    alarms = np.cumsum(1 - member) / max((1 - member).sum(), 1)
    ax.plot([1e-3, 1], [1e-3, 1], color=INK, linestyle=":", label="by chance")
    ax.plot(alarms, found, color=VERMILION, linewidth=2, label="the attack")
    ax.set(
        title="Can shadow models tell who was in train?",
        xlabel="false alarms (share of new rows)",
        ylabel="members found (share of rows of train)",
        xscale="log",
        yscale="log",
        xlim=(1e-3, 1),
        ylim=(1e-3, 1),
    )
    ax.legend(loc="lower right")
    return fig


def examine(e: Evidence, bounds: AuditPrivacySecurity) -> Findings:
    """Fit shadow models and attack with them."""
    why = "runs at audit.level: deep"
    if e.level == "deep":
        try:
            attacked = attack(e, bounds.shadow_models)
        except TypeError as fault:
            why = f"the model cannot be fitted anew: {fault}"
        else:
            return _judged(e, bounds, attacked)
    return Findings(
        [Verdict(c.id, "not_applicable", None, None, None, e.paths(), why) for c in CHECKS]
    )


def _judged(e: Evidence, bounds: AuditPrivacySecurity, attacked: Predictions) -> Findings:
    drawn = measure_all(attacked, e.draws, e.random_state, metrics=[METRICS["roc_auc"], TPR_AT_FPR])
    told = f"by {bounds.shadow_models} models fitted on halves of the rows"
    shown = e.paths("shadows")
    asked = (
        ("roc_auc", bounds.max_membership_auc, f"how well members are told {told} (0.5 is chance)"),
        (
            TPR_AT_FPR.name,
            bounds.max_membership_tpr,
            f"share of members told {told} at one false alarm in a hundred (0.01 is chance)",
        ),
    )
    return Findings(
        [
            bounded(check.id, drawn[name].estimate(), "at_most", bound, shown, why)
            for check, (name, bound, why) in zip(CHECKS, asked, strict=True)
        ],
        figures={"shadows": draw_attack(attacked)},
    )
