"""A project of three columns, and its sources of every kind."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.core.errors import LoopwrightError
from stages.core.schema import Schema
from stages.core.sources.declared import Ingest
from stages.core.sources.reading import Table, read_sources

CSV = {"kind": "csv", "separator": ",", "quote": '"', "decimal": ".", "encoding": "utf-8"}


def make_schema(**columns: dict[str, Any]) -> Schema:
    return Schema.model_validate_json(
        json.dumps({"columns": {name: {"title": name, **of} for name, of in columns.items()}})
    )


SCHEMA = make_schema(
    id={"dtype": "str", "kind": "identifier"},
    age={"dtype": "int64", "kind": "numeric"},
    rate={"dtype": "float64", "kind": "numeric", "nullable": True},
)


class Project:
    """A folder with sources, and what ingest makes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, data: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def ingest(self, *entries: dict[str, Any]) -> Ingest:
        whole = [{"kind": "file", "missing_values": [""], **entry} for entry in entries]
        return Ingest.model_validate_json(json.dumps({"sources": whole}))

    def table(self, *entries: dict[str, Any], schema: Schema = SCHEMA) -> Table:
        return read_sources(self.ingest(*entries), self.folder, schema)

    def rows(self, *entries: dict[str, Any], schema: Schema = SCHEMA) -> list[list[Any]]:
        frame = self.table(*entries, schema=schema).frame
        assert {n: str(t) for n, t in frame.dtypes.items()} == {
            name: column.dtype for name, column in schema.columns.items()
        }
        return [[None if pd.isna(v) else v for v in row] for row in frame.to_numpy(object).tolist()]

    def fault(self, *entries: dict[str, Any], schema: Schema = SCHEMA) -> str:
        with pytest.raises(LoopwrightError) as raised:
            self.table(*entries, schema=schema)
        return str(raised.value).replace(str(self.folder), "FOLDER")
