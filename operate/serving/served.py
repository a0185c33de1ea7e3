"""The model that answers, with all that its answers rest on, read once."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from threadpoolctl import threadpool_limits

from operate.approval import Bytes, Ledger, bytes_of, read_ledger, told
from operate.locks import read_lock
from operate.pipeline import Pipeline, read_pipeline
from stages.core.errors import LoopwrightError
from stages.core.files import read_json
from stages.core.models import load_model, recorded_sha256
from stages.core.params import AnyCosts, Task, read_params
from stages.core.ranges import Ranges, trained_ranges
from stages.core.schema import Column, Schema, read_schema
from stages.core.sources.declared import Source
from stages.core.tables import read_table

Policy = Literal["refuse", "clip", "abstain", "report"]

# Of another run than the model, they would decide otherwise than was measured.
BELONGING = ("model", "model_manifest", "evaluation", "train")


@dataclass(frozen=True, eq=False)
class Served:
    """A model, ready to answer.

    Attributes:
        model: the fitted model; it takes rows and picks its inputs.
        sha256: of its bytes.
        task: what it predicts.
        inputs: the columns that it reads, as schema.yaml declares them, in its order.
        key: the column that names a row, if there is one, and how it is read.
        possible: the columns that a row may have: all of schema.yaml.
        sources: those of `ingest`: they say how files are written and what means missing.
        threshold: of a binary task the probability from which on to act; else None.
        costs: what one decision brings.
        ranges: of each number that the model reads, where it was trained.
        out_of_range: what is done with rows outside of them: `audit.safety.out_of_range`.
        approved: whether a person let it through, and that still holds.
        decided: what was decided, in words.
    """

    model: Any
    sha256: str
    task: Task
    inputs: Mapping[str, Column]
    key: tuple[str, Column] | None
    possible: tuple[str, ...]
    sources: tuple[Source, ...]
    threshold: float | None
    costs: AnyCosts
    ranges: Ranges
    out_of_range: Policy
    approved: bool
    decided: str

    @property
    def columns(self) -> dict[str, Column]:
        """The columns that are read of a row: the inputs, and the key."""
        return {**dict([self.key] if self.key else []), **self.inputs}

    @property
    def classes(self) -> tuple[str, ...]:
        """Of a multiclass task the labels in the order of the model; else none."""
        return tuple(map(str, self.model.classes_)) if self.task == "multiclass" else ()

    def told(self) -> list[str]:
        """Return which model it is and what was decided about it, for a person."""
        state = "approved" if self.approved else "not approved"
        return [f"model: sha256 {self.sha256}", f"{state}: {self.decided}"]


def load(root: Path, today: date | None = None) -> Served:
    """Read the model of the project in `root`, and what belongs to it.

    Args:
        root: the repository.
        today: the day on which a decision of a person holds or has expired.

    Raises:
        LoopwrightError: a file is missing, has other bytes than its record says, or a
            person rejected the model.
    """
    # One answer at a time needs one thread, and the same bits whatever the machine has.
    threadpool_limits(1)
    pipeline = read_pipeline(root)
    chosen = read_params(root / pipeline.path("params"))
    schema = read_schema(root / pipeline.path("schema"))
    _check_bytes(root, pipeline)
    manifest = root / pipeline.path("model_manifest")
    sha256 = recorded_sha256(manifest)
    approved, decided = _decisions(root, pipeline, sha256, today or date.today())
    model = load_model(root / pipeline.path("model"), sha256)
    charter = chosen.charter
    reads = {str(name) for name in read_json(manifest).get("inputs", ())}
    for name in reads:
        schema.column(name, pipeline.path("model_manifest"))
    inputs = {name: column for name, column in schema.columns.items() if name in reads}
    return Served(
        model=model,
        sha256=sha256,
        task=charter.task,
        inputs=inputs,
        key=_key(charter.key, schema),
        possible=tuple(schema.columns),
        sources=chosen.ingest.sources,
        threshold=_threshold(root, pipeline) if charter.task == "binary" else None,
        costs=charter.costs,
        ranges=trained_ranges(read_table(root / pipeline.path("train")), list(inputs), schema),
        out_of_range=chosen.audit.safety.out_of_range,
        approved=approved,
        decided=decided,
    )


def _check_bytes(root: Path, pipeline: Pipeline) -> None:
    """Refuse files that dvc.lock says were made otherwise, where there is one."""
    file = root / "dvc.lock"
    if not file.is_file():
        return
    lock = read_lock(file.read_text(encoding="utf-8"))
    for name in BELONGING:
        path = pipeline.path(name)
        recorded = lock.output(path)
        if recorded is None or not (root / path).is_file():
            continue  # what reads it says that it is missing
        with (root / path).open("rb") as opened:
            if hashlib.file_digest(opened, _md5).hexdigest() != recorded:
                raise LoopwrightError(
                    f"{path}: not the file that dvc.lock names; `dvc checkout {path}` restores "
                    "it, `dvc repro` makes it anew"
                )


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


def _decisions(root: Path, pipeline: Pipeline, sha256: str, today: date) -> tuple[bool, str]:
    """Return whether people let these bytes through, and what they decided, in words."""
    ledger, about = read_ledger(root), bytes_of(root, pipeline)
    if ledger.faults:
        raise LoopwrightError(
            "\n  ".join(["the records were tampered with; restore them from git", *ledger.faults])
        )
    rejected = _rejection(ledger, sha256, today)
    if rejected is not None:
        raise LoopwrightError(f"the model {sha256[:12]}... answers nobody: it was {rejected}")
    return _approves(ledger, about, today), told(ledger, about, today)


def _rejection(ledger: Ledger, sha256: str, today: date) -> str | None:
    """Return the newest decision about this model, whatever dvc.lock, if it rejects it."""
    about = [record for record in ledger.records if record.bytes.model == sha256]
    if about and about[-1].kind == "reject" and about[-1].holds_on(today):
        return str(about[-1])
    return None


def _approves(ledger: Ledger, about: Bytes | None, today: date) -> bool:
    newest = ledger.newest(about) if about else None
    return newest is not None and newest.kind != "reject" and newest.holds_on(today)


def _key(name: str | None, schema: Schema) -> tuple[str, Column] | None:
    """Return the column that names a row; a row without its name is answered too."""
    if name is None:
        return None
    column = schema.column(name, "charter.key")
    whole = {"dtype": "Int64"} if column.dtype == "int64" else {}
    return name, column.model_copy(update={"nullable": True, "unique": False, **whole})


def _threshold(root: Path, pipeline: Pipeline) -> float:
    path = pipeline.path("evaluation")
    threshold = read_json(root / path).get("threshold")
    if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise LoopwrightError(f"{path}: no threshold, so nothing is decided; run `dvc repro`")
    return float(threshold)
