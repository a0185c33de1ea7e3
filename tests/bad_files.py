"""Bad files, and who answers to each: a correct table, or one clear error. Never silence.

`tests/test_bad_files.py` runs ingest, validate and split on each of them.
"""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

N = 60
SCHEMA: dict[str, dict[str, Any]] = {
    "id": {"dtype": "int64", "kind": "identifier", "unique": True},
    "age": {"dtype": "int64", "kind": "numeric", "checks": {"in_range": [0, 120]}},
    "income": {"dtype": "float64", "kind": "numeric", "nullable": True},
    "town": {
        "dtype": "category",
        "kind": "categorical",
        "labels": {"north": "North", "south": "South"},
        "checks": {"isin": ["north", "south"]},
    },
    "seen": {
        "dtype": "datetime64[ns]",
        "kind": "datetime",
        "format": "%Y-%m-%d",
        "checks": {"between": ["2000-01-01", "2012-12-31"]},
    },
    "note": {"dtype": "str", "kind": "categorical", "nullable": True},
    "label": {"dtype": "int64", "kind": "categorical", "checks": {"isin": [0, 1]}},
}
HEADER = ",".join(SCHEMA)

_DRAW = np.random.default_rng(3)
ROWS = [
    [
        str(2**53 + 2 * place + 1),
        str(_DRAW.integers(18, 90)),
        f"{_DRAW.normal(1000, 200):.2f}",
        ["north", "south"][_DRAW.integers(2)],
        f"20{_DRAW.integers(10, 13)}-0{_DRAW.integers(1, 10)}-1{_DRAW.integers(10)}",
        f"note {place}",
        str(_DRAW.integers(2)),
    ]
    for place in range(N)
]


def text(rows: list[list[str]] = ROWS, header: str = HEADER, end: str = "\n") -> str:
    return end.join([header, *(",".join(row) for row in rows), ""])


def cell(row: int, column: str, value: str) -> str:
    """The file with another value in one row, from 0."""
    place = list(SCHEMA).index(column)
    rows = [list(values) for values in ROWS]
    rows[row][place] = value
    return text(rows)


def column(name: str, value: Callable[[int], str]) -> str:
    """The file with other values in a column."""
    place = list(SCHEMA).index(name)
    return text([[*row[:place], value(n), *row[place + 1 :]] for n, row in enumerate(ROWS)])


def line(number: int, change: Callable[[str], str], of: str | None = None) -> str:
    """The file with one line changed, from 1."""
    lines = (of or text()).split("\n")
    lines[number - 1] = change(lines[number - 1])
    return "\n".join(lines)


def zipped(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name in names:
            file.writestr(name, text())
    return packed.getvalue()


def expected() -> pd.DataFrame:
    """The table of the good file, made without any of the code under test."""
    columns = dict(zip(SCHEMA, map(list, zip(*ROWS, strict=True)), strict=True))
    return pd.DataFrame(
        {
            "id": [int(value) for value in columns["id"]],
            "age": [int(value) for value in columns["age"]],
            "income": [float(value) for value in columns["income"]],
            "town": pd.Categorical(columns["town"], categories=["north", "south"]),
            "seen": pd.to_datetime(pd.Series(columns["seen"])).astype("datetime64[ns]"),
            "note": pd.array(columns["note"], dtype="str"),
            "label": [int(value) for value in columns["label"]],
        }
    )


Answer = Literal["same", "read", "note", "warn", "ingest", "validate", "split"]


@dataclass(frozen=True)
class BadFile:
    """A file, and what happens to it.

    Attributes:
        name: what is bad about it.
        data: its content.
        answer: ``same``: the good file's table comes out; ``read``: another table, which
            `holds` describes; ``note``: the same table, and ingest says `says`; ``warn``:
            validate has a verdict ``warn`` that says `says`; else the stage that stops with an
            error that says `says`.
        says: parts of the message, in this order.
        holds: cells of the table: (row, column) and value.
        format: what differs in the declared format.
        source: what differs in the declared source.
        schema: what differs in the declared columns.
        policy: what differs in the section `validate`.
    """

    name: str
    data: str | bytes
    answer: Answer
    says: tuple[str, ...] = ()
    holds: Mapping[tuple[int, str], Any] = field(default_factory=dict)
    format: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)


GOOD = text()
GZ = gzip.compress(GOOD.encode(), mtime=0)
ZONED = {"seen": {"format": "%Y-%m-%d %H:%M%z"}}
MANY = [f"c{n:03}" for n in range(750)]
ODD_NAMES = ["class", "index", "values", "__class__", "a.b", "a b", "count", "T", "0", "é", "`x`"]

BAD_FILES = [
    BadFile("good", GOOD, "same"),
    # --- the file --------------------------------------------------------------------------
    BadFile("empty", "", "ingest", ("table.csv: the file is empty",)),
    BadFile("only blank lines", "\n \n\n", "ingest", ("table.csv: the file is empty",)),
    BadFile("header only", HEADER + "\n", "ingest", ("table.csv: a header and no rows",)),
    BadFile("gzip", GZ, "same"),
    BadFile("truncated gzip", GZ[:-30], "ingest", ("gzip file that is cut short", "copy it again")),
    BadFile("gzip with a tail", GZ + b"junk",
            "ingest", ("gzip file that is cut short or damaged",)),
    BadFile("damaged gzip", GZ[:200] + b"\0\0\0" + GZ[203:], "ingest", ("gzip file that is",)),
    BadFile("zip", zipped("a.csv"), "same"),
    BadFile("zip of a Mac", zipped("a.csv", "__MACOSX/._a.csv"), "same"),
    BadFile("zip of two", zipped("a.csv", "b.csv"),
            "ingest", ("zip file of 2 files (a.csv, b.csv)",)),
    BadFile("truncated zip", zipped("a.csv")[:-40], "ingest", ("zip file that is cut short",)),
    BadFile("zstd", bytes(pa.compress(GOOD.encode(), "zstd", asbytes=True)), "same"),
    BadFile("truncated zstd", pa.compress(GOOD.encode(), "zstd", asbytes=True)[:-9], "ingest",
            ("zstd file that is cut",)),
    BadFile("xz", lzma.compress(GOOD.encode()), "same"),
    BadFile("truncated xz", lzma.compress(GOOD.encode())[:-9], "ingest", ("xz file that is cut",)),
    BadFile("bzip2", bz2.compress(GOOD.encode()), "same"),
    BadFile("truncated bzip2", bz2.compress(GOOD.encode())[:-9], "ingest", ("bzip2 file that is",)),
    BadFile("an Excel file", b"PK\x03\x04\x14\x00" + bytes(40),
            "ingest", ("zip file that is cut",)),
    # --- signs -----------------------------------------------------------------------------
    BadFile("BOM", GOOD.encode("utf-8-sig"), "same"),
    BadFile("BOM in the middle", GOOD + "\ufeff" + GOOD, "ingest",
            ("line 62: a byte-order mark inside the file", "its own entry of ingest.sources")),
    BadFile("two files joined", GOOD + GOOD, "ingest", ("line 62: column 'id': found \"id\"",)),
    BadFile("UTF-16", GOOD.encode("utf-16"), "ingest",
            ("line 1: byte 0xff is not utf-8", "utf-16: the file begins with its mark")),
    BadFile("UTF-16, declared", GOOD.encode("utf-16"), "same", format={"encoding": "utf-16"}),
    BadFile("UTF-16 without a mark", GOOD.encode("utf-16-le"), "ingest", ("line 1: a zero byte",)),
    BadFile("latin-1", cell(4, "note", "caf\u00e9").encode("latin-1"), "ingest",
            ("table.csv: line 6: byte 0xe9 is not utf-8", "often cp1252")),
    BadFile("latin-1, declared", cell(4, "note", "caf\u00e9").encode("latin-1"), "read",
            holds={(4, "note"): "caf\u00e9"}, format={"encoding": "latin-1"}),
    BadFile("UTF-8, declared latin-1", cell(4, "note", "caf\u00e9"), "note",
            ("encoding is latin-1, and the file is valid utf-8 as well",),
            holds={(4, "note"): "caf\u00c3\u00a9"}, format={"encoding": "latin-1"}),
    BadFile("UTF-8 BOM, declared cp1252", GOOD.encode("utf-8-sig"), "ingest",
            ("begins with the mark of utf-8, and encoding is cp1252",),
            format={"encoding": "cp1252"}),
    BadFile("NUL in a cell", cell(4, "note", "a\0b"),
            "ingest", ("table.csv: line 6: a zero byte",)),
    BadFile("NUL in the header", line(1, lambda t: t.replace("note", "no\0te")), "ingest",
            ("table.csv: line 1: a zero byte",)),
    BadFile("binary", bytes(range(256)) * 4, "ingest", ("line 2: byte 0x80 is not utf-8",)),
    # --- lines and quotes ------------------------------------------------------------------
    BadFile("CR-only line ends", text(end="\r"), "same"),
    BadFile("CRLF line ends", text(end="\r\n"), "same"),
    BadFile("mixed line ends", line(9, lambda t: t + "\r", of=text()), "same"),
    BadFile("blank lines", GOOD.replace("\n", "\n\n"), "same"),
    BadFile("no end of the last line", GOOD.rstrip("\n"), "note", ("the last line has no end",)),
    BadFile("truncated in a row", GOOD[: GOOD.rindex("note")], "ingest",
            ("the header has 7 columns, and 1 row has not", "line 61: 6 values", "cut short")),
    BadFile("truncated in a quoted value", cell(59, "note", '"a')[:-3], "ingest",
            ("table.csv: line 61: a quotation mark that is not closed",)),
    BadFile("unclosed quote", cell(4, "note", '"a'), "ingest",
            ("table.csv: line 6: a quotation mark that is not closed",)),
    BadFile("text after a quoted value", cell(4, "note", '"a"b'), "ingest",
            ("table.csv: line 6: a quotation mark",)),
    BadFile("quote inside an unquoted value", cell(4, "note", '5" pipe'), "read",
            holds={(4, "note"): '5" pipe'}),
    BadFile("quotes that mean nothing", cell(4, "note", '"a'), "read", holds={(4, "note"): '"a'},
            format={"quote": None}),
    BadFile("embedded newlines", cell(4, "note", '"a\nb\r\n, ""c"""'), "read",
            holds={(4, "note"): 'a\nb\r\n, "c"'}),
    BadFile("a fault below embedded newlines", line(9, lambda t: "x" + t, cell(4,
            "note", '"a\nb"')),
            "ingest", ("line 9: column 'id': found \"x",)),
    BadFile("a row too long", line(7, lambda t: t + ",x"), "ingest",
            ("the header has 7 columns, and 1 row has not", "line 7: 8 values")),
    BadFile("a row too short", line(7, lambda t: t.rpartition(",")[0]),
            "ingest", ("line 7: 6 values",)),
    BadFile("an extra field in all rows", GOOD.replace("\n", ",x\n").replace(HEADER + ",x", HEADER),
            "ingest", ("and 60 rows have not", "line 2: 8 values", "differs from the header")),
    BadFile("a separator at the end of each line", GOOD.replace("\n", ",\n"), "ingest",
            ('column "" is not in schema.yaml',)),
    BadFile("semicolons", GOOD.replace(",", ";"), "ingest",
            ('it seems to be separated by ";", and separator is ","',)),
    BadFile("semicolons, declared", GOOD.replace(",", ";"), "same", format={"separator": ";"}),
    BadFile("tabs, declared", GOOD.replace(",", "\t"), "same", format={"separator": "\t"}),
    BadFile("single quotes, declared", cell(4, "note", "'a,b'"), "read",
            holds={(4, "note"): "a,b"}, format={"quote": "'"}),
    BadFile("escaped separators", cell(4, "note", "a\\,b"), "read",
            holds={(4, "note"): "a,b"}, format={"escape": "\\"}),
    BadFile("lines before the header", "Report of May\n\n" + GOOD, "ingest",
            ('column "Report of May" is not in schema.yaml',)),
    BadFile("lines before the header, declared", "Report of May\n,,\n" + GOOD, "same",
            format={"skip_lines": 2}),
    BadFile("no header", GOOD.partition("\n")[2], "ingest", ("column 'id' is missing",)),
    BadFile("no header, declared", GOOD.partition("\n")[2], "same",
            format={"columns": list(SCHEMA)}),
    # --- columns ---------------------------------------------------------------------------
    BadFile("duplicate header", line(1, lambda t: t.replace("note", "age")), "ingest",
            ('column "age" stands 2 times', "column 'note' is missing")),
    BadFile("missing column", text([row[:-1] for row in ROWS], HEADER.rpartition(",")[0]), "ingest",
            ("column 'label' is missing",)),
    BadFile("extra column", text([[*row, "x"] for row in ROWS], HEADER + ",extra"), "ingest",
            ('column "extra" is not in schema.yaml', "see ignore and rename")),
    BadFile("extra column, ignored", text([[*row, "x"] for row in ROWS], HEADER + ",extra"), "same",
            source={"ignore": ["extra"]}),
    BadFile("reordered columns", text([row[::-1] for row in ROWS], ",".join([*SCHEMA][::-1])),
            "same"),
    BadFile("padded header", line(1, lambda t: t.replace(",", ", ")), "ingest",
            ("\" age\" is not in schema.yaml: 'age' is, without the spaces; `strip: true`",)),
    BadFile("padded header and cells, declared", GOOD.replace(",", " , "), "same",
            format={"strip": True}),
    BadFile("another spelling of a column", line(1, lambda t: t.replace("income", "Income")),
            "ingest", ("did you mean 'income'?",)),
    BadFile("750 columns",
            text([[*row, *[str((n + m) % 7 + m) for m in range(1, 751)]]
                  for n, row in enumerate(ROWS)], ",".join([HEADER, *MANY])),
            "read", holds={(4, f"c{m - 1:03}"): (4 + m) % 7 + m for m in range(1, 751, 50)},
            schema={name: {"dtype": "int64", "kind": "numeric"} for name in MANY}),
    BadFile("750 constant columns",
            text([[*row, *["7"] * 750] for row in ROWS], ",".join([HEADER, *MANY])),
            "validate", ("750 failures stop", "and 745 columns more", "the same in every row"),
            schema={name: {"dtype": "int64", "kind": "numeric"} for name in MANY}),
    BadFile("names of Python and pandas",
            text([[*row, *[str((n * 7 + m) % 5) for m in range(len(ODD_NAMES))]]
                  for n, row in enumerate(ROWS)], ",".join([HEADER, *ODD_NAMES])),
            "read", holds={(4, name): (28 + m) % 5 for m, name in enumerate(ODD_NAMES)},
            schema={name: {"dtype": "int64", "kind": "numeric"} for name in ODD_NAMES}),
    # --- cells -----------------------------------------------------------------------------
    BadFile("wrong type", cell(4, "age", "old"), "ingest",
            ("line 6: column 'age': found \"old\"; a whole number (int64) was expected",)),
    BadFile("a decimal in a whole number", cell(4, "age", "30.0"), "ingest", ('found "30.0"',)),
    BadFile("decimal commas", cell(4, "income", '"1,5"'), "ingest",
            ("line 6: column 'income': found \"1,5\"", "is the decimal sign ','?")),
    BadFile("decimal commas, declared",
            GOOD.replace(",", ";").replace(".", ","), "same",
            format={"separator": ";", "decimal": ","}),
    BadFile("thousands", cell(4, "income", '"1,000.5"'), "ingest", ('found "1,000.5"',)),
    BadFile("huge integer", cell(4, "id", "9" * 30), "ingest",
            ("line 6: column 'id'", "a whole number (int64)")),
    BadFile("the largest integer", cell(4, "id", str(2**63 - 1)), "read",
            holds={(4, "id"): 2**63 - 1}),
    BadFile("leading zeros of an identifier", cell(4, "id", "007"), "ingest",
            ("without leading zeros, which only str keeps",)),
    BadFile("1e400", cell(4, "income", "1e400"), "ingest", ('found "1e400"; a finite number',)),
    BadFile("infinity", cell(4, "income", "inf"), "ingest", ('found "inf"; a finite number',)),
    BadFile("NaN", cell(4, "income", "NaN"), "ingest",
            ('found "NaN"', "if it means missing: missing_values")),
    BadFile("NA, declared", cell(4, "income", "NA"), "read", holds={(4, "income"): None},
            source={"missing_values": ["", "NA"]}),
    BadFile("NA as a text", cell(4, "note", "NA"), "read", holds={(4, "note"): "NA"}),
    BadFile("None as a text", cell(4, "note", "None"), "read", holds={(4, "note"): "None"}),
    BadFile("a question mark", cell(4, "age", "?"), "ingest", ('found "?"', "if it means missing")),
    BadFile("a padded question mark", cell(4, "age", " ?"), "ingest",
            ('found " ?"', "if it means missing")),
    BadFile("a padded number", cell(4, "age", " 30"), "ingest", ("spaces stand around it",)),
    BadFile("missing where none may be", cell(4, "town", ""), "validate",
            ("row 5", "column 'town': the value is missing")),
    BadFile("a missing whole number", cell(4, "age", ""), "ingest", ("Int64 and nullable: true",)),
    BadFile("a million characters", cell(4, "note", "x" * 10**6), "read",
            holds={(4, "note"): "x" * 10**6}),
    BadFile("a million characters and a quote", cell(4, "note", '"' + "x" * 10**6 + '"'), "read",
            holds={(4, "note"): "x" * 10**6}),
    BadFile("a million characters in a number", cell(4, "age", "9" * 10**6), "ingest",
            ("line 6: column 'age': found \"99", '..."; a whole number')),
    BadFile("HTML", cell(4, "note", "<script>alert(1)</script>"), "read",
            holds={(4, "note"): "<script>alert(1)</script>"}),
    BadFile("a formula", cell(4, "note", "=HYPERLINK(A1)"), "read",
            holds={(4, "note"): "=HYPERLINK(A1)"}),
    BadFile("unknown category", cell(4, "town", "west"), "validate", ("found west, outside isin",)),
    BadFile("padded category", cell(4, "town", "north "),
            "validate", ("found north , outside isin",)),
    BadFile("trailing dot in a label", cell(4, "label", "1."), "ingest", ('found "1."; a whole',)),
    BadFile("trailing dot in a text label",
            column("label", lambda n: [">50K", "<=50K"][n % 2] + "." * (n % 3 == 0)), "validate",
            ("4 labels, and all but the positive one are one class: <=50K, <=50K., >50K, >50K.",),
            schema={"label": {"dtype": "str", "checks": None}}),
    # --- dates -----------------------------------------------------------------------------
    BadFile("another date format", cell(4, "seen", "01.02.2011"), "ingest",
            ("line 6: column 'seen': found \"01.02.2011\"; a date like %Y-%m-%d",)),
    BadFile("a day that is none", cell(4, "seen", "2011-02-30"), "ingest", ('found "2011-02-30"',)),
    BadFile("future date", cell(4, "seen", "2199-01-01"), "validate",
            ("row 5", "column 'seen': found 2199-01-01 00:00:00, outside in_range(")),
    BadFile("a date beyond nanoseconds", cell(4, "seen", "9999-12-31"), "ingest", ("2262-04-11",)),
    BadFile("a time zone that is not declared", cell(4, "seen", "2011-01-01 10:00+0200"), "ingest",
            ('found "2011-01-01 10:00+0200"',)),
    BadFile("mixed time zones, declared",
            column("seen", lambda n: f"2011-01-{n % 28 + 1:02} 1{n % 2}:00+0{n % 2 + 1}00"),
            "read", schema=ZONED,
            holds={(0, "seen"): pd.Timestamp("2011-01-01 09:00"),
                   (1, "seen"): pd.Timestamp("2011-01-02 09:00")}),
    BadFile("a missing time zone",
            column("seen", lambda n: "2011-01-01 10:00" + "+0100" * (n != 4)),
            "ingest", ("line 6: column 'seen'", "%H:%M%z"), schema=ZONED),
    # --- the table -------------------------------------------------------------------------
    BadFile("all-missing column", column("income", lambda n: ""), "validate",
            ("column 'income'", "the same in every row")),
    BadFile("constant column", column("age", lambda n: "30"), "validate",
            ("column 'age': found 30, the same in every row",)),
    BadFile("missing target", cell(4, "label", ""), "ingest", ("column 'label': found \"\"",)),
    BadFile("NaN target", cell(4, "label", ""), "validate",
            ("row 5", "column 'label'", "missing"),
            schema={"label": {"dtype": "Int64", "nullable": True}}),
    BadFile("NaN target, told once", cell(4, "label", ""), "validate",
            ("1 failure stops", "row 5", "column 'label': the label is missing"),
            schema={"label": {"dtype": "Int64"}}),
    BadFile("NaN target, dropped", cell(4, "label", ""), "warn", ("1 of 60 rows have no label",),
            schema={"label": {"dtype": "Int64"}}, policy={"missing_labels": "drop"}),
    BadFile("one class", column("label", lambda n: "1"),
            "validate", ("every row has this one label",)),
    BadFile("no positive", column("label", lambda n: "0"), "validate",
            ("no row has the positive value 1; found: 0",)),
    BadFile("a class with one row", column("label", lambda n: "1" if n == 4 else "0"), "split",
            ("1",)),
    BadFile("duplicate ids", cell(4, "id", ROWS[9][0]), "validate",
            ("column 'id': found ", "the value stands more than once")),
    BadFile("duplicate rows", text([*ROWS, ["1", *ROWS[4][1:]]]), "warn", ("1 rows repeat",)),
    BadFile("duplicate rows, dropped", text([*ROWS, ["1", *ROWS[4][1:]]]),
            "warn", ("1 rows repeat",),
            policy={"duplicates": "drop"}),
    BadFile("duplicate rows, refused", text([*ROWS, ["1", *ROWS[4][1:]]]), "validate",
            ("equals row 5 in all columns but id",), policy={"duplicates": "fail"}),
    BadFile("conflicting labels",
            text([*ROWS, ["1", *ROWS[4][1:-1], str(1 - int(ROWS[4][-1]))]]), "warn",
            ("1 sets of rows with equal features differ in their label",)),
    BadFile("a number out of range", cell(4, "age", "200"), "validate",
            ("column 'age': found 200, outside in_range(0, 120)",)),
    BadFile("one row", text(ROWS[:1]), "validate", ("the same in every row",)),
    BadFile("a feature that knows the label",
            column("income", lambda n: f"{float(ROWS[n][-1]) + n / 1000}"),
            "validate", ("column 'income'", "alone has this ROC AUC")),
]  # fmt: skip
