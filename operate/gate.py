"""May this model ship? Every verdict, the evidence under it, and one answer."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, get_args

from rich.console import Console
from rich.table import Table
from rich.text import Text

from operate import approval
from operate.evidence import ID as EVIDENCE
from operate.evidence import Binding, bind
from operate.looks import Looks, looks_at_test
from operate.pipeline import Pipeline, read_pipeline
from stages.core.errors import LoopwrightError
from stages.core.files import read_json
from stages.core.numbers import bound, measured
from stages.core.params import Risk, read_params
from stages.core.verdicts import SEVERITY, Status, Verdict, as_documents, from_document

# Who writes verdicts, in the order of the process; the pillars come before the summary.
STAGES = ("charter", "quality", "splits", "evaluation")
SUMMARY = "summary"

STYLES: dict[Status, str] = {
    "fail": "bold red",
    "insufficient": "bold magenta",
    "warn": "yellow",
    "pass": "green",
    "not_applicable": "dim",
}


@dataclass(frozen=True)
class Decision:
    """The answer of the gate.

    Attributes:
        verdicts: all of them, the state of the evidence first.
        accepted: the ids of insufficient verdicts that a person lets pass, and why.
        unused: what is accepted in params.yaml and fits no insufficient verdict.
        looks: how often the test split was seen.
        decided: what a person decided about these bytes, in words.
    """

    verdicts: tuple[Verdict, ...]
    accepted: dict[str, str]
    unused: tuple[str, ...]
    looks: Looks
    decided: str

    @property
    def blocking(self) -> tuple[Verdict, ...]:
        """The verdicts that hold a release back.

        A fail does. So does an insufficient verdict: the question stands and nobody has
        answered it, and a test split that is small enough would turn every fail into
        one. A person may accept it by name, with a reason, in
        ``gate.accept_insufficient``, where a review sees it. A fail cannot be accepted.
        """
        return tuple(
            verdict
            for verdict in self.verdicts
            if verdict.status == "fail"
            or (verdict.status == "insufficient" and verdict.id not in self.accepted)
        )

    @property
    def ships(self) -> bool:
        """Whether nothing holds it back."""
        return not self.blocking

    @property
    def counts(self) -> dict[Status, int]:
        """How many verdicts have each status, the worst first."""
        found = Counter(verdict.status for verdict in self.verdicts)
        return {status: found[status] for status in SEVERITY}


def decide(root: Path, today: date | None = None) -> Decision:
    """Read every verdict under `root` and hold the evidence against dvc.lock.

    Args:
        root: the repository.
        today: the day on which a risk is overdue, or a decision of a person has expired.

    Raises:
        LoopwrightError: dvc.yaml or params.yaml cannot be read, or `root` is no DVC
            repository. What is wrong with the evidence is no error: it is a fail.
    """
    pipeline = read_pipeline(root)
    params = read_params(root / pipeline.path("params"))
    accept, register = params.gate.accept_insufficient, params.audit.accountability.risks
    today = today or date.today()
    binding = bind(root)
    verdicts = list(_verdicts(root, pipeline))
    unbound = list(_unbound(root, verdicts, binding))
    state = [*binding.faults, *unbound] or [_whole(binding)]

    accepted, unused = _accepted(verdicts, accept)
    looks = looks_at_test(root, pipeline.path("model"), pipeline.path("test"))
    ledger, about = approval.read_ledger(root), approval.bytes_of(root, pipeline)
    of_people = (
        *overdue(register, today, pipeline.path("params")),
        *approval.verdicts(ledger, about, today),
    )
    decided = approval.told(ledger, about, today)
    return Decision((*state, *verdicts, *of_people), accepted, unused, looks, decided)


def overdue(register: Iterable[Risk], today: date, file: str) -> Iterator[Verdict]:
    """Yield a warning for each risk whose due date has passed. No stage knows what day it is."""
    for place, risk in enumerate(register):
        if risk.due is not None and risk.due < today:
            why = f"due on {risk.due} and not looked at since, by {risk.owner}: {risk.risk}"
            name, days = f"gate.risk_due:{place}", (today - risk.due).days
            yield Verdict(name, "warn", days, None, "<= 0", (file,), why)


def _whole(binding: Binding) -> Verdict:
    why = "each input, parameter and output is the one that dvc.lock names"
    return Verdict(f"{EVIDENCE}:dvc.lock", "pass", len(binding.files), None, None, (), why)


def _verdicts(root: Path, pipeline: Pipeline) -> Iterator[Verdict]:
    """Yield the verdicts of every file that has to hold some, in the order of the process."""
    files = [pipeline.path(name) for name in STAGES]
    files += [f"{pipeline.path('audit')}/{pillar}/verdicts.json" for pillar in pipeline.pillars]
    seen = set()
    for file in files:
        for verdict in _read(root, file):
            seen.add(verdict.id)
            yield verdict
    # the summary repeats those of all stages; what it adds are the report's own
    for verdict in _read(root, pipeline.path(SUMMARY)):
        if verdict.id not in seen:
            yield verdict


def _read(root: Path, file: str) -> list[Verdict]:
    """Return the verdicts in `file`; one failed verdict where it holds none."""
    try:
        documents = read_json(root / file)["verdicts"]
        verdicts = [from_document(document) for document in documents]
        if not verdicts or any(verdict.status not in get_args(Status) for verdict in verdicts):
            raise ValueError
    except LoopwrightError:
        why = f"{file} is missing or is not JSON: run `dvc repro`"
    except (LookupError, TypeError, ValueError):
        why = f"{file} holds no verdicts, or not as stages write them: run `dvc repro`"
    else:
        return verdicts
    return [Verdict(f"{EVIDENCE}:{file}", "fail", None, None, None, (), why)]


def _unbound(root: Path, verdicts: Iterable[Verdict], binding: Binding) -> Iterator[Verdict]:
    """Yield a failed verdict for each that rests on nothing, or on what is not there."""
    for verdict in verdicts:
        for file in verdict.evidence:
            if not (root / file).exists():
                why = f"{verdict.id} names {file}, which is missing: run `dvc repro`"
            elif not binding.holds(file):
                why = f"{verdict.id} names {file}, which no stage writes or reads: edit its stage"
            else:
                continue
            yield Verdict(f"{EVIDENCE}:{file}", "fail", None, None, None, (), why)
        if not verdict.evidence and verdict.status in ("pass", "warn"):
            why = f"{verdict.id} names no evidence: edit its stage"
            yield Verdict(f"{EVIDENCE}:{verdict.id}", "fail", None, None, None, (), why)


def _accepted(
    verdicts: Iterable[Verdict], accept: dict[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the insufficient verdicts that `accept` names, and the names that fit none."""
    open_ids = [verdict.id for verdict in verdicts if verdict.status == "insufficient"]
    accepted: dict[str, str] = {}
    unused = []
    for pattern, reason in accept.items():
        text = re.compile(re.escape(pattern).replace(r"\*", ".*"))
        fitting = [name for name in open_ids if text.fullmatch(name)]
        accepted.update(dict.fromkeys(fitting, reason))
        if not fitting:
            unused.append(pattern)
    return accepted, tuple(unused)


def as_document(decision: Decision) -> dict[str, Any]:
    """Return `decision` as a plain dictionary, ready for JSON."""
    return {
        "ships": decision.ships,
        "blocking": [verdict.id for verdict in decision.blocking],
        "counts": decision.counts,
        "looks_at_test": asdict(decision.looks),
        "accepted": decision.accepted,
        "unused": list(decision.unused),
        "decided": decision.decided,
        "verdicts": as_documents(decision.verdicts),
    }


SHOWN = 10  # what holds a release back is repeated under the table, up to this many
HEAD = ("status", "check", "value", "threshold", "why")


def show(decision: Decision, console: Console) -> None:
    """Print `decision`: a table on a terminal, plain lines that never wrap elsewhere."""
    rows = [(verdict.status, _row(verdict)) for verdict in decision.verdicts]
    if console.is_terminal:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for head in HEAD:
            table.add_column(head, overflow="fold")
        for status, row in rows:
            table.add_row(Text(row[0], STYLES[status]), *map(Text, row[1:]))
        console.print(table)
    else:
        cells = [HEAD, *(row for _, row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD) - 1)]
        for row in cells:
            padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            _print(console, "  ".join([*padded, row[-1]]))
    _print(console, "")
    for line in _closing(decision):
        _print(console, line)


def _row(verdict: Verdict) -> tuple[str, str, str, str, str]:
    value = "" if verdict.value is None else measured(verdict.value, verdict.interval)
    threshold = "" if verdict.threshold is None else bound(verdict.threshold)
    return verdict.status, verdict.id, value, threshold, verdict.why


def _closing(decision: Decision) -> Iterator[str]:
    """Yield the lines under the table; the last one is the answer."""
    counts = ", ".join(f"{count} {status}" for status, count in decision.counts.items())
    yield counts.replace("_", " ")
    yield f"looks at the test split: {decision.looks}"
    yield f"decided: {decision.decided}"
    if decision.counts["warn"]:
        yield f"to keep in mind: {decision.counts['warn']} warn, which hold nothing back"
    for name, reason in decision.accepted.items():
        yield f"insufficient but accepted: {name}: {reason}"
    for pattern in decision.unused:
        yield f"gate.accept_insufficient: '{pattern}' fits no insufficient verdict; remove it"
    if decision.ships:
        yield "it may ship"
        return
    for verdict in decision.blocking[:SHOWN]:
        if verdict.status == "insufficient":
            yield (
                f"held back by {verdict.id}: the data cannot answer it; get more data, or "
                "accept it in params.yaml: gate.accept_insufficient"
            )
        else:
            yield f"held back by {verdict.id}: {verdict.why}"
    if len(decision.blocking) > SHOWN:
        yield f"held back by {len(decision.blocking) - SHOWN} more, above"
    yield "it may not ship"


def _print(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)
