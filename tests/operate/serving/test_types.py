"""Types hold from ingest to the server: a row of JSON arrives as ingest reads it from CSV."""

import csv
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operate.serving.rows import from_json
from stages.core.schema import Column, Schema
from stages.core.sources.delimited import read_csv
from stages.core.sources.typed import typed
from tests.operate.serving.made import COMMA, INPUTS, SOURCE, Echo, client_of, request, served

# A check that fails stops a row before the model; here all that a type can hold arrives.
FREE = {name: column.model_copy(update={"checks": None}) for name, column in INPUTS.items()}
FREE["town"] = INPUTS["town"]

whole = st.integers(-(2**63), 2**63 - 1)
real = st.floats(allow_nan=False, allow_infinity=False)
# No half characters, and of controls those that a text file holds.
letters = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff")
odd = st.sampled_from(["NA", "None", "nan", "007", "1e400", " ", "null", "2011-01-01", "=1+1"])
texts = odd | st.text(letters | st.sampled_from("\n\t\"',;\\<>"), min_size=1, max_size=20)
# Not at night, when clocks change.
moments = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)).map(
    lambda moment: moment.replace(hour=12 + moment.hour // 2)
)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "zip": texts,
    "age": whole,
    "visits": whole | st.none(),
    "amount": real,
    "rate": real | st.none(),
    "member": st.booleans() | st.none(),
    "town": st.sampled_from(["north", "south"]),
    "size": st.sampled_from(["small", "medium", "large"]),
    "note": texts | st.none(),
    "seen": moments.map(lambda moment: moment.strftime("%d.%m.%Y %H:%M")),
    "logged": st.builds(
        lambda moment, zone: moment.replace(tzinfo=zone).strftime("%Y-%m-%dT%H:%M:%S%z"),
        moments,
        zones,
    ),
    "code": whole,
    "grade": whole,
}


def in_csv(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def by_ingest(rows: list[dict[str, Any]], columns: dict[str, Column], file: Path) -> pd.DataFrame:
    with file.open("w", encoding="utf-8", newline="") as opened:
        table = csv.DictWriter(opened, columns, quoting=csv.QUOTE_ALL, lineterminator="\n")
        table.writeheader()
        table.writerows({name: in_csv(value) for name, value in row.items()} for row in rows)
    raw = read_csv(file, "table.csv", COMMA, lambda _, header: {name: name for name in header})
    return typed(raw, Schema(columns=columns), SOURCE.missing_values)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=4))
def test_a_row_of_json_arrives_as_ingest_reads_it(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    echo = Echo()
    sent = [{name: json.dumps(value) for name, value in row.items()} for row in rows]
    response = client_of(served(echo, inputs=FREE, key=None)).predict(request(*sent))
    assert response.status == 200, response.text
    expected = by_ingest(rows, FREE, tmp_path / "table.csv")
    pd.testing.assert_frame_equal(echo.frame, expected, check_exact=True, check_freq=False)


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries(VALUES), st.integers(0, 1))
def test_alone_a_row_has_the_types_that_it_has_among_others(
    row: dict[str, Any], place: int
) -> None:
    sent = {name: json.dumps(value) for name, value in row.items()}
    other = {**sent, "note": "null", "member": "null", "visits": "7"}
    answers = served(Echo(), inputs=FREE, key=None)
    pair = [other, other]
    pair[place] = sent
    alone, together = (from_json(request(*given), answers).frame for given in ([sent], pair))
    pd.testing.assert_frame_equal(
        alone, together.iloc[[place]].reset_index(drop=True), check_exact=True
    )
