"""Audit of fairness: does the model treat groups of people alike?

Names and definitions are fairlearn's. What is computed here for all bootstrap draws at
once equals fairlearn's numbers on the rows as they are.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from stages.audit.evidence import Check, Evidence, Findings, conduct
from stages.audit.fairness.flips import attribute_flip
from stages.audit.fairness.mitigation import (
    draw_mitigation,
    mitigation,
    mitigation_table,
    set_table,
)
from stages.audit.fairness.numbers import (
    compare_numbers,
    draw_numbers,
    mean_error_difference,
    number_table,
)
from stages.audit.fairness.proxies import proxy
from stages.core.errors import LoopwrightError
from stages.core.fairness import Comparison, Grouping, judge
from stages.core.metrics import NumberPredictions
from stages.core.params import AuditFairness, read_params
from stages.core.verdicts import Verdict

# The disparities that a mitigation is for.
TREATED = (
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equalized_odds_difference",
    "mean_error_difference",
)

CHECKS = (
    Check(
        "fairness.group_size",
        "Is every group large enough to be judged?",
        "rows of the smallest group in test, by sensitive feature",
        "audit.fairness.min_group_size",
        "what the team takes for the least; smaller groups are named and left out below",
    ),
    Check(
        "fairness.demographic_parity_difference",
        "Are all groups acted on equally often?",
        "greatest less smallest selection rate over the groups of a sensitive feature",
        "audit.fairness.max_demographic_parity_difference",
        "what the team accepts",
    ),
    Check(
        "fairness.demographic_parity_ratio",
        "Is no group acted on much less often than another?",
        "smallest selection rate by the greatest over the groups of a sensitive feature",
        "audit.fairness.min_demographic_parity_ratio",
        "the four-fifths rule: US Uniform Guidelines on Employee Selection, 29 CFR 1607.4 D",
    ),
    Check(
        "fairness.equalized_odds_difference",
        "Are errors spread equally over the groups?",
        "the greater of the differences of true and of false positive rates over the groups",
        "audit.fairness.max_equalized_odds_difference",
        "what the team accepts; Hardt, Price and Srebro, NeurIPS 2016",
    ),
    Check(
        "fairness.error_rate_difference",
        "Is the decision wrong equally often for all groups?",
        "greatest less smallest share of wrong decisions over the groups of a sensitive feature",
        "audit.fairness.max_error_rate_difference",
        "what the team accepts",
    ),
    Check(
        "fairness.calibration_error",
        "Is the probability right for every group?",
        "largest distance of mean probability from share of positives over the groups",
        "audit.fairness.max_group_calibration_error",
        "calibration within groups: Kleinberg, Mullainathan and Raghavan, ITCS 2017; what the "
        "team accepts",
    ),
    Check(
        "fairness.mean_error_difference",
        "Is a predicted number too high for one group and too low for another?",
        "greatest less smallest mean error (prediction less truth) over the groups, in standard "
        "deviations of the target in train",
        "audit.fairness.max_mean_error_difference",
        "what the team accepts",
    ),
    Check(
        "fairness.intersections",
        "Do two features together hide a group that each alone does not show?",
        "the measures above over all pairs of sensitive features; the worst pair",
        "the bounds of these measures",
        "Kearns and others, Preventing Fairness Gerrymandering, ICML 2018",
    ),
    Check(
        "fairness.proxy",
        "Can the model's inputs tell the group, though it is left out?",
        "ROC AUC of a small cross-validated model from the inputs to each group; the highest",
        "audit.fairness.max_proxy_roc_auc",
        "what the team accepts",
    ),
    Check(
        "fairness.attribute_flip",
        "Does a decision turn when only the group changes?",
        "share of test decisions that turn when the feature takes another group's value",
        "= 0",
        "a model that does not read a feature cannot turn; one that reads it is told",
    ),
    Check(
        "fairness.mitigation",
        "What could be done about it, and what would it cost?",
        "disparities and value per 1,000 decisions of test, with what is set by group on "
        "validation (thresholds, of classes offsets, of a number shifts), and with a model fitted "
        "on reweighed train",
        "none: it is offered, and never done",
        "Hardt, Price and Srebro, NeurIPS 2016; Kamiran and Calders, Knowledge and Information "
        "Systems 33 (2012)",
    ),
)


def examine(e: Evidence, bounds: AuditFairness) -> Findings:
    """Answer every check of the pillar.

    Raises:
        LoopwrightError: a sensitive feature is not a column of the table, or a number of
            years lies outside of the age bands.
    """
    found = Findings()
    if not e.sensitive_features:
        why = "the charter declares no sensitive features"
        found.verdicts = [
            Verdict(check.id, "not_applicable", None, None, None, e.paths(), why)
            for check in CHECKS
        ]
        return found
    for name in e.sensitive_features:
        if name not in e.test:
            raise LoopwrightError(f"charter.sensitive_features: the table has no column '{name}'")
    groupings = [e.grouping(name, bounds.age_bands) for name in e.sensitive_features]
    titles = {name: e.title(name) for name in e.sensitive_features}
    # A number comes without a probability that could be right or wrong.
    prob = not isinstance(e.predictions, NumberPredictions)
    judged = judge(groupings, e.sides, e.how, bounds, titles, e.paths, prob=prob)
    found.verdicts = [
        *judged.verdicts,
        *(proxy(grouping, e, bounds, e.paths()) for grouping in groupings),
        *(attribute_flip(grouping, e, e.paths()) for grouping in groupings),
    ]
    found.tables, found.figures = judged.tables, judged.figures
    _add_numbers(found, groupings, e, bounds)
    _add_mitigation(found, judged.compared, e, bounds)
    return found


def _add_mitigation(
    found: Findings, compared: Sequence[Comparison], e: Evidence, bounds: AuditFairness
) -> None:
    """Add what could be done about the disparities of each feature."""
    offers = []
    for c in compared:
        ids = {f"fairness.{name}:{c.grouping.name}" for name in TREATED}
        on_it = [verdict for verdict in found.verdicts if verdict.id in ids]
        verdict, offered = mitigation(c, on_it, e, bounds)
        found.verdicts.append(verdict)
        offers += [offered] if offered else []
    if offers:
        found.tables["Mitigation"] = mitigation_table(offers, e)
        found.tables["Set by group"] = set_table(offers)
        found.figures["mitigation"] = draw_mitigation(offers, e)


def _add_numbers(
    found: Findings, groupings: Sequence[Grouping], e: Evidence, bounds: AuditFairness
) -> None:
    """Add what is asked of a predicted number alone; of others say that it is not asked."""
    if not isinstance(e.predictions, NumberPredictions):
        why = "an outcome has no size that could be missed; see calibration_error"
        check = "fairness.mean_error_difference"
        found.verdicts.append(Verdict(check, "not_applicable", None, None, None, e.paths(), why))
        return
    why = "a number comes without a probability; see mean_error_difference"
    check = "fairness.calibration_error"
    found.verdicts.append(Verdict(check, "not_applicable", None, None, None, e.paths(), why))
    compared = [compare_numbers(g, e, bounds.min_group_size) for g in groupings]
    found.verdicts += [
        mean_error_difference(c, bounds, e.how, e.paths("mean_error")) for c in compared
    ]
    found.tables["Numbers by group"] = number_table(compared)
    found.figures["mean_error"] = draw_numbers(compared, e)


def main(
    *,
    params: Path,
    schema: Path,
    lock: Path,
    train: Path,
    validation: Path,
    test: Path,
    model: Path,
    model_manifest: Path,
    evaluation: Path,
    verdicts: Path,
    figures: Path,
    files: Path,
) -> None:
    """Audit the fairness of `model` on `test`; write `verdicts`, `figures` and `files`."""
    chosen = read_params(params)
    conduct(
        CHECKS,
        partial(examine, bounds=chosen.audit.fairness),
        params=params,
        schema=schema,
        lock=lock,
        train=train,
        validation=validation,
        test=test,
        model=model,
        model_manifest=model_manifest,
        evaluation=evaluation,
        verdicts=verdicts,
        figures=figures,
        files=files,
    )
