"""What people decided about a model: records that are only ever added, bound to its bytes.

Each record is a file under `FOLDER`, in git. It names the sha256 of the model and of dvc.lock,
the commit, what the gate said, and the sha256 of the record before it, so that none can be
changed, taken out or put between without a trace.
"""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from operate.pipeline import Pipeline
from stages.core.documents import Section
from stages.core.errors import LoopwrightError
from stages.core.files import write_text
from stages.core.verdicts import Verdict

FOLDER = "decisions"
Kind = Literal["approve", "reject", "override"]
DONE: dict[Kind, str] = {
    "approve": "approved",
    "reject": "rejected",
    "override": "let through in spite of the gate",
}

RECORDS, REJECTED = "gate.records", "gate.rejected"

_NAME = re.compile(r"(\d{4,})-\d{4}-\d{2}-\d{2}-(approve|reject|override)\.json")


class Bytes(Section):
    """What a decision is about: the sha256 of the model's file and of dvc.lock."""

    model: str
    dvc_lock: str


class GateResult(Section):
    """What the gate said when it was decided."""

    ships: bool
    blocking: tuple[str, ...]


class Record(Section):
    """A decision of a person.

    Attributes:
        number: from 1 on.
        by: who decided, by role or name.
        at: when, in UTC.
        expires: the last day on which it holds; None: it holds until another one.
        bytes: what it is about.
        commit: the commit that holds them.
        gate: what the gate said of them.
        before: the sha256 of the record before it; None for the first.
    """

    number: int
    kind: Kind
    by: str
    why: str
    at: datetime
    expires: date | None
    bytes: Bytes
    commit: str
    gate: GateResult
    before: str | None

    def holds_on(self, today: date) -> bool:
        """Return whether it has not expired on `today`."""
        return self.expires is None or today <= self.expires

    def __str__(self) -> str:
        """Return it as a person reads it."""
        until = f", until {self.expires}" if self.expires else ""
        return f"{DONE[self.kind]} by {self.by} on {self.at.date()}{until}: {self.why}"


@dataclass(frozen=True)
class Ledger:
    """All records, the oldest first, and what is wrong with them."""

    records: tuple[Record, ...]
    faults: tuple[str, ...]

    def newest(self, about: Bytes) -> Record | None:
        """Return the newest record about these bytes, or None."""
        return next((each for each in reversed(self.records) if each.bytes == about), None)


def told(ledger: Ledger, about: Bytes | None, today: date) -> str:
    """Return, for a person, what was decided about these bytes, and whether it still holds."""
    newest = ledger.newest(about) if about else None
    if newest is None:
        if not ledger.records:
            return "no person has decided about it: `loopwright approve`"
        return f"no decision is about these bytes; the newest is not: {ledger.records[-1]}"
    if not newest.holds_on(today):
        return f"the decision about these bytes has expired: {newest}"
    return str(newest)


def verdicts(ledger: Ledger, about: Bytes | None, today: date) -> Iterator[Verdict]:
    """Yield a fail for each trace of tampering, and one where these bytes are rejected."""
    for place, fault in enumerate(ledger.faults, start=1):
        yield Verdict(f"{RECORDS}:{place}", "fail", None, None, None, (FOLDER,), fault)
    newest = ledger.newest(about) if about else None
    if newest is not None and newest.kind == "reject" and newest.holds_on(today):
        yield Verdict(REJECTED, "fail", None, None, None, (FOLDER,), str(newest))


def bytes_of(root: Path, pipeline: Pipeline) -> Bytes | None:
    """Return what a decision would be about; None where the model or dvc.lock is missing."""
    try:
        return Bytes(
            model=_sha256(root / pipeline.path("model")), dvc_lock=_sha256(root / "dvc.lock")
        )
    except OSError:
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_ledger(root: Path) -> Ledger:
    """Read every record, and look for traces of tampering: in the chain, and in git."""
    files = sorted((root / FOLDER).glob("*"), key=_number)
    records: list[Record] = []
    faults = list(_changed_in_git(root))
    before = None
    for place, file in enumerate(files, start=1):
        name = f"{FOLDER}/{file.name}"
        try:
            record = Record.model_validate_json(file.read_bytes())
        except (OSError, ValidationError):
            faults.append(f"{name} is no record of a decision")
            before = None
            continue
        if record.number != place or file.name != file_name(record):
            faults.append(f"{name} is not where record {place} should be")
        if record.before != before:
            faults.append(f"{name} does not follow the record before it as that one stands now")
        before = _sha256(file)
        records.append(record)
    return Ledger(tuple(records), tuple(faults))


def _number(file: Path) -> tuple[int, str]:
    found = _NAME.fullmatch(file.name)
    return (int(found[1]) if found else 0, file.name)


def _changed_in_git(root: Path) -> Iterator[str]:
    """Yield each record that was changed or removed after it was committed."""
    done: set[str] = set()
    for arguments in (
        # against HEAD, as it lies here; then in any commit that led to HEAD
        ("diff", "--name-only", "--diff-filter=MDRT", "--no-renames", "--relative", "HEAD"),
        ("log", "--format=", "--name-only", "--diff-filter=MDT", "--no-renames", "--relative"),
    ):
        try:
            named = _git(root, *arguments, "--", FOLDER)
        except LoopwrightError:  # no git, or no commit yet
            continue
        for file in named.splitlines():
            if file and file not in done:
                done.add(file)
                yield f"{file} was changed or removed after it was committed"


def file_name(record: Record) -> str:
    """Return the name of a record's file."""
    return f"{record.number:04d}-{record.at.date()}-{record.kind}.json"


@dataclass(frozen=True)
class Wish:
    """What a person wants to decide."""

    kind: Kind
    by: str
    why: str
    expires: date | None = None


def add(
    root: Path, pipeline: Pipeline, wish: Wish, gate: GateResult, now: datetime | None = None
) -> tuple[Record, Path]:
    """Add a record, and return it and its file.

    Raises:
        LoopwrightError: nobody decides, or without a reason; it would have expired already;
            an approval against the gate; something is not committed; the records were
            tampered with; the model or dvc.lock is missing.
    """
    now = now or datetime.now(UTC).replace(microsecond=0)
    if not wish.by.strip() or not wish.why.strip():
        raise LoopwrightError("a decision needs --by, who decides, and --why, the reason")
    if wish.expires is not None and wish.expires < now.date():
        raise LoopwrightError(f"--expires {wish.expires}: that day is past")
    about = bytes_of(root, pipeline)
    if about is None:
        raise LoopwrightError("there is no model, or no dvc.lock, to decide about: `dvc repro`")
    ledger = read_ledger(root)
    if ledger.faults:
        raise LoopwrightError(
            "\n  ".join(["the records were tampered with; restore them from git", *ledger.faults])
        )
    if wish.kind == "approve" and not gate.ships:
        raise LoopwrightError(
            f"the gate holds it back ({', '.join(gate.blocking[:5])}): mend it, or "
            "`loopwright override` with the reason why it goes on all the same"
        )
    if wish.kind == "override" and gate.ships:
        raise LoopwrightError("the gate lets it pass: there is nothing to override; approve it")
    others = ("--", ".", f":(exclude){FOLDER}")
    open_changes = _git(root, "status", "--porcelain", "--untracked-files=no", *others).split("\n")
    if any(open_changes):
        first = open_changes[0][3:]
        raise LoopwrightError(f"{first} is not committed: commit what the decision is about first")
    files = sorted((root / FOLDER).glob("*"), key=_number)
    record = Record(
        number=len(ledger.records) + 1,
        kind=wish.kind,
        by=wish.by.strip(),
        why=wish.why.strip(),
        at=now,
        expires=wish.expires,
        bytes=about,
        commit=_git(root, "rev-parse", "HEAD").strip(),
        gate=gate,
        before=_sha256(files[-1]) if files else None,
    )
    file = root / FOLDER / file_name(record)
    write_text(file, record.model_dump_json(indent=2) + "\n")
    return record, file


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, encoding="utf-8", check=True
        )
    except FileNotFoundError:
        raise LoopwrightError("git is not installed, and decisions are kept in git") from None
    except subprocess.CalledProcessError as fault:
        raise LoopwrightError(f"git {arguments[0]}: {fault.stderr.strip()}") from None
    return done.stdout
