"""What the stages wrote, read with suspicion: what cannot be read becomes a fault, not a crash."""

import csv
import io
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stages.core.params import Charter as CharterSection
from stages.core.params import Risk
from stages.core.verdicts import Status, Verdict


class Artefact(BaseModel):
    """A JSON file of a stage; keys that the report does not know are kept and not read."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)


Verdicts = Annotated[list[Verdict], Field(min_length=1)]
PerhapsVerdicts = list[Verdict]
Number = float | int | None


class Estimate(Artefact):
    """A measured value and its 95 % interval; None where the rows leave it undefined."""

    value: Number
    interval: tuple[Number, Number] | None = None


class Charter(Artefact):
    """charter.json of define."""

    charter: Annotated[CharterSection, Field(discriminator="task")]
    verdicts: Verdicts


class Source(Artefact):
    """Where the table came from."""

    path: str
    bytes: int
    sha256: str
    rows: int


class Manifest(Artefact):
    """manifest.json of ingest."""

    source: Source
    columns: dict[str, dict[str, Any]]
    verdicts: PerhapsVerdicts = []


class Quality(Artefact):
    """quality.json of validate."""

    rows_in: int
    rows_out: int
    checks: list[dict[str, Any]] = []
    verdicts: Verdicts


class Splits(Artefact):
    """splits.json of split; what else it says of each part by name is shown beside the rows."""

    strategy: str
    rows: dict[str, int]
    target: dict[str, dict[str, Any]] = {}
    verdicts: Verdicts


class Finding(Artefact):
    """One thing that explore found."""

    id: str
    kind: str
    columns: list[str]
    value: float | int | str | None
    threshold: float | int | str | None
    why: str


class Findings(Artefact):
    """findings.json of explore."""

    findings: list[Finding]
    verdicts: PerhapsVerdicts = []


class Created(Artefact):
    """A created feature; what else is known of it is evidence for its hypothesis."""

    kind: str
    columns: list[str]
    hypothesis: str


class Features(Artefact):
    """features.json of featurize."""

    inputs: list[str]
    created: dict[str, Created]
    features: list[str]
    dropped: dict[str, str]
    answers: dict[str, str]
    verdicts: PerhapsVerdicts = []


class Search(Artefact):
    """best_params.json of tune."""

    status: str
    candidate: str | None = None
    parameters: dict[str, Any]
    score: Number = None
    verdicts: PerhapsVerdicts = []


class Model(Artefact):
    """model.json of train."""

    sha256: str
    candidate: str
    estimator: str
    inputs: list[str]
    features: list[str]
    rows: int
    scoring: str
    parameters: dict[str, Any]
    finding: str | None = None
    verdicts: PerhapsVerdicts = []


class Advice(Artefact):
    """A stage to go on to, or back to, and why."""

    step: str
    why: str


class NextStep(Advice):
    """What decides where to go, and what else speaks."""

    also: list[Advice] = []


class Evaluation(Artefact):
    """evaluation.json of evaluate."""

    threshold: Number = None
    metrics: dict[str, dict[str, Estimate]]
    value: dict[str, Any] = {}
    diagnosis: dict[str, Any] = {}
    slices: list[dict[str, Any]] = []
    verdicts: Verdicts
    next_step: NextStep


class Pillar(Artefact):
    """verdicts.json of one pillar of the audit."""

    pillar: str
    verdicts: Verdicts
    tables: dict[str, list[dict[str, Any]]]


class Register(Artefact):
    """risks.json of the pillar of accountability."""

    risks: list[Risk]


@dataclass(frozen=True)
class Figure:
    """A PNG.

    Attributes:
        path: where it is.
        key: the stage or pillar that drew it, and its name: ``evaluate/roc``.
        width: in pixels.
        height: in pixels.
        content: its bytes.
    """

    path: str
    key: str
    width: int
    height: int
    content: bytes


Row = dict[str, str]
Shape = TypeVar("Shape", bound=Artefact)


@dataclass
class Reader:
    """Reads the artefacts of one step and remembers what it read and what it could not.

    Attributes:
        step: the step or the pillar that wrote them.
        files: what was asked for, in that order.
        faults: one sentence for each that could not be read.
    """

    step: str
    files: list[Path] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def document(self, path: Path, shape: type[Shape]) -> Shape | None:
        """Return the JSON file at `path` as `shape`, or None."""
        self.files.append(path)
        try:
            return shape.model_validate_json(path.read_bytes())
        except OSError as fault:
            self.faults.append(_unreadable(path, fault))
        except ValidationError as invalid:
            first = invalid.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            self.faults.append(f"{path.as_posix()}: {key or 'the file'}: {first['msg']}")
        return None

    def table(
        self, path: Path, columns: Iterable[str] = (), delimiter: str = ","
    ) -> list[Row] | None:
        """Return the rows of the CSV file at `path`, which has at least `columns`, or None."""
        self.files.append(path)
        try:
            text = path.read_text(encoding="utf-8")
            rows = csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True)
            missing = [name for name in columns if name not in (rows.fieldnames or [])]
            if missing:
                raise ValueError(f"no column {', '.join(missing)}")
            read = list(rows)
            if any(None in row or None in row.values() for row in read):
                raise ValueError("a row is longer or shorter than the first")
        except OSError as fault:
            self.faults.append(_unreadable(path, fault))
        except (ValueError, csv.Error) as fault:
            self.faults.append(f"{path.as_posix()}: not a table: {fault}")
        else:
            return read
        return None

    @property
    def not_run(self) -> bool:
        """Whether nothing of what was asked for is there."""
        return bool(self.files) and not any(path.exists() for path in self.files)

    def figures(self, folder: Path) -> list[Figure]:
        """Return the PNG files in `folder`, by name; none at all is a fault."""
        self.files.append(folder)
        found = []
        try:
            paths = sorted(path for path in folder.iterdir() if path.suffix == ".png")
            if not paths:
                self.faults.append(f"{folder.as_posix()}: no figures in it")
        except OSError as fault:
            self.faults.append(_unreadable(folder, fault))
            paths = []
        for path in paths:
            try:
                found.append(_figure(path))
            except OSError as fault:
                self.faults.append(_unreadable(path, fault))
            except ValueError as fault:
                self.faults.append(f"{path.as_posix()}: {fault}")
        return found

    def verdict(self) -> Verdict:
        """Return ``report.evidence:step``: whether all that was asked for could be read."""
        evidence = tuple(path.as_posix() for path in self.files if path.exists())
        why = "all that it left as evidence was read"
        if self.faults:
            why = f"evidence is missing or cannot be read: {'; '.join(self.faults)}"
        status: Status = "fail" if self.faults else "pass"
        name = f"report.evidence:{self.step}"
        return Verdict(name, status, len(self.faults), None, "<= 0", evidence, why)


def _unreadable(path: Path, fault: OSError) -> str:
    return f"{path.as_posix()}: {(fault.strerror or str(fault)).lower()}"


def _figure(path: Path) -> Figure:
    """Read a PNG whole.

    Raises:
        ValueError: it is not a PNG, or is cut off.
    """
    content = path.read_bytes()
    head = content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR"
    if not head or content[-8:-4] != b"IEND":
        raise ValueError("not a whole PNG")
    width, height = struct.unpack(">II", content[16:24])
    key = f"{path.parent.parent.name}/{path.stem}"
    return Figure(path.as_posix(), key, width, height, content)
