"""Audit of transparency: can a person see what the model looks at, and why it decided so?"""

from functools import partial
from pathlib import Path

import pandas as pd

from stages.audit.evidence import Check, Evidence, Findings, conduct
from stages.audit.transparency.counterfactuals import (
    counterfactual_table,
    draw_counterfactuals,
    look_for,
)
from stages.audit.transparency.dependence import curves, draw_curves
from stages.audit.transparency.documentation import documented
from stages.audit.transparency.importance import (
    draw_importance,
    importance_table,
    permutation_importance,
    stable,
)
from stages.audit.transparency.reasons import (
    add_up,
    draw_reasons,
    draw_shapley,
    explain,
    reason_table,
    shapley_table,
    stable_reasons,
)
from stages.audit.transparency.sources import source_table
from stages.audit.transparency.surrogate import fit_surrogate, retold, surrogate_table
from stages.core.params import AuditTransparency, read_params
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "transparency.documented",
        "Does schema.yaml say what each input means?",
        "inputs without a title, a number without its unit, a code without its label",
        "= 0",
        "a reason that nobody can read is none",
    ),
    Check(
        "transparency.importance",
        "Is it clear which inputs matter, whatever the seed?",
        "rank correlation of the inputs' permutation importance between repeats, the mean of "
        "all pairs; the interval holds the least and the greatest pair",
        "audit.transparency.min_rank_correlation",
        "what the team accepts",
    ),
    Check(
        "transparency.surrogate",
        "Can a few questions retell the model?",
        "1 - R2, on test, of a tree of five questions fitted on train to the model's answer",
        "audit.transparency.max_surrogate_gap",
        "what the team accepts; Craven and Shavlik, NeurIPS 1995",
    ),
    Check(
        "transparency.reasons",
        "Do the reasons given for a decision add up to it?",
        "largest distance, over the explained test rows, between the answer and the background's "
        "mean with the Shapley values of all inputs",
        "<= 0.000001",
        "the efficiency of Shapley values: nothing is left unexplained",
    ),
    Check(
        "transparency.stable_reasons",
        "Are the reasons the same, whatever the seed?",
        "rank correlation of the inputs' mean absolute Shapley values between seeds, the mean of "
        "all pairs; the interval holds the least and the greatest pair",
        "audit.transparency.min_rank_correlation",
        "what the team accepts",
    ),
    Check(
        "transparency.counterfactuals",
        "Is every counterfactual that is given true?",
        "counterfactuals that, asked anew, do not turn the decision, change an input that "
        "charter.mutable does not name or against its direction, take a value that train never "
        "had, or change too many inputs",
        "= 0",
        "Wachter and others, Harvard JOLT 31 (2018): a person is told what would have helped",
    ),
    Check(
        "transparency.recourse",
        "Can those who are acted on do something about it?",
        "share of the explained test rows with a counterfactual",
        "audit.transparency.min_recourse; below it a warning",
        "what the team accepts; Ustun and others, FAT* 2019",
    ),
)


def examine(e: Evidence, bounds: AuditTransparency) -> Findings:
    """Answer every check of the pillar."""
    found = Findings()
    inputs = [name for name in e.inputs if name in e.rows]
    table = pd.concat([e.train, e.test], ignore_index=True)
    found.verdicts = [documented(e.inputs, e.schema, table, e.paths())]
    if not inputs:
        why = "the model reads no input"
        found.verdicts += [
            Verdict(check.id, "not_applicable", None, None, None, e.paths(), why)
            for check in CHECKS[1:]
        ]
        return found
    importance = permutation_importance(e, inputs, bounds.permutation_repeats)
    first = importance.order[: bounds.top_features]
    surrogate = fit_surrogate(e, inputs)
    explained = explain(e, inputs)
    along = [curves(e, name) for name in first]
    titles = [e.title(name) for name in first]
    least = bounds.min_rank_correlation
    found.verdicts += [
        stable(importance, titles, least, e.paths("importance")),
        retold(e, surrogate, bounds.max_surrogate_gap, e.paths()),
        add_up(e, explained, e.paths("reasons")),
        stable_reasons(explained, least, e.paths("shapley_values")),
    ]
    found.tables = {
        "Importance": importance_table(e, importance),
        "What each input adds": shapley_table(e, explained),
        "Reasons": reason_table(e, explained),
        "The model in five questions": surrogate_table(e, surrogate),
    }
    found.figures = {
        "importance": draw_importance(e, importance, 2 * bounds.top_features),
        "shapley_values": draw_shapley(e, explained, 2 * bounds.top_features),
        "reasons": draw_reasons(e, explained, bounds.top_features),
        "partial_dependence": draw_curves(e, along, centred=False),
        "centred_curves": draw_curves(e, along, centred=True),
    }
    found.tables["From a prediction to its sources"] = source_table(e)
    counterfactuals, answers = look_for(e, inputs, bounds)
    found.verdicts += answers
    if counterfactuals is not None:
        table_of = counterfactual_table(e, counterfactuals)
        found.tables["What would have turned the decision"] = table_of
        found.figures["counterfactuals"] = draw_counterfactuals(e, counterfactuals)
    return found


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
    """Audit the transparency of `model` on `test`; write `verdicts`, `figures` and `files`."""
    chosen = read_params(params)
    conduct(
        CHECKS,
        partial(examine, bounds=chosen.audit.transparency),
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
