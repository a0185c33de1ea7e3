"""The crosswalk: each clause, what answers it, in which bytes, and how it stands."""

from pathlib import Path
from typing import Any

from stages.core import markdown
from stages.core.verdicts import Status, Verdict, worst
from stages.report import words
from stages.report.clauses import FRAMEWORKS, Clause
from stages.report.evidence import Evidence
from stages.report.proof import Hashes, homes
from stages.report.risks import fitting

TEMPLATE = Path(__file__).parent / "templates" / "crosswalk.md.jinja"

NOTE = (
    "This is not legal advice and claims no conformity. It shows which evidence of this project "
    "speaks to which clause; whether that is enough, a person who knows the law decides."
)
PERSON = "not covered: needs a person"
# A file alone holds no judgement: that it is there is all that is known.
THERE = "documented"


def crosswalk(evidence: Evidence, hashes: Hashes) -> dict[str, Any]:
    """Return the frameworks, each clause with its evidence, ready for JSON."""
    where = homes(evidence)
    return {
        "note": NOTE,
        "frameworks": [
            {
                "name": framework.name,
                "source": framework.source,
                "clauses": [_line(clause, evidence, hashes, where) for clause in framework.clauses],
            }
            for framework in FRAMEWORKS
        ],
    }


def _line(
    clause: Clause, evidence: Evidence, hashes: Hashes, where: dict[str, str]
) -> dict[str, Any]:
    found: dict[str, Verdict] = {}
    missing = []
    for pattern in clause.checks:
        verdicts = fitting(pattern, evidence.all_verdicts)
        found.update({verdict.id: verdict for verdict in verdicts})
        if not verdicts:
            missing.append(f"no verdict {pattern}")
    files: dict[str, list[Verdict]] = {evidence.paths[name]: [] for name in clause.files}
    for verdict in found.values():
        files.setdefault(where[verdict.id], []).append(verdict)
    missing += [f"no file {file}" for file in files if hashes.get(file) is None]
    status: Status | str | None = None
    if clause.checks or clause.files:
        status = "fail" if missing else worst(v.status for v in found.values()) if found else THERE
    return {
        "clause": clause.number,
        "asks": clause.asks,
        "status": status or PERSON,
        "missing": missing,
        "needs_a_person": clause.person or None,
        "evidence": [
            {
                "file": file,
                "sha256": hashes.get(file),
                "checks": {verdict.id: verdict.status for verdict in verdicts},
            }
            for file, verdicts in files.items()
        ],
    }


def as_markdown(document: dict[str, Any]) -> str:
    """Return the crosswalk for people."""
    return markdown.render(TEMPLATE, document=document, summed=_summed, words=_words)


def _words(status: str) -> str:
    told: dict[str, str] = dict(words.STATE_WORDS.items())
    return told.get(status, status)


def _summed(checks: dict[str, str]) -> str:
    """Return the checks of one file: how many have each status, and those that do not pass."""
    if not checks:
        return "the file itself"
    passed = sum(status in ("pass", "not_applicable") for status in checks.values())
    rest = [
        f"{name} {_words(status).lower()}"
        for name, status in checks.items()
        if status not in ("pass", "not_applicable")
    ]
    shown = [f"{passed} of {len(checks)} hold", *rest[:4]]
    return "; ".join([*shown, f"{len(rest) - 4} more" if len(rest) > 4 else ""]).strip("; ")
