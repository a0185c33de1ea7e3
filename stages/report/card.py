"""The model card, made from the artefacts alone.

Its sections are those of Mitchell and others, Model Cards for Model Reporting (FAT* 2019).
One fact stands on one line with the file that shows it, so that a pull request shows
what an iteration changed.
"""

from pathlib import Path

from stages.core import markdown
from stages.core.numbers import NOTHING, bound, measured, number, percent
from stages.core.verdicts import SEVERITY, Verdict
from stages.report import rows, words
from stages.report.evidence import PILLARS, Audit, Evidence, count, overall
from stages.report.grid import Table, table
from stages.report.promises import promises
from stages.report.proof import Hashes, homes, with_files
from stages.report.risks import standings

TEMPLATE = Path(__file__).parent / "templates" / "model_card.md.jinja"

# What the card says of a group of people; the rest stands in the audit's own file.
GROUP_COLUMNS = ("Feature", "Group", "Rows")
GROUP_MEASURES = ("Selection rate", "True positive rate")


def render_card(evidence: Evidence, hashes: Hashes) -> str:
    """Return the model card as Markdown, with the sha256 of each file that it names."""
    audits = {audit.pillar: audit for audit in evidence.audits}
    card = markdown.render(
        TEMPLATE,
        answer=words.answer(evidence.all_verdicts),
        audits=audits,
        bound=bound,
        charter=evidence.charter.charter if evidence.charter else None,
        counts=count(evidence.all_verdicts),
        evidence=evidence,
        groups=_groups(audits["fairness"]),
        homes=homes(evidence),
        measured=measured,
        metrics=_table(audits["performance"], "Metrics"),
        metric_words=words.metric_words,
        nothing=NOTHING,
        number=number,
        open=_open(evidence.all_verdicts),
        overall=overall,
        paths=evidence.paths,
        percent=percent,
        pillars=[(audits[name], words.pillar_words(name)[0]) for name in PILLARS],
        promises=promises(evidence),
        risks=standings(evidence.register.risks, evidence.all_verdicts)
        if evidence.register
        else None,
        risks_file=f"{evidence.paths['audit']}/accountability/files/risks.json",
        rows=rows,
        status_words=words.STATE_WORDS,
        unanswered=_unanswered(evidence),
    )
    return with_files(card, hashes)


def _table(audit: Audit, name: str) -> Table | None:
    """Return a table of a pillar, or None where there is none."""
    found = audit.document.tables.get(name) if audit.document else None
    return table(found) if found else None


def _groups(fairness: Audit) -> Table | None:
    """Return a row a group of people: how many there are, and two measures of each."""
    found = (fairness.document.tables.get("Groups") if fairness.document else None) or []
    measures = dict.fromkeys(name.partition(", ")[0] for row in found for name in row)
    known = [name for name in GROUP_MEASURES if name in measures]
    others = [name for name in measures if name not in GROUP_COLUMNS]
    shown = (*GROUP_COLUMNS, *(known or others[:2]))
    kept = [{name: row[name] for name in row if name.partition(", ")[0] in shown} for row in found]
    return table(kept) if kept else None


def _open(verdicts: tuple[Verdict, ...]) -> list[Verdict]:
    """Return the verdicts that somebody has to look at, the worst first."""
    found = [verdict for verdict in verdicts if verdict.status not in ("pass", "not_applicable")]
    return sorted(found, key=lambda verdict: SEVERITY.index(verdict.status))


def _unanswered(evidence: Evidence) -> int | None:
    """Return how many findings have no answer; None where that is not known."""
    if evidence.findings is None or evidence.features is None:
        return None
    return len(rows.of_findings(evidence.findings, evidence.features.answers)[0])
