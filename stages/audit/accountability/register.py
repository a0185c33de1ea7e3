"""The register of risks: what could go wrong, who answers for it, what shows how it stands.

Which evidence is there, and what it says, is known only once all pillars have answered: the
report adds it. Whether a due date has passed depends on the day: `loopwright gate` tells it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stages.audit.accountability.words import is_written
from stages.audit.evidence import counted
from stages.core.params import Owners, Risk
from stages.core.verdicts import Verdict

FILE = "risks.json"

# Who writes verdicts: the first word of every id.
WRITERS = (
    *("define", "validate", "split", "featurize", "evaluate"),
    *("performance", "safety", "fairness", "privacy_security", "transparency", "accountability"),
    "report",
)


def risks(register: Sequence[Risk], roles: Owners, evidence: tuple[str, ...]) -> Verdict:
    """Ask of each risk for an owner, evidence, and a due date or an acceptance."""
    check = "accountability.risks"
    if not register:
        why = "nobody has written down what could go wrong (audit.accountability.risks)"
        return Verdict(check, "fail", None, None, "= 0", evidence, why)
    owners = roles.model_dump()
    faults = {place: list(_faults(risk, owners)) for place, risk in enumerate(register)}
    open_risks = {place: found for place, found in faults.items() if found}
    why = f"each of {len(register)} risks has an owner, evidence, and a due date or an acceptance"
    if open_risks:
        place, found = next(iter(open_risks.items()))
        why = f"audit.accountability.risks.{place}: {', '.join(found)}"
        if len(open_risks) > 1:
            why += f"; {len(open_risks) - 1} more risks lack something"
    return counted(check, len(open_risks), evidence, why)


def _faults(risk: Risk, owners: Mapping[str, str]) -> list[str]:
    """Return what `risk` lacks."""
    found = [
        f"{name} says nothing"
        for name, text in (("risk", risk.risk), ("mitigation", risk.mitigation))
        if not is_written(text)
    ]
    if not is_written(owners[risk.owner]):
        found.append(f"nobody is {risk.owner}")
    if not risk.evidence:
        found.append("no check shows how it stands")
    found += [
        f"evidence '{pattern}' is of no stage that writes verdicts"
        for pattern in risk.evidence
        if pattern.partition(".")[0] not in WRITERS
    ]
    if risk.due is None and (risk.accepted is None or not is_written(risk.accepted)):
        found.append("neither due on a day nor accepted")
    return found


def as_table(register: Sequence[Risk]) -> list[dict[str, Any]]:
    """Return a row a risk for people."""
    return [
        {
            "Risk": risk.risk,
            "Owner": risk.owner.replace("_", " "),
            "Likelihood": risk.likelihood,
            "Harm": risk.harm,
            "Mitigation": risk.mitigation,
            "Evidence": ", ".join(risk.evidence),
            "Residual": risk.residual,
            "Due": risk.due.isoformat() if risk.due else "no date",
            "Accepted": risk.accepted or "not accepted",
        }
        for risk in register
    ]


def as_text(register: Sequence[Risk]) -> str:
    """Return the register as JSON, for the report and for others."""
    written = {"risks": [risk.model_dump(mode="json") for risk in register]}
    return json.dumps(written, indent=2, ensure_ascii=False) + "\n"
