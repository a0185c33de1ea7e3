"""The register of risks, once all have answered: what does the evidence of each risk say?"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from stages.core.params import Risk
from stages.core.verdicts import Verdict, worst

State = Literal["held", "watched", "open"]


@dataclass(frozen=True)
class Standing:
    """How a risk stands.

    Attributes:
        risk: as it is written in the register.
        state: ``open`` where evidence is missing, fails or cannot be answered, ``watched``
            where some warns, ``held`` where all passes.
        missing: what of its evidence no verdict fits.
        troubled: the ids of the verdicts that fail or cannot be answered.
    """

    risk: Risk
    state: State
    missing: tuple[str, ...]
    troubled: tuple[str, ...]


def fitting(pattern: str, verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return the verdicts whose whole id fits `pattern`, in which ``*`` stands for any text.

    A check that is asked of many things answers as ``check:thing``: `pattern` need not say so.
    """
    pattern = pattern.removesuffix(":*")  # asked of nothing, it answers as itself
    text = re.compile(re.escape(pattern).replace(r"\*", ".*") + "(:.*)?")
    return [verdict for verdict in verdicts if text.fullmatch(verdict.id)]


def standings(register: Sequence[Risk], verdicts: Sequence[Verdict]) -> list[Standing]:
    """Look up the evidence of each risk."""
    return [_standing(risk, verdicts) for risk in register]


def _standing(risk: Risk, verdicts: Sequence[Verdict]) -> Standing:
    found = {pattern: fitting(pattern, verdicts) for pattern in risk.evidence}
    known = {verdict.id: verdict for each in found.values() for verdict in each}
    missing = tuple(pattern for pattern, each in found.items() if not each)
    troubled = tuple(v.id for v in known.values() if v.status in ("fail", "insufficient"))
    state: State = "held"
    if missing or troubled or not known:
        state = "open"
    elif worst(verdict.status for verdict in known.values()) == "warn":
        state = "watched"
    return Standing(risk, state, missing, troubled)


def risks_evidenced(
    register: Sequence[Risk] | None, verdicts: Sequence[Verdict], file: str
) -> Verdict:
    """Ask for the evidence that each risk names: none is a fail, a bad one a warning."""
    name, bound = "report.risks", "<= 0"
    if register is None:
        why = f"{file}: the register of risks cannot be read"
        return Verdict(name, "fail", None, None, bound, (), why)
    found = standings(register, verdicts)
    missing = [pattern for each in found for pattern in each.missing]
    still_open = [each.risk.risk for each in found if each.state == "open"]
    if missing:
        why = f"no verdict fits the evidence that a risk names: {', '.join(missing[:5])}"
        return Verdict(name, "fail", len(still_open), None, bound, (file,), why)
    if still_open:
        why = f"{len(still_open)} of {len(found)} risks are open, such as: {still_open[0]}"
        return Verdict(name, "warn", len(still_open), None, bound, (file,), why)
    why = f"the evidence of each of {len(found)} risks is there, and none of it fails"
    return Verdict(name, "pass", 0, None, bound, (file,), why)
