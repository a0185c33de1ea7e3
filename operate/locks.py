"""What a dvc.lock says of each stage, read fast enough for all versions of a long history.

DVC writes dvc.lock, always in the same form, so lines are enough: as YAML each version
takes 50 ms, and a project has hundreds. Versions share most of their stages, and a stage
that was read once is not read again.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from ruamel.yaml import YAML

# a text with a line break in it leaves a blank line in the file
_STAGE = re.compile(r"^  (?! )(\S[^\n]*):\n((?:(?:    [^\n]*)?\n)+)", re.MULTILINE)
_SECTION = re.compile(
    r"^    (deps|params|outs):\n((?:(?:(?:    - |      )[^\n]*)?\n)+)", re.MULTILINE
)
_FILE = re.compile(r"^      (?! )(\S[^\n]*):\n((?:(?:        [^\n]*)?\n)+)", re.MULTILINE)
_KEY = re.compile(
    r"^        (?![ -])[^\n]*\n(?:(?:(?:         |        - )[^\n]*)?\n)*", re.MULTILINE
)
_ENTRY = re.compile(r"^    - path: ([^\n]+)\n((?:      [^\n]*\n)*)", re.MULTILINE)
_MD5 = re.compile(r"^      md5: ([0-9a-f]+(?:\.dir)?)", re.MULTILINE)


@dataclass(frozen=True)
class LockedStage:
    """What one stage read and wrote.

    Attributes:
        deps: the hash of each input, by path.
        outs: the hash of each output, by path.
        params: its parameters as text; `values` reads it.
    """

    deps: Mapping[str, str] = field(default_factory=dict)
    outs: Mapping[str, str] = field(default_factory=dict)
    params: str = ""

    @property
    def values(self) -> Mapping[str, Any]:
        """Each parameter by its dotted key; a list is one value."""
        return _values(self.params)

    @cached_property
    def code(self) -> dict[str, str]:
        """The hash of each file of code that it read, by path."""
        return {path: md5 for path, md5 in self.deps.items() if is_code(path)}


@dataclass(frozen=True)
class Lock:
    """The stages of one dvc.lock, by name."""

    stages: Mapping[str, LockedStage] = field(default_factory=dict)

    def writer(self, path: str) -> LockedStage:
        """Return the stage that wrote `path`; an empty one where none did."""
        stages = self.stages.values()
        return next((stage for stage in stages if path in stage.outs), LockedStage())

    def output(self, path: str) -> str | None:
        """Return the hash of the output at `path`."""
        return self.writer(path).outs.get(path)

    @cached_property
    def values(self) -> dict[str, Any]:
        """Each parameter that any stage read, by its dotted key."""
        return {key: value for s in self.stages.values() for key, value in s.values.items()}

    @cached_property
    def sources(self) -> dict[str, str]:
        """The hash of each input that no stage wrote: code, schema, data, environment."""
        written = {path for stage in self.stages.values() for path in stage.outs}
        # a stage may read a folder whose files others wrote
        written |= {folder for path in written for folder in _folders(path)}
        inputs = {path: md5 for s in self.stages.values() for path, md5 in s.deps.items()}
        return {path: md5 for path, md5 in inputs.items() if path not in written}


def is_code(path: str) -> bool:
    """Whether what lies at `path` is code of this project."""
    return path.endswith((".py", ".jinja")) or "/templates/" in path


def read_lock(text: str) -> Lock:
    """Read the text of a dvc.lock; what is not in DVC's form is passed over."""
    return Lock({_plain(name): _stage(section) for name, section in _STAGE.findall(text)})


@cache
def _stage(text: str) -> LockedStage:
    sections = dict(_SECTION.findall(text))
    return LockedStage(
        dict(_hashes(sections.get("deps", ""))),
        dict(_hashes(sections.get("outs", ""))),
        sections.get("params", ""),
    )


def _hashes(section: str) -> Iterator[tuple[str, str]]:
    for path, rest in _ENTRY.findall(section):
        found = _MD5.search(rest)
        if found:
            yield _plain(path), found[1]


def _plain(text: str) -> str:
    """Return a YAML scalar without the quotes that DVC adds where a name needs them."""
    return text[1:-1].replace("''", "'") if text[:1] == text[-1:] == "'" else text


@cache
def _folders(path: str) -> tuple[str, ...]:
    """Return the folders around `path`."""
    return tuple(path[: slash.start()] for slash in re.finditer("/", path))


@cache
def _values(section: str) -> Mapping[str, Any]:
    # a file of parameters other than params.yaml keeps its name before the key
    return {
        dotted if file == "params.yaml" else f"{_plain(file)}:{dotted}": value
        for file, keys in _FILE.findall(section)
        for key in _KEY.findall(keys)
        for dotted, value in _tree(key)
    }


@cache
def _tree(text: str) -> tuple[tuple[str, Any], ...]:
    """Read one key of a file of parameters; most of them are the same in all versions."""
    document = YAML(typ="safe").load(text)
    return tuple(pair for key, tree in document.items() for pair in _flat(str(key), tree))


def _flat(key: str, tree: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping) and tree:
        for inner, value in tree.items():
            yield from _flat(f"{key}.{inner}", value)
    else:
        yield key, tree
