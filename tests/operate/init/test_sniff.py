import gzip
from pathlib import Path

import pandas as pd
import pytest

from operate.init.sniff import sniff, unique_names
from stages.core.errors import LoopwrightError
from stages.core.sources.declared import Csv

ROWS = [("a", 1.5, "x"), ("b", 2.5, "y"), ("c", 3.5, "z")]


def written(tmp_path: Path, text: str, encoding: str = "utf-8", name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_that_in_which_rows_agree(tmp_path: Path, separator: str) -> None:
    lines = [separator.join(map(str, row)) for row in [("n", "v", "t"), *ROWS]]
    form = sniff(written(tmp_path, "\n".join(lines) + "\n")).format
    assert isinstance(form, Csv)
    assert (form.separator, form.decimal, form.encoding) == (separator, ".", "utf-8")
    assert (form.strip, form.columns, form.skip_lines) == (None, None, None)


def test_a_comma_in_quotes_separates_nothing(tmp_path: Path) -> None:
    text = 'a;b\n"x, y, z";1\n"u, v, w";2\n'
    form = sniff(written(tmp_path, text)).format
    assert isinstance(form, Csv)
    assert form.separator == ";"


def test_decimal_commas_spaces_and_old_encodings_are_told(tmp_path: Path) -> None:
    text = "Größe; preis\nklein; 1,5\ngroß; 2,5\n"
    found = sniff(written(tmp_path, text, "latin-1"))
    assert isinstance(found.format, Csv)
    assert (found.format.decimal, found.format.strip, found.format.encoding) == (
        ",",
        True,
        "cp1252",
    )
    assert len(found.doubts) == 3


def test_names_that_stand_twice_are_numbered(tmp_path: Path) -> None:
    found = sniff(written(tmp_path, "a,b,b,\n1,2,3,x\n4,5,6,y\n"))
    assert isinstance(found.format, Csv)
    assert found.format.columns == ("a", "b", "b_2", "column_4")
    assert found.format.skip_lines == 1
    assert unique_names(["a", "a", "a_2"]) == ("a", "a_2", "a_2_2")


def test_a_table_without_names_is_told(tmp_path: Path) -> None:
    found = sniff(written(tmp_path, "1,2.5,x\n2,3.5,y\n"))
    assert isinstance(found.format, Csv)
    assert found.format.columns == ("column_1", "column_2", "column_3")
    assert found.format.skip_lines is None


def test_lines_above_the_table_are_left_out(tmp_path: Path) -> None:
    rows = "a;b;c\n1;2;x\n3;4;y\n5;6;z\n"
    found = sniff(written(tmp_path, f"Report of May\n\nby;me\n{rows}"))
    assert isinstance(found.format, Csv)
    assert (found.format.skip_lines, found.format.columns) == (3, None)
    assert "first 3 lines" in found.doubts[0]
    # a line of counts, and no names
    found = sniff(written(tmp_path, "2,3,x\n1,9,3,4,5\n6,7,8,9,0\n"))
    assert isinstance(found.format, Csv)
    assert found.format.skip_lines == 1
    assert found.format.columns == tuple(f"column_{place}" for place in range(1, 6))


def test_a_header_may_go_over_lines(tmp_path: Path) -> None:
    found = sniff(written(tmp_path, 'title\n"a\nb",c,c\n1,2,3\n4,5,6\n'))
    assert isinstance(found.format, Csv)
    assert (found.format.skip_lines, found.format.columns) == (3, ("a\nb", "c", "c_2"))


def test_a_header_without_the_name_of_row_names_is_completed(tmp_path: Path) -> None:
    found = sniff(written(tmp_path, "x,y\nr1,1,2\nr2,3,4\n"))
    assert isinstance(found.format, Csv)
    assert (found.format.skip_lines, found.format.columns) == (1, ("column_1", "x", "y"))
    found = sniff(written(tmp_path, "x,y\n1,2,\n3,4,\n"))
    assert isinstance(found.format, Csv)
    assert found.format.columns == ("x", "y", "column_3")


@pytest.mark.parametrize(
    "header", ["land,2019,2020,2021", "0,1,2,3", "1,a,b,c", "land,x,1,5", "land,10%,b,c"]
)
def test_numbers_may_be_names(tmp_path: Path, header: str) -> None:
    form = sniff(written(tmp_path, f"{header}\nde,5,7,6\nfr,6,1,8\n")).format
    assert isinstance(form, Csv)
    assert form.columns is None


def test_what_is_packed_is_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a;b\n1;2\n3;4\n"))
    form = sniff(path).format
    assert isinstance(form, Csv)
    assert form.separator == ";"


def test_other_formats_are_told_by_their_first_bytes(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    frame.to_parquet(tmp_path / "t.data")
    frame.to_excel(tmp_path / "t.book", index=False, engine="openpyxl")
    frame.to_json(tmp_path / "t.text", orient="records", lines=True)
    kinds = [sniff(tmp_path / name).format.kind for name in ("t.data", "t.book", "t.text")]
    assert kinds == ["parquet", "excel", "json_lines"]
    folder = tmp_path / "parts"
    folder.mkdir()
    frame.to_parquet(folder / "1.parquet")
    assert sniff(folder).format.kind == "parquet"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "is empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 100, "save it as .xlsx"),
        (b"\x1f\x8b\x08\x00broken", "cut short or damaged"),
        (b'[\n {"a": 1}]', "one object a line"),
        (b"a  b\n1  2\n3  4\n", "one column: none of .* the first is"),
    ],
)
def test_what_cannot_be_read_gets_one_error(tmp_path: Path, data: bytes, fault: str) -> None:
    path = tmp_path / "t"
    path.write_bytes(data)
    with pytest.raises(LoopwrightError, match=fault):
        sniff(path)
    with pytest.raises(LoopwrightError, match="no such file"):
        sniff(tmp_path / "gone")
    with pytest.raises(LoopwrightError, match="without a Parquet file"):
        (tmp_path / "empty").mkdir()
        sniff(tmp_path / "empty")
