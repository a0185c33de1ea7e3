"""`loopwright predict`: a file in, a file out, and one clear error for a bad one."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from operate.cli import app
from operate.serving.batch import predict
from operate.serving.rows import from_file
from stages.core.errors import LoopwrightError
from stages.core.sources.declared import FileSource, JsonLines
from tests.operate.serving.made import COMMA, KEY, ROW, Echo, served
from tests.operate.serving.project import table, write_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path, monkeypatch, "binary", "hist_gradient_boosting")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def given(root: Path, **columns: Any) -> Path:
    file = root / "rows.csv"
    table()[300:305].assign(**columns).to_csv(file, index=False)
    return file


def test_the_command_prints_csv_and_says_which_model(project: Path) -> None:
    done = CliRunner().invoke(app, ["predict", str(given(project))])
    assert done.exit_code == 0, done.output
    header, first, *rest = done.stdout.splitlines()
    assert header == "row,key,status,y_prob,y_pred,notes"
    assert first.startswith(f"1,{2**53 + 300},answered,0.")
    assert len(rest) == 4
    assert "not approved: no person has decided" in done.stderr
    assert "5 rows: 5 answered" in done.stderr


def test_columns_that_are_not_read_may_be_missing_or_odd(project: Path) -> None:
    file = project / "rows.csv"
    table()[300:303].drop(columns=["y", "id"]).to_csv(file, index=False)
    predict(project, file, project / "out.csv")
    assert list(pd.read_csv(project / "out.csv")) == ["row", "status", "y_prob", "y_pred", "notes"]
    predict(project, given(project, y="any text"), project / "out.csv")
    assert "key" in pd.read_csv(project / "out.csv")


FAULTS = {
    "a value of another type": (
        {"o": "two"},
        ["5 values are not what schema.yaml declares", "line 2: column 'o'", "a whole number"],
    ),
    "a number too large": ({"a": "1e400"}, ["line 2: column 'a'", "a finite number"]),
    "a value that is missing": (
        {"c": [*"xxxx", None]},
        ["values fail checks", "line 6: column 'c': a missing value", "not nullable"],
    ),
    "an unknown column": ({"agee": 1}, ['column "agee" is not in schema.yaml']),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_file_is_one_clear_error_and_nothing_is_written(project: Path, name: str) -> None:
    columns, told = FAULTS[name]
    done = CliRunner().invoke(
        app, ["predict", str(given(project, **columns)), "--out", str(project / "out.csv")]
    )
    assert done.exit_code == 2
    for text in told:
        assert text in done.stderr
    assert not (project / "out.csv").exists()


def test_a_missing_column_is_told(project: Path) -> None:
    file = project / "rows.csv"
    table()[300:].drop(columns="o").to_csv(file, index=False)
    with pytest.raises(LoopwrightError, match="column 'o' is missing"):
        predict(project, file, None)
    with pytest.raises(LoopwrightError, match="no such file"):
        predict(project, project / "other.csv", None)


def test_an_ending_that_is_not_written_is_told_before_the_work(project: Path) -> None:
    with pytest.raises(LoopwrightError, match=r"possible endings: \.csv, \.jsonl, \.parquet"):
        predict(project, given(project), project / "out.xlsx")


def test_many_faults_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    row = {name: json.loads(value) for name, value in ROW.items()}
    file.write_text("".join(json.dumps({**row, "town": "west"}) + "\n" for _ in range(30)))
    with pytest.raises(LoopwrightError) as fault:
        from_file(file, served(Echo()))
    lines = str(fault.value).splitlines()
    assert len(lines) == 22
    assert lines[1].startswith("  line 1: column 'town': a value that fails its check")
    assert lines[-1] == "  and 10 more"
    assert "west" not in str(fault.value)


def test_a_file_is_read_as_the_source_of_its_format_is_declared(tmp_path: Path) -> None:
    semicolon = COMMA.model_copy(update={"separator": ";", "decimal": ","})
    sources = (
        FileSource(
            kind="file", format=JsonLines(kind="json_lines"), missing_values=("",), path="a.jsonl"
        ),
        FileSource(
            kind="file",
            format=semicolon,
            missing_values=("-",),
            rename={"Alter": "age", "gone": "rate"},
            ignore=("sum", "total"),
            path="a.csv",
        ),
    )
    values = {name: str(json.loads(value)) for name, value in ROW.items()} | {
        "amount": "2,5",
        "rate": "0,1",
        "note": "-",
        "age": "41",
    }
    header = ["Alter" if name == "age" else name for name in values]
    file = tmp_path / "rows.csv"
    file.write_text(
        "\n".join([";".join([*header, "sum"]), ";".join([*values.values(), "?"])]) + "\n"
    )
    rows = from_file(file, served(Echo(), sources=sources, key=("id", KEY)))
    assert rows.frame["amount"].tolist() == [2.5]
    assert rows.frame["age"].tolist() == [41]
    assert rows.frame["note"].isna().all()
    assert rows.notes == ()


def test_a_format_that_no_source_declares_is_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    values = [str(json.loads(value)) for value in ROW.values()]
    file.write_text(";".join(ROW) + "\n" + ";".join(values) + "\n")
    jsonl = FileSource(kind="file", format=JsonLines(kind="json_lines"), missing_values=("",))
    rows = from_file(file, served(Echo(), sources=(jsonl,)))
    assert rows.frame["age"].tolist() == [41]
    assert rows.keys is not None
    assert rows.keys.tolist() == [7]
