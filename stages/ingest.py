"""Ingest: read the declared source, by declared types, into one table with its manifest."""

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.files import write_json
from stages.core.params import read_params
from stages.core.schema import Column, Schema, read_schema
from stages.core.sources import read_source
from stages.core.tables import write_table

_RANGED = ("int64", "Int64", "float64", "datetime64[ns]")


def main(*, params: Path, schema: Path, source: Path, ingested: Path, manifest: Path) -> None:
    """Read `source` and write the typed table and what it holds."""
    chosen = read_params(params)
    declared = read_schema(schema)
    frame = read_source(source, chosen.ingest, declared)
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    write_table(ingested, frame)
    write_json(
        manifest,
        {
            "source": {
                "path": source.as_posix(),
                "bytes": source.stat().st_size,
                "sha256": digest,
                "rows": len(frame),
                "columns": len(frame.columns),
            },
            "columns": describe(frame, declared),
        },
    )


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
