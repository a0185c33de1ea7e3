import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.cells.reading import Gathered, Piece, merged, read_cells, shown
from stages.core.cells.text import Cells, Spelling
from stages.core.schema import Column

SPELLING = Spelling(("", "NA"))
UTC = datetime.UTC


def column(dtype: str, kind: str = "categorical", **more: object) -> Column:
    return Column.model_validate({"title": "X", "dtype": dtype, "kind": kind, **more})


def moments(pattern: str) -> Column:
    return column("datetime64[ns]", "datetime", format=pattern)


def gathered(*values: Any, bundles: int = 1) -> tuple[Piece, ...]:
    found = Gathered()
    for bundle in np.array_split(np.arange(len(values)), bundles):
        found.add([values[place] for place in bundle])
    return found.pieces()


def read(column: Column, *values: Any, bundles: int = 1) -> Cells:
    cells = read_cells(gathered(*values, bundles=bundles), column, SPELLING)
    assert len(cells.values) == len(cells.refused) == len(values)
    return cells


def taken(column: Column, *values: Any) -> list[Any]:
    cells = read(column, *values)
    assert not cells.refused.any()
    assert str(cells.values.dtype) == column.dtype
    return [None if pd.isna(value) else value for value in cells.values]


def refused(column: Column, *values: Any) -> list[Any]:
    cells = read(column, *values)
    return [value for value, bad in zip(values, cells.refused, strict=True) if bad]


def arrow(column: Column, array: pa.Array) -> Cells:
    return read_cells((Piece(pa.chunked_array([array])),), column, SPELLING)


def test_a_whole_number_is_one_however_it_is_stored() -> None:
    big = 2**53 + 1
    for dtype in ("int64", "Int64"):
        assert taken(column(dtype), 1, 2.0, "3", Decimal("4.00"), Decimal(5), big) == [
            1, 2, 3, 4, 5, big,
        ]  # fmt: skip


NO_INTEGERS = [1.5, float("inf"), 2.0**53, True, "1.0", Decimal("1.5"), 2**63, b"1", [1], {"a": 1}]


@pytest.mark.parametrize("value", [*NO_INTEGERS, datetime.date(2011, 1, 1), datetime.time(1)])
def test_int64_refuses_what_is_no_whole_number_or_may_have_lost_digits(value: Any) -> None:
    assert refused(column("Int64"), 1, value, 2) == [value]
    assert refused(column("int64"), value) == [value]


def test_a_missing_value_is_null_and_nan_and_what_is_declared() -> None:
    for dtype in ("Int64", "float64"):
        found = taken(column(dtype), 1, None, float("nan"), "NA", "", Decimal("NaN"))
        assert found == [1, None, None, None, None, None]
    assert refused(column("Int64"), 1, "nan") == ["nan"]
    cells = read(column("int64"), 1, None)
    assert cells.refused.tolist() == [False, True]
    assert "Int64 and nullable: true" in cells.expected
    assert "nullable" not in read(column("int64"), 1, 1.5).expected


def test_float64_takes_every_finite_number() -> None:
    assert taken(column("float64"), 1, 0.1, "2.5", Decimal("0.3"), 2**70) == [
        1.0, 0.1, 2.5, 0.3, 2.0**70,
    ]  # fmt: skip
    for value in (float("inf"), -float("inf"), True, "x", "1e400", Decimal("Infinity")):
        assert refused(column("float64"), 1.0, value) == [value]


def test_text_is_text_alone() -> None:
    name = UUID("12345678123456781234567812345678")
    assert taken(column("str"), "007", "", None, name) == ["007", None, None, str(name)]
    for value in (7, 7.0, True, datetime.date(2011, 1, 1), b"x", Decimal(7), "\ud800"):
        assert refused(column("str"), "a", value) == [value]
        assert refused(column("category"), "a", value) == [value]


def test_a_category_keeps_its_order_in_bundles_of_rows() -> None:
    ordinal = column("category", "ordinal", labels={"low": "L", "high": "H"})
    cells = read(ordinal, "high", None, "low", None, None, bundles=3)
    assert not cells.refused.any()
    assert cells.values.tolist()[::2] == ["high", "low", np.nan]
    assert cells.values.cat.categories.tolist() == ["low", "high"]
    nominal = column("category", labels={"b": "B"})
    cells = arrow(nominal, pa.array(["z", "b", None]).dictionary_encode())
    assert cells.values.cat.categories.tolist() == ["b", "z"]


def test_a_boolean_is_true_and_false_and_no_number() -> None:
    assert taken(column("boolean"), True, "FALSE", None) == [True, False, None]
    for value in (1, 0, 1.0, "1"):
        assert refused(column("boolean"), True, value) == [value]


def test_a_moment_has_a_time_zone_where_the_format_has_one() -> None:
    naive = datetime.datetime(2011, 1, 1, 10)
    east = naive.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    plain, zoned = moments("%Y-%m-%d"), moments("%Y-%m-%d %H:%M%z")
    assert taken(plain, naive, datetime.date(2011, 1, 2), "2011-01-03", None) == [
        pd.Timestamp(naive), pd.Timestamp("2011-01-02"), pd.Timestamp("2011-01-03"), None,
    ]  # fmt: skip
    assert taken(zoned, east, "2011-01-01 10:00+0200") == [pd.Timestamp("2011-01-01 08:00")] * 2
    assert refused(plain, east) == [east]
    assert "add %z to the format" in read(plain, east).expected
    assert refused(zoned, naive) == [naive]
    assert "take %z from the format" in read(zoned, naive).expected


def test_a_local_time_is_a_moment_where_its_zone_is_declared() -> None:
    berlin = column(
        "datetime64[ns]", "datetime", format="%Y-%m-%d %H:%M", time_zone="Europe/Berlin"
    )
    summer = datetime.datetime(2011, 7, 1, 12)
    aware = summer.replace(hour=10, tzinfo=UTC)
    assert taken(berlin, "2011-07-01 12:00", summer, aware, None) == [
        *[pd.Timestamp("2011-07-01 10:00")] * 3, None,
    ]  # fmt: skip
    assert taken(berlin, "2011-01-01 12:00") == [pd.Timestamp("2011-01-01 11:00")]
    # Clocks went from 2 to 3 in March, and from 3 to 2 in October.
    never, twice = datetime.datetime(2011, 3, 27, 2, 30), datetime.datetime(2011, 10, 30, 2, 30)
    for moment in (never, twice):
        assert refused(berlin, summer, moment, f"{moment:%Y-%m-%d %H:%M}") == [
            moment, f"{moment:%Y-%m-%d %H:%M}",
        ]  # fmt: skip
    assert "once on the clocks of Europe/Berlin" in read(berlin, never).expected


def test_a_moment_that_nanoseconds_cannot_hold_is_refused() -> None:
    plain = moments("%Y-%m-%d")
    for year in (1500, 9999):
        assert refused(plain, datetime.datetime(year, 1, 1), datetime.date(2000, 1, 1)) == [
            datetime.datetime(year, 1, 1)
        ]
    for unit in ("s", "ms", "us", "ns"):
        cells = arrow(plain, pa.array([0, None, 86400], pa.int64()).cast(pa.timestamp(unit)))
        assert not cells.refused.any()
        assert cells.values.dtype == "datetime64[ns]"
    last = arrow(plain, pa.array([2**63 - 1, -(2**63) + 1], pa.timestamp("s")))
    assert last.refused.all()
    days = arrow(plain, pa.array([0, 1], pa.date64()))
    assert days.values[0] == pd.Timestamp(0)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1, 2], pa.int8()),
        pa.array([1, 2], pa.uint64()),
        pa.array([1, 2], pa.float32()),
        pa.array([1, 2], pa.float16()),
        pa.array([Decimal("1.00"), Decimal("2.00")], pa.decimal128(5, 2)),
        pa.array(["1", "2"], pa.large_string()),
        pa.array(["1", "2"], pa.string_view()),
        pa.array(["1", "2"]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type).split("<")[0],
)
def test_every_way_to_store_a_number_is_read(array: pa.Array) -> None:
    for dtype in ("int64", "Int64", "float64"):
        cells = arrow(column(dtype), array)
        assert not cells.refused.any()
        assert cells.values.tolist() == [1, 2]
        assert str(cells.values.dtype) == dtype


def test_a_number_beyond_int64_is_refused_and_not_wrapped() -> None:
    assert arrow(column("int64"), pa.array([1, 2**63], pa.uint64())).refused.tolist() == [
        False,
        True,
    ]
    large = pa.array([Decimal(2**63), Decimal("1.5"), Decimal(7)], pa.decimal128(25, 2))
    assert arrow(column("Int64"), large).refused.tolist() == [True, True, False]
    assert arrow(column("float64"), large).values.tolist() == [2.0**63, 1.5, 7.0]


def test_a_type_that_no_column_has_is_refused_and_shown() -> None:
    nested = pa.array([[1], None])
    for dtype in ("str", "Int64", "float64", "boolean", "category"):
        assert arrow(column(dtype), nested).refused.tolist() == [True, False]
    assert str(shown(gathered("a", {"b": 1}), 1)) == "{'b': 1}"
    assert shown(gathered(1, "a", None), 1) == "a"
    assert shown(gathered(1, "a", None), 2) is None


def test_pieces_of_one_type_become_one_in_the_order_of_their_rows() -> None:
    def piece(values: list[Any], rows: list[int]) -> Piece:
        return Piece(pa.chunked_array([pa.array(values)]), np.array(rows))

    only = merged([piece(["c"], [2]), piece(["a", "b"], [0, 1]), piece([None], [3])])
    assert len(only) == 1
    assert only[0].values.to_pylist() == ["a", "b", "c", None]
    with pytest.raises(IndexError):
        shown(only, 9)


values = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(1 - 2**53, 2**53 - 1).map(float),
)


@given(st.lists(values, min_size=1), st.integers(1, 3))
def test_mixed_whole_numbers_come_back(numbers: list[Any], bundles: int) -> None:
    cells = read(column("Int64"), *numbers, bundles=bundles)
    assert not cells.refused.any()
    assert [None if v is pd.NA else int(v) for v in cells.values] == [
        None if n is None else int(n) for n in numbers
    ]
