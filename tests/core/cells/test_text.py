import datetime
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.cells.text import Cells, Spelling, read_texts
from stages.core.errors import LoopwrightError
from stages.core.schema import Column, Dtype, Kind

SPELLING = Spelling(("", "NA"))


def column(dtype: Dtype, kind: Kind = "categorical", **more: object) -> Column:
    return Column.model_validate({"title": "X", "dtype": dtype, "kind": kind, **more})


def read(column: Column, *texts: str, spelling: Spelling = SPELLING) -> Cells:
    cells = read_texts(pa.chunked_array([pa.array(texts, pa.string())]), column, spelling)
    assert len(cells.values) == len(cells.refused) == len(texts)
    assert str(cells.values.dtype) == column.dtype
    return cells


def refused(column: Column, *texts: str) -> list[str]:
    cells = read(column, *texts)
    return [text for text, bad in zip(texts, cells.refused, strict=True) if bad]


@pytest.mark.parametrize("dtype", ["int64", "Int64"])
def test_int64_is_whole_numbers_and_loses_no_digit(dtype: Dtype) -> None:
    numbers = ["0", "-5", "007", "9007199254740993", "9223372036854775807", "-9223372036854775808"]
    cells = read(column(dtype), *numbers)
    assert not cells.refused.any()
    assert [int(value) for value in cells.values] == [int(text) for text in numbers]


NO_INTEGERS = [
    "1.5",
    "1.0",
    "abc",
    "1e3",
    "0x1F",
    "1_0",
    "+5",
    " 5",
    "5 ",
    "5\n",
    "\u0663",
    "-",
    "nan",
]
TOO_LARGE = ["9223372036854775808", "-9223372036854775809", "1" * 20, "9" * 5000]


@pytest.mark.parametrize("dtype", ["int64", "Int64"])
@pytest.mark.parametrize("text", [*NO_INTEGERS, *TOO_LARGE])
def test_int64_refuses_what_is_not(dtype: Dtype, text: str) -> None:
    assert refused(column(dtype), "1", text, "2") == [text]


def test_leading_zeros_beyond_measure_are_zeros() -> None:
    assert read(column("int64"), "0" * 5000 + "1").values.tolist() == [1]


def test_an_integer_identifier_has_no_leading_zeros() -> None:
    assert refused(column("int64", "identifier"), "7", "007", "0", "-7", "00") == ["007", "00"]


def test_int64_has_no_missing_value_and_says_what_has() -> None:
    cells = read(column("int64"), "1", "NA")
    assert cells.refused.tolist() == [False, True]
    assert "Int64 and nullable: true" in cells.expected


def test_Int64_keeps_all_digits_beside_a_missing_value() -> None:  # noqa: N802
    cells = read(column("Int64", nullable=True), "9007199254740993", "")
    assert not cells.refused.any()
    assert int(cells.values[0]) == 2**53 + 1
    assert cells.values.isna().tolist() == [False, True]


def test_float64_is_finite_numbers() -> None:
    good = ["0", "-1.5", ".5", "5.", "1e5", "1E-3", "1.7976931348623157e308", "0.1", "5e-324"]
    cells = read(column("float64"), *good)
    assert not cells.refused.any()
    assert cells.values.tolist() == [float(text) for text in good]
    bad = [
        "1e400",
        "-1e400",
        "inf",
        "nan",
        "NaN",
        "1,5",
        "abc",
        ".",
        "-",
        "1e",
        "0x1p3",
        " 1",
        "+1",
    ]
    assert refused(column("float64"), *bad) == bad


def test_float64_takes_the_declared_decimal_sign_and_no_other() -> None:
    comma = Spelling(("", "NA"), ",")
    cells = read(column("float64"), "1,5", "-,5e1", "2", "1.5", "1,000,000", spelling=comma)
    assert cells.refused.tolist() == [False, False, False, True, True]
    assert cells.values[:3].tolist() == [1.5, -5.0, 2.0]


def test_only_declared_texts_are_missing() -> None:
    texts = ["", "NA", "na", "nan", "NULL", " ", "None"]
    cells = read(column("str"), *texts)
    assert cells.values.isna().tolist() == [True, True, False, False, False, False, False]
    none = Spelling(())
    assert read(column("str"), "", "NA", spelling=none).values.tolist() == ["", "NA"]


def test_str_keeps_every_character() -> None:
    texts = ["007", " a ", "1e5", "é\u00a0", 'say "hi"', "a\nb", "+49"]
    assert read(column("str", "identifier"), *texts).values.tolist() == texts


def test_how_a_file_was_cut_into_blocks_does_not_show() -> None:
    """It would in the bytes of a Parquet file of more than a million rows."""
    blocks = pa.chunked_array([["a"], [], ["b", "c"]], pa.string())
    values = read_texts(blocks, column("str"), SPELLING).values
    assert values.tolist() == ["a", "b", "c"]
    assert pa.Table.from_pandas(values.to_frame("x"))["x"].num_chunks == 1


def test_boolean_is_true_and_false_in_any_case() -> None:
    cells = read(column("boolean"), "true", "False", "TRUE", "")
    assert cells.values.tolist()[:3] == [True, False, True]
    assert cells.values.isna()[3]
    assert refused(column("boolean"), "1", "0", "yes", "t", "true ") == [
        "1",
        "0",
        "yes",
        "t",
        "true ",
    ]


def test_a_category_keeps_the_order_of_its_labels_and_what_they_lack() -> None:
    nominal = column("category", labels={"b": "B", "a": "A", "c": "C"})
    cells = read(nominal, "z", "a", "", "b", "y")
    assert not cells.refused.any()
    assert cells.values.cat.categories.tolist() == ["b", "a", "c", "y", "z"]
    assert cells.values.tolist()[:2] == ["z", "a"]
    assert cells.values.isna().tolist() == [False, False, True, False, False]
    assert not cells.values.cat.ordered


def test_an_ordinal_category_is_ordered_and_has_no_other_values() -> None:
    ordinal = column("category", "ordinal", labels={"low": "L", "mid": "M", "high": "H"})
    cells = read(ordinal, "high", "low", "")
    assert not cells.refused.any()
    assert cells.values.cat.ordered
    assert (cells.values < "high").tolist() == [False, True, False]
    assert refused(ordinal, "high", "huge", "High") == ["huge", "High"]
    assert "low, mid, high" in cells.expected


def test_a_date_has_the_declared_format_and_no_other() -> None:
    german = column("datetime64[ns]", "datetime", format="%d.%m.%Y")
    cells = read(german, "01.02.2011", "29.02.2012", "")
    assert not cells.refused.any()
    assert cells.values.tolist()[:2] == [pd.Timestamp("2011-02-01"), pd.Timestamp("2012-02-29")]
    bad = ["2011-02-01", "31.02.2011", "02/01/2011", "01.02.2011 10:00", "01.02.1500", "01.02.2500"]
    assert refused(german, *bad) == bad


def test_moments_of_several_zones_are_compared_in_one() -> None:
    zoned = column("datetime64[ns]", "datetime", format="%Y-%m-%d %H:%M%z")
    cells = read(zoned, "2011-01-01 10:00+0200", "2011-01-01 08:00+0000")
    assert cells.values.tolist() == [pd.Timestamp("2011-01-01 08:00")] * 2


def test_a_date_without_a_zone_stays_as_it_is_written() -> None:
    local = column("datetime64[ns]", "datetime", format="%Y-%m-%dT%H:%M:%S.%f")
    value = read(local, "2011-03-27T02:30:00.123456789").values[0]
    assert value == pd.Timestamp("2011-03-27 02:30:00.123456789")


def test_a_format_that_is_none_is_named() -> None:
    with pytest.raises(LoopwrightError, match=re.escape("schema.yaml: format of 'X'")):
        read(column("datetime64[ns]", "datetime", format="%q"), "2011")


@pytest.mark.parametrize(
    "empty",
    [
        column("int64"),
        column("Int64"),
        column("float64"),
        column("boolean"),
        column("str"),
        column("category"),
        column("datetime64[ns]", "datetime", format="%Y"),
    ],
    ids=lambda column: column.dtype,
)
def test_a_column_without_rows_has_its_dtype(empty: Column) -> None:
    assert not read(empty).refused.any()


@pytest.mark.parametrize(
    "gone",
    [
        column("Int64", nullable=True),
        column("float64"),
        column("boolean"),
        column("str"),
        column("category"),
        column("datetime64[ns]", "datetime", format="%Y"),
    ],
    ids=lambda column: column.dtype,
)
def test_a_column_of_missing_values_has_its_dtype(gone: Column) -> None:
    cells = read(gone, "", "NA")
    assert not cells.refused.any()
    assert cells.values.isna().all()


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_every_int64_comes_back(numbers: list[int]) -> None:
    cells = read(column("int64"), *map(str, numbers))
    assert not cells.refused.any()
    assert cells.values.tolist() == numbers


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_every_finite_float64_comes_back_to_the_last_bit(numbers: list[float]) -> None:
    cells = read(column("float64"), *map(repr, numbers))
    assert not cells.refused.any()
    assert cells.values.to_numpy().tobytes() == np.array(numbers).tobytes()


@given(
    st.lists(st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2262, 1, 1)), min_size=1)
)
def test_every_moment_comes_back(moments: list[datetime.datetime]) -> None:
    pattern = "%Y-%m-%d %H:%M:%S.%f"
    cells = read(
        column("datetime64[ns]", "datetime", format=pattern),
        *(f"{moment:{pattern}}" for moment in moments),
    )
    assert not cells.refused.any()
    assert cells.values.tolist() == [pd.Timestamp(moment) for moment in moments]


@given(st.text())
def test_a_text_is_read_as_a_number_only_if_python_reads_that_number(text: str) -> None:
    cells = read(column("float64"), text)
    if not cells.refused[0] and text not in SPELLING.missing_values:
        assert float(text) == cells.values[0]
    cells = read(column("Int64"), text)
    if not cells.refused[0] and text not in SPELLING.missing_values:
        assert int(text) == cells.values[0]
