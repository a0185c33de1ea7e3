import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd

from tests.core.sources.project import Project, make_schema

EXCEL = {"format": {"kind": "excel"}, "path": "a.xlsx"}


def save(path: Path, *rows: list[Any], **sheets: list[list[Any]]) -> None:
    book = openpyxl.Workbook()
    for name, of in {"Sheet": rows, **sheets}.items():
        sheet = book[name] if name in book.sheetnames else book.create_sheet(name)
        for row in of:
            sheet.append(row)
    book.save(path)


def test_a_sheet_is_read_by_the_schema(project: Project) -> None:
    save(
        project.folder / "a.xlsx",
        [],
        ["age", "id", "rate"],
        [30.0, "007", 0.5],
        [],
        [40, "b", None],
    )
    assert project.rows(EXCEL) == [["007", 30, 0.5], ["b", 40, None]]


def test_cells_of_another_type_are_named_with_their_row(project: Project) -> None:
    save(
        project.folder / "a.xlsx",
        ["id", "age", "rate"],
        [7, 1.5, "0,5"],
        ["a", True, "#N/A"],
        ["b", "=1+1", datetime.datetime(2011, 1, 1)],
    )
    lines = project.fault(EXCEL).splitlines()
    assert lines[0] == "FOLDER/a.xlsx: 7 values are not what schema.yaml declares"
    assert "row 2: column 'id': found 7 (int); text (str)" in lines[1]
    assert "row 2: column 'age': found 1.5 (float)" in lines[2]
    assert "is the decimal sign ','?" in lines[3]
    assert "row 3: column 'age': found True (bool)" in lines[4]
    assert "row 3: column 'rate': found the error #N/A" in lines[5]
    assert lines[6] == "  and 2 more (id: 1, age: 3, rate: 3)"
    save(project.folder / "a.xlsx", ["id", "age", "rate"], ["b", "=1+1", None])
    assert "found a formula whose result is not stored: open and save it" in project.fault(EXCEL)


def test_a_date_is_one_and_no_text(project: Project) -> None:
    schema = make_schema(
        day={"dtype": "datetime64[ns]", "kind": "datetime", "format": "%d.%m.%Y"},
        n={"dtype": "int64", "kind": "numeric"},
    )
    day = datetime.datetime(2011, 2, 1, 10, 30)
    save(project.folder / "a.xlsx", ["day", "n"], [day, 1], ["03.02.2011", 2])
    frame = project.table(EXCEL, schema=schema).frame
    assert frame["day"].tolist() == [pd.Timestamp(day), pd.Timestamp("2011-02-03")]


def test_one_of_several_sheets_is_named(project: Project) -> None:
    good = [["id", "age", "rate"], ["a", 1, 1]]
    save(project.folder / "a.xlsx", ["x"], May=good)
    message = project.fault(EXCEL)
    assert "no sheet ''; set `sheet` of the format to one of: Sheet, May" in message
    assert "did you mean 'May'?" in project.fault(
        {**EXCEL, "format": {"kind": "excel", "sheet": "Mai"}}
    )
    assert project.rows({**EXCEL, "format": {"kind": "excel", "sheet": "May"}}) == [["a", 1, 1.0]]


def test_what_is_no_table_gets_one_error(project: Project) -> None:
    def fault(*rows: list[Any]) -> str:
        save(project.folder / "a.xlsx", *rows)
        return project.fault(EXCEL)

    assert "the sheet is empty" in fault()
    assert "a header and no rows" in fault(["id", "age", "rate"])
    assert "row 1: the name of column 2 is an empty cell" in fault(
        ["id", None, "rate"], ["a", 1, 1]
    )
    assert "row 1: the name of column 2 is 5" in fault(["id", 5, "rate"], ["a", 1, 1])
    wide = fault(["id", "age", "rate"], ["a", 1, 1], ["b", 2, 2, None, "see below"])
    assert "row 3: 4 values or more, and the header has 3 columns; found 'see below'" in wide
    assert "column 'rate' is missing" in fault(["id", "age"], ["a", 1])
    for data in (b"", b"PK\x03\x04 no", b"id,age\n"):
        project.write("a.xlsx", data)
        assert "not an .xlsx workbook" in project.fault(EXCEL)
    whole = project.folder / "b.xlsx"
    save(whole, ["id", "age", "rate"], ["a", 1, 1])
    project.write("a.xlsx", whole.read_bytes()[:-100])
    assert "not an .xlsx workbook" in project.fault(EXCEL)
