"""schema.yaml as text: the lines of columns replaced, all comments kept, and what that changes."""

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import MappingNode

from stages.core.schema import Column, Schema

# A new column of more letters than this is written on several lines.
_ONE_LINE = 100


def rewritten(text: str, before: Schema, after: Schema) -> str:
    """Return the text of schema.yaml, which says `before`, so that it says `after`."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    document = yaml.load(text)
    if after.version != before.version:
        if "version" in document:
            document["version"] = after.version
        else:
            document.insert(0, "version", after.version)
    lines = document["columns"]
    for name in before.columns:
        if name not in after.columns:
            del lines[name]
    for name, column in after.columns.items():
        if name not in before.columns:
            lines[name] = _line(name, column)
        elif column != before.columns[name]:
            _update(lines[name], _plain(before.columns[name]), _plain(column))
    sink = StringIO()
    yaml.dump(document, sink)
    return sink.getvalue()


def _plain(section: Any) -> dict[str, Any]:
    """Return a section as YAML has it: what is the default is left out."""
    found: dict[str, Any] = section.model_dump(exclude_defaults=True)
    return found


def _line(name: str, column: Column) -> CommentedMap:
    line = CommentedMap({key: _value(value) for key, value in _plain(column).items()})
    if len(f"{name}{_plain(column)}") <= _ONE_LINE:
        line.fa.set_flow_style()
    return line


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        inner = CommentedMap({key: _value(part) for key, part in value.items()})
        inner.fa.set_flow_style()
        return inner
    if isinstance(value, tuple):
        listed = CommentedSeq(map(_value, value))
        listed.fa.set_flow_style()
        return listed
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _update(line: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Write into `line` what differs, key by key."""
    for key in before:
        if key not in after:
            line.pop(key, None)
    for key, value in after.items():
        if key in before and before[key] == value:
            continue
        if key in line and isinstance(value, Mapping):
            _update(line[key], before.get(key, {}), value)
        elif key in line and isinstance(value, tuple) and value[: len(line[key])] == before[key]:
            line[key].extend(map(_value, value[len(line[key]) :]))
        else:
            line[key] = _value(value)


def diff(old: str, new: str, told: Mapping[str, str], path: str) -> Iterator[str]:
    """Yield the lines of a unified diff without context, a hunk a column.

    `git apply --unidiff-zero` takes it: what is told of a column stands where diff puts the
    name of a function.

    Args:
        old: the text before.
        new: the text after.
        told: why a column changes, by its name.
        path: of the file.
    """
    lines = old.splitlines(), new.splitlines()
    owners = _owners(old, len(lines[0])), _owners(new, len(lines[1]))
    blocks = SequenceMatcher(None, *lines, autojunk=False).get_opcodes()
    if any(tag != "equal" for tag, *_ in blocks):
        yield f"--- a/{path}"
        yield f"+++ b/{path}"
    for tag, i, i_end, j, j_end in blocks:
        if tag == "equal":
            continue
        for owner in dict.fromkeys([*owners[0][i:i_end], *owners[1][j:j_end]]):
            minus = [lines[0][k] for k in range(i, i_end) if owners[0][k] == owner]
            plus = [lines[1][k] for k in range(j, j_end) if owners[1][k] == owner]
            why = told.get(owner, owner or "the next version")
            yield f"@@ -{_place(i, minus)} +{_place(j, plus)} @@ {why}"
            yield from (f"-{line}" for line in minus)
            yield from (f"+{line}" for line in plus)
            i, j = i + len(minus), j + len(plus)


def _place(start: int, lines: list[str]) -> str:
    """Return where lines stand, as diff writes it: an empty place is after a line."""
    return f"{start + 1 if lines else start},{len(lines)}"


def _owners(text: str, count: int) -> list[str]:
    """Return for each line the column that it belongs to; empty above the columns."""
    owners = [""] * count
    root = YAML().compose(text)
    columns = next(value for key, value in root.value if key.value == "columns")
    assert isinstance(columns, MappingNode)  # noqa: S101 - it was read as a schema
    starts = [(key.start_mark.line, str(key.value)) for key, _ in columns.value]
    for (start, name), (end, _) in zip(starts, [*starts[1:], (count, "")], strict=True):
        owners[start:end] = [name] * (end - start)
    return owners
