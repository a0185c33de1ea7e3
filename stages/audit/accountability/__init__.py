"""Audit of accountability: who answers for the model, and does the evidence belong to it?"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from stages.audit.accountability import register
from stages.audit.accountability.words import is_written
from stages.audit.evidence import Check, Evidence, Findings, conduct, counted, holds, listed
from stages.core.figures import BLACK, BLUE, GREEN, INK, MUTED, ORANGE, VERMILION, figure, wrap
from stages.core.params import AnyCosts, AuditAccountability, Criterion, Owners, Scope, read_params
from stages.core.schema import Schema
from stages.core.verdicts import Status, Verdict, worst

CHECKS = (
    Check(
        "accountability.owners",
        "Does somebody answer for each part?",
        "roles without an owner",
        "= 0",
        "EU AI Act, article 26 (2): persons are assigned the oversight",
    ),
    Check(
        "accountability.charter",
        "Is it written what the model is for, what it costs and what it promises?",
        "parts of the charter without words: scope, source of the costs, reasons of the criteria",
        "= 0",
        "Mitchell and others, Model Cards, FAccT 2019: intended use, metrics and their reasons",
    ),
    Check(
        "accountability.risks",
        "Is it written what could go wrong, and does somebody see to it?",
        "risks without an owner, without evidence, or neither due nor accepted",
        "= 0",
        "NIST AI RMF 1.0, MAP 5.1 and MANAGE 1.3; EU AI Act, article 9 (2)",
    ),
    Check(
        "accountability.model_bytes",
        "Is this the model that was trained?",
        "sha256 of the model file",
        "= the manifest's sha256",
        "an answer about other bytes answers nothing",
    ),
    Check(
        "accountability.model_size",
        "Has the model a size that can be reviewed, moved and rolled back?",
        "bytes of the model file",
        "audit.accountability.max_model_size",
        "what the team accepts",
    ),
    Check(
        "accountability.training_rows",
        "Was it trained on the train split that is here?",
        "rows that the manifest counts, less the rows of train",
        "= 0",
        "lineage: the manifest is written by the stage that trained",
    ),
    Check(
        "accountability.inputs",
        "Are all its inputs known, and none of them the answer?",
        "inputs that schema.yaml does not declare, and those that are the target or the key",
        "= 0",
        "lineage: from the table to the decision",
    ),
    Check(
        "accountability.sealed_test",
        "Is the test split really unseen?",
        "keys that stand both in train and in test",
        "= 0",
        "a row that was learned from cannot judge",
    ),
    Check(
        "accountability.evaluation",
        "Is the evaluation about this model?",
        "sha256 of the model in evaluation.json",
        "= the manifest's sha256",
        "an evaluation of another model answers nothing",
    ),
    Check(
        "accountability.threshold",
        "Is the threshold recorded, and does it decide?",
        "share of test rows that are acted on at the recorded threshold",
        "> 0 and < 1",
        "a threshold that treats all alike decides nothing",
    ),
)

# --- the charter --------------------------------------------------------------------------


def owners(roles: Owners, evidence: tuple[str, ...]) -> Verdict:
    """Look for roles that nobody has."""
    vacant = [role for role, owner in roles.model_dump().items() if not is_written(owner)]
    return _none("accountability.owners", vacant, evidence, "every role has an owner", "nobody is")


def charter(
    scope: Scope, costs: AnyCosts, criteria: Sequence[Criterion], evidence: tuple[str, ...]
) -> Verdict:
    """Look for parts of the charter that say nothing."""
    parts: dict[str, Iterable[str]] = {
        "scope.inside": scope.inside,
        "scope.outside": scope.outside,
        "costs.source": [costs.source],
        "success_criteria": [criterion.why for criterion in criteria],
    }
    silent = [
        f"charter.{name}"
        for name, texts in parts.items()
        if not list(texts) or not all(map(is_written, texts))
    ]
    return _none(
        "accountability.charter",
        silent,
        evidence,
        "scope, the source of the costs and the reasons of the criteria are written",
        "still to be written:",
    )


def _none(
    check: str, found: Sequence[str], evidence: tuple[str, ...], good: str, bad: str
) -> Verdict:
    return counted(check, len(found), evidence, f"{bad} {listed(found)}" if found else good)


# --- lineage ------------------------------------------------------------------------------


def model_bytes(model: bytes, manifest: Mapping[str, Any], evidence: tuple[str, ...]) -> Verdict:
    """Hold the model file's bytes against the manifest's sha256."""
    found = hashlib.sha256(model).hexdigest()
    return _bound("accountability.model_bytes", found, manifest, "the model file", evidence)


def evaluation(
    evaluated: Mapping[str, Any], manifest: Mapping[str, Any], evidence: tuple[str, ...]
) -> Verdict:
    """Hold the sha256 in the evaluation against the manifest's."""
    check, found = "accountability.evaluation", evaluated.get("model_sha256")
    if not isinstance(found, str):
        why = "the evaluation does not say (model_sha256) which model it is about"
        return Verdict(check, "fail", None, None, "= the manifest's sha256", evidence, why)
    return _bound(check, found, manifest, "the evaluation", evidence)


def _bound(
    check: str, found: str, manifest: Mapping[str, Any], what: str, evidence: tuple[str, ...]
) -> Verdict:
    expected = str(manifest.get("sha256"))
    same = found == expected
    why = f"{what} belongs to {'the' if same else 'another'} model than the manifest's"
    if same:
        why = f"{what} belongs to the model of the manifest"
    return Verdict(check, holds(same), found[:12], None, f"= {expected[:12]}", evidence, why)


def model_size(size: int, max_model_size: int, evidence: tuple[str, ...]) -> Verdict:
    """Hold the model file's size against its bound."""
    return Verdict(
        "accountability.model_size",
        holds(size <= max_model_size),
        size,
        None,
        f"<= {max_model_size}",
        evidence,
        f"the model file has {size:,} bytes",
    )


def training_rows(manifest: Mapping[str, Any], rows: int, evidence: tuple[str, ...]) -> Verdict:
    """Hold the manifest's count of rows against the train split."""
    check, trained = "accountability.training_rows", manifest.get("rows")
    if not isinstance(trained, int):
        why = "the manifest does not say on how many rows the model was trained"
        return Verdict(check, "fail", None, None, "= 0", evidence, why)
    why = f"the model was trained on {trained:,} rows, and train has {rows:,}"
    return counted(check, trained - rows, evidence, why)


def inputs(
    names: Sequence[str] | None,
    schema: Schema,
    target: str,
    key: str | None,
    evidence: tuple[str, ...],
) -> Verdict:
    """Look for inputs that nobody declared, and for those that know the answer."""
    check = "accountability.inputs"
    if names is None:
        why = "the manifest does not say what the model reads"
        return Verdict(check, "fail", None, None, "= 0", evidence, why)
    wrong = [f"{name} (not in schema.yaml)" for name in names if name not in schema.columns]
    wrong += [f"{name} (the target)" for name in names if name == target]
    wrong += [f"{name} (the key)" for name in names if name == key]
    good = f"each of {len(names)} inputs is a declared column, none the target or the key"
    return _none(check, wrong, evidence, good, "the model reads")


def sealed_test(
    train: pd.DataFrame, test: pd.DataFrame, key: str | None, evidence: tuple[str, ...]
) -> Verdict:
    """Count the test rows whose key stands in train."""
    check = "accountability.sealed_test"
    if key is None:
        why = "the charter names no key, so rows cannot be told apart; see the verdicts of split"
        return Verdict(check, "not_applicable", None, None, "= 0", evidence, why)
    shared = int(test[key].isin(train[key]).sum())
    why = f"{shared:,} of {len(test):,} test rows have a {key} that stands in train"
    return counted(check, shared, evidence, why)


def threshold(e: Evidence, evidence: tuple[str, ...]) -> Verdict:
    """Ask that the recorded threshold parts the test rows; of more outcomes, the decisions do."""
    decisions = e.predictions.y_pred
    if e.threshold is None:
        share = float(np.mean(decisions != decisions[0]))
        why = f"{share:.1%} of test rows get another answer than the first one"
    else:
        share = float(np.mean(decisions))
        why = f"at the recorded threshold of {e.threshold:.4g}, {share:.1%} of rows are acted on"
    return Verdict(
        "accountability.threshold",
        holds(0 < share < 1),
        share,
        None,
        "> 0 and < 1",
        evidence,
        why,
    )


# --- the figure ---------------------------------------------------------------------------

_MARKS: dict[Status, tuple[str, str]] = {
    "pass": ("✓ holds", GREEN),
    "warn": ("! look", ORANGE),
    "fail": ("✗ broken", VERMILION),
    "insufficient": ("? not known", BLACK),
    "not_applicable": ("not asked", MUTED),
}


def _decision(e: Evidence) -> str:
    if e.threshold is not None:
        return f"act from {e.threshold:.1%} on"
    return "the class worth most" if e.task == "multiclass" else "the prediction"


def chain(e: Evidence) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the links from the people to the decision: title, what is known, its checks."""
    names = e.manifest.get("sha256"), e.evaluation.get("model_sha256")
    trained, evaluated = (str(name)[:8] if name else "unknown" for name in names)
    return [
        ("Charter", f"owner: {e.owners.product}", ("owners", "charter", "risks")),
        ("Training rows", f"{len(e.train):,} rows", ("training_rows", "sealed_test")),
        (
            "Model",
            f"{len(e.inputs)} inputs\nsha256 {trained}",
            ("model_bytes", "model_size", "inputs"),
        ),
        ("Evaluation", f"of the model\nsha256 {evaluated}", ("evaluation",)),
        ("Decision", _decision(e), ("threshold",)),
    ]


def draw_chain(e: Evidence, verdicts: Sequence[Verdict]) -> Figure:
    """Draw the chain of evidence, each link with whether it holds."""
    fig, ax = figure(8.4, 2.1)
    ax.set_axis_off()
    status = {verdict.id.partition(".")[2]: verdict.status for verdict in verdicts}
    links = chain(e)
    width, step = 1.56, 1.78
    for place, (title, known, checks) in enumerate(links):
        left = place * step
        mark, colour = _MARKS[worst(status[check] for check in checks)]
        ax.add_patch(
            Rectangle((left, 0), width, 1, facecolor="white", edgecolor=colour, linewidth=2.2)
        )
        middle = left + width / 2
        ax.text(middle, 0.8, title, ha="center", va="center", weight="bold", color=INK)
        ax.text(middle, 0.48, wrap(known, 1.9), ha="center", va="center", color=MUTED)
        ax.text(middle, 0.15, mark, ha="center", va="center", weight="bold", color=colour)
        if place:
            ax.add_patch(
                FancyArrowPatch(
                    (left - step + width, 0.5),
                    (left, 0.5),
                    arrowstyle="-|>",
                    mutation_scale=12,
                    color=BLUE,
                )
            )
    ax.set(
        title="Is the chain from the people to the decision unbroken?",
        xlim=(-0.05, (len(links) - 1) * step + width + 0.05),
        ylim=(-0.05, 1.05),
    )
    return fig


# --- the pillar ---------------------------------------------------------------------------


def examine(e: Evidence, bounds: AuditAccountability) -> Findings:
    """Answer every check of the pillar."""
    model = e.model_file.read_bytes()
    shown = e.paths("lineage")
    names = e.inputs if "inputs" in e.manifest else None
    found = Findings()
    found.verdicts = [
        owners(e.owners, shown),
        charter(e.scope, e.costs, e.criteria, shown),
        register.risks(bounds.risks, e.owners, shown),
        model_bytes(model, e.manifest, shown),
        model_size(len(model), bounds.max_model_size, shown),
        training_rows(e.manifest, len(e.train), shown),
        inputs(names, e.schema, e.target.column, e.key, shown),
        sealed_test(e.train, e.test, e.key, shown),
        evaluation(e.evaluation, e.manifest, shown),
        threshold(e, shown),
    ]
    found.tables = {
        "Lineage": [
            {
                "Link": title,
                "Known": known.replace("\n", ", "),
                "Status": worst(
                    verdict.status
                    for verdict in found.verdicts
                    if verdict.id.partition(".")[2] in checks
                ),
            }
            for title, known, checks in chain(e)
        ],
        "Owners": [
            {"Role": role.replace("_", " "), "Owner": owner}
            for role, owner in e.owners.model_dump().items()
        ],
        "Risks": register.as_table(bounds.risks),
    }
    found.files = {register.FILE: register.as_text(bounds.risks)}
    found.figures = {"lineage": draw_chain(e, found.verdicts)}
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
    """Audit who answers for `model` and its lineage; write `verdicts`, `figures` and `files`."""
    chosen = read_params(params)
    conduct(
        CHECKS,
        partial(examine, bounds=chosen.audit.accountability),
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
