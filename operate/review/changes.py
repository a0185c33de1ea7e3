"""What changed from one revision to the other: params, packages, code and stages."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operate.locks import Lock
from operate.review.snapshot import flat
from stages.core.numbers import MINUS, NOTHING

_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
ABSENT = NOTHING


@dataclass(frozen=True)
class Change:
    """A named thing: what it was and what it is; `ABSENT` where it was or is not there."""

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class CodeChange:
    """A file that stages depend on.

    Attributes:
        file: its path.
        lines: lines that came and went, as git counts them; empty where git cannot tell.
        stages: the stages that depend on it.
    """

    file: str
    lines: str
    stages: tuple[str, ...]


@dataclass(frozen=True)
class Rerun:
    """A stage that is not as it was.

    Attributes:
        stage: its name.
        why: what it reads that changed.
        outputs: which of its outputs changed.
        of: how many outputs it has.
    """

    stage: str
    why: tuple[str, ...]
    outputs: tuple[str, ...]
    of: int


def spelt(value: Any) -> str:
    """Return a parameter as one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def param_changes(base: Mapping[str, Any], head: Mapping[str, Any]) -> list[Change]:
    """Return the parameters that differ, by dotted key; a list is one value."""
    return _changes(*({key: spelt(v) for key, v in flat(tree).items()} for tree in (base, head)))


def packages(lock: str) -> dict[str, str]:
    """Return the version of each package that a requirements lock pins."""
    return {name.lower(): version for name, version in _PINNED.findall(lock)}


def package_changes(base: str, head: str) -> list[Change]:
    """Return the packages whose version differs between two locks."""
    return _changes(packages(base), packages(head))


def _changes(base: Mapping[str, str], head: Mapping[str, str]) -> list[Change]:
    names = sorted(base.keys() | head.keys())
    rows = [Change(name, base.get(name, ABSENT), head.get(name, ABSENT)) for name in names]
    return [row for row in rows if row.old != row.new]


def reruns(
    base: Lock, head: Lock, commands: tuple[Mapping[str, str], Mapping[str, str]]
) -> list[Rerun]:
    """Return the stages whose entry in dvc.lock differs, in the order of the new one.

    An output that changed although nothing did that DVC sees is told as such: the stage is
    not reproducible.

    Args:
        base: the old dvc.lock.
        head: the new one.
        commands: the command of each stage in both.
    """
    names = [*head.stages, *(name for name in base.stages if name not in head.stages)]
    found = []
    for name in names:
        old, new = base.stages.get(name), head.stages.get(name)
        if old is None or new is None:
            entry = new or old
            outs = tuple(entry.outs) if entry else ()
            why = "the stage is new" if old is None else "the stage is gone"
            found.append(Rerun(name, (why,), outs, len(outs)))
            continue
        reasons = [change.name for change in _changes(old.deps, new.deps)]
        before, after = ({k: spelt(v) for k, v in s.values.items()} for s in (old, new))
        reasons += [change.name for change in _changes(before, after)]
        if commands[0].get(name) != commands[1].get(name):
            reasons.insert(0, "its command")
        outputs = tuple(change.name for change in _changes(old.outs, new.outs))
        if outputs and not reasons:
            reasons = ["nothing that DVC sees changed, and the outputs did: it is not reproducible"]
        if reasons:
            found.append(Rerun(name, tuple(reasons), outputs, len(new.outs)))
    return found


def code_changes(base: Lock, head: Lock, lines: Mapping[str, str]) -> list[CodeChange]:
    """Return the files that no stage wrote, that differ, and that stages depend on.

    Args:
        base: the old dvc.lock.
        head: the new one.
        lines: how many lines came and went, by file.
    """
    files = _changes(base.sources, head.sources)
    return [
        CodeChange(
            change.name,
            lines.get(change.name, ""),
            tuple(
                name
                for name, stage in {**base.stages, **head.stages}.items()
                if change.name in stage.deps
            ),
        )
        for change in files
    ]


def numstat(text: str) -> dict[str, str]:
    """Return what `git diff --numstat -z --no-renames` tells of each file."""
    found = {}
    for entry in filter(None, text.split("\0")):
        added, removed, file = entry.split("\t", 2)
        found[file] = "binary" if added == "-" else f"+{added} {MINUS}{removed}"
    return found


def only_seeds(params: Sequence[Change], code: Sequence[CodeChange]) -> bool:
    """Return whether nothing but seeds changed: then all that differs is chance."""
    return (
        bool(params)
        and not code
        and all(change.name.rpartition(".")[2] == "random_state" for change in params)
    )
