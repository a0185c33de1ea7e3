import numpy as np
import pandas as pd
import pytest

from stages.core.ranges import clipped, outside, trained_ranges
from stages.core.schema import Column, Schema

SCHEMA = Schema(
    columns={
        "n": Column(dtype="Int64", kind="numeric", title="n", nullable=True),
        "x": Column(dtype="float64", kind="numeric", title="x", nullable=True),
        "gone": Column(dtype="Int64", kind="numeric", title="gone", nullable=True),
        "code": Column(dtype="int64", kind="categorical", title="code"),
    }
)
TRAIN = pd.DataFrame(
    {
        "n": pd.array([1, 5, None], "Int64"),
        "x": [-0.5, 2.5, np.nan],
        "gone": pd.array([None] * 3, "Int64"),
        "code": [1, 2, 3],
    }
)
ROWS = pd.DataFrame(
    {
        "n": pd.array([0, 5, None, 9], "Int64"),
        "x": [2.5, 2.6, np.nan, 0.0],
        "gone": pd.array([1, 2, 3, None], "Int64"),
        "code": [9, 9, 9, 9],
    }
)


def test_a_number_that_is_there_may_be_outside_and_is_clipped_in_its_own_type() -> None:
    ranges = trained_ranges(TRAIN, ["n", "x", "gone", "code", "unknown"], SCHEMA)
    assert ranges == {"n": (1, 5), "x": (-0.5, 2.5)}  # a column without a value has no range
    assert outside(ROWS, ranges).to_dict("list") == {
        "n": [True, False, False, True],
        "x": [False, True, False, False],
    }
    before = ROWS.copy()
    kept = clipped(ROWS, ranges)
    pd.testing.assert_frame_equal(
        kept[["n", "x"]],
        pd.DataFrame({"n": pd.array([1, 5, None, 5], "Int64"), "x": [2.5, 2.5, np.nan, 0.0]}),
    )
    pd.testing.assert_frame_equal(ROWS, before)
    assert kept["code"].tolist() == [9, 9, 9, 9]


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows_are_rows_too(rows: int) -> None:
    ranges = trained_ranges(TRAIN, ["n"], SCHEMA)
    assert outside(ROWS[:rows], ranges).shape == (rows, 1)
