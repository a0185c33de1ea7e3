"""The sources held against schema.yaml: each column whose line they no longer fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from operate.schema_change.column import Fault, guessed_line, propose
from stages.core.cells.text import Spelling
from stages.core.errors import LoopwrightError
from stages.core.schema import Column, Schema
from stages.core.sources.declared import Ingest, Source
from stages.core.sources.header import check_header
from stages.core.sources.raw import Raw
from stages.core.sources.registry import KINDS


@dataclass(frozen=True)
class Change:
    """What one column asks for.

    Attributes:
        column: its name.
        before: its line in schema.yaml; None for a new column.
        after: the line that fits; None for a column that no source has.
        faults: the checks behind it.
    """

    column: str
    before: Column | None
    after: Column | None
    faults: tuple[Fault, ...]

    @property
    def is_proposed(self) -> bool:
        """Whether there is another line, and not only something for a person to do."""
        return self.before != self.after

    def __str__(self) -> str:
        """Return why, on one line."""
        return f"{self.column}: {' | '.join(map(str, self.faults))}"


def read_raw(ingest: Ingest, tracked: Path) -> list[tuple[Source, Raw]]:
    """Read all sources as they are, whatever schema.yaml says.

    Raises:
        LoopwrightError: a source cannot be read, or has a column twice.
    """
    found = []
    for place, source in enumerate(ingest.sources):
        check = partial(_any_header, source)
        key = f"ingest.sources[{place}]"
        found.append((source, KINDS[source.kind].read(source, tracked, check, key).raw))
    return found


def _any_header(source: Source, name: str, header: Sequence[str]) -> dict[str, str]:
    rename, ignore = source.rename or {}, source.ignore or ()
    named = [rename.get(column, column) for column in header]
    return check_header(name, header, (), named, ignore, rename)


def changes(schema: Schema, sources: Sequence[tuple[Source, Raw]]) -> list[Change]:
    """Return what the columns ask for: those of the schema in its order, then new ones.

    Args:
        schema: as it is.
        sources: each as it was declared and read; what one asks for, the next is held against.
    """
    lines: dict[str, Column | None] = dict(schema.columns)
    faults: dict[str, list[Fault]] = {name: [] for name in schema.columns}
    seen = {name for _, raw in sources for name in raw.columns}
    for source, raw in sources:
        spelling = Spelling(source.missing_values, raw.decimal)
        for name, pieces in raw.columns.items():
            line = lines.get(name)
            if line is None:
                lines[name], why = guessed_line(name, pieces, raw.rows, spelling)
                faults[name] = [Fault("column_in_schema", raw.rows, why)]
                continue
            lines[name], found = propose(name, line, pieces, raw.rows, spelling)
            faults[name] += found
    rows = sum(raw.rows for _, raw in sources)
    for name in schema.columns:
        if name not in seen:
            lines[name] = None
            faults[name] = [Fault("column_in_dataframe", rows, "no source has the column")]
    return [
        Change(name, schema.columns.get(name), line, tuple(faults[name]))
        for name, line in lines.items()
        if faults[name]
    ]


def accepted(schema: Schema, chosen: Sequence[Change]) -> Schema:
    """Return the schema with the lines of `chosen`, one version on.

    Raises:
        LoopwrightError: no column would be left.
    """
    columns: dict[str, Column] = dict(schema.columns)
    for change in chosen:
        if change.after is None:
            columns.pop(change.column, None)
        else:
            columns[change.column] = change.after
    if not columns:
        raise LoopwrightError("schema.yaml: no column would be left: is this another table?")
    return Schema(version=schema.version + 1, columns=columns)
