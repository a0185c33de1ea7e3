"""What git would commit: the files of its index, whatever lies in the workspace."""

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.core.errors import LoopwrightError


@dataclass(frozen=True)
class Index:
    """The index of the repository at `root`.

    Attributes:
        root: the top of the repository.
        blobs: the name of each file's bytes in git, by path.
        staged: the paths that the next commit adds, changes or removes.
    """

    root: Path
    blobs: dict[str, str]
    staged: frozenset[str]

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the bytes of those of `paths` that are files of the index."""
        known = [path for path in paths if path in self.blobs]
        batch = _git(self.root, "cat-file", "--batch", given=self._names(known))
        return dict(zip(known, _objects(batch), strict=True))

    def sizes(self, paths: Iterable[str]) -> dict[str, int]:
        """Return how many bytes each of those of `paths` has that are files of the index."""
        known = [path for path in paths if path in self.blobs]
        told = _git(self.root, "cat-file", "--batch-check=%(objectsize)", given=self._names(known))
        return dict(zip(known, map(int, told.split()), strict=True))

    def _names(self, paths: Iterable[str]) -> bytes:
        return "".join(f"{self.blobs[path]}\n" for path in paths).encode()

    def text(self, path: str) -> str | None:
        """Return the text of the file at `path`, or None where the index has none."""
        found = self.read([path])
        try:
            return found[path].decode() if found else None
        except UnicodeDecodeError:
            raise LoopwrightError(f"{path}: not UTF-8") from None


def read_index(root: Path) -> Index:
    """Read the index of the repository at `root`.

    Raises:
        LoopwrightError: `root` is in no git repository.
    """
    blobs = {}
    for entry in _git(root, "ls-files", "--stage", "-z").decode(errors="replace").split("\0"):
        if entry:
            about, path = entry.split("\t", 1)
            mode, blob, stage = about.split()
            if mode.startswith("100") and stage == "0":  # no link, submodule or conflict
                blobs[path] = blob
    changed = _git(root, "diff", "--cached", "--name-only", "--no-renames", "--relative", "-z")
    return Index(root, blobs, frozenset(filter(None, changed.decode(errors="replace").split("\0"))))


def _objects(batch: bytes) -> Iterator[bytes]:
    """Yield the bytes of each object that ``git cat-file --batch`` printed."""
    at = 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        size = int(batch[at:end].split()[2])
        yield batch[end + 1 : end + 1 + size]
        at = end + size + 2


def _git(root: Path, *arguments: str, given: bytes = b"") -> bytes:
    """Return what git prints."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            input=given,
            capture_output=True,
            check=True,
        )
    except FileNotFoundError:
        raise LoopwrightError("git is not installed, or not where PATH says") from None
    except subprocess.CalledProcessError as fault:
        why = fault.stderr.decode(errors="replace").strip()
        raise LoopwrightError(f"git {arguments[0]} failed: {why}") from None
    return done.stdout
