from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import LoopwrightError
from stages.core.twins import features_of, first_rows, twins


def same(a: object, b: object) -> bool:
    return bool(pd.isna(a) and pd.isna(b)) or bool(not pd.isna(a) and not pd.isna(b) and a == b)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2, None]),
            st.sampled_from(["x", "y", None]),
            st.sampled_from([0.0, -0.0, 0.5, None]),
            st.sampled_from(["a", "b", None]),
            st.sampled_from([True, None]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_rows_have_one_number_if_they_are_equal_in_every_column(
    rows: list[tuple[object, ...]],
) -> None:
    frame = pd.DataFrame(
        {
            "Int64": pd.array([row[0] for row in rows], dtype="Int64"),
            "str": pd.array([row[1] for row in rows], dtype="str"),
            "float64": pd.array([row[2] for row in rows], dtype="float64"),
            "category": pd.Categorical([row[3] for row in rows], categories=["a", "b", "c"]),
            "boolean": pd.array([row[4] for row in rows], dtype="boolean"),
        }
    )
    numbers = twins(frame, list(frame.columns))
    for first, second in product(range(len(rows)), repeat=2):
        equal = all(map(same, rows[first], rows[second]))
        assert (numbers[first] == numbers[second]) == equal
    assert first_rows(numbers).tolist() == [list(numbers).index(number) for number in numbers]


def test_numbers_start_at_0_in_order_of_appearance() -> None:
    frame = pd.DataFrame({"a": [5, 3, 5, 4]})
    assert twins(frame, ["a"]).tolist() == [0, 1, 0, 2]


def test_the_first_row_of_each_number() -> None:
    assert first_rows(np.array([7, 7, 3, 7, 3])).tolist() == [0, 0, 2, 0, 2]


def test_known_twins_of_the_default_table(credit: pd.DataFrame) -> None:
    features = features_of(credit, "default payment next month", "ID")
    assert len(features) == 23
    assert len(np.unique(twins(credit, features))) == 29_944


def test_a_table_of_target_and_key_has_no_features() -> None:
    with pytest.raises(LoopwrightError, match="no column besides its target and its key"):
        features_of(pd.DataFrame({"y": [1], "k": [1]}), "y", "k")
