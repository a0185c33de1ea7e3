"""How often the test split was looked at: each model that an audit saw is one look."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Looks:
    """The looks at the test split.

    Attributes:
        count: distinct pairs of a model and a test split, or None without a git history.
        complete: False in a shallow clone, whose history is cut off: then `count` is
            the least that it can be.
    """

    count: int | None
    complete: bool = True

    def __str__(self) -> str:
        """Return the count as a person reads it."""
        if self.count is None:
            return "unknown (no git history)"
        return str(self.count) if self.complete else f"at least {self.count} (shallow clone)"


def looks_at_test(root: Path, model: str, test: str) -> Looks:
    """Count the models that an audit has held against a test split.

    Every commit that touched dvc.lock counts, on any branch and in any DVC experiment,
    and so does the dvc.lock in the workspace: whoever looked, the split has been seen.

    Args:
        root: the repository.
        model: the path of the model, as dvc.lock names it.
        test: the path of the test split, as dvc.lock names it.
    """
    try:
        shallow = _git(root, "rev-parse", "--is-shallow-repository").strip() == "true"
        # full history: without it git leaves out a branch whose dvc.lock did not survive
        commits = _git(root, "log", "--all", "--full-history", "--format=%H", "--", "dvc.lock")
        versions = "".join(f"{commit}:./dvc.lock\n" for commit in commits.split())
        named = _git(root, "cat-file", "--batch-check=%(objectname)", given=versions)
        blobs = {line for line in named.splitlines() if not line.endswith(" missing")}
        locks = _git(root, "cat-file", "--batch", given="".join(f"{blob}\n" for blob in blobs))
    except (FileNotFoundError, subprocess.CalledProcessError):
        return Looks(None)
    lock = root / "dvc.lock"
    if lock.is_file():
        locks += lock.read_text(encoding="utf-8")
    return Looks(len(_pairs(locks, model, test)), not shallow)


def _git(root: Path, *arguments: str, given: str = "") -> str:
    """Return what git prints."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=root,
        input=given,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=True,
    )
    return done.stdout


_AUDIT = re.compile(r"^  audit@[^\n]*:\n((?:    [^\n]*\n)+)", re.MULTILINE)


def _pairs(locks: str, model: str, test: str) -> set[tuple[str, str]]:
    """Return the hashes (model, test) that any audit in any of `locks` read.

    DVC writes dvc.lock, always in the same form, so lines are enough: as YAML each
    version takes 50 ms, and a project has hundreds.
    """
    pairs = set()
    for section in _AUDIT.findall(locks):
        of_model, of_test = _md5(section, model), _md5(section, test)
        if of_model and of_test:
            pairs.add((of_model, of_test))
    return pairs


def _md5(section: str, path: str) -> str | None:
    entry = rf"^    - path: {re.escape(path)}\n(?:      [^\n]*\n)*?      md5: ([0-9a-f]+)"
    found = re.search(entry, section, re.MULTILINE)
    return found[1] if found else None
