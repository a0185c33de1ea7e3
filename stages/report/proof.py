"""The files that show a claim, each with its sha256, and which file holds which verdict."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from stages.core.verdicts import Verdict
from stages.report.evidence import Evidence

Hashes = Mapping[str, str | None]  # None: there is no such file

_CODE = re.compile(r"`([^`]+)`")


def fingerprints(evidence: Evidence) -> Hashes:
    """Return the sha256 of each file that the report reads, by its path; None where it is missing.

    Folders of figures are left out: dvc.lock binds them, and no claim rests on a picture.
    """
    return {path: _sha256(Path(path)) for path in _files(evidence)}


def _files(evidence: Evidence) -> Iterator[str]:
    for path in evidence.paths.values():
        if Path(path).suffix:
            yield path
    for audit in evidence.audits:
        folder = f"{evidence.paths['audit']}/{audit.pillar}"
        yield f"{folder}/verdicts.json"
        if audit.pillar == "accountability":
            yield f"{folder}/files/risks.json"
        yield from sorted(p.as_posix() for p in Path(folder, "files").glob("*") if p.is_file())


def _sha256(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def homes(evidence: Evidence) -> dict[str, str]:
    """Return the file that holds each verdict, by the verdict's id."""
    paths = evidence.paths
    found = {verdict.id: paths["summary"] for verdict in evidence.all_verdicts}
    for name, verdicts in _holders(evidence):
        found.update({verdict.id: name for verdict in verdicts if verdict.id in found})
    return found


def _holders(evidence: Evidence) -> Iterator[tuple[str, list[Verdict]]]:
    paths = evidence.paths
    for name, document in (
        ("charter", evidence.charter),
        ("manifest", evidence.manifest),
        ("quality", evidence.quality),
        ("splits", evidence.splits),
        ("findings", evidence.findings),
        ("feature_list", evidence.features),
        ("best_params", evidence.search),
        ("model_manifest", evidence.model),
        ("evaluation", evidence.evaluation),
    ):
        if document:
            yield paths[name], document.verdicts
    for audit in evidence.audits:
        if audit.document:
            yield f"{paths['audit']}/{audit.pillar}/verdicts.json", audit.document.verdicts


def with_files(text: str, hashes: Hashes) -> str:
    """Return a Markdown `text` with a table of all files that it names, each with its sha256."""
    named = sorted({path for path in _CODE.findall(text) if path in hashes})
    lines = [f"| `{path}` | {hashes[path] or 'missing'} |" for path in named]
    head = ["", "## Files that show it", "", "| File | sha256 |", "|---|---|"]
    return "\n".join([text.rstrip("\n"), *head, *lines]) + "\n"
