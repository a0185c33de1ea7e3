"""A revision as the pipeline left it: its files by git and by DVC's cache, never checked out."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import md5
from pathlib import PurePosixPath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from operate.locks import Lock, read_lock
from operate.review.cache import Cache
from operate.revisions import Revision
from stages.core.errors import LoopwrightError

LOCK, PIPELINE, PARAMS = "dvc.lock", "dvc.yaml", "params.yaml"
_COMMAND = re.compile(r"^  (\S[^\n]*):\n    cmd: ((?:[^\n]|\n(?!    \w+:|  \S))*)", re.MULTILINE)
_NOT_HERE = "not in the workspace: run dvc checkout or dvc repro"


@dataclass(frozen=True)
class Snapshot:
    """One revision.

    Attributes:
        revision: which one.
        cache: DVC's.
        absent: why a file could not be read, by its path; filled as files are asked for.
    """

    revision: Revision
    cache: Cache
    absent: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return what the revision is called."""
        return str(self.revision)

    # --- what git holds -------------------------------------------------------------------

    @cached_property
    def lock(self) -> Lock:
        """dvc.lock; without stages where there is none."""
        return read_lock(self._text(LOCK))

    @cached_property
    def commands(self) -> Mapping[str, str]:
        """The command of each stage as dvc.lock has it, on one line."""
        return {name: " ".join(cmd.split()) for name, cmd in _COMMAND.findall(self._text(LOCK))}

    @cached_property
    def outs(self) -> Mapping[str, str]:
        """The hash of each output that dvc.lock names, by its path."""
        return {
            path: oid for stage in self.lock.stages.values() for path, oid in stage.outs.items()
        }

    @cached_property
    def params(self) -> Mapping[str, Any]:
        """params.yaml as it is written: an old one need not fit the models of today."""
        return self._yaml(PARAMS)

    @cached_property
    def paths(self) -> Mapping[str, str]:
        """``vars.paths`` of dvc.yaml: where each file lay at this revision."""
        blocks = self._yaml(PIPELINE).get("vars")
        listed = blocks if isinstance(blocks, list) else []
        found: Any = next((b["paths"] for b in listed if isinstance(b, dict) and "paths" in b), {})
        return {str(name): str(path) for name, path in _mapping(found).items()}

    def tracked(self, path: str) -> bytes | None:
        """Return what git holds at `path`; in the workspace, what lies there."""
        root, commit = self.revision.root, self.revision.commit
        if commit is None:
            file = root / path
            return file.read_bytes() if file.is_file() else None
        done = subprocess.run(
            ["git", "cat-file", "blob", f"{commit}:./{path}"],
            cwd=root,
            capture_output=True,
            check=False,
        )
        return done.stdout if done.returncode == 0 else None

    def _text(self, path: str) -> str:
        content = self.tracked(path)
        if content is None:
            self.absent[path] = "no such file at this revision"
        return (content or b"").decode("utf-8", errors="replace")

    def _yaml(self, path: str) -> Mapping[str, Any]:
        try:
            return _mapping(YAML(typ="safe").load(self._text(path)))
        except YAMLError as fault:
            raise LoopwrightError(f"{path} at {self}: not valid YAML: {fault}") from None

    # --- what DVC holds -------------------------------------------------------------------

    def hashes(self, *paths: str) -> set[str]:
        """Return the hashes of those of `paths`, or of the folders around them, that DVC keeps."""
        if self.revision.commit is None:
            return set()
        kept = (place for path in paths if (place := self._kept(path)))
        return {self.outs[place] for place in kept}

    def read(self, path: str) -> bytes | None:
        """Return the file at `path`, or None; then `absent` says why."""
        place = None if self.revision.commit is None else self._kept(path)
        if place is None:
            content = self.tracked(path)
            if content is None:
                neither = "neither in git nor in dvc.lock at this revision"
                self.absent[path] = _NOT_HERE if self.revision.commit is None else neither
            return content
        if place != path:
            content = self.folder(place).get(path.removeprefix(f"{place}/"))
        else:
            content = self.cache.get(self.outs[path])
        if content is None:
            self.absent[path] = self.cache.why or "not in its folder"
        return content

    def document(self, path: str) -> Mapping[str, Any] | None:
        """Return the JSON object at `path`, or None; then `absent` says why."""
        content = self.read(path)
        if content is None:
            return None
        try:
            found = json.loads(content)
        except (UnicodeDecodeError, json.JSONDecodeError):
            found = None
        if not isinstance(found, dict):
            self.absent[path] = "not a JSON object"
            return None
        return found

    def folder(self, path: str) -> dict[str, bytes]:
        """Return the files of the folder at `path` by name; empty where it cannot be read."""
        if self.revision.commit is None:
            place = self.revision.root / path
            files = sorted(f for f in place.rglob("*") if f.is_file()) if place.is_dir() else []
            if not files:
                self.absent[path] = _NOT_HERE
            return {f.relative_to(place).as_posix(): f.read_bytes() for f in files}
        if path not in self.outs:
            self.absent[path] = "not in dvc.lock at this revision"
            return {}
        found = self.cache.tree(self.outs[path])
        if found is None:
            self.absent[path] = self.cache.why
        return found or {}

    def _kept(self, path: str) -> str | None:
        """Return the output of DVC's that holds `path`, or None where git does."""
        if path in self._in_git:
            return None
        around = [path, *(parent.as_posix() for parent in PurePosixPath(path).parents)]
        return next((place for place in around if place in self.outs), None)

    @cached_property
    def _in_git(self) -> frozenset[str]:
        """The outputs that git tracks at this revision: those with ``cache: false``."""
        if self.revision.commit is None:
            return frozenset()
        done = subprocess.run(
            ["git", "ls-tree", "-z", "--name-only", self.revision.commit, "--", *self.outs],
            cwd=self.revision.root,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return frozenset(filter(None, done.stdout.split("\0"))) if self.outs else frozenset()

    # --- is it whole ----------------------------------------------------------------------

    def stale(self) -> list[str]:
        """Return the stages of the workspace whose files or params are not those of dvc.lock."""
        if self.revision.commit is not None:
            return []
        now, hashed = flat(self.params), dict[str, str | None]()
        found = []
        for name, stage in self.lock.stages.items():
            listed = {**stage.deps, **stage.outs}
            for path in listed.keys() - hashed.keys():
                content = self.tracked(path)
                hashed[path] = None if content is None else md5(content).hexdigest()  # noqa: S324 - as DVC names its objects
            changed = any(hashed[path] not in (None, oid) for path, oid in listed.items())
            if changed or any(now.get(key) != value for key, value in stage.values.items()):
                found.append(name)
        return found


def flat(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Return the leaves of `tree` by their dotted keys; a list is one leaf."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        inner = isinstance(value, Mapping) and value
        found |= flat(value, f"{above}{key}.") if inner else {f"{above}{key}": value}
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
