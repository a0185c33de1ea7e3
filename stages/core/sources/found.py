"""What is told of a source: what was read, and whether it is still that."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stages.core.sources.raw import Raw

Facts = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Read:
    """A source that was read.

    Attributes:
        raw: its rows.
        facts: for the manifest: where it is (``from``), ``bytes`` and ``sha256`` of the file,
            or None, and ``version``: what its server says that changes with it. They follow
            from the source alone, never from the time or the place of the run.
    """

    raw: Raw
    facts: Facts


@dataclass(frozen=True)
class Look:
    """Whether a source is still what the manifest tells of.

    Attributes:
        status: ``unknown`` where its server does not say enough.
        why: one sentence.
    """

    status: Literal["same", "changed", "unknown"]
    why: str


def digest_of(files: list[Path], root: Path) -> dict[str, Any]:
    """Return ``bytes`` and ``sha256`` of a file, or of all files of a folder with their names."""
    digests = []
    for file in files:
        with file.open("rb") as opened:
            digests.append(hashlib.file_digest(opened, "sha256").hexdigest())
    size = sum(file.stat().st_size for file in files)
    if files == [root]:
        return {"bytes": size, "sha256": digests[0]}
    listed = [
        f"{digest}  {file.relative_to(root).as_posix()}\n"
        for digest, file in zip(digests, files, strict=True)
    ]
    return {"bytes": size, "sha256": hashlib.sha256("".join(listed).encode()).hexdigest()}


def compared(recorded: Facts, now: Facts, names: Mapping[str, str]) -> Look:
    """Hold the facts that a server gives now against those of the manifest.

    Args:
        recorded: the facts of the manifest.
        now: those of now; a fact that it does not give is None or absent.
        names: the facts that change whenever the source does, best first, in words.
    """
    for fact, words in names.items():
        before, after = recorded.get(fact), now.get(fact)
        if before is not None and after is not None:
            if before == after:
                return Look("same", f"its {words} is the same")
            return Look("changed", f"its {words} was {before}, and is {after}")
    sizes = recorded.get("bytes"), now.get("bytes")
    if None not in sizes and sizes[0] != sizes[1]:
        return Look("changed", f"it had {sizes[0]:,} bytes, and has {sizes[1]:,}")
    told = " or ".join(names.values())
    return Look("unknown", f"its server gives no {told}; only reading it again can tell")
