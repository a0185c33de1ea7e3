import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.core.sources.project import Project, make_schema

PARQUET = {"format": {"kind": "parquet"}}
ROWS = [["007", 30, 0.5], ["008", 40, None]]


def table(rows: list[list[Any]] = ROWS) -> pa.Table:
    return pa.table(
        dict(zip(["id", "age", "rate"], map(list, zip(*rows, strict=True)), strict=True))
    )


def test_a_file_is_read_by_the_schema(project: Project) -> None:
    pq.write_table(table(), project.folder / "a.parquet")
    assert project.rows({**PARQUET, "path": "a.parquet"}) == ROWS


def test_a_folder_is_read_in_the_order_of_its_names(project: Project) -> None:
    for name, rows in (
        ("b/x.parquet", ROWS[1:]),
        ("a.parquet", ROWS[:1]),
        ("_tmp/c.parquet", ROWS),
    ):
        path = project.folder / "all" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table(rows), path)
    (project.folder / "all/_SUCCESS").touch()
    assert project.rows({**PARQUET, "path": "all"}) == ROWS
    pq.write_table(table([["x", 1.5, 1.0]]), project.folder / "all/b/y.parquet")
    message = project.fault({**PARQUET, "path": "all"})
    assert "row 1 of b/y.parquet: column 'age': found 1.5 (float)" in message
    pq.write_table(table().drop_columns(["rate"]), project.folder / "all/b/y.parquet")
    message = project.fault({**PARQUET, "path": "all"})
    assert "all/b/y.parquet: it has other columns than a.parquet: rate" in message


def test_the_name_of_a_folder_is_the_value_of_a_column(project: Project) -> None:
    for name, rows in (("id=007", ROWS[:1]), ("id=__HIVE_DEFAULT_PARTITION__", ROWS[1:])):
        (project.folder / "all" / name).mkdir(parents=True)
        pq.write_table(
            table(rows).drop_columns(["id"]), project.folder / "all" / name / "x.parquet"
        )
    assert project.rows({**PARQUET, "path": "all"}) == [ROWS[0], [None, 40, None]][:2]


def test_types_that_conflict_with_the_schema_are_named(project: Project) -> None:
    pq.write_table(table([[7, "x", True], [8, "2", False]]), project.folder / "a.parquet")
    assert project.fault({**PARQUET, "path": "a.parquet"}).splitlines() == [
        "FOLDER/a.parquet: 5 values are not what schema.yaml declares",
        "  row 1: column 'id': found 7 (int); text (str) was expected",
        "  row 1: column 'age': found \"x\"; a whole number (int64) was expected",
        "  row 1: column 'rate': found True (bool); a finite number (float64) was expected",
        "  row 2: column 'id': found 8 (int); text (str) was expected",
        "  row 2: column 'rate': found False (bool); a finite number (float64) was expected",
        "  correct the source, or the dtype in schema.yaml",
    ]


def test_a_far_date_and_a_zone_are_told(project: Project) -> None:
    schema = make_schema(day={"dtype": "datetime64[ns]", "kind": "datetime", "format": "%Y-%m-%d"})
    column = pa.array([datetime.datetime(9999, 1, 1)], pa.timestamp("us"))
    pq.write_table(pa.table({"day": column}), project.folder / "a.parquet")
    message = project.fault({**PARQUET, "path": "a.parquet"}, schema=schema)
    assert "found 9999-01-01 00:00:00 (datetime); a date like %Y-%m-%d from 1677" in message


def test_a_file_that_is_no_parquet_is_named(project: Project) -> None:
    pq.write_table(table(), project.folder / "a.parquet")
    whole = (project.folder / "a.parquet").read_bytes()
    for data in (b"", b"id,age\n", whole[:-20], whole[:10]):
        project.write("b.parquet", data)
        message = project.fault({**PARQUET, "path": "b.parquet"})
        assert message.startswith("FOLDER/b.parquet: not a whole Parquet file (")
    project.write("b.parquet", whole[:4] + bytes(60) + whole[64:])
    message = project.fault({**PARQUET, "path": "b.parquet"})
    assert message.startswith("FOLDER/b.parquet: damaged inside (")
    pq.write_table(table().slice(0, 0), project.folder / "b.parquet")
    assert "columns and no rows" in project.fault({**PARQUET, "path": "b.parquet"})
    (project.folder / "none").mkdir()
    message = project.fault({**PARQUET, "path": "none"})
    assert "a folder without any .parquet file" in message


def test_columns_are_those_of_the_schema(project: Project) -> None:
    frame = pd.DataFrame({"id": ["a"], "age": [1], "Rate": [1.0]}, index=[5])
    frame.to_parquet(project.folder / "a.parquet")
    message = project.fault({**PARQUET, "path": "a.parquet"})
    assert "column 'rate' is missing" in message
    assert "\"Rate\" is not in schema.yaml; did you mean 'rate'?" in message
    assert '"__index_level_0__" is not in schema.yaml' in message
    entry = {**PARQUET, "path": "a.parquet", "ignore": ["__index_level_0__"]}
    assert project.rows({**entry, "rename": {"Rate": "rate"}}) == [["a", 1, 1.0]]


@pytest.mark.parametrize("codec", ["snappy", "gzip", "zstd", "none"])
def test_every_compression_is_read(project: Project, codec: str, tmp_path: Path) -> None:
    pq.write_table(table(), project.folder / "a.parquet", compression=codec, row_group_size=1)
    assert project.rows({**PARQUET, "path": "a.parquet"}) == ROWS
