"""The locked environment: each package fixed to its bytes, and listed for others.

The list is a CycloneDX document, which scanners for known weaknesses read. It holds no date
and no random number: the same lock and model give the same bytes.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from stages.audit.evidence import Check, Evidence, Findings, counted, listed
from stages.core.params import AuditPrivacySecurity
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "privacy_security.dependencies",
        "Is every package of the environment fixed to its bytes?",
        "requirements of the lock without an exact version and a sha256",
        "= 0",
        "pip's hash-checking mode",
    ),
)

FILE = "packages.cdx.json"


@dataclass(frozen=True)
class Requirement:
    """An entry of the lock.

    Attributes:
        name: of the package, as PyPI spells it.
        version: None where it is not exact.
        sha256: of each file that may be installed.
        marker: whether it is installed only on some machines.
    """

    name: str
    version: str | None
    sha256: tuple[str, ...]
    marker: bool


def requirements(lock: str) -> list[Requirement]:
    """Return the entries of a requirements file, in its order."""
    lines = re.sub(r"\\\n", " ", lock).splitlines()
    wanted = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return [
        _requirement(line)
        for line in wanted
        if not line.startswith(("--index-url", "--extra-index-url"))
    ]


def _requirement(line: str) -> Requirement:
    exact = re.match(r"[\w.-]+(?:\[[\w,.-]+\])?==([\w.!+-]+)(?=[\s;])", line)
    return Requirement(
        re.split(r"[\s;=<>~!@\[]", line)[0],
        exact[1] if exact else None,
        tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line)),
        ";" in line,
    )


def dependencies(wanted: Sequence[Requirement], evidence: tuple[str, ...]) -> Verdict:
    """Ask that every requirement of the lock has an exact version and a hash."""
    loose = [entry.name for entry in wanted if not (entry.version and entry.sha256)]
    if not wanted:
        why = "the lock names no requirement: nothing is fixed"
        return Verdict("privacy_security.dependencies", "fail", None, None, "= 0", evidence, why)
    why = f"each of {len(wanted)} requirements has an exact version and a sha256"
    if loose:
        why = f"without an exact version or a sha256: {listed(loose)}"
    return counted("privacy_security.dependencies", len(loose), evidence, why)


def bill_of_materials(wanted: Sequence[Requirement], manifest: Mapping[str, Any]) -> str:
    """Return the model and the packages that it runs with as a CycloneDX 1.6 document.

    The serial number is made from the content (RFC 9562, version 5).
    """
    packages = [_component(entry) for entry in wanted]
    model: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": str(manifest.get("candidate", "model")),
    }
    if re.fullmatch(r"[0-9a-f]{64}", str(manifest.get("sha256"))):
        model["version"] = str(manifest["sha256"])[:12]
        model["hashes"] = [{"alg": "SHA-256", "content": str(manifest["sha256"])}]
    content = {
        "version": 1,
        "metadata": {"component": model},
        "components": packages,
        "dependencies": [{"ref": "model", "dependsOn": [p["bom-ref"] for p in packages]}],
    }
    serial = uuid5(NAMESPACE_URL, json.dumps(content))
    head = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
    }
    return json.dumps({**head, **content}, indent=2) + "\n"


def _component(entry: Requirement) -> dict[str, Any]:
    """Return a package as CycloneDX has it; its purl is that of the Python Package Index."""
    name = re.sub(r"[-_.]+", "-", entry.name).lower()
    version = f"@{quote(entry.version, safe='.-_~')}" if entry.version else ""
    purl = f"pkg:pypi/{name}{version}"
    found: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": name}
    if entry.version:
        found["version"] = entry.version
    # What a marker leaves out on some machines is not required there.
    found["scope"] = "optional" if entry.marker else "required"
    found["hashes"] = [{"alg": "SHA-256", "content": sha256} for sha256 in entry.sha256]
    found["purl"] = purl
    return found


def examine(e: Evidence, bounds: AuditPrivacySecurity) -> Findings:
    """Hold the lock against what pip asks for, and list it."""
    wanted = requirements(e.lock)
    return Findings(
        [dependencies(wanted, (e.file(FILE), *e.paths()))],
        files={FILE: bill_of_materials(wanted, e.manifest)},
    )
