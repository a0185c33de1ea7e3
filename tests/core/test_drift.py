import numpy as np
import pandas as pd
import pytest

from stages.core.drift import drift, drifted, one_a_group
from stages.core.schema import Schema, read_schema

COLUMNS = """\
columns:
  row: {dtype: int64, kind: identifier, title: Row}
  level: {dtype: float64, kind: numeric, title: Level, nullable: true}
  rate: {dtype: float64, kind: numeric, title: Rate}
  town: {dtype: str, kind: categorical, title: Town}
  day: {dtype: "datetime64[ns]", kind: datetime, title: Day, format: "%Y-%m-%d"}
"""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    path = tmp_path_factory.mktemp("drift") / "schema.yaml"
    path.write_text(COLUMNS, encoding="utf-8")
    return read_schema(path)


def rows(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "row": np.arange(n) + 1_000_000 * seed,
            "level": rng.normal(size=n),
            "rate": rng.exponential(size=n),
            "town": rng.choice(["north", "south", "west"], n),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 90, n), "D"),
        }
    )


def moved(first: pd.DataFrame, second: pd.DataFrame, schema: Schema) -> set[tuple[str, str]]:
    return {(s.column, s.of) for s in drift(first, second, schema) if drifted(s)}


def test_rows_of_one_source_raise_no_alarm(schema: Schema) -> None:
    alarms = sum(bool(moved(rows(600, 2 * s), rows(300, 2 * s + 1), schema)) for s in range(1, 40))
    assert alarms <= 2


def test_each_kind_of_column_that_moves_is_found(schema: Schema) -> None:
    first, second = rows(900, 1), rows(500, 2)
    assert moved(first, second, schema) == set()
    second["level"] += 0.5
    second["day"] += pd.Timedelta(days=40)
    second.loc[second.index[:150], "town"] = "north"
    found = moved(first, second, schema)
    assert found == {("level", "values"), ("day", "values"), ("town", "values")}
    shifts = drift(first, second, schema)
    assert [s.effect for s in shifts] == sorted((s.effect for s in shifts), reverse=True)
    assert "row" not in {s.column for s in shifts}


def test_missing_values_that_come_are_found(schema: Schema) -> None:
    first, second = rows(900, 1), rows(500, 2)
    second.loc[second.index[::3], "level"] = np.nan
    assert moved(first, second, schema) == {("level", "missing")}


def test_a_difference_that_is_real_but_small_is_let_be(schema: Schema) -> None:
    first, second = rows(60_000, 1), rows(60_000, 2)
    second["level"] += 0.05
    shift = next(s for s in drift(first, second, schema) if s.column == "level")
    assert shift.p_adjusted < 1e-6
    assert not drifted(shift)


def test_an_entity_counts_once() -> None:
    frame = pd.DataFrame({"x": range(6)}, index=list("abcdef"))
    assert one_a_group(frame, None) is frame
    kept = one_a_group(frame, np.array([7, 7, 8, 8, 8, 9]))
    assert kept["x"].tolist() == [0, 2, 5]
