import gzip
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import LoopwrightError
from stages.core.schema import Schema
from stages.core.tables import read_table
from stages.ingest import describe, main

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "data/source/credit_default.csv.gz"


def ingest(folder: Path, source: Path) -> tuple[Path, Path]:
    ingested, manifest = folder / "table.parquet", folder / "manifest.json"
    main(
        params=ROOT / "params.yaml",
        schema=ROOT / "schema.yaml",
        source=source,
        ingested=ingested,
        manifest=manifest,
    )
    return ingested, manifest


def test_the_default_table_is_read_to_the_last_cell(
    tmp_path: Path, credit: pd.DataFrame, schema: Schema
) -> None:
    started = time.perf_counter()
    ingested, manifest = ingest(tmp_path, SOURCE)
    assert time.perf_counter() - started < 5  # 0.3 s on an idle machine
    # Read by pandas' own parser.
    pd.testing.assert_frame_equal(read_table(ingested), credit)
    described = json.loads(manifest.read_text())
    assert described["source"] == {
        "path": SOURCE.as_posix(),
        "bytes": SOURCE.stat().st_size,
        "sha256": hashlib.sha256(SOURCE.read_bytes()).hexdigest(),
        "rows": 30_000,
        "columns": 25,
    }
    assert described["columns"]["AGE"] == {
        "dtype": "int64",
        "missing": 0,
        "distinct": credit["AGE"].nunique(),
        "min": 21,
        "max": 79,
    }
    assert list(described["columns"]) == list(schema.columns)


def test_the_manifest_gives_the_path_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    relative = SOURCE.relative_to(ROOT)
    _, manifest = ingest(tmp_path, relative)
    assert json.loads(manifest.read_text())["source"]["path"] == relative.as_posix()


def test_another_order_of_columns_gives_the_same_bytes(
    tmp_path: Path, credit: pd.DataFrame
) -> None:
    small = credit.head(50)
    written = []
    for name, table in (("a", small), ("b", small[small.columns[::-1]]), ("a2", small)):
        folder = tmp_path / name
        folder.mkdir()
        source = folder / "source.csv"
        table.to_csv(source, index=False)
        written.append(ingest(folder, source)[0].read_bytes())
    assert written[0] == written[1] == written[2]


def test_a_faulty_source_leaves_what_was_there(tmp_path: Path, credit: pd.DataFrame) -> None:
    source = tmp_path / "source.csv.gz"
    text = credit.head(50).to_csv(index=False)
    source.write_bytes(gzip.compress(text.encode()))
    paths = ingest(tmp_path, source)
    before = [path.read_bytes() for path in paths]
    source.write_bytes(gzip.compress(text.replace("20000", "20,000", 1).encode()))
    with pytest.raises(LoopwrightError, match="line 2: 26 values"):
        ingest(tmp_path, source)
    source.write_bytes(gzip.compress(text.encode())[:-20])
    with pytest.raises(LoopwrightError, match="cut short"):
        ingest(tmp_path, source)
    assert [path.read_bytes() for path in paths] == before
    assert len(list(tmp_path.iterdir())) == 3


def test_columns_are_described_by_their_kind() -> None:
    lines = {
        "id": {"dtype": "int64", "kind": "identifier"},
        "n": {"dtype": "Int64", "kind": "numeric", "nullable": True},
        "x": {"dtype": "float64", "kind": "numeric"},
        "s": {"dtype": "str", "kind": "categorical"},
        "d": {"dtype": "datetime64[ns]", "kind": "datetime", "format": "%Y"},
        "b": {"dtype": "boolean", "kind": "categorical"},
        "gone": {"dtype": "float64", "kind": "numeric"},
    }
    schema = Schema.model_validate(
        {"columns": {name: {"title": name, **line} for name, line in lines.items()}}
    )
    frame = pd.DataFrame(
        {
            "id": [7, 8, 9],
            "n": pd.array([2**53 + 1, None, -1], dtype="Int64"),
            "x": [1 / 3, np.nan, 1 / 3],
            "s": pd.array(["b", "a", None], dtype="str"),
            "d": pd.to_datetime(["2012", "2011", "2012"], format="%Y").as_unit("ns"),
            "b": pd.array([True, None, False], dtype="boolean"),
            "gone": [np.nan] * 3,
        }
    )
    described = describe(frame, schema)
    shown = {
        name: [line["missing"], line["distinct"], line["min"], line["max"]]
        for name, line in described.items()
    }
    assert shown == {
        "id": [0, 3, None, None],
        "n": [1, 2, -1, 2**53 + 1],
        "x": [1, 1, 0.333333, 0.333333],
        "s": [1, 2, None, None],
        "d": [0, 2, "2011-01-01T00:00:00", "2012-01-01T00:00:00"],
        "b": [1, 2, None, None],
        "gone": [3, 0, None, None],
    }
    assert json.loads(json.dumps(described, allow_nan=False)) == described
