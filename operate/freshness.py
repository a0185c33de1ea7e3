"""Are the sources still what was read? Their servers are asked, and nothing is read again."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from operate.pipeline import read_pipeline
from stages.core.credentials import masked
from stages.core.errors import LoopwrightError
from stages.core.files import read_json
from stages.core.markdown import one_line
from stages.core.params import read_params
from stages.core.sources.declared import FileSource, Source
from stages.core.sources.found import Facts, Look
from stages.core.sources.reading import declared_as
from stages.core.sources.registry import KINDS

_UPDATE = "`dvc update "


@dataclass(frozen=True)
class Row:
    """What is known of one source.

    Attributes:
        source: its key in params.yaml.
        at: where it is, without credentials.
        status: ``error`` where it could not be asked.
        why: one sentence.
    """

    source: str
    at: str
    status: Literal["same", "changed", "unknown", "error"]
    why: str


def freshness(root: Path) -> list[Row]:
    """Hold each declared source against what the manifest of ingest says of it.

    Args:
        root: the repository, which is the working folder too: sources are found from there.

    Raises:
        LoopwrightError: params.yaml is faulty, or nothing was ingested yet.
    """
    pipeline = read_pipeline(root)
    ingest = read_params(root / pipeline.path("params")).ingest
    manifest = read_json(root / pipeline.path("manifest"))
    recorded: list[dict[str, Any]] = manifest.get("sources") or []
    tracked = root / pipeline.path("source")
    rows = []
    for place, source in enumerate(ingest.sources):
        key = f"ingest.sources[{place}]"
        facts = recorded[place] if place < len(recorded) else None
        at = str(facts["from"]) if facts else source.kind
        try:
            look = _look(source, tracked, facts, key)
        except LoopwrightError as fault:
            rows.append(Row(key, at, "error", one_line(fault)))
        else:
            rows.append(Row(key, at, look.status, look.why))
    if len(recorded) > len(ingest.sources):
        why = "fewer sources are declared than were read: `dvc repro` reads them"
        rows.append(Row("ingest.sources", "", "changed", why))
    return rows


def _look(source: Source, tracked: Path, facts: Facts | None, key: str) -> Look:
    if facts is None or declared_as(source) != facts["declared"]:
        return Look("changed", "its declaration is another than it was: `dvc repro` reads it")
    look = KINDS[source.kind].look(source, tracked, facts, key)
    if isinstance(source, FileSource) and look.status == "same":
        return _of_import(tracked if source.path is None else tracked / source.path, look)
    return look


def _of_import(path: Path, look: Look) -> Look:
    """Ask DVC whether a file that it imported has changed where it came from."""
    imported = next((file for file in _dvc_files(path) if "deps:" in file.read_text()), None)
    if imported is None:
        return look
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            # `dvc status` passes over what is frozen, as every import is.
            changed = [dep.status() for s in repo.stage.load_all(str(imported)) for dep in s.deps]
    except Exception as fault:  # each kind of remote fails in its own way
        told = masked(one_line(fault))
        raise LoopwrightError(f"{imported}: DVC cannot ask where it came from: {told}") from None
    if any(changed):
        why = f"it changed where DVC imported it from: {_UPDATE}{imported}`"
        return Look("changed", why)
    return Look("same", "its bytes are the same, here and where DVC imported it from")


def _dvc_files(path: Path) -> Sequence[Path]:
    """Return the .dvc files that may track `path`: its own, and those of the folders above."""
    above = [path, *path.parents]
    files = [folder.with_name(f"{folder.name}.dvc") for folder in above if folder.name]
    return [file for file in files if file.is_file()]


def exit_code(rows: Sequence[Row]) -> int:
    """Return 2 if a source could not be asked, else 1 if one has changed, else 0."""
    found = {row.status for row in rows}
    return 2 if "error" in found else int("changed" in found)


def as_document(rows: Sequence[Row]) -> list[dict[str, str]]:
    """Return the rows as JSON has them."""
    return [asdict(row) for row in rows]


def show(rows: Sequence[Row], console: Console) -> None:
    """Print a line for each source."""
    for row in rows:
        console.print(
            f"{row.status:8} {row.source}  {row.at}: {row.why}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def repro(rows: Sequence[Row]) -> int:
    """Read the sources again, then run what depends on them; return DVC's exit code.

    DVC sees a change of a local file and of params.yaml by itself; what a server holds it does
    not see, so ingest is forced.
    """
    forced = any(row.status in ("changed", "unknown") for row in rows)
    imports = [row.why.partition(_UPDATE)[2].rstrip("`") for row in rows if _UPDATE in row.why]
    commands = [["update", *imports]] if imports else []
    commands += [["repro", "--force", "--single-item", "ingest"]] if forced else []
    for command in [*commands, ["repro"]]:
        code = subprocess.run([sys.executable, "-m", "dvc", *command], check=False).returncode
        if code:
            return code
    return 0
