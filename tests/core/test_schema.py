from pathlib import Path

import pytest

from stages.core.errors import LoopwrightError
from stages.core.schema import Schema, read_schema


def fault(tmp_path: Path, column: str) -> str:
    path = tmp_path / "schema.yaml"
    path.write_text(f"columns:\n  x: {{title: X, {column}}}\n")
    with pytest.raises(LoopwrightError) as raised:
        read_schema(path)
    return str(raised.value)


DAY = "dtype: 'datetime64[ns]', kind: datetime, format: '%Y'"


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("dtype: str, kind: numeric", "a numeric column cannot have dtype str"),
        ("dtype: boolean, kind: ordinal", "dtype boolean has no order"),
        ("dtype: category, kind: ordinal", "declares its order in labels"),
        ("dtype: float64, kind: identifier", "float64 loses digits"),
        ("dtype: int64, kind: datetime", "kind datetime and dtype datetime64[ns] go together"),
        ("dtype: 'datetime64[ns]', kind: numeric", "a numeric column cannot have"),
        ("dtype: 'datetime64[ns]', kind: datetime", "declares its format"),
        ("dtype: 'datetime64[ns]', kind: datetime, format: mixed", "a format such as"),
        ("dtype: int64, kind: numeric, format: '%Y'", "a format such as"),
        ("dtype: int64, kind: numeric, nullable: true", "int64 holds no missing values"),
        ("dtype: in64, kind: numeric", "did you mean 'int64'?"),
        ("dtype: int64, kind: numeric, checks: {in_range: [2, 1]}", "expected as [low, high]"),
        ("dtype: str, kind: categorical, checks: {in_range: [1, 2]}", "in_range needs numbers"),
        ("dtype: str, kind: text, checks: {between: [2011-01-01, 2012-01-01]}", "needs moments"),
        (f"{DAY}, checks: {{between: [2012-01-01, 2011-01-01]}}", "expected as [first, last]"),
        (f"{DAY}, checks: {{between: [yesterday, 2011-01-01]}}", "nvalid isoformat"),
        (f"{DAY}, time_zone: Berlin", "no zone 'Berlin'; one is Europe/Berlin"),
        (f"{DAY}, time_zone: ../etc/passwd", "no zone '../etc/passwd'"),
        ("dtype: str, kind: text, time_zone: UTC", "goes with a format that has no %z"),
        (f"{DAY.replace('%Y', '%Y%z')}, time_zone: UTC", "goes with a format that has no %z"),
        ("dtype: int64, kind: categorical, checks: {str_matches: a}", "str_matches needs text"),
        ("dtype: str, kind: categorical, checks: {str_matches: '('}", "no regular expression"),
        ("dtype: int64, kind: categorical, checks: {isin: [1, '2']}", "'2' is no value of dtype"),
        ("dtype: int64, kind: categorical, checks: {isin: [1, true]}", "True is no value of"),
        ("dtype: str, kind: categorical, checks: {isin: [a, 1]}", "1 is no value of dtype str"),
        ("dtype: category, kind: categorical, checks: {isin: [1]}", "1 is no value of dtype"),
        ("dtype: float64, kind: numeric, checks: {isin: [a]}", "'a' is no value of dtype"),
        ("dtype: int64, kind: numeric, checks: {in_range: [0, .inf]}", "finite number"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, column: str, expected: str) -> None:
    message = fault(tmp_path, column)
    assert expected in message
    assert ":2: columns.x" in message


@pytest.mark.parametrize(
    "column",
    [
        "dtype: Int64, kind: numeric, nullable: true, checks: {in_range: [-1, 2.5]}",
        "dtype: float64, kind: ordinal, checks: {isin: [1, 2.5]}",
        "dtype: boolean, kind: categorical, checks: {isin: [true]}",
        "dtype: str, kind: identifier, unique: true, checks: {str_matches: '^[A-Z]+$'}",
        "dtype: category, kind: ordinal, labels: {low: low, high: high}",
        "dtype: category, kind: ordinal, checks: {isin: [low, high]}",
        "dtype: 'datetime64[ns]', kind: datetime, format: '%Y-%m-%d'",
    ],
)
def test_what_can_be_is_taken(tmp_path: Path, column: str) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text(f"columns:\n  x: {{title: X, {column}}}\n")
    assert list(read_schema(path).columns) == ["x"]


def test_a_table_has_columns(tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text("columns: {}\n")
    with pytest.raises(LoopwrightError, match="columns"):
        read_schema(path)


def test_the_default_schema_describes_the_default_table(schema: Schema) -> None:
    assert len(schema.columns) == 25
    education = schema.columns["EDUCATION"]
    assert education.checks is not None
    assert education.checks.on_failure == "warn"
    assert education.label(2) == "university"
    assert education.label(9) == "9"
    assert schema.columns["AGE"].axis_title() == "Age (years)"
    assert schema.columns["SEX"].axis_title() == "Sex"


def test_the_order_of_categories_is_that_of_labels_else_of_isin(tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text(
        "columns:\n"
        "  a: {dtype: category, kind: ordinal, title: A, labels: {s: S, m: M, 10: L}}\n"
        "  b: {dtype: category, kind: ordinal, title: B, checks: {isin: [z, y]}}\n"
        "  c: {dtype: category, kind: categorical, title: C}\n"
    )
    columns = read_schema(path).columns
    assert [columns[name].categories() for name in "abc"] == [("s", "m", "10"), ("z", "y"), ()]


def test_an_unknown_column_names_who_asked_and_the_closest(schema: Schema) -> None:
    assert schema.column("AGE", "here").title == "Age"
    with pytest.raises(LoopwrightError, match=r"charter\.key: no column 'IDD'.*did you mean 'ID'"):
        schema.column("IDD", "charter.key")
