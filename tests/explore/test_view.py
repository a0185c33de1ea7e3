import numpy as np
import pandas as pd
import pytest

from stages.core.figures import NEGATIVE, POSITIVE
from stages.core.params import BinaryTarget, Explore, Params
from stages.core.schema import Column, Schema
from stages.core.variables import Variable
from stages.explore.outcomes import Strength, YesNo, outcome_of
from stages.explore.view import View, view

NUMBER = Column(dtype="float64", kind="numeric", title="Number")


def make(bounds: Explore, strengths: list[float], still: int = 0) -> View:
    """Return the view of a table with a column of each strength, and `still` that do not vary."""
    count = len(strengths) + still
    variables = [
        Variable(f"x{i}", NUMBER, np.arange(50.0) if i < len(strengths) else np.ones(50), (), True)
        for i in range(count)
    ]
    found = [Strength(value, "", "value") for value in [*strengths, *[0.5] * still]]
    y = (np.arange(50) % 5 == 0).astype(np.int64)
    return view(variables, found, YesNo("y", "Target", 0, y, ("no", "yes")), bounds)


def names(variables: tuple[Variable, ...]) -> list[str]:
    return [variable.name for variable in variables]


def test_all_columns_are_drawn_in_the_order_of_the_table(chosen: Params) -> None:
    seen = make(chosen.explore, [0.5, 0.9, 0.7], still=1)
    assert names(seen.variables) == ["x0", "x1", "x2", "x3"]
    assert names(seen.telling) == ["x1", "x2", "x0"]
    assert seen.hidden == 0
    assert seen.not_drawn == seen.chosen_among == ""


def test_of_too_many_columns_the_most_telling_are_drawn(chosen: Params) -> None:
    bounds = chosen.explore.model_copy(update={"max_columns": 2})
    seen = make(bounds, [0.5, 0.9, 0.7, 0.9 + 1e-12])
    assert names(seen.variables) == ["x1", "x3"]
    assert names(seen.telling) == ["x1", "x3"]  # a tie: the earlier first
    assert seen.hidden == 2
    assert "2 more columns are not drawn" in seen.not_drawn
    assert "the 2 most telling of 4 columns" in seen.chosen_among


def test_classes_have_their_colours_names_and_rows(chosen: Params) -> None:
    seen = make(chosen.explore, [0.6])
    assert seen.outcome.keys == [("no (40 rows)", NEGATIVE), ("yes (10 rows)", POSITIVE)]
    rows = {group.colour: group.rows for group in seen.outcome.groups}
    np.testing.assert_array_equal(rows[POSITIVE], seen.outcome.y == 1)
    np.testing.assert_array_equal(rows[NEGATIVE], seen.outcome.y == 0)


def test_a_sample_is_seeded_and_without_repeats(chosen: Params) -> None:
    few = make(chosen.explore.model_copy(update={"scatter_points": 20}), [0.6])
    again = make(chosen.explore.model_copy(update={"scatter_points": 20}), [0.6])
    other = make(chosen.explore.model_copy(update={"scatter_points": 20, "random_state": 1}), [0.6])
    np.testing.assert_array_equal(few.sample(), again.sample())
    assert not np.array_equal(few.sample(), other.sample())
    assert len(set(few.sample())) == 20
    assert sorted(make(chosen.explore, [0.6]).sample()) == list(range(50))


@pytest.mark.parametrize(
    ("values", "positive", "expected"),
    [
        ([0, 1], 1, ("paid", "defaulted")),
        ([0, 1, 2], 1, ("not defaulted", "defaulted")),
        ([1, 1], 1, ("not defaulted", "defaulted")),
        (["n", "y", None], "y", ("n", "y")),
    ],
)
def test_classes_are_called_by_their_labels(
    values: list[object], positive: int | str, expected: tuple[str, str]
) -> None:
    dtype = "str" if isinstance(positive, str) else "int64"
    column = Column(
        dtype=dtype, kind="categorical", title="T", labels={"0": "paid", "1": "defaulted"}
    )
    target = BinaryTarget(column="t", positive=positive, meaning="it happened")
    frame = pd.DataFrame({"t": values})
    outcome = outcome_of(frame.dropna(), Schema(columns={"t": column}), target, 0)
    assert isinstance(outcome, YesNo)
    assert outcome.classes == expected
