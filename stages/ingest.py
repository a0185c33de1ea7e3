"""Ingest: read the declared sources, by declared types, into one table with its manifest."""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.files import write_json
from stages.core.params import read_params
from stages.core.schema import Column, Schema, read_schema
from stages.core.sources.found import Facts
from stages.core.sources.reading import read_sources
from stages.core.tables import write_table

_RANGED = ("int64", "Int64", "float64", "datetime64[ns]")


def main(*, params: Path, schema: Path, source: Path, ingested: Path, manifest: Path) -> None:
    """Read the sources and write the typed table and what it holds.

    `source` is where local files lie: the file, or the folder of all of them.
    """
    chosen = read_params(params)
    declared = read_schema(schema)
    table = read_sources(chosen.ingest, source, declared)
    for note in table.notes:
        print(f"note: {note}", file=sys.stderr)
    write_table(ingested, table.frame)
    write_json(
        manifest,
        {
            "source": summary(table.sources, table.frame),
            "sources": table.sources,
            "notes": table.notes,
            "columns": describe(table.frame, declared),
        },
    )


def summary(sources: Sequence[Facts], frame: pd.DataFrame) -> dict[str, Any]:
    """Return what was read, as if it were one file; of several, the hash of their hashes."""
    digests = [str(facts["sha256"]) for facts in sources]
    several = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return {
        "path": ", ".join(str(facts["from"]) for facts in sources),
        "bytes": sum(facts["bytes"] for facts in sources),
        "sha256": digests[0] if len(digests) == 1 else several,
        "rows": len(frame),
        "columns": len(frame.columns),
    }


def describe(frame: pd.DataFrame, schema: Schema) -> dict[str, dict[str, Any]]:
    """Return for each column its dtype, its missing and distinct values, and its range.

    The range is of numbers and dates, else None; it is None for an identifier too: its
    extremes are two persons' own.
    """
    return {name: _described(frame[name], column) for name, column in schema.columns.items()}


def _described(series: pd.Series, column: Column) -> dict[str, Any]:
    low = high = None
    if column.dtype in _RANGED and column.kind != "identifier" and series.notna().any():
        low, high = _plain(series.min()), _plain(series.max())
    return {
        "dtype": column.dtype,
        "missing": int(series.isna().sum()),
        "distinct": int(series.nunique()),
        "min": low,
        "max": high,
    }


def _plain(value: Any) -> int | float | str:
    """Return a number or a date as JSON has it."""
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return round(float(value), 6) if isinstance(value, float) else int(value)
