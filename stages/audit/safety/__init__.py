"""Audit of safety: does the model stay sound when its input does not, and whom may it harm?

Each file of this package asks one thing: it declares its `CHECKS` and answers them in `examine`.
"""

from functools import partial
from pathlib import Path

from stages.audit.evidence import Evidence, Findings, conduct
from stages.audit.safety import (
    abstention,
    codes,
    disturbances,
    harm,
    noise,
    one_answer,
    out_of_range,
    out_of_range_policy,
    prediction_sets,
    responses,
    rounding,
    slices,
)
from stages.core.params import AuditSafety, read_params

PARTS = (
    noise,
    rounding,
    codes,
    responses,
    disturbances,
    out_of_range,
    out_of_range_policy,
    one_answer,
    slices,
    prediction_sets,
    abstention,
    harm,
)

CHECKS = tuple(check for part in PARTS for check in part.CHECKS)


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Answer every check of the pillar."""
    found = Findings()
    for part in PARTS:
        answer = part.examine(e, bounds)
        found.verdicts += answer.verdicts
        found.tables |= answer.tables
        found.figures |= answer.figures
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
    """Audit the safety of `model` on `test`; write `verdicts`, `figures` and `files`."""
    chosen = read_params(params)
    conduct(
        CHECKS,
        partial(examine, bounds=chosen.audit.safety),
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
