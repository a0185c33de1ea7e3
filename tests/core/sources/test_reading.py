"""Several sources, and what all kinds have in common."""

import importlib.util
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import LoopwrightError
from stages.core.sources import own
from stages.core.sources.declared import Ingest
from stages.core.sources.reader import Reader
from stages.core.sources.registry import KINDS
from tests.core.sources.project import CSV, Project, make_schema

A = {"format": CSV, "path": "a.csv"}
B = {"format": CSV, "path": "b.csv"}
WIDE = make_schema(
    id={"dtype": "str", "kind": "identifier"},
    age={"dtype": "int64", "kind": "numeric"},
    town={"dtype": "category", "kind": "categorical", "labels": {"x": "X"}},
    visits={"dtype": "Int64", "kind": "numeric", "nullable": True},
)
JOIN = {"on": ["id"], "unmatched": "fail"}


def joined(unmatched: str = "fail", **more: Any) -> dict[str, Any]:
    return {**B, "join": {"on": ["id"], "unmatched": unmatched}, **more}


@pytest.fixture
def two(project: Project) -> Project:
    project.write("a.csv", "id,age\n007,30\n7,31\n")
    project.write("b.csv", "visits,town,id\n1,z,7\n2,x,007\n9,y,unused\n")
    return project


# --- appended -----------------------------------------------------------------------------------


def test_sources_are_appended_in_their_order(project: Project) -> None:
    project.write("a.csv", "id,age,town,visits\na,1,z,1\n")
    project.write("b.csv", "town;visits;id;age\n y;;b;2\n")
    padded = {**CSV, "separator": ";", "strip": True}
    table = project.table(A, {**B, "format": padded}, A, schema=WIDE)
    assert table.frame["id"].tolist() == ["a", "b", "a"]
    assert table.frame["town"].cat.categories.tolist() == ["x", "y", "z"]
    assert table.frame["town"].tolist() == ["z", "y", "z"]
    assert [facts["rows"] for facts in table.sources] == [1, 1, 1]
    again = project.table(A, {**B, "format": padded}, A, schema=WIDE)
    pd.testing.assert_frame_equal(again.frame, table.frame)


def test_appended_sources_have_the_same_columns(two: Project) -> None:
    message = two.fault(A, B, schema=WIDE)
    assert "a.csv: the header is not what schema.yaml declares" in message
    three = {**joined(), "path": "a.csv", "ignore": ["age"]}
    message = two.fault(A, B, three, schema=WIDE)
    assert message.splitlines() == [
        "ingest.sources[1]: it cannot be appended",
        "  it lacks column 'age'",
        "  the sources before it have no column 'town'",
        "  the sources before it have no column 'visits'",
        "  rows that are appended have the same columns; `join` adds columns",
    ]


# --- joined -------------------------------------------------------------------------------------


def test_a_source_is_joined_by_a_key_that_keeps_its_zeros(two: Project) -> None:
    assert two.rows(A, joined(), schema=WIDE) == [["007", 30, "x", 2], ["7", 31, "z", 1]]


def test_the_join_is_that_of_pandas(two: Project) -> None:
    draw = np.random.default_rng(0)
    left = pd.DataFrame({"id": draw.permutation(50).astype(str), "age": np.arange(50)})
    right = pd.DataFrame(
        {"id": draw.permutation(80)[:60].astype(str), "visits": np.arange(60), "town": "x"}
    )
    left.to_csv(two.folder / "a.csv", index=False)
    right.to_csv(two.folder / "b.csv", index=False)
    for unmatched, how in (("missing", "left"), ("drop", "inner")):
        found = two.table(A, joined(unmatched), schema=WIDE)
        expected = left.merge(right.astype({"visits": "Int64"}), on="id", how=how)
        assert found.frame["id"].tolist() == expected["id"].tolist()
        pd.testing.assert_series_equal(found.frame["visits"], expected["visits"])
        assert found.frame["town"].isna().tolist() == expected["town"].isna().tolist()
        lost = [f"ingest.sources[1]: {50 - len(expected):,} rows find no other and are left out"]
        assert list(found.notes) == ([] if how == "left" else lost)


@pytest.mark.parametrize(
    ("a", "b", "how", "expected"),
    [
        ("id,age\n1,1\n", "id,town,visits\n1,x,1\n1,y,2\n", "drop",
         "1 rows repeat the id of an earlier one (the first: row 2 of this source)"),
        ("id,age\n1,1\n,2\n", "id,town,visits\n1,x,1\n", "drop",
         "the sources before it have 1 rows without id, the first is row 2"),
        ("id,age\n1,1\n", "id,town,visits\n,x,1\n", "drop", "it has 1 rows without id"),
        ("id,age\n1,1\n2,2\n", "id,town,visits\n1,x,1\n", "fail",
         "1 rows find no row of this source (rows 2); correct a source, or set unmatched"),
        ("id,age\n2,2\n", "id,town,visits\n1,x,1\n", "drop", "none would be left"),
        ("id,age,town\n1,1,x\n", "id,town,visits\n1,x,1\n", "drop",
         "column town is in the sources before it too; rename or ignore it"),
        ("id,age\n1,1\n", "id,town\n1,x\n", "drop",
         "ingest.sources: no source has column visits of schema.yaml"),
        ("age,town\n1,x\n", "id,visits\n1,1\n", "drop", "the sources before it have no column id"),
        ("id,age\n1,1\n", "town,visits\n1,1\n", "drop", "column 'id' is missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_joined_is_told(
    project: Project, a: str, b: str, how: str, expected: str
) -> None:
    project.write("a.csv", a)
    project.write("b.csv", b)
    assert expected in project.fault(A, joined(how), schema=WIDE)


def test_a_missing_partner_needs_a_type_that_holds_it(two: Project) -> None:
    two.write("b.csv", "id,town,age\n7,x,1\n")
    two.write("a.csv", "id,visits\n007,30\n7,31\n")
    message = two.fault(A, joined("missing"), schema=WIDE)
    assert "int64 holds no missing values: declare age as Int64 and nullable: true" in message


def test_a_key_may_be_of_several_columns(two: Project) -> None:
    two.write("a.csv", "id,town,age\n7,x,1\n7,z,2\n")
    two.write("b.csv", "id,town,visits\n7,z,20\n7,x,10\n")
    on = {"on": ["id", "town"], "unmatched": "fail"}
    assert [row[3] for row in two.rows(A, {**B, "join": on}, schema=WIDE)] == [10, 20]


# --- names --------------------------------------------------------------------------------------


def test_columns_are_renamed_and_ignored_by_name(project: Project) -> None:
    project.write("a.csv", "Client,age,rate,junk\n007,30,1\n".replace("1\n", "1,x\n"))
    entry = {**A, "rename": {"Client": "id"}, "ignore": ["junk"]}
    assert project.rows(entry) == [["007", 30, 1.0]]
    message = project.fault({**A, "rename": {"Clint": "id"}, "ignore": ["jnk"]})
    assert "ignore names a column \"jnk\", and there is none; did you mean 'junk'?" in message
    assert "rename names a column \"Clint\", and there is none; did you mean 'Client'?" in message
    assert '"age" stands 2 times' in project.fault({**A, "rename": {"Client": "age"}})


# --- local files --------------------------------------------------------------------------------


def test_a_local_file_is_one_that_dvc_sees(project: Project) -> None:
    project.write("a.csv", "id,age,rate\n1,1,1\n")
    assert "FOLDER/b.csv: no such file; it is ingest.sources[0].path" in project.fault(B)
    assert "'../x.csv' lies outside FOLDER" in project.fault({**A, "path": "../x.csv"})
    assert "'/etc/passwd' lies outside FOLDER" in project.fault({**A, "path": "/etc/passwd"})
    assert "FOLDER: a folder, and ingest.sources[0].format is csv" in project.fault({"format": CSV})
    file = Project(project.folder / "a.csv")
    assert file.rows({"format": CSV}) == [["1", 1, 1.0]]
    assert "set paths.source to the folder that holds all files" in file.fault(A)
    assert "is paths.source in dvc.yaml" in Project(project.folder / "b.csv").fault({"format": CSV})


# --- sources of one's own -----------------------------------------------------------------------


def api(options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for number in range(int(options["rows"])):
        yield {"id": f"{number:03}", "age": number, "rate": None}


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Reader]:
    found = {"api": Reader(api, lambda options: str(options["rows"]))}
    monkeypatch.setattr(own, "READERS", found)
    return found


def test_the_source_of_the_documentation_is_one(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[3] / "docs/ingest.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "weather.py"
    file.write_text(code)
    spec = importlib.util.spec_from_file_location("weather", file)
    assert spec is not None and spec.loader is not None
    weather = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(weather)
    monkeypatch.setattr(own, "READERS", {"weather": weather.WEATHER})
    entry = {"kind": "own", "reader": "weather", "options": {"days": 2}}
    assert project.rows(entry) == [["000", 0, None], ["001", 1, None]]


def entry_of(**options: Any) -> dict[str, Any]:
    return {"kind": "own", "reader": "api", "options": options}


def test_a_reader_of_ones_own_is_a_source(
    project: Project, readers: dict[str, Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "_BUNDLE", 2)
    assert project.rows(entry_of(rows=3)) == [
        ["000", 0, None], ["001", 1, None], ["002", 2, None],
    ]  # fmt: skip
    (facts,) = project.table(entry_of(rows=3)).sources
    assert facts["version"] == {"version": "3"}
    look = KINDS["own"].look
    source = project.ingest(entry_of(rows=3)).sources[0]
    assert look(source, project.folder, facts, "k").status == "same"
    other = project.ingest(entry_of(rows=4)).sources[0]
    assert look(other, project.folder, facts, "k").why == "its version was 3, and is 4"
    readers["api"] = Reader(api, lambda options: None)
    assert look(source, project.folder, facts, "k").status == "unknown"


def test_a_reader_that_fails_is_named(
    project: Project, readers: dict[str, Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "hunter2")
    assert "it gives no rows" in project.fault(entry_of(rows=0))
    message = project.fault({**entry_of(rows=1), "reader": "apo"})
    assert "ingest.sources[0].reader: no reader 'apo'; did you mean 'api'?" in message

    def breaks(options: Mapping[str, Any]) -> Any:
        raise RuntimeError("no answer to https://u:p@host with hunter2")

    readers["api"] = Reader(breaks, lambda options: None)
    message = project.fault(entry_of(rows=1))
    assert "its reader fails: no answer to https://***@host with ***" in message
    readers["api"] = Reader(api, breaks)
    with pytest.raises(LoopwrightError, match="its reader fails"):
        KINDS["own"].look(project.ingest(entry_of(rows=1)).sources[0], project.folder, {}, "k")

    def ragged(options: Mapping[str, Any]) -> Any:
        return [{"id": "a", "age": 1, "rate": 1}, {"id": "a", "age": 1}]

    readers["api"] = Reader(ragged, lambda options: None)
    assert "row 2: other columns: rate" in project.fault(entry_of())


# --- the declaration ----------------------------------------------------------------------------


HTTP = {"kind": "http", "format": CSV}
S3 = {"kind": "storage", "format": CSV, "url": "s3://b/a"}
SQL = {"kind": "sql", "query": "q"}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({**HTTP, "url": "https://u:hunter2@host/a"}, "the URL holds a password"),
        ({**HTTP, "url": "https://hunter2@host/a"}, "the URL holds a password"),
        ({**HTTP, "url": "https://host/a?sig=hunter2"}, "a value of 'sig'"),
        ({**SQL, "url": "postgresql://u:hunter2@h/d"}, "~/.pgpass, PGPASSWORD"),
        ({**S3, "url": "s3://u:hunter2@b/a"}, "the URL holds a password"),
        ({**S3, "options": {"secret": "hunter2"}}, "'secret' has no place here"),
        ({**S3, "options": {"endpoint_url": "https://u:hunter2@h"}}, "the URL holds a password"),
        (SQL, "exactly one of path, url, url_env was expected, found none"),
        ({**HTTP, "url": "https://h/a", "url_env": "A"}, "found url and url_env"),
        ({**HTTP, "url_env": "A-B"}, "String should match pattern"),
        ({**A, "join": JOIN}, "the first source has nothing before it"),
    ],
)
def test_a_declaration_that_cannot_be_is_told(
    project: Project, entry: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ValueError, match="validation error") as raised:
        project.ingest(entry)
    assert expected in str(raised.value)


def test_a_source_there_must_be() -> None:
    with pytest.raises(ValueError, match="at least one source"):
        Ingest.model_validate({"sources": ()})
