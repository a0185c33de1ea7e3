"""Is dvc.lock in step? A commit is an iteration only if its stages ran on its own files."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import PurePosixPath
from typing import Any

from operate.hooks import load_pipeline, load_yaml
from operate.index import Index

YAML, LOCK = "dvc.yaml", "dvc.lock"


@dataclass(frozen=True)
class Drift:
    """What dvc.lock says that the files of the next commit do not.

    Attributes:
        stages: what changed after each stage ran, by its name.
        missing: whether the commit would have a pipeline and no dvc.lock at all.
    """

    stages: dict[str, list[str]] = field(default_factory=dict)
    missing: bool = False


def drift(index: Index) -> Drift:
    """Hold what the next commit would hold against its own dvc.lock.

    A commit answers for the stages whose files, parameters or definition it touches; one
    that touches dvc.lock, and an index without a change, for all. Only files in git are
    compared, by the md5 of their bytes: what DVC keeps is `loopwright gate`'s to check.

    Raises:
        LoopwrightError: dvc.yaml, dvc.lock or a file of parameters is not YAML.
    """
    pipeline, lock = index.text(YAML), index.text(LOCK)
    if pipeline is None:
        return Drift()
    if lock is None:
        return Drift(missing=True)
    locked: dict[str, Any] = load_pipeline(LOCK, lock).get("stages") or {}
    named = defined(load_pipeline(YAML, pipeline)) if _touched(index, YAML) else {}
    files = _Files(index, locked)

    found: dict[str, list[str]] = {}
    for name in named.keys() - locked.keys():
        found[name] = ["it never ran"]
    for name, stage in locked.items():
        changes = [*_redefined(stage, named.get(name)), *files.changes(stage)]
        if changes:
            found[name] = changes
    return Drift(found)


def _touched(index: Index, path: str) -> bool:
    """Return whether the commit answers for the file or folder at `path`."""
    staged = index.staged
    if not staged or LOCK in staged:
        return True
    return path in staged or any(other.startswith(f"{path}/") for other in staged)


def told(found: Drift) -> list[str]:
    """Return the lines that tell a person of `found` and what to do; none where all is well."""
    if found.missing:
        return [f"{LOCK} is not in git: run `dvc repro`, then `git add {LOCK}`"]
    if not found.stages:
        return []
    rows = [f"  {name}: {'; '.join(changes)}" for name, changes in found.stages.items()]
    return [
        f"{LOCK} is not in step with what would be committed:",
        *rows,
        f"run `dvc repro`, then `git add {LOCK}` and what it changed (docs/hooks.md)",
    ]


# --- files and parameters -------------------------------------------------------------------


class _Files:
    """The files of the index, as dvc.lock writes them."""

    def __init__(self, index: Index, locked: Mapping[str, Any]) -> None:
        entries = [
            entry
            for stage in locked.values()
            for k in ("deps", "outs")
            for entry in stage.get(k, [])
        ]
        named = {entry["path"] for entry in entries}
        within = {path: list(_within(index, path)) for path in named}
        content = index.read({file for files in within.values() for file in files})
        self.index = index
        self.md5 = {
            path: _md5(path, {file: content[file] for file in files})
            for path, files in within.items()
            if files
        }
        self.params = {
            file: load_yaml(file, index.text(file) or "{}")
            for file in {file for stage in locked.values() for file in stage.get("params", {})}
            if file.endswith((".yaml", ".yml")) and _touched(index, file)
        }

    def changes(self, stage: Mapping[str, Any]) -> Iterator[str]:
        """Yield what is not as `stage` of dvc.lock found it or left it."""
        for entry in stage.get("deps", []):
            path = entry["path"]
            if not _touched(self.index, path):
                continue
            if path in self.md5 and self.md5[path] != entry.get("md5"):
                yield f"{path} changed"
            elif path not in self.md5 and path in self.index.staged:
                yield f"{path} is gone"
        for entry in stage.get("outs", []):
            path = entry["path"]
            if (
                _touched(self.index, path)
                and path in self.md5
                and self.md5[path] != entry.get("md5")
            ):
                yield f"{path} is not what it wrote"
        for file, values in stage.get("params", {}).items():
            for key, value in (values or {}).items():
                if file in self.params and _value(self.params[file], key) != value:
                    yield f"{file}: {key} changed"


def _within(index: Index, path: str) -> Iterable[str]:
    """Return `path`, or the files in it where it is a folder that git keeps."""
    if path in index.blobs:
        return [path]
    return sorted(file for file in index.blobs if file.startswith(f"{path}/"))


def _md5(path: str, files: Mapping[str, bytes]) -> str:
    """Return the md5 that DVC gives to the file or the folder at `path`."""
    if path in files:
        return hashlib.md5(files[path], usedforsecurity=False).hexdigest()
    listing = [
        {
            "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            "relpath": PurePosixPath(file).relative_to(path).as_posix(),
        }
        for file, content in sorted(files.items(), key=lambda item: item[0].split("/"))
    ]
    text = json.dumps(listing, sort_keys=True).encode()
    return f"{hashlib.md5(text, usedforsecurity=False).hexdigest()}.dir"


_NOTHING = object()


def _value(document: Any, key: str) -> Any:
    """Return the value at the dotted `key`; something that equals no value where none is."""
    for part in key.split("."):
        if isinstance(document, Mapping) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return _NOTHING
    return document


# --- definitions ----------------------------------------------------------------------------


def defined(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return each stage of dvc.yaml with the variables of `vars` and its matrix filled in.

    As far as they are written there: what needs a parameter keeps its ``${...}``.
    """
    known = {
        dotted: value
        for block in document.get("vars") or []
        if isinstance(block, dict)
        for dotted, value in _flat(block)
    }
    return {
        name: _filled(body, known | item)
        for stage, declared in (document.get("stages") or {}).items()
        for name, body, item in _instances(stage, declared)
    }


def _instances(name: str, stage: Any) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield each stage that a declaration stands for: its name, its body, its item."""
    if "matrix" in stage and all(isinstance(v, list) for v in stage["matrix"].values()):
        for values in product(*stage["matrix"].values()):
            item = {f"item.{k}": v for k, v in zip(stage["matrix"], values, strict=True)}
            yield f"{name}@{'-'.join(map(str, values))}", stage, item
    elif isinstance(stage.get("foreach"), list):
        for value in stage["foreach"]:
            yield f"{name}@{value}", stage["do"], {"item": value}
    elif not {"matrix", "foreach"} & stage.keys():
        yield name, stage, {}


def _flat(tree: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _flat(value, f"{above}.{key}" if above else str(key))
    else:
        yield above, tree


def _filled(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {_filled(k, known): _filled(v, known) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(one, known) for one in value]
    if isinstance(value, str):
        for name, text in known.items():
            value = value.replace(f"${{{name}}}", str(text))
    return value


def _redefined(stage: Mapping[str, Any], now: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield how the definition `now` differs from what ran."""
    if now is None:
        return
    command, deps = _command(now.get("cmd")), set(now.get("deps") or [])
    if "${" not in command and command != _command(stage.get("cmd")):
        yield "its command changed"
    if not any("${" in path for path in deps):
        ran = {entry["path"] for entry in stage.get("deps", [])}
        yield from (f"{path} is a new input" for path in sorted(deps - ran))
        yield from (f"{path} is no input any more" for path in sorted(ran - deps))
    keys = {key for key in now.get("params") or [] if isinstance(key, str)}
    known = {key for values in stage.get("params", {}).values() for key in values or ()}
    new = sorted(key for key in keys - known if "${" not in key and not key.endswith(".yaml"))
    yield from (f"{key} is a new parameter" for key in new)


def _command(command: Any) -> str:
    lines = command if isinstance(command, list) else [command]
    return "\n".join(" ".join(str(line).split()) for line in lines)
