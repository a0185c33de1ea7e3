"""Audit of privacy and security: does the table, or the model, give away persons?"""

from functools import partial
from pathlib import Path

from stages.audit.evidence import Evidence, Findings, conduct
from stages.audit.privacy_security import (
    anonymity,
    attributes,
    evasion,
    extraction,
    membership,
    model_file,
    packages,
    personal,
    shadows,
)
from stages.core.params import AuditPrivacySecurity, read_params

PARTS = (
    personal,
    anonymity,
    attributes,
    membership,
    shadows,
    extraction,
    evasion,
    model_file,
    packages,
)
CHECKS = tuple(check for part in PARTS for check in part.CHECKS)


def examine(e: Evidence, bounds: AuditPrivacySecurity) -> Findings:
    """Answer every check of the pillar.

    Raises:
        LoopwrightError: a quasi-identifier is not a column of the table.
    """
    whole = Findings()
    for part in PARTS:
        found = part.examine(e, bounds)
        whole.verdicts += found.verdicts
        whole.tables |= found.tables
        whole.figures |= found.figures
        whole.files |= found.files
    return whole


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
    """Audit the privacy and security of `model`; write `verdicts`, `figures` and `files`."""
    chosen = read_params(params)
    conduct(
        CHECKS,
        partial(examine, bounds=chosen.audit.privacy_security),
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
