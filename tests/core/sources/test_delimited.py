import csv
import gzip
import io
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.core.errors import LoopwrightError
from stages.core.schema import Schema
from stages.core.sources.declared import Ingest
from stages.core.sources.reading import Table, read_sources

CSV = {"kind": "csv", "separator": ",", "quote": '"', "decimal": ".", "encoding": "utf-8"}
SCHEMA = Schema.model_validate(
    {
        "columns": {
            "id": {"dtype": "str", "kind": "identifier", "title": "Id"},
            "age": {"dtype": "int64", "kind": "numeric", "title": "Age"},
            "rate": {"dtype": "float64", "kind": "numeric", "title": "Rate"},
        }
    }
)
GOOD = "id,age,rate\n007,30,0.5\n008,40,\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def table(source: Path, data: str | bytes, schema: Schema = SCHEMA, **changes: object) -> Table:
    source.write_bytes(data.encode() if isinstance(data, str) else data)
    entry = {"kind": "file", "format": {**CSV, **changes}, "missing_values": [""]}
    ingest = Ingest.model_validate_json(json.dumps({"sources": [entry]}))
    return read_sources(ingest, source, schema)


def read(source: Path, data: str | bytes, **changes: object) -> pd.DataFrame:
    return table(source, data, **changes).frame


def fault(source: Path, data: str | bytes, **changes: object) -> str:
    with pytest.raises(LoopwrightError) as raised:
        read(source, data, **changes)
    message = str(raised.value)
    assert message.startswith((f"{source}: ", "ingest."))
    return message.replace(str(source), "table.csv")


def test_a_table_is_read_by_its_declared_types(source: Path) -> None:
    frame = read(source, GOOD)
    expected = pd.DataFrame(
        {
            "id": pd.array(["007", "008"], dtype="str"),
            "age": [30, 40],
            "rate": [0.5, float("nan")],
        }
    )
    pd.testing.assert_frame_equal(frame, expected)


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(GOOD.encode()),
        gzip.compress(GOOD[:20].encode()) + gzip.compress(GOOD[20:].encode()),
        GOOD.encode("utf-8-sig"),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("\n", "\r").encode(),
        GOOD.rstrip("\n").encode(),
        ("\n" + GOOD.replace("\n", "\n\n") + "\n\n").encode(),
        b'"id","age","rate"\n"007","30","0.5"\n008,40,""\n',
        b"rate,id,age\n0.5,007,30\n,008,40\n",
    ],
    ids=["gzip", "two gzips", "bom", "crlf", "cr", "no end", "blank lines", "quoted", "reordered"],
)
def test_the_same_table_written_otherwise_is_the_same(source: Path, data: bytes) -> None:
    pd.testing.assert_frame_equal(read(source, data), read(source, GOOD))


def test_the_declared_separator_decimal_and_encoding_are_used(source: Path) -> None:
    frame = read(
        source,
        "id;age;rate\né;30;0,5\n".encode("cp1252"),
        separator=";",
        decimal=",",
        encoding="cp1252",
    )
    assert frame.loc[0].tolist() == ["é", 30, 0.5]
    frame = read(source, GOOD.encode("utf-16"), encoding="utf-16")
    assert frame["id"].tolist() == ["007", "008"]


def test_quoted_values_keep_separators_breaks_and_marks(source: Path) -> None:
    frame = read(source, 'id,age,rate\n"a,""b""\nc",1,2\n5" pipe,3,4\n')
    assert frame["id"].tolist() == ['a,"b"\nc', '5" pipe']


def test_a_refused_value_is_named_with_its_line_and_column(source: Path) -> None:
    assert fault(source, "id,age,rate\na,1.5,1\n\nb,2,x\n").splitlines() == [
        "table.csv: 2 values are not what schema.yaml declares",
        "  line 2: column 'age': found \"1.5\"; a whole number (int64) was expected",
        "  line 4: column 'rate': found \"x\"; a finite number (float64) with decimal '.' was "
        "expected",
        "  correct the source, or the dtype in schema.yaml",
    ]


def test_a_line_is_that_of_the_file_where_values_hold_line_breaks(source: Path) -> None:
    message = fault(source, 'id,age,rate\n"a\nb\nc",1,1\nd,x,1\n')
    assert "line 5: column 'age'" in message


def test_the_first_faults_are_listed_and_the_rest_counted(source: Path) -> None:
    rows = "".join(f"{n},old,{'?' if n == 0 else 1}\n" for n in range(2000))
    lines = fault(source, "id,age,rate\n" + rows).splitlines()
    assert lines[0] == "table.csv: 2,001 values are not what schema.yaml declares"
    assert [line.split(":")[0] for line in lines[1:6]] == [
        "  line 2", "  line 2", "  line 3", "  line 4", "  line 5",
    ]  # fmt: skip
    assert lines[6] == "  and 1,996 more (age: 2,000, rate: 1)"
    assert "(if it means missing: missing_values of the source, and nullable: true)" in lines[2]


def test_a_declared_missing_value_gets_no_such_hint(source: Path) -> None:
    message = fault(source, "id,age,rate\na,,1\n")
    assert "Int64 and nullable: true" in message
    assert "if it means missing" not in message


def test_a_long_value_is_shown_short(source: Path) -> None:
    assert len(fault(source, f"id,age,rate\na,{'9' * 5000},1\n")) < 300


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("id,age", ["column 'rate' is missing"]),
        ("id,age,rat", ["'rate' is missing", "\"rat\" is not in schema.yaml; did you mean 'rate'"]),
        ("id,age,rate,rate", ['column "rate" stands 2 times']),
        ("id,age,rate,colour", ['column "colour" is not in schema.yaml']),
        ("id,age,rate,", ['column "" is not in schema.yaml']),
        (
            "id, age,rate",
            [
                "'age' is missing",
                "\" age\" is not in schema.yaml: 'age' is, without",
                "strip: true",
            ],
        ),
        ("a,b,c,c", ["'id' is missing", "'age' is missing", "'rate' is", '"c" stands 2', '"a" is']),
    ],
)
def test_all_faults_of_the_header_are_told(source: Path, header: str, expected: list[str]) -> None:
    message = fault(source, header + "\n" + ",".join("1" * (header.count(",") + 1)) + "\n")
    for part in expected:
        assert part in message


@pytest.mark.parametrize(("found", "name"), [(";", '";"'), ("\t", '"\\t"'), ("|", '"|"')])
@pytest.mark.parametrize("mark", ["", '"'])
def test_another_separator_is_seen(source: Path, found: str, name: str, mark: str) -> None:
    header, _, rows = GOOD.partition("\n")
    names = found.join(f"{mark}{column}{mark}" for column in header.split(","))
    message = fault(source, f"\n{names}\n{rows.replace(',', found)}")
    assert f'seems to be separated by {name}, and separator is ","' in message


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (gzip.compress(b""), "the file is empty"),
        (b"id,age,rate\n", "a header and no rows"),
        (gzip.compress(GOOD.encode())[:-12], "cut short or damaged"),
        (gzip.compress(GOOD.encode())[:5], "cut short or damaged"),
        (b"\x1f\x8b" + b"x" * 50, "cut short or damaged"),
        (b"id,age,rate\na,1,1\n\xe9,1,1\n", "line 3: byte 0xe9 is not utf-8"),
        (GOOD.encode("utf-16"), "byte 0xff is not utf-8"),
        (GOOD.encode("utf-16-le"), "a zero byte"),
        (b"id,age,rate\na,1\nb,2,3,4\nc,1,1\n", "line 2: 2 values\n  line 3: 4 values"),
        (b'id,age,rate\na,1,1\n"b,1,1\nc,1,1\n', "line 3: a quotation mark that is not closed"),
        (b'id,age,rate\n"a"x,1,1\n', "line 2: a quotation mark"),
        (b'"id,age,rate\na,1,1\n', "line 1: a quotation mark"),
    ],
)
def test_what_is_no_such_file_gets_one_error(source: Path, data: bytes, expected: str) -> None:
    assert expected in fault(source, data)


def test_ragged_rows_are_listed_first_and_counted(source: Path) -> None:
    lines = fault(source, "id,age,rate\n" + "a,1\n" * 8).splitlines()
    assert lines[0] == "table.csv: the header has 3 columns, and 8 rows have not"
    assert lines[1:7] == [*(f"  line {n}: 2 values" for n in range(2, 7)), "  and 3 more"]


def test_a_value_and_a_row_may_be_of_any_length(source: Path) -> None:
    for cell in ("a" * 1_000_000, "a" * 9_000_000):
        for mark in ("", '"'):
            frame = read(source, f"id,age,rate\n{mark}{cell}{mark},1,1\nb,2,2\n")
            assert frame["id"].tolist() == [cell, "b"]
    names = [f"c{n}" for n in range(200)]
    column = {"dtype": "str", "kind": "categorical", "title": "C"}
    wide = Schema.model_validate({"columns": dict.fromkeys(names, column)})
    frame = table(source, ",".join(names) + "\n" + ",".join(["a" * 100_000] * 200), wide).frame
    assert frame.shape == (1, 200)
    assert (frame.iloc[0].str.len() == 100_000).all()


def test_a_ragged_row_is_named_below_a_value_of_any_length(source: Path) -> None:
    text = f"id,age,rate\n{'a' * 9_000_000},1,1\nb,2\nc,3,3\n"
    assert "line 3: 2 values" in fault(source, text)


def test_a_space_before_a_quotation_mark_is_left_out_where_it_is_declared(source: Path) -> None:
    text = 'id , age, rate\n "a, ""b""" , 1 ,\t2\n'
    assert "a quotation mark" in fault(source, text, strip=True)  # a space behind it
    text = 'id , age, rate\n "a, ""b """, 1 ,\t2\n c, 3 , \n'
    frame = read(source, text, strip=True)
    assert frame.iloc[:, :2].values.tolist() == [['a, "b "', 1], ["c", 3]]
    assert frame["rate"].isna().tolist() == [False, True]
    assert "line 2: 4 values" in fault(source, text.replace(" , ", ",").replace(", ", ",", 1))


def test_lines_are_skipped_only_where_there_are_some(source: Path) -> None:
    assert "skip_lines is 9, and the file has no more lines" in fault(source, GOOD, skip_lines=9)
    assert "line 5: column 'age'" in fault(
        source, "#\r#\r\n" + GOOD.replace("40", "old"), skip_lines=2
    )


def test_an_unknown_encoding_is_named(source: Path) -> None:
    source.write_text("")
    assert "encoding: unknown encoding: utf9" in fault(source, GOOD, encoding="utf9")
    assert "encoding: 'hex' is not a text encoding" in fault(source, GOOD, encoding="hex")


words = st.text(st.characters(exclude_characters="\0\ufeff", exclude_categories=["Cs"]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            words,
            st.integers(-(2**63), 2**63 - 1),
            st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
        ),
        min_size=1,
    ),
    separator=st.sampled_from([",", ";", "\t", "|", " "]),
)
def test_every_table_that_the_schema_allows_comes_back(
    source: Path, rows: list[tuple[str, int, float | None]], separator: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "age", "rate"])
    writer.writerows((a, b, "" if c is None else repr(c)) for a, b, c in rows)
    frame = read(source, text.getvalue(), separator=separator)
    expected = pd.DataFrame(
        {
            "id": pd.array([a or None for a, _, _ in rows], dtype="str"),
            "age": pd.array([b for _, b, _ in rows], dtype="int64"),
            "rate": pd.array([c for _, _, c in rows], dtype="float64"),
        }
    )
    pd.testing.assert_frame_equal(frame, expected, check_exact=True)
