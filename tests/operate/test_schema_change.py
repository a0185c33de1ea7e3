"""schema.yaml follows the data: what is proposed, with what evidence, and what is written."""

import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from operate.cli import app
from operate.schema_change.column import SHOWN_FROM, outwards
from operate.schema_change.command import accept, propose
from stages.core.errors import LoopwrightError
from stages.core.schema import read_schema

ROOT = Path(__file__).parents[2]
N = 200
SCHEMA = """\
# Reviewed by hand.
version: 3
columns:
  id: {dtype: int64, kind: identifier, title: Number, unique: true}
  age:
    # in whole years
    dtype: int64
    kind: numeric
    title: Age
    unit: years
    checks: {in_range: [18, 60]}
  colour:
    dtype: str
    kind: categorical
    title: Colour
    labels: {red: Red, blue: Blue}
    checks:
      isin: [red, blue]  # of the catalogue
  grade: {dtype: int64, kind: ordinal, title: Grade, checks: {isin: [1, 2], on_failure: warn}}
  since:
    dtype: datetime64[ns]
    kind: datetime
    title: Since
    format: '%Y-%m-%d'
    checks: {between: ['2020-01-01', '2022-01-01']}
  # who wrote it
  code: {dtype: str, kind: categorical, title: Code, checks: {str_matches: '^[a-z]+$'}}
"""


def table() -> pd.DataFrame:
    rows = range(N)
    return pd.DataFrame(
        {
            "id": rows,
            "age": [20 + row % 40 for row in rows],
            "colour": [("red", "blue")[row % 2] for row in rows],
            "grade": [1 + row % 3 for row in rows],  # 3 is not declared: known, and a warning
            "since": [f"2021-0{1 + row % 9}-15" for row in rows],
            "code": ["abc"] * N,
        }
    )


class Project:
    """A schema, parameters, and a source that changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        text = (ROOT / "dvc.yaml").read_text()
        (folder / "dvc.yaml").write_text(text)
        (folder / "params.yaml").write_text((ROOT / "params.yaml").read_text())
        (folder / "schema.yaml").write_text(SCHEMA)
        paths = next(v["paths"] for v in YAML(typ="safe").load(text)["vars"] if "paths" in v)
        self.source = folder / paths["source"]
        self.source.parent.mkdir(parents=True)
        self.hold(table())

    def hold(self, frame: pd.DataFrame) -> None:
        frame.to_csv(self.source, index=False)

    def change(self, column: str, rows: int, values: Any) -> None:
        """Put `values` into the first rows of a column."""
        frame = table()
        if column not in frame:
            frame[column] = values
        else:
            frame[column] = frame[column].astype(object)
            frame.loc[: rows - 1, column] = values
        self.hold(frame)

    @property
    def schema(self) -> str:
        return (self.folder / "schema.yaml").read_text()

    def told(self) -> list[str]:
        found = propose(self.folder)
        return list(found.told([change for change in found.changes if change.is_proposed]))

    def accept(self, *only: str) -> str:
        return "\n".join(accept(self.folder, only, not only, None))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def call(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(project.folder)
    return lambda *arguments, **options: CliRunner().invoke(app, list(arguments), **options)


# --- what is proposed -----------------------------------------------------------------------


def test_data_that_fits_asks_for_nothing(project: Project, call: Callable[..., Result]) -> None:
    done = call("schema", "propose")
    assert (done.exit_code, done.stdout) == (0, "")
    before = project.schema
    assert call("schema", "accept", "--all").stdout == "schema.yaml: nothing is accepted\n"
    assert project.schema == before


CASES: list[tuple[str, int, Any, str, str]] = [
    ("age", 3, 87, "3 rows fail in_range [18, 60]; up to about 87", "in_range: [18, 87]"),
    ("age", 1, 1234, "1 row fails in_range [18, 60]; up to about 1,300", "in_range: [18, 1300]"),
    ("age", 2, -1.5, "2 rows fail dtype int64; numbers with a fraction | 2 rows", "dtype: float64"),
    ("age", 4, None, "4 rows fail not_nullable; the value is missing", "dtype: Int64"),
    ("age", 4, None, "4 rows fail not_nullable; the value is missing", "nullable: true"),
    ("age", 50, "old", "50 rows fail dtype int64; 41 texts", "dtype: str"),
    ("id", 2, 7, "3 rows fail field_uniqueness", "kind: identifier, title: Number}"),
    ("colour", 9, "green", "9 rows fail isin; new: 'green'", "isin: [red, blue, green] # of the"),
    ("colour", 9, None, "9 rows fail not_nullable; the value is missing", "nullable: true"),
    ("since", 5, "2024-07-01", "5 rows fail between; from 2024 to 2024", "'2020-01-01', '2025-"),
    (
        "extra",
        N,
        0.5,
        "200 rows fail column_in_schema; numbers with a fraction",
        "extra: {dtype: f",
    ),
]


@pytest.mark.parametrize(("column", "rows", "value", "why", "line"), CASES)
def test_each_line_comes_with_its_evidence_and_then_fits(
    project: Project, column: str, rows: int, value: Any, why: str, line: str
) -> None:
    project.change(column, rows, value)
    told = project.told()
    assert any(text.startswith("@@") and f"{column}: {why}" in text for text in told), told
    assert any(text.startswith("+") and line in text for text in told), told
    others = {name for name in table() if name != column}
    assert not any(f"@@ {name}:" in text for name in others for text in told)
    project.accept()
    assert project.told() == []
    assert read_schema(project.folder / "schema.yaml").version == 4


def test_a_column_that_is_gone_is_taken_out(project: Project) -> None:
    project.hold(table().drop(columns="grade"))
    (line,) = [text for text in project.told() if text.startswith("@@") and "grade" in text]
    assert line.endswith("grade: 200 rows fail column_in_dataframe; no source has the column")
    project.accept()
    assert "grade" not in project.schema
    project.hold(table()[[]].assign(other=1))
    with pytest.raises(LoopwrightError, match="is this another table"):
        project.accept("age", "colour", "since", "code", "id")


@pytest.mark.parametrize(
    ("column", "rows", "value", "told"),
    [
        ("age", 2, "n.a.", "2 of 200 rows are misprints rather than another type"),
        ("id", 2, "x7", "its values are yours to say"),
        ("code", 3, "ABC", "correct the source, or the check by hand"),
        ("since", 2, "15 July", "correct the source"),
    ],
)
def test_what_no_line_makes_right_is_left_to_a_person(
    project: Project, column: str, rows: int, value: str, told: str
) -> None:
    project.change(column, rows, value)
    (line,) = project.told()
    assert line.startswith(f"# {column}: {rows} rows fail")
    assert told in line
    assert value not in line
    before = project.schema
    assert "nothing is accepted" in project.accept()
    assert project.schema == before


def test_no_text_of_a_few_rows_and_no_personal_data_is_shown(project: Project) -> None:
    frame = table()
    frame.loc[:0, "colour"] = "Jane Roe"
    frame.loc[1 : SHOWN_FROM + 5, "colour"] = "jane@example.org"
    frame.loc[20 : 20 + SHOWN_FROM, "colour"] = "green"
    frame["owner"] = ["Jane Roe", *["somebody"] * (N - 1)]
    project.hold(frame)
    told = "\n".join(project.told())
    assert "Jane" not in told
    assert "jane@" not in told
    assert "new: 'green'; 11 rows hold rare texts, not shown" in told
    assert "owner: 200 rows fail column_in_schema; 2 texts; some are rare or may name" in told
    project.accept("colour")
    assert "isin: [red, blue, green]" in project.schema
    assert "Jane" not in project.schema


def test_several_sources_are_held_against_one_schema(project: Project) -> None:
    folder = project.folder / "data/source"
    project.source.unlink()
    table().to_csv(folder / "a.csv", index=False)
    table().assign(age=lambda f: f["age"] + 50).to_csv(folder / "b.csv", index=False)
    params = YAML().load(project.folder / "params.yaml")
    entry = params["ingest"]["sources"][0]
    params["ingest"]["sources"] = [{**entry, "path": f"{name}.csv"} for name in "ab"]
    YAML().dump(params, project.folder / "params.yaml")
    dvc = (project.folder / "dvc.yaml").read_text()
    source = project.source.relative_to(project.folder).as_posix()
    (project.folder / "dvc.yaml").write_text(
        dvc.replace(f"source: {source}", "source: data/source")
    )
    told = "\n".join(project.told())
    assert "age: 200 rows fail in_range [18, 60]; up to about 110" in told


def test_a_source_with_a_column_twice_is_refused(project: Project) -> None:
    project.source.write_bytes(gzip.compress(b"id,id\n1,2\n"))
    with pytest.raises(LoopwrightError, match="stands 2 times"):
        project.told()


# --- what is written ------------------------------------------------------------------------


def test_chosen_lines_are_written_and_all_else_stays(project: Project) -> None:
    frame = table()
    frame.loc[:9, "colour"] = "green"
    frame.loc[:9, "age"] = 99
    project.hold(frame.assign(extra="abc"))
    said = project.accept("age", "extra")
    assert said == (
        "schema.yaml: version 4: age, extra; 1 more are proposed; commit it, then `dvc repro`"
    )
    expected = SCHEMA.replace("[18, 60]", "[18, 99]").replace("version: 3", "version: 4")
    assert project.schema.startswith(expected)
    assert project.schema.removeprefix(expected).startswith("  extra: {dtype: str, kind")
    assert "colour" in "\n".join(project.told())


def test_a_schema_without_a_version_gets_one(project: Project) -> None:
    (project.folder / "schema.yaml").write_text(SCHEMA.replace("version: 3\n", ""))
    assert read_schema(project.folder / "schema.yaml").version == 1
    project.change("age", 3, 87)
    project.accept()
    assert project.schema == SCHEMA.replace("version: 3", "version: 2").replace("60]", "87]")


def test_git_takes_the_proposal(project: Project) -> None:
    frame = table().drop(columns="since")
    frame.loc[:9, "colour"] = "green"
    frame.loc[:9, "age"] = 99
    frame.loc[:1, "id"] = 5
    project.hold(frame.assign(extra="abc", more=range(N)))
    told = "\n".join(project.told()) + "\n"
    subprocess.run(["git", "init", "--quiet"], cwd=project.folder, check=True)
    command = ["git", "apply", "--unidiff-zero", "-"]
    subprocess.run(command, cwd=project.folder, input=told.encode(), check=True)
    by_git = project.schema
    (project.folder / "schema.yaml").write_text(SCHEMA)
    project.accept()
    assert by_git == project.schema


def test_a_person_is_asked_on_a_terminal_and_options_are_needed_elsewhere(
    project: Project, call: Callable[..., Result]
) -> None:
    frame = table()
    frame.loc[:9, "colour"] = "green"
    frame.loc[:9, "age"] = 99
    project.hold(frame)
    done = call("schema", "propose")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[0] == "--- a/schema.yaml"
    alone = call("schema", "accept")
    assert alone.exit_code == 2
    assert "--only COLUMN, once or more, or --all; proposed: age, colour" in alone.stderr
    wrong = call("schema", "accept", "--only", "colours")
    assert wrong.exit_code == 2
    assert "no change of column 'colours' is proposed; did you mean 'colour'?" in wrong.stderr
    assert project.schema == SCHEMA
    asked = []

    def ask(told: str) -> bool:
        asked.append(told)
        return "colour:" in told

    (said,) = accept(project.folder, (), False, ask)
    assert len(asked) == 2
    assert "colour; 1 more are proposed" in said
    assert "[red, blue, green]" in project.schema
    assert "[18, 60]" in project.schema


def test_bounds_are_rounded_outwards() -> None:
    found = [outwards(x, "ROUND_CEILING") for x in (0.0, 1234, 99, 0.1234, -1234.5, 101)]
    assert found == [0, 1300, 99, 0.13, -1200, 110]
    assert [outwards(x, "ROUND_FLOOR") for x in (1234, -0.123, -1)] == [1200, -0.13, -1]
