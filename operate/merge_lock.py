"""Merge two versions of dvc.lock, stage by stage, so that every line of it stays true.

A stage in dvc.lock says: these inputs gave these outputs. Two branches that changed one
stage each wrote such a sentence; no mixture of the two was ever computed. So a stage is
taken whole from one side, or left out, and `dvc repro` computes it anew.
"""

import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from stages.core.errors import LoopwrightError
from stages.core.files import write_text

DRIVER = "dvc-lock"
ATTRIBUTE = f"dvc.lock merge={DRIVER}"


@dataclass(frozen=True)
class Merge:
    """The outcome of a merge.

    Attributes:
        text: the merged dvc.lock, as DVC would write it.
        dropped: why each stage that is left out has to be computed anew.
    """

    text: str
    dropped: Mapping[str, str]


def merge_files(ancestor: Path, ours: Path, theirs: Path) -> dict[str, str]:
    """Merge as git asks a merge driver to: the result replaces the file `ours`.

    Returns:
        Why each stage that was left out has to be computed anew.

    Raises:
        LoopwrightError: a file is no dvc.lock; `ours` is left as it was.
    """
    texts = []
    for file in (ancestor, ours, theirs):
        try:
            texts.append(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as fault:
            raise LoopwrightError(f"{file}: cannot be read: {fault}") from None
    merged = merge(*texts)
    write_text(ours, merged.text)
    return dict(merged.dropped)


def merge(ancestor: str, ours: str, theirs: str) -> Merge:
    """Merge two texts of dvc.lock that come from `ancestor`; an empty text has no stages.

    Raises:
        LoopwrightError: a text is no dvc.lock, or of another schema.
    """
    from dvc.utils.serialize import dumps_yaml

    sides = ("the common ancestor", "our side", "their side")
    texts = zip((ancestor, ours, theirs), sides, strict=True)
    base, left, right = (_parse(text, side) for text, side in texts)
    result = left or right or base
    stages, dropped = _merge_entries(*(side.get("stages") or {} for side in (base, left, right)))
    for name, why in _stale(stages):
        dropped[name] = why
        del stages[name]
    result["stages"] = stages
    if any("datasets" in side for side in (base, left, right)):
        result["datasets"] = _datasets(base, left, right)
    return Merge(dumps_yaml(result) if stages or result.get("datasets") else "", dropped)


def _parse(text: str, side: str) -> Any:
    from dvc.exceptions import DvcException
    from dvc.utils.serialize import parse_yaml_for_update

    again = "take one side by `git checkout --ours dvc.lock` or `--theirs`, then `dvc repro`"
    try:
        document = parse_yaml_for_update(text, "dvc.lock")
    except (DvcException, YAMLError) as fault:
        raise LoopwrightError(f"dvc.lock of {side}: not valid YAML ({fault}); {again}") from None
    if not document:
        return {}
    if not isinstance(document, Mapping) or str(document.get("schema")) != "2.0":
        raise LoopwrightError(f"dvc.lock of {side}: schema '2.0' was expected; {again}")
    return document


def _merge_entries(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the entries that one side alone changed, and why each of the others is left out."""
    merged, dropped = {}, {}
    for name in dict.fromkeys([*ours, *theirs]):  # ours keep their order, theirs follow
        before, left, right = (side.get(name) for side in (base, ours, theirs))
        if left == right or right == before:
            entry = left
        elif left == before:
            entry = right
        else:
            what = "changed on one side and removed" if None in (left, right) else "changed"
            dropped[name] = f"{what} on {'the other' if None in (left, right) else 'both sides'}"
            continue
        if entry is not None:
            merged[name] = entry
    return merged, dropped


def _datasets(*sides: Mapping[str, Any]) -> list[Any]:
    named = ({entry["name"]: entry for entry in side.get("datasets") or []} for side in sides)
    return list(_merge_entries(*named)[0].values())


def _stale(stages: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each stage that was computed from another output than the merge holds, and why."""
    outputs = {out["path"]: out for stage in stages.values() for out in stage.get("outs", [])}
    for name, stage in list(stages.items()):
        for dep in stage.get("deps", []):
            out = outputs.get(dep["path"])
            if out is not None and dep.get("md5") != out.get("md5"):
                yield name, f"computed from another {dep['path']} than the other side has"
                break


def install(root: Path) -> None:
    """Tell git in this clone how to call the merge; `.gitattributes` says for which file.

    A driver is a command, so git takes none from the repository: each clone asks for it.

    Raises:
        LoopwrightError: `root` is not in git, or its `.gitattributes` lacks the line.
    """
    attributes = root / ".gitattributes"
    lines = attributes.read_text(encoding="utf-8").splitlines() if attributes.exists() else []
    if ATTRIBUTE not in lines:
        raise LoopwrightError(f".gitattributes: add and commit the line `{ATTRIBUTE}` first")
    command = shlex.quote((Path(sys.executable).parent / "loopwright").as_posix())
    settings = {
        "name": "merge dvc.lock stage by stage",
        "driver": f"{command} merge-lock %O %A %B",
    }
    for key, value in settings.items():
        done = subprocess.run(
            ["git", "config", f"merge.{DRIVER}.{key}", value],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LoopwrightError(f"git config: {done.stderr.strip()}")
