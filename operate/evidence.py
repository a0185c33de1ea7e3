"""Evidence bound to bytes: each file is what dvc.lock names, or the check fails."""

import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo

from stages.core.errors import LoopwrightError
from stages.core.verdicts import Verdict

ID = "evidence"


@dataclass(frozen=True)
class Binding:
    """What dvc.lock holds together.

    Attributes:
        files: every input and output of a stage, relative to the repository.
        faults: a failed verdict for each file that is missing, altered or stale.
    """

    files: frozenset[str]
    faults: tuple[Verdict, ...]

    def holds(self, path: str) -> bool:
        """Return whether dvc.lock names `path`, a folder around it, or a file in it."""
        return any(
            path == file or path.startswith(f"{file}/") or file.startswith(f"{path}/")
            for file in self.files
        )


@dataclass(frozen=True)
class _Mismatch:
    path: str
    what: str  # what happened to it; {stages} stands for those that it concerns
    remedy: str
    stage: str
    is_output: bool = False


def bind(root: Path) -> Binding:
    """Compare all that dvc.lock names with the files under `root`.

    Every file is hashed anew: a hash that DVC remembers stands for a size and a time of
    change, and both can be forged.

    Raises:
        LoopwrightError: `root` is no DVC repository, dvc.yaml is invalid, or another
            DVC process has the repository locked.
    """
    logging.getLogger("dvc").setLevel(logging.ERROR)
    try:
        with (
            tempfile.TemporaryDirectory() as forgotten,
            Repo(str(root), config={"core": {"site_cache_dir": forgotten}}) as repo,
            repo.lock,
        ):
            stages = list(repo.index.stages)
            files = frozenset(
                Path(entry.fs_path).relative_to(repo.root_dir).as_posix()
                for stage in stages
                for entry in [*stage.deps, *stage.outs]
                if entry.is_in_repo
            )
            mismatches = [found for stage in stages for found in _mismatches(stage)]
    except DvcException as fault:
        raise LoopwrightError(f"DVC cannot read the repository: {fault}") from None
    return Binding(files, tuple(_verdicts(mismatches)))


def _mismatches(stage: Any) -> Iterator[_Mismatch]:
    """Yield what differs between dvc.lock and the workspace for one stage of DVC's."""
    name = stage.addressing.rpartition(":")[2]  # outside the repository DVC adds its dvc.yaml
    again = "run `dvc repro`"

    if stage.cmd and not any(entry.hash_info for entry in [*stage.deps, *stage.outs]):
        yield _Mismatch(f"stage {name}", "is not in dvc.lock: it never ran", again, name)
        return
    if stage.cmd and stage.frozen:
        thaw = f"run `dvc unfreeze {name}` and `dvc repro`"
        yield _Mismatch(f"stage {name}", "is frozen: nobody checks its inputs", thaw, name)
    if stage.changed_stage():
        yield _Mismatch("dvc.yaml", "has a new command for {stages}", again, name)
    for out in stage.outs:
        restore = f"run `dvc checkout {out}`, or `dvc repro` to make it anew"
        if not out.exists:
            yield _Mismatch(str(out), "is missing", restore, name, is_output=True)
        elif not out.hash_info:
            yield _Mismatch(str(out), "is not in dvc.lock", again, name, is_output=True)
        elif out.workspace_status():
            yield _Mismatch(str(out), "is not what {stages} wrote", restore, name, is_output=True)
    for dep in stage.deps:
        for path, state in dep.status().items():
            if isinstance(state, dict):  # the keys of a params file
                for key in state:
                    yield _Mismatch(f"{path}: {key}", "changed after {stages} ran", again, name)
            elif not dep.exists:
                yield _Mismatch(path, "is missing, and {stages} needs it", again, name)
            else:
                yield _Mismatch(path, "changed after {stages} ran", again, name)


def _verdicts(mismatches: list[_Mismatch]) -> Iterator[Verdict]:
    """Yield one failed verdict for each fault; an input of many stages is one fault.

    A file that is an output of one stage and an input of others is told as an output.
    """
    outputs = {found.path for found in mismatches if found.is_output}
    stages: dict[tuple[str, str, str], list[str]] = {}
    for found in mismatches:
        if found.is_output or found.path not in outputs:
            stages.setdefault((found.path, found.what, found.remedy), []).append(found.stage)
    for (path, what, remedy), names in stages.items():
        why = f"{path} {what.format(stages=', '.join(names))}: {remedy}"
        yield Verdict(f"{ID}:{path}", "fail", None, None, None, (), why)
