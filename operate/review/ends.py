"""Which two revisions are compared where nobody names them."""

import subprocess
from pathlib import Path

from stages.core.errors import LoopwrightError

TRUNKS = ("refs/remotes/origin/main", "refs/heads/main")


def default_base(root: Path) -> tuple[str, str | None]:
    """Return the base and the head of a review of what lies in the workspace.

    The base is where HEAD left main. On main itself that is HEAD: then the workspace is
    compared with HEAD where it differs, and HEAD with the commit before it where not.

    Returns:
        A commit, and None for the workspace or a commit.

    Raises:
        LoopwrightError: `root` is not in git, there is no main, or nothing to compare.
    """
    head = _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if head is None:
        raise LoopwrightError(
            "there is no commit here to compare with: go to the top of the repository, or make "
            "the first commit"
        )
    trunks = [trunk for trunk in TRUNKS if _git(root, "rev-parse", "--verify", "--quiet", trunk)]
    if not trunks:
        raise LoopwrightError(
            "there is no branch main and no origin/main to compare with: name the base, "
            "`loopwright review BASE`"
        )
    fork = next(filter(None, (_git(root, "merge-base", "HEAD", trunk) for trunk in trunks)), None)
    if fork is None:
        raise LoopwrightError(
            "HEAD and main have no commit in common (a shallow clone? `git fetch --unshallow`): "
            "name the base, `loopwright review BASE`"
        )
    if fork != head or _git(root, "status", "--porcelain", "--untracked-files=no", "--", "."):
        return fork, None
    before = _git(root, "rev-parse", "--verify", "--quiet", "HEAD~1^{commit}")
    if before is None:
        raise LoopwrightError(
            "HEAD is the only commit and the workspace is the same: there is nothing to compare"
        )
    return before, head


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints, or None where it fails."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=root,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else None
