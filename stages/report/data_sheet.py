"""The data sheet, made from the artefacts alone.

Its sections are those of Gebru and others, Datasheets for Datasets (CACM 64 (12), 2021). What
no artefact can tell is said openly: it needs a person, and which key of the charter takes it.
"""

from pathlib import Path

from stages.core import markdown
from stages.core.numbers import number, percent
from stages.report import words
from stages.report.evidence import Evidence
from stages.report.proof import Hashes, with_files

TEMPLATE = Path(__file__).parent / "templates" / "data_sheet.md.jinja"


def render_sheet(evidence: Evidence, hashes: Hashes) -> str:
    """Return the data sheet as Markdown, with the sha256 of each file that it names."""
    quality, privacy = evidence.quality, f"{evidence.paths['audit']}/privacy_security/verdicts.json"
    audits = {audit.pillar: audit for audit in evidence.audits}
    sheet = markdown.render(
        TEMPLATE,
        charter=evidence.charter.charter if evidence.charter else None,
        evidence=evidence,
        missing=(
            sum(
                count
                for column in evidence.manifest.columns.values()
                if isinstance(count := column.get("missing"), int)
            )
            if evidence.manifest
            else None
        ),
        number=number,
        paths=evidence.paths,
        percent=percent,
        privacy=[
            verdict
            for verdict in (audits["privacy_security"].verdicts)
            if verdict.id.partition(":")[0].partition(".")[2]
            in ("personal_data", "k_anonymity", "uniqueness")
        ],
        privacy_file=privacy,
        status_words=words.STATE_WORDS,
        troubles=[v for v in quality.verdicts if v.status != "pass"] if quality else [],
    )
    return with_files(sheet, hashes)
