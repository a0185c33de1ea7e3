"""Any table that a schema allows is written, ingested and validated, and comes back equal."""

import csv
import datetime
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stages.core.params import BinaryTarget, Params, Validate
from stages.core.schema import Schema
from stages.validate import examine
from tests.core.sources.project import Project, make_schema

FORMAT = "%Y-%m-%d %H:%M:%S.%f"
LABELS = ["low", "mid", "High"]
DTYPES = ("int64", "Int64", "float64", "boolean", "str", "category", "datetime64[ns]")
LINES: dict[str, dict[str, Any]] = {
    "id": {"dtype": "str", "kind": "identifier", "nullable": True},
    "number": {"dtype": "int64", "kind": "identifier"},
    "count": {"dtype": "Int64", "kind": "numeric", "nullable": True},
    "x, y": {"dtype": "float64", "kind": "numeric", "nullable": True},
    "ok": {"dtype": "boolean", "kind": "categorical", "nullable": True},
    "town": {"dtype": "category", "kind": "categorical", "nullable": True},
    "size": {
        "dtype": "category",
        "kind": "ordinal",
        "labels": {label: label for label in LABELS},
        "nullable": True,
    },
    "at": {"dtype": "datetime64[ns]", "kind": "datetime", "format": FORMAT, "nullable": True},
    "zoned": {
        "dtype": "datetime64[ns]",
        "kind": "datetime",
        "format": f"{FORMAT}%z",
        "nullable": True,
    },
    'la"bel': {"dtype": "int64", "kind": "categorical", "checks": {"isin": [0, 1]}},
}
SCHEMA = make_schema(**LINES)

# A byte-order mark at the start of a line is taken for a second file, and refused.
words = st.text(st.characters(exclude_characters="\0\ufeff", exclude_categories=["Cs"]), max_size=8)
naive = st.datetimes(datetime.datetime(1678, 1, 1), datetime.datetime(2262, 1, 1))
offsets = st.integers(-12, 14).map(lambda h: datetime.timezone(datetime.timedelta(hours=h)))
int64 = st.integers(-(2**63), 2**63 - 1)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


rows = st.lists(
    st.tuples(
        maybe(words),
        int64,
        maybe(int64),
        maybe(st.floats(allow_nan=False, allow_infinity=False)),
        maybe(st.booleans()),
        maybe(words),
        maybe(st.sampled_from(LABELS)),
        maybe(naive),
        maybe(st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1),
                           timezones=offsets)),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=12,
)  # fmt: skip
Rows = list[tuple[Any, ...]]


def table(rows: Rows) -> pd.DataFrame:
    """What must come out; an empty text is missing."""
    columns = {name: [row[place] for row in rows] for place, name in enumerate(LINES)}
    columns["zoned"] = [
        None if value is None else value.astimezone(datetime.UTC).replace(tzinfo=None)
        for value in columns["zoned"]
    ]
    frame = {}
    for name, values in columns.items():
        column = SCHEMA.columns[name]
        if column.dtype == "category":
            found = {value for value in values if value}
            known = [*column.categories(), *sorted(found.difference(column.categories()))]
            given = [value or None for value in values]
            frame[name] = pd.Series(
                pd.Categorical(given, categories=known, ordered=column.kind == "ordinal")
            )
        elif column.dtype == "str":
            frame[name] = pd.Series([value or None for value in values], dtype="str")
        elif column.dtype == "datetime64[ns]":
            frame[name] = pd.Series(np.array(values, dtype="datetime64[us]")).astype(column.dtype)
        else:
            frame[name] = pd.Series(values, dtype=column.dtype)
    return pd.DataFrame(frame)


def as_csv(rows: Rows, folder: Path, dialect: dict[str, Any]) -> dict[str, Any]:
    def spelled(value: Any, name: str) -> str:
        if value is None:
            return ""
        if isinstance(value, datetime.datetime):
            return value.strftime(SCHEMA.columns[name].format or "")
        return repr(value) if isinstance(value, float) else str(value)

    text = io.StringIO(newline="")
    writer = csv.writer(text, **dialect)
    writer.writerow(LINES)
    for row in rows:
        writer.writerow([spelled(v, name) for v, name in zip(row, LINES, strict=True)])
    (folder / "table").write_bytes(text.getvalue().encode())
    form = {"kind": "csv", "separator": dialect["delimiter"], "quote": dialect["quotechar"]}
    return {**form, "decimal": ".", "encoding": "utf-8"}


def as_json_lines(rows: Rows, folder: Path, dialect: dict[str, Any]) -> dict[str, Any]:
    def spelled(value: Any, name: str) -> Any:
        if isinstance(value, datetime.datetime):
            return value.strftime(SCHEMA.columns[name].format or "")
        return value

    lines = [
        json.dumps({n: spelled(v, n) for n, v in zip(LINES, row, strict=True)}) for row in rows
    ]
    (folder / "table").write_text("\n".join(lines) + "\n")
    return {"kind": "json_lines"}


def as_parquet(rows: Rows, folder: Path, dialect: dict[str, Any]) -> dict[str, Any]:
    types = [
        pa.string(), pa.int64(), pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.string(),
        pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.int8(),
    ]  # fmt: skip
    arrays = []
    for place, kind in enumerate(types):
        values = [row[place] for row in rows]
        if kind == pa.timestamp("us", "UTC"):
            values = [v and v.astimezone(datetime.UTC) for v in values]
        arrays.append(pa.array(values, kind))
    pq.write_table(pa.table(arrays, names=list(LINES)), folder / "table")
    return {"kind": "parquet"}


@pytest.fixture(scope="module")
def lenient(chosen: Params) -> Validate:
    names = ("duplicates", "conflicting_labels", "constant_columns", "one_class_target")
    return chosen.validate_.model_copy(update=dict.fromkeys(names, "warn"))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    deadline=None,
)
@given(
    rows=rows,
    dialect=st.fixed_dictionaries(
        {
            "delimiter": st.sampled_from([",", ";", "\t", "|"]),
            "quotechar": st.sampled_from(['"', "'"]),
            "quoting": st.just(csv.QUOTE_ALL),
            "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
        }
    )
    # Python's writer quotes only those line breaks that it ends its lines with.
    | st.fixed_dictionaries(
        {
            "delimiter": st.sampled_from([",", ";", "\t", "|"]),
            "quotechar": st.sampled_from(['"', "'"]),
            "quoting": st.just(csv.QUOTE_MINIMAL),
            "lineterminator": st.just("\r\n"),
        }
    ),
)
@pytest.mark.parametrize("write", [as_csv, as_parquet, as_json_lines])
def test_every_table_comes_back(
    project: Project,
    lenient: Validate,
    write: Callable[[Rows, Path, dict[str, Any]], dict[str, Any]],
    rows: Rows,
    dialect: dict[str, Any],
) -> None:
    form = write(rows, project.folder, dialect)
    frame = project.table({"format": form, "path": "table"}, schema=SCHEMA).frame
    pd.testing.assert_frame_equal(frame, table(rows), check_exact=True)
    target = BinaryTarget(column='la"bel', positive=1, meaning="yes")
    kept, outcomes = examine(frame, SCHEMA, lenient, target, None)
    assert outcomes[0].status == "pass", outcomes[0].why
    pd.testing.assert_frame_equal(kept, frame, check_exact=True)


def test_the_schema_has_every_dtype(schema: Schema) -> None:
    assert {line["dtype"] for line in LINES.values()} == set(DTYPES)
