import numpy as np
import pandas as pd
import pytest

from stages.core.checks import concerns_shape, find_failures
from stages.core.schema import Schema


def schema_of(**columns: dict[str, object]) -> Schema:
    return Schema.model_validate(
        {"columns": {name: {"title": name, **column} for name, column in columns.items()}}
    )


SCHEMA = schema_of(
    id={"dtype": "int64", "kind": "identifier", "unique": True},
    age={
        "dtype": "Int64",
        "kind": "numeric",
        "nullable": True,
        "checks": {"in_range": [18, 110], "on_failure": "drop"},
    },
    rate={"dtype": "float64", "kind": "numeric", "checks": {"in_range": [0, 0.5]}},
    name={
        "dtype": "str",
        "kind": "categorical",
        "checks": {"str_matches": "^[a-z]+$", "on_failure": "warn"},
    },
    size={
        "dtype": "category",
        "kind": "ordinal",
        "labels": {"s": "S", "l": "L"},
        "checks": {"isin": ("s", "l")},
    },
    ok={"dtype": "boolean", "kind": "categorical", "checks": {"isin": (True,)}},
    day={"dtype": "datetime64[ns]", "kind": "datetime", "format": "%Y"},
)


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [1, 2, 3],
            "age": pd.array([18, None, 110], dtype="Int64"),
            "rate": [0.0, 0.25, 0.5],
            "name": pd.array(["ann", "bob", "eve"], dtype="str"),
            "size": pd.Categorical(["s", "l", "s"], categories=["s", "l"], ordered=True),
            "ok": pd.array([True, True, True], dtype="boolean"),
            "day": pd.to_datetime(["2011", "2012", "2013"], format="%Y").as_unit("ns"),
        }
    )


def failures(frame: pd.DataFrame, schema: Schema = SCHEMA) -> list[tuple[object, ...]]:
    found = find_failures(frame, schema)
    return [
        (case.column, case.check, None if pd.isna(case.row) else case.row, case.policy)
        for case in found.itertuples()
    ]


def test_a_table_that_holds_to_its_schema_has_no_failure(frame: pd.DataFrame) -> None:
    found = find_failures(frame, SCHEMA)
    assert len(found) == 0
    assert list(found.columns) == ["check", "column", "row", "value", "policy"]
    assert not concerns_shape(found)


def test_each_failing_cell_is_found_once_with_its_policy(frame: pd.DataFrame) -> None:
    frame["id"] = [1, 2, 2]
    frame["age"] = pd.array([17, None, 111], dtype="Int64")
    frame["rate"] = [np.nan, 0.6, 0.5]
    frame["name"] = pd.array(["Ann", None, "e v"], dtype="str")
    frame["size"] = pd.Categorical(["s", "m", None], categories=["s", "m", "l"])
    frame["ok"] = pd.array([False, None, True], dtype="boolean")
    frame["day"] = frame["day"].where([True, False, True])
    assert failures(frame) == [
        ("id", "field_uniqueness", 1, "fail"),
        ("id", "field_uniqueness", 2, "fail"),
        ("age", "in_range(18, 110)", 0, "drop"),
        ("age", "in_range(18, 110)", 2, "drop"),
        ("rate", "not_nullable", 0, "fail"),
        ("rate", "in_range(0, 0.5)", 1, "fail"),
        ("name", "str_matches('^[a-z]+$')", 0, "warn"),
        ("name", "not_nullable", 1, "fail"),
        ("name", "str_matches('^[a-z]+$')", 2, "warn"),
        ("size", "isin(['s', 'l'])", 1, "fail"),
        ("size", "not_nullable", 2, "fail"),
        ("ok", "isin([True])", 0, "fail"),
        ("ok", "not_nullable", 1, "fail"),
        ("day", "not_nullable", 1, "fail"),
    ]
    found = find_failures(frame, SCHEMA)
    assert found.loc[found["column"] == "age", "value"].tolist() == [17, 111]
    assert not concerns_shape(found)


def test_rows_are_positions_whatever_the_index(frame: pd.DataFrame) -> None:
    frame["rate"] = [0.0, 9.0, 0.0]
    frame.index = pd.Index([7, 7, 7])
    assert failures(frame) == [("rate", "in_range(0, 0.5)", 1, "fail")]


def test_a_table_of_another_shape_is_seen(frame: pd.DataFrame) -> None:
    other = frame.drop(columns="age").assign(rate=[0, 0, 0], colour="red")
    found = find_failures(other, SCHEMA)
    assert concerns_shape(found)
    assert failures(other) == [
        ("age", "column_in_dataframe", None, "fail"),
        ("rate", "dtype('float64')", None, "fail"),
        ("colour", "column_in_schema", None, "fail"),
    ]


@pytest.mark.parametrize("name", list(SCHEMA.columns))
def test_each_dtype_is_told_from_the_others(frame: pd.DataFrame, name: str) -> None:
    other = "str" if name != "name" else "category"
    frame[name] = frame[name].astype("object").astype(other)
    assert concerns_shape(find_failures(frame, SCHEMA))


def test_the_default_table_has_its_known_undocumented_codes(
    credit: pd.DataFrame, schema: Schema
) -> None:
    found = find_failures(credit, schema)
    assert found.groupby("column").size().to_dict() == {"EDUCATION": 345, "MARRIAGE": 54}
    assert set(found["policy"]) == {"warn"}
    codes = found[found["column"] == "EDUCATION"]["value"].value_counts()
    assert codes.to_dict() == {5: 280, 6: 51, 0: 14}


def test_moments_lie_between_the_declared_ones() -> None:
    line = {"dtype": "datetime64[ns]", "kind": "datetime", "format": "%Y"}
    schema = schema_of(
        day={**line, "checks": {"between": ["2012-01-01", "2013-01-01T01:00+01:00"]}}
    )
    days = pd.DataFrame({"day": pd.to_datetime(["2011", "2012", "2013", "2014"]).as_unit("ns")})
    assert [case[2:] for case in failures(days, schema)] == [(0, "fail"), (3, "fail")]
