"""The declared sources read into the one table that schema.yaml declares."""

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from stages.core.errors import LoopwrightError
from stages.core.schema import Schema
from stages.core.sources.combine import append, join
from stages.core.sources.declared import Ingest, Source
from stages.core.sources.found import Facts
from stages.core.sources.header import check_header
from stages.core.sources.registry import KINDS
from stages.core.sources.typed import typed


@dataclass(frozen=True, eq=False)
class Table:
    """What the sources hold.

    Attributes:
        frame: the columns of the schema, in its order, with its dtypes; an index from 0.
        sources: the facts of each source, as the manifest keeps them.
        notes: what a person should know of, though it is no fault.
    """

    frame: pd.DataFrame
    sources: tuple[Facts, ...]
    notes: tuple[str, ...]


def read_sources(ingest: Ingest, tracked: Path, schema: Schema) -> Table:
    """Read the declared sources, by declared types, into one table.

    Args:
        ingest: the sources.
        tracked: `paths.source` of dvc.yaml: a file, or the folder of all local files.
        schema: the columns of the table.

    Raises:
        LoopwrightError: a source cannot be read as declared, a value is not what its column
            declares, or the sources do not fit together.
    """
    frame, facts, notes = pd.DataFrame(), [], []
    for place, source in enumerate(ingest.sources):
        key = f"ingest.sources[{place}]"
        check = partial(
            check_header,
            wanted=_wanted(ingest, source, schema),
            possible=list(schema.columns),
            ignore=source.ignore or (),
            rename=source.rename,
        )
        read = KINDS[source.kind].read(source, tracked, check, key)
        part = typed(read.raw, schema, source.missing_values)
        facts.append(_facts(source, read.facts, part))
        notes += [f"{read.raw.name}: {note}" for note in read.raw.notes]
        if place == 0:
            frame = part
        elif source.join is None:
            frame = append(frame, part, schema, key)
        else:
            before = len(frame)
            frame = join(frame, part, source.join, schema, key)
            if len(frame) < before:
                notes.append(f"{key}: {before - len(frame):,} rows find no other and are left out")
    missing = [name for name in schema.columns if name not in frame.columns]
    if missing:
        raise LoopwrightError(
            f"ingest.sources: no source has column {', '.join(missing)} of schema.yaml"
        )
    return Table(frame[list(schema.columns)], tuple(facts), tuple(notes))


def declared_as(source: Source) -> str:
    """Return a hash of how a source is declared."""
    text = json.dumps(source.model_dump(exclude_none=True), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _wanted(ingest: Ingest, source: Source, schema: Schema) -> list[str]:
    """Return the columns that a source must have: all of them, where none is joined."""
    if source.join is not None:
        return list(source.join.on)
    return [] if any(other.join for other in ingest.sources) else list(schema.columns)


def _facts(source: Source, read: Facts, part: pd.DataFrame) -> dict[str, Any]:
    size, digest = read["bytes"], read["sha256"]
    if digest is None:  # there is no file: then of the rows, as Arrow writes them
        sink = pa.BufferOutputStream()
        table = pa.Table.from_pandas(part, preserve_index=False).replace_schema_metadata()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        rows = sink.getvalue()
        size, digest = rows.size, hashlib.sha256(rows).hexdigest()
    return {
        "kind": source.kind,
        "from": read["from"],
        "bytes": size,
        "sha256": digest,
        "rows": len(part),
        "columns": len(part.columns),
        "version": dict(read["version"]),
        "declared": declared_as(source),
    }
