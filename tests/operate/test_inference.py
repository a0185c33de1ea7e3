from pathlib import Path

import pyarrow as pa
import pytest

from operate.inference import (
    LISTED,
    Guess,
    date_format,
    infer_column,
    infer_columns,
    missing_markers,
    title_of,
)
from stages.core.cells.reading import Piece
from stages.core.schema import Schema
from stages.core.sources.raw import Raw, places_of_rows
from stages.core.sources.typed import typed


def guess(values: list[object], name: str = "x", missing: tuple[str, ...] = ("",)) -> Guess:
    pieces = (Piece(pa.chunked_array([pa.array(values)])),)
    return infer_column(name, pieces, missing, len(values))


def raw(**columns: list[object]) -> Raw:
    pieces = {name: (Piece(pa.chunked_array([pa.array(c)])),) for name, c in columns.items()}
    return Raw("table", pieces, len(next(iter(columns.values()))), places_of_rows(""))


MANY = [str(i * 3) for i in range(100)]


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        (MANY, "int64", "numeric"),
        ([*MANY, ""], "Int64", "numeric"),
        ([*MANY, "1.5"], "float64", "numeric"),
        (["1e3", ".5", "-2."], "float64", "numeric"),
        (["0", "1", "1"], "int64", "categorical"),
        (["007", "012", "007"], "str", "categorical"),
        (["007", "012", "013"], "str", "identifier"),
        ([str(2**70), str(2**70 + 1)], "str", "identifier"),
        ([str(2**62), str(2**62 + 1), "5"], "int64", "numeric"),
        (["true", "False", "TRUE"], "boolean", "categorical"),
        (["yes", "no", "yes"], "str", "categorical"),
        ([f"city {i % 50}" for i in range(500)], "str", "categorical"),
        ([f"client {i}" for i in range(100)], "str", "identifier"),
        (["2011-01-01", "2011-01-02"], "datetime64[ns]", "datetime"),
        (["31.12.2011", "01.02.2012"], "datetime64[ns]", "datetime"),
        (["the product broke after two weeks of use, and nobody answered"] * 3, "str", "text"),
        (["", ""], "str", "categorical"),
        ([1, 2, 3, None], "Int64", "numeric"),
        ([0.5, 1.0], "float64", "numeric"),
        ([True, False], "boolean", "categorical"),
    ],
)
def test_a_column_is_read_so_that_nothing_is_lost(
    values: list[object], dtype: str, kind: str
) -> None:
    found = guess(values).column
    assert (found.dtype, found.kind) == (dtype, kind)


def test_a_number_a_row_with_such_a_name_is_a_key() -> None:
    assert guess(MANY, "client_id").column.unique
    assert guess(MANY, "client_id").column.kind == "identifier"
    amount = guess(MANY, "amount")
    assert amount.column.kind == "numeric"
    assert "no value stands twice" in amount.doubts[0]


def test_a_number_that_counts_the_rows_is_no_amount() -> None:
    numbers = [str(number) for number in range(1, 41)]
    found = guess(numbers[::-1], "nth")
    assert (found.column.kind, found.column.unique) == ("identifier", True)
    assert "counts the rows" in found.doubts[0]
    for other in (numbers[1:], [*numbers[:-1], "39"], [*numbers[:-1], ""], numbers[:20]):
        assert guess(other, "nth").column.kind == "numeric"
    # a name that ends so is not yet one of a key; an empty name is that of row names
    assert guess(["85", "7", "12"], "paid").column.kind == "numeric"
    assert guess(["85", "7", "12"], "column_1").column.kind == "identifier"
    assert guess(["85", "7", "12"], "rowId").column.kind == "identifier"


def test_doubts_are_said() -> None:
    assert "amounts, or codes" in guess(["1", "2", "3"] * 9).doubts[0]
    assert "does it mean missing" in guess(["a", "None", "b"]).doubts[0]
    assert "dots or case" in guess([">50K", ">50K."]).doubts[0]
    assert "Both read every value" in guess(["01/02/2011", "03/04/2011"]).doubts[0]
    assert guess(["31/12/2011", "03/04/2011"]).doubts == ()
    assert "do these mean missing" in guess([*MANY, "lots"]).doubts[0]
    assert "every value is missing" in guess(["", ""]).doubts[0]


def test_few_labels_are_listed_and_many_are_not() -> None:
    few = guess(["b", "a", "b"]).column.checks
    assert few is not None
    assert few.isin == ("a", "b")
    assert guess([f"c{i % (LISTED + 1)}" for i in range(900)]).column.checks is None


def test_markers_of_missing_values_are_those_that_stand_among_numbers() -> None:
    assert missing_markers(raw(a=["1", "?", "2"])) == ("", "?")
    assert missing_markers(raw(a=["1", "-", "2"])) == ("", "-")
    # Among labels it may be a value.
    assert missing_markers(raw(a=["1", "unknown"], b=["unknown", "job"])) == ("",)
    assert missing_markers(raw(a=["1", " ", "2"])) == ("", " ")
    assert missing_markers(raw(a=["x", "None"])) == ("",)


def test_the_format_of_dates_is_that_of_all_of_them() -> None:
    assert date_format({"2011-01-02 03:04:05": 1}) == "%Y-%m-%d %H:%M:%S"
    assert date_format({"2011-01-02T03:04:05+02:00": 1}) == "%Y-%m-%dT%H:%M:%S%z"
    assert date_format({"13/02/2011": 1, "01/12/2011": 1}) == "%d/%m/%Y"
    assert date_format({"2011-01-02": 1, "soon": 1}) is None
    assert date_format({"20110102": 1}) is None


@pytest.mark.parametrize(
    "dates", [["Jan 1 2000", "Dec 31 2001"], ["1 March 2000", "31 May 2001"],
              ["2000-01-01 10:00:00.123", "2000-01-02 11:00:00.5"], ["01-Feb-2000", "02-Mar-2001"]]
)  # fmt: skip
def test_dates_with_names_of_months_and_parts_of_seconds_are_read(dates: list[str]) -> None:
    found = guess(dates * 5)
    assert found.column.kind == "datetime"
    column = found.column.model_copy(update={"title": "x"})
    read = typed(raw(x=dates), Schema(columns={"x": column}), ())
    assert read["x"].notna().all()


def test_a_date_that_means_never_is_missing() -> None:
    days = [f"2020-01-{day:02}" for day in range(1, 29)]
    table = raw(end=[*days, "9999-12-31", "0001-01-01"])
    missing = missing_markers(table)
    assert missing == ("", "0001-01-01", "9999-12-31")
    column = infer_columns(table, missing)["end"].column
    assert (column.kind, column.nullable) == ("datetime", True)
    assert typed(table, Schema(columns={"end": column}), missing)["end"].isna().sum() == 2
    # where all are so old, none means never, and no column of dates holds them
    old = raw(end=[f"1066-01-{day:02}" for day in range(1, 29)])
    assert missing_markers(old) == ("",)
    assert infer_columns(old, ("",))["end"].column.kind == "categorical"


def test_a_date_beyond_the_first_ones_is_looked_at() -> None:
    days = [f"{2000 + place // 300}-{place // 28 % 10 + 1:02}-{place % 28 + 1:02}"
            for place in range(900)]  # fmt: skip
    assert guess(days).column.kind == "datetime"
    assert guess([*days, "soon"]).column.kind != "datetime"


def test_a_number_beyond_all_is_none() -> None:
    found = guess([*MANY, "1e400"])
    assert found.column.dtype == "str"
    assert "'1e400'" in found.doubts[0]


def test_what_is_guessed_reads_the_table() -> None:
    table = raw(
        id=["a1", "a2", "a3"],
        n=["1", "?", "3"],
        f=["1.5", "2", ""],
        d=["2011-01-02", "", "2011-01-03"],
        b=["true", "false", "true"],
        t=["x", "y", "x"],
    )
    missing = missing_markers(table)
    guesses = infer_columns(table, missing)
    frame = typed(table, Schema(columns={n: g.column for n, g in guesses.items()}), missing)
    assert frame["n"].tolist()[0] == 1
    assert frame.isna().sum().to_dict() == {"id": 0, "n": 1, "f": 1, "d": 1, "b": 0, "t": 0}


def test_titles_are_for_people() -> None:
    assert title_of("bill_amount") == "Bill amount"
    assert title_of("PAY_AMT1") == "PAY AMT1"
    assert title_of("_") == "_"


def test_the_shared_table_is_guessed(tmp_path: Path) -> None:
    found = guess(["<=50K", ">50K", "<=50K"])
    assert found.column.kind == "categorical"
    assert found.distinct == 2
    assert not found.unique
