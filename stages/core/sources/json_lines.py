"""JSON lines: an object a line."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from stages.core.cells.reading import Gathered
from stages.core.errors import LoopwrightError
from stages.core.sources.declared import JsonLines
from stages.core.sources.header import Check
from stages.core.sources.raw import Raw
from stages.core.sources.unpack import as_utf8, unpack

_BUNDLE = 20_000

Record = dict[str, Any]


class TwiceError(ValueError):
    """A key that stands twice in one object."""


def read_json_lines(path: Path, name: str, format: JsonLines, check: Check) -> Raw:  # noqa: A002
    """Read a file of JSON objects, one a line; a key that a line lacks is missing there.

    Args:
        path: the file, packed or not.
        name: what errors call it.
        format: there is nothing to choose.
        check: holds all the keys against what is declared.

    Raises:
        LoopwrightError: a line is no object, or a key stands twice in it.
    """
    data, notes = as_utf8(unpack(path.read_bytes(), name), "utf-8", name)
    header: dict[str, None] = {}
    for _, record in _records(data, name):
        header |= dict.fromkeys(record)
    if not header:
        raise LoopwrightError(f"{name}: objects without any key")
    named = check(name, list(header))
    gathered = {column: Gathered() for column in named}
    lines: list[int] = []
    records = _records(data, name)
    while bundle := list(islice(records, _BUNDLE)):
        lines += [line for line, _ in bundle]
        for column, own in named.items():
            gathered[column].add([record.get(own) for _, record in bundle])

    def places(rows: Sequence[int]) -> list[str]:
        return [f"line {lines[row]}" for row in rows]

    columns = {column: values.pieces() for column, values in gathered.items()}
    return Raw(name, columns, len(lines), places, notes=notes)


def _records(data: bytes, name: str) -> Iterator[tuple[int, Record]]:
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, object_pairs_hook=once)
        except TwiceError as fault:
            raise LoopwrightError(f"{name}: line {number}: {fault}") from None
        except (ValueError, RecursionError) as fault:
            raise LoopwrightError(
                f"{name}: line {number}: not a JSON object on one line ({fault})"
            ) from None
        if not isinstance(record, dict):
            raise LoopwrightError(
                f"{name}: line {number}: a JSON object was expected, found "
                f"{type(record).__name__}: a line is one row, such as "
                '{"age": 30}'
            )
        yield number, record


def once(pairs: list[tuple[str, Any]]) -> Record:
    """Return the object of these pairs.

    Raises:
        TwiceError: a key stands twice.
    """
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise TwiceError(f"key '{twice}' stands twice")
    return record
