"""Files as they were at a revision, read from git and DVC's cache; nothing is checked out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.errors import LoopwrightError, did_you_mean

WORKSPACE = "workspace"


@dataclass(frozen=True)
class Revision:
    """A state of the repository.

    Attributes:
        name: as it was asked for; ``workspace`` for the files as they lie.
        commit: the full hash, or None for the workspace.
        root: the repository.
    """

    name: str
    commit: str | None
    root: Path

    def __str__(self) -> str:
        """Return the name as a person reads it: ``main (1a2b3c4)``."""
        if self.commit is None:
            return self.name
        short = self.commit[:7]
        return short if self.commit.startswith(self.name) else f"{self.name} ({short})"


def resolve(name: str | None, root: Path = Path()) -> Revision:
    """Return the revision called `name`.

    Args:
        name: what git takes for a commit, the name of a `dvc exp`, or None or
            ``workspace`` for the files as they lie.
        root: the repository.

    Raises:
        LoopwrightError: git and DVC know none of that name, or `root` is no repository.
    """
    from dvc.exceptions import DvcException
    from dvc.scm import SCM, resolve_rev

    if name is None or name == WORKSPACE:
        return Revision(WORKSPACE, None, root)
    try:
        scm = SCM(str(root))
    except DvcException as fault:
        raise LoopwrightError(f"{fault}; go to the top of the repository") from None
    try:
        if not name:
            raise ValueError("git takes no name for HEAD")
        return Revision(name, str(resolve_rev(scm, name)), root)
    except (DvcException, ValueError):
        names = sorted(_names(scm))
        shown = ", ".join([*names[:12], *(["..."] if len(names) > 12 else [])])
        raise LoopwrightError(
            f"no revision '{name}'{did_you_mean(name, names)}; possible: a commit, "
            f"'{WORKSPACE}'{f' or one of {shown}' if names else ''}"
        ) from None
    finally:
        scm.close()


def _names(scm: Any) -> set[str]:
    """Return the short names of all branches, tags and experiments."""
    heads = ("refs/heads/", "refs/tags/", "refs/remotes/")
    names = set()
    for ref in scm.iter_refs():
        if ref.startswith("refs/exps/"):
            # refs/exps/ab/cdef.../name; without a name it is a bookkeeping ref of DVC
            parts = ref.split("/")
            if len(parts) == 5 and len(parts[2]) == 2:
                names.add(parts[4])
        names |= {ref.removeprefix(head) for head in heads if ref.startswith(head)}
    return names


def read_bytes(revision: Revision, path: str) -> bytes:
    """Return what the file at `path` (relative to the root) held at `revision`.

    Raises:
        LoopwrightError: there was none, or its bytes are neither in the cache nor at a remote.
    """
    if revision.commit is None:
        try:
            return (revision.root / path).read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise LoopwrightError(f"{path}: no such file; run `dvc repro` to make it") from None
    from dvc.exceptions import DvcException

    files = _files(revision.root.resolve(), revision.commit)
    try:
        content: bytes = files.read_bytes(path)
    except (OSError, DvcException):
        if files.exists(path):
            raise LoopwrightError(
                f"{path} at {revision}: not in DVC's cache, or not in the dvc.lock of that "
                "revision; `dvc fetch --all-commits` brings what a remote holds, and "
                "`dvc repro` there makes it again"
            ) from None
        raise LoopwrightError(f"{path} at {revision}: no such file") from None
    return content


@lru_cache(maxsize=4)
def _files(root: Path, commit: str) -> Any:
    """Return the files of a commit; opening them takes half a second, and a commit stays."""
    from dvc.api import DVCFileSystem

    return DVCFileSystem(str(root), rev=commit)


def open_table(revision: Revision, path: str) -> pd.DataFrame:
    """Return the table at `path` as it was at `revision`.

    Raises:
        LoopwrightError: as `read_bytes`, or the file is not Parquet.
    """
    content = pa.BufferReader(read_bytes(revision, path))
    try:
        frame: pd.DataFrame = pq.read_table(content, use_threads=False).to_pandas(use_threads=False)
    except pa.ArrowInvalid as fault:
        raise LoopwrightError(f"{path} at {revision}: not a Parquet file ({fault})") from None
    return frame


@contextmanager
def laid_out(revision: Revision, *paths: str) -> Iterator[Path]:
    """Yield a folder that holds `paths` as they were at `revision`, at the same places.

    For what reads files by their path, such as `read_params`. A fault told of one of them
    names the revision instead of the folder.

    Raises:
        LoopwrightError: as `read_bytes`.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        for path in paths:
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(read_bytes(revision, path))
        try:
            yield folder
        except LoopwrightError as fault:
            told = str(fault).replace(f"{folder}/", f"{revision}: ")
            raise LoopwrightError(told) from None
